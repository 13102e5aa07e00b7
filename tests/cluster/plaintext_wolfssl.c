/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of HTTPS with wolfSSL, for the tests of the plaintext view: requests one after the other
 * on one connection, whose path gets the connection's port and their number.
 *
 * usage: plaintext_wolfssl ADDRESS PORT PREFIX N */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static void die(const char *what)
{
    fprintf(stderr, "plaintext_wolfssl: %s\n", what);
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

/* Reads until the response ends; nothing but its header and Content-Length is looked at. */
static void read_response(WOLFSSL *ssl)
{
    static char buffer[65536];
    size_t have = 0, want = 0;

    while (want == 0 || have < want) {
        int n = wolfSSL_read(ssl, buffer + have, (int)(sizeof buffer - 1 - have));
        const char *end, *length;

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
    WOLFSSL_CTX *context;
    WOLFSSL *ssl;
    unsigned local_port;
    int fd;

    if (argc != 5)
        die("usage: plaintext_wolfssl ADDRESS PORT PREFIX N");
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfTLS_client_method());
    fd = dial(argv[1], argv[2], &local_port);
    if (!context)
        die("no context");
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    ssl = wolfSSL_new(context);
    if (!ssl || wolfSSL_set_fd(ssl, fd) != WOLFSSL_SUCCESS ||
        wolfSSL_connect(ssl) != WOLFSSL_SUCCESS)
        die("no handshake");
    for (int i = 0; i < atoi(argv[4]); i++) {
        char request[1024];
        int n = snprintf(request, sizeof request,
                         "GET %s/%u/%d HTTP/1.1\r\nHost: www.example.org\r\n\r\n", argv[3],
                         local_port, i);

        if (wolfSSL_write(ssl, request, n) != n)
            die("cannot write");
        read_response(ssl);
    }
    wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    wolfSSL_Cleanup();
    close(fd);
    return 0;
}
