/* SPDX-License-Identifier: BSD-3-Clause */
/* wolfSSL, for plaintext_client.c. */
#include "plaintext_client.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static WOLFSSL_CTX *context;
static WOLFSSL *ssl;

void session_open(int fd)
{
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfTLS_client_method());
    if (!context)
        die("no context");
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    ssl = wolfSSL_new(context);
    if (!ssl || wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS ||
        wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
        die("no handshake");
}

void session_send(const char *data, size_t len)
{
    if (wolfSSL_write(ssl, data, (int)len) != (int)len)
        die("cannot write");
}

size_t session_receive(char *data, size_t capacity)
{
    int n = wolfSSL_read(ssl, data, (int)capacity);

    if (n <= 0)
        die("the server has closed the connection");
    return (size_t)n;
}

void session_close(void)
{
    wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    wolfSSL_Cleanup();
}
