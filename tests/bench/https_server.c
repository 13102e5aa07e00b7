/* SPDX-License-Identifier: BSD-3-Clause */
/* A server of HTTPS with GnuTLS (or, compiled so, with wolfSSL) that keeps its connections, for the
 * measurements of the plaintext view. A thread for each connection; a small answer to whatever is
 * asked; a line for each request on the output: method, path, status, bytes, pid, port of the
 * client.
 *
 * usage: https_server ADDRESS PORT CERTIFICATE KEY */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef WITH_WOLFSSL
#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#else
#include <gnutls/gnutls.h>
#endif

#define BACKLOG       1024
#define REQUEST_BYTES 4096
#define BODY          "answered\n"

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "https_server: %s\n", what);
    exit(1);
}

/* --- the library: what it needs once, and a session of it --- */

#ifdef WITH_WOLFSSL
static WOLFSSL_CTX *context;

static void library_open(const char *certificate, const char *key)
{
    wolfSSL_Init();
    context = wolfSSL_CTX_new(wolfTLS_server_method());
    if (!context ||
        wolfSSL_CTX_use_certificate_file(context, certificate, WOLFSSL_FILETYPE_PEM) !=
            WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_file(context, key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        die("cannot use the certificate");
}

typedef WOLFSSL *session;

static int session_open(session *s, int fd)
{
    *s = wolfSSL_new(context);
    return *s && wolfSSL_set_fd(*s, fd) == WOLFSSL_SUCCESS && wolfSSL_accept(*s) == WOLFSSL_SUCCESS
               ? 0
               : -1;
}

static int session_read(session s, void *to, int room)
{
    return wolfSSL_read(s, to, room);
}

static int session_write(session s, const void *from, int n)
{
    return wolfSSL_write(s, from, n);
}

static void session_close(session s)
{
    if (!s)
        return;
    wolfSSL_shutdown(s);
    wolfSSL_free(s);
}
#else
static gnutls_certificate_credentials_t credentials;

static void library_open(const char *certificate, const char *key)
{
    if (gnutls_certificate_allocate_credentials(&credentials) < 0 ||
        gnutls_certificate_set_x509_key_file(credentials, certificate, key, GNUTLS_X509_FMT_PEM) <
            0)
        die("cannot use the certificate");
}

typedef gnutls_session_t session;

static int session_open(session *s, int fd)
{
    *s = NULL;
    if (gnutls_init(s, GNUTLS_SERVER) < 0 || gnutls_set_default_priority(*s) < 0 ||
        gnutls_credentials_set(*s, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
        return -1;
    gnutls_transport_set_int(*s, fd);
    return gnutls_handshake(*s) < 0 ? -1 : 0;
}

static int session_read(session s, void *to, int room)
{
    return (int)gnutls_record_recv(s, to, (size_t)room);
}

static int session_write(session s, const void *from, int n)
{
    return (int)gnutls_record_send(s, from, (size_t)n);
}

static void session_close(session s)
{
    if (!s)
        return;
    gnutls_bye(s, GNUTLS_SHUT_WR);
    gnutls_deinit(s);
}
#endif

/* --- a connection --- */

struct connection {
    int fd;
    unsigned port; /* of the client */
};

static int answer(session s, const struct connection *c, char *request)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n" BODY;
    char method[16], path[512];

    if (sscanf(request, "%15s %511s", method, path) != 2 ||
        session_write(s, text, (int)sizeof text - 1) != (int)sizeof text - 1)
        return -1;
    printf("%s %s 200 %zu %d %u\n", method, path, sizeof BODY - 1, (int)getpid(), c->port);
    return 0;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    char request[REQUEST_BYTES];
    int have = 0, n;
    session s;

    if (session_open(&s, c->fd) == 0) {
        while ((n = session_read(s, request + have, REQUEST_BYTES - 1 - have)) > 0) {
            have += n;
            request[have] = '\0';
            if (!strstr(request, "\r\n\r\n"))
                continue;
            have = 0; /* who asks waits for the answer first */
            if (answer(s, c, request) < 0)
                break;
        }
    }
    session_close(s);
    close(c->fd);
    free(c);
    return NULL;
}

static int listen_at(const char *address, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;

    if (inet_pton(AF_INET, address, &a.sin_addr) != 1 || fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, BACKLOG) < 0)
        die("cannot listen");
    return fd;
}

int main(int argc, char **argv)
{
    int listener, yes = 1;

    if (argc != 5)
        die("usage: https_server ADDRESS PORT CERTIFICATE KEY");
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    library_open(argv[3], argv[4]);
    listener = listen_at(argv[1], argv[2]);
    for (;;) {
        struct sockaddr_in client;
        socklen_t len = sizeof client;
        struct connection *c = calloc(1, sizeof *c);
        pthread_t thread;

        if (!c)
            die("no memory");
        c->fd = accept(listener, (struct sockaddr *)&client, &len);
        if (c->fd < 0)
            die("cannot accept");
        c->port = ntohs(client.sin_port);
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        if (pthread_create(&thread, NULL, serve, c) != 0)
            die("cannot start a thread");
        pthread_detach(thread);
    }
}
