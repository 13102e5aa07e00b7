/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of HTTPS with GnuTLS that corks its session, for the tests of the plaintext view: each
 * request is handed over in three pieces, which gnutls_record_uncork sends. Requests come one after
 * the other on one connection, and their path gets the connection's port and their number.
 *
 * usage: plaintext_gnutls ADDRESS PORT PREFIX N */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

static void die(const char *what)
{
    fprintf(stderr, "plaintext_gnutls: %s\n", what);
    exit(1);
}

static int dial(const char *address, const char *port, unsigned *local_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || fd < 0 ||
        connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        die("cannot connect");
    *local_port = ntohs(a.sin_port);
    return fd;
}

static gnutls_session_t shake_hands(int fd, gnutls_certificate_credentials_t credentials)
{
    gnutls_session_t session;

    if (gnutls_init(&session, GNUTLS_CLIENT) < 0 || gnutls_set_default_priority(session) < 0 ||
        gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
        die("no session");
    gnutls_transport_set_int(session, fd);
    if (gnutls_handshake(session) < 0)
        die("no handshake");
    return session;
}

static void send_corked(gnutls_session_t session, const char *request, size_t bytes)
{
    size_t third = bytes / 3, sizes[] = {third, third, bytes - 2 * third};

    gnutls_record_cork(session);
    for (int i = 0; i < 3; i++) {
        if (gnutls_record_send(session, request, sizes[i]) != (ssize_t)sizes[i])
            die("cannot write");
        request += sizes[i];
    }
    if (gnutls_record_uncork(session, GNUTLS_RECORD_WAIT) != (int)bytes)
        die("cannot send");
}

/* Reads until the response ends; nothing but its header and Content-Length is looked at. */
static void read_response(gnutls_session_t session)
{
    static char buffer[65536];
    size_t have = 0, want = 0;

    while (want == 0 || have < want) {
        ssize_t n = gnutls_record_recv(session, buffer + have, sizeof buffer - 1 - have);
        const char *end, *length;

        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n <= 0)
            die("the server has closed the connection");
        have += (size_t)n;
        buffer[have] = '\0';
        end = strstr(buffer, "\r\n\r\n");
        length = strstr(buffer, "Content-Length: ");
        if (end && length)
            want = (size_t)(end + 4 - buffer) + strtoul(length + 16, NULL, 10);
    }
}

int main(int argc, char **argv)
{
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    unsigned local_port;
    int fd;

    if (argc != 5)
        die("usage: plaintext_gnutls ADDRESS PORT PREFIX N");
    if (gnutls_certificate_allocate_credentials(&credentials) < 0)
        die("no memory");
    fd = dial(argv[1], argv[2], &local_port);
    session = shake_hands(fd, credentials);
    for (int i = 0; i < atoi(argv[4]); i++) {
        char request[1024];
        int n = snprintf(request, sizeof request,
                         "GET %s/%u/%d HTTP/1.1\r\nHost: www.example.org\r\n\r\n", argv[3],
                         local_port, i);

        send_corked(session, request, (size_t)n);
        read_response(session);
    }
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    close(fd);
    return 0;
}
