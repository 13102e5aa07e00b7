/* SPDX-License-Identifier: BSD-3-Clause */
/* GnuTLS with a corked session: each request is handed over in three pieces, which
 * gnutls_record_uncork sends. */
#include "plaintext_client.h"

#include <gnutls/gnutls.h>

static gnutls_certificate_credentials_t credentials;
static gnutls_session_t session;

void session_open(int fd)
{
    if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
        gnutls_init(&session, GNUTLS_CLIENT) < 0 || gnutls_set_default_priority(session) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
        die("no session");
    gnutls_transport_set_int(session, fd);
    if (gnutls_handshake(session) < 0)
        die("no handshake");
}

void session_send(const char *data, size_t len)
{
    size_t third = len / 3, sizes[] = {third, third, len - 2 * third};

    gnutls_record_cork(session);
    for (int i = 0; i < 3; i++) {
        if (gnutls_record_send(session, data, sizes[i]) != (ssize_t)sizes[i])
            die("cannot write");
        data += sizes[i];
    }
    if (gnutls_record_uncork(session, GNUTLS_RECORD_WAIT) != (int)len)
        die("cannot send");
}

size_t session_receive(char *data, size_t capacity)
{
    ssize_t n;

    do
        n = gnutls_record_recv(session, data, capacity);
    while (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED);
    if (n <= 0)
        die("the server has closed the connection");
    return (size_t)n;
}

void session_close(void)
{
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
}
