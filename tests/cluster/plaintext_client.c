/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of HTTPS for the tests of the plaintext view: requests one after the other on one
 * connection, whose path gets the connection's port and their number. TLS is the library's that it
 * is linked with (plaintext_gnutls.c, plaintext_wolfssl.c).
 *
 * usage: PROGRAM ADDRESS PORT PREFIX N */
#include "plaintext_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *program;

_Noreturn void die(const char *what)
{
    fprintf(stderr, "%s: %s\n", program, what);
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
static void read_response(void)
{
    static char buffer[65536];
    size_t have = 0, want = 0;

    while (want == 0 || have < want) {
        const char *end, *length;

        have += session_receive(buffer + have, sizeof buffer - 1 - have);
        buffer[have] = '\0';
        end = strstr(buffer, "\r\n\r\n");
        length = strstr(buffer, "Content-Length: ");
        if (end && length)
            want = (size_t)(end + 4 - buffer) + strtoul(length + 16, NULL, 10);
    }
}

int main(int argc, char **argv)
{
    unsigned local_port;
    int fd;

    program = argv[0];
    if (argc != 5)
        die("usage: ADDRESS PORT PREFIX N");
    fd = dial(argv[1], argv[2], &local_port);
    session_open(fd);
    for (int i = 0; i < atoi(argv[4]); i++) {
        char request[1024];
        int n = snprintf(request, sizeof request,
                         "GET %s/%u/%d HTTP/1.1\r\nHost: www.example.org\r\n\r\n", argv[3],
                         local_port, i);

        session_send(request, (size_t)n);
        read_response();
    }
    session_close();
    close(fd);
    return 0;
}
