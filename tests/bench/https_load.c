/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of HTTPS at a steady rate, for the measurements of the plaintext view: each request has
 * a path of its own that says who asks, $OURS/PID/PORT/rN, so that every line of a log can be
 * compared with what was so.
 *
 * Each connection has a thread: what is measured is whom it asks, so that it may be simple. A
 * connection ends after so many requests, or when the server ends it, and the next one follows. Who
 * is late asks at once until it has caught up, so the number of requests is that of the rate,
 * however slow the server was.
 *
 * usage: https_load ADDRESS PORT RATE SECONDS CONNECTIONS REQUESTS
 * RATE 0 is as fast as it goes; REQUESTS, of each connection, 0 without bound. A line for each
 * request that was answered on the output: method, path, status, bytes of the body, pid, port; at
 * the end "ANSWERED FAILED RATE" on the error output. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1000
#define ANSWER_BYTES    65536
#define LENGTH          "\r\nContent-Length:"

struct load {
    struct sockaddr_in server;
    const char *ours; /* begin of each path */
    double rate;      /* 0: without bound */
    double seconds;
    double start; /* CLOCK_MONOTONIC, seconds */
    int connections;
    long requests; /* of a connection; 0: without bound */
    SSL_CTX *tls;
};

struct connection {
    const struct load *load;
    pthread_t thread;
    int number;
    int fd;
    SSL *ssl; /* NULL: not open */
    unsigned port;
    long requests; /* since it was opened */
    long answered, failed;
    char buffer[ANSWER_BYTES];
};

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "https_load: %s\n", what);
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_until(double due)
{
    struct timespec t = {.tv_sec = (time_t)due,
                         .tv_nsec = (long)((due - (double)(time_t)due) * 1e9)};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void hang_up(struct connection *c)
{
    if (!c->ssl)
        return;
    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    c->ssl = NULL;
}

static int dial(struct connection *c)
{
    struct sockaddr_in own;
    socklen_t len = sizeof own;

    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&c->load->server, sizeof own) < 0 ||
        getsockname(c->fd, (struct sockaddr *)&own, &len) < 0)
        die("cannot connect");
    c->port = ntohs(own.sin_port);
    c->requests = 0;
    c->ssl = SSL_new(c->load->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1)
        die("no memory");
    if (SSL_connect(c->ssl) == 1)
        return 0;
    hang_up(c);
    return -1;
}

/* Bytes of the body, which is as long as its header says or ends with the connection; -1: it has
 * not come. The buffer holds the header. */
static long read_answer(struct connection *c)
{
    long have = 0, head = 0, want = -1;

    while (want < 0 || have < head + want) {
        /* Of the body only its length is of interest: its parts may lie one over the other. */
        long at = head > 0 ? head : have;
        int n = SSL_read(c->ssl, c->buffer + at, (int)(ANSWER_BYTES - 1 - at));
        const char *end, *length;

        if (n <= 0) {
            hang_up(c);
            return head > 0 && want < 0 ? have - head : -1;
        }
        have += n;
        if (head > 0)
            continue;
        c->buffer[have] = '\0';
        end = strstr(c->buffer, "\r\n\r\n");
        if (!end)
            continue;
        head = end + 4 - c->buffer;
        length = strcasestr(c->buffer, LENGTH);
        if (length && length < end)
            want = strtol(length + strlen(LENGTH), NULL, 10);
    }
    return want;
}

static void ask(struct connection *c, long number)
{
    char request[512], path[256] = "";
    int status = 0, n;
    long body = -1;

    if (c->ssl || dial(c) == 0) {
        snprintf(path, sizeof path, "%s/%d/%u/r%ld", c->load->ours, (int)getpid(), c->port, number);
        n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: www.example.org\r\n\r\n",
                     path);
        if (SSL_write(c->ssl, request, n) == n)
            body = read_answer(c);
        else
            hang_up(c);
    }
    if (body < 0 || sscanf(c->buffer, "HTTP/%*s %d", &status) != 1) {
        c->failed++;
        return;
    }
    c->answered++;
    printf("GET %s %d %ld %d %u\n", path, status, body, (int)getpid(), c->port);
}

static void *run(void *arg)
{
    struct connection *c = arg;
    const struct load *l = c->load;
    double apart = l->rate > 0 ? 1 / l->rate : 0, end = l->start + l->seconds;

    for (long i = c->number;; i += l->connections) {
        double due = l->start + (double)i * apart;

        if (due >= end || (apart <= 0 && now() >= end))
            break;
        wait_until(due);
        ask(c, i);
        if (++c->requests == l->requests)
            hang_up(c);
    }
    hang_up(c);
    return NULL;
}

static void load_init(struct load *l, char **argv)
{
    l->ours = getenv("OURS");
    l->server.sin_family = AF_INET;
    l->server.sin_port = htons((unsigned short)atoi(argv[2]));
    l->rate = atof(argv[3]);
    l->seconds = atof(argv[4]);
    l->connections = atoi(argv[5]);
    l->requests = atol(argv[6]);
    l->tls = SSL_CTX_new(TLS_client_method());
    if (!l->ours || inet_pton(AF_INET, argv[1], &l->server.sin_addr) != 1 || l->connections < 1 ||
        l->connections > CONNECTIONS_MAX || !l->tls)
        die("a wrong argument, or no OURS in the environment");
}

int main(int argc, char **argv)
{
    struct load load = {0};
    struct connection *c;
    long answered = 0, failed = 0;

    if (argc != 7)
        die("usage: https_load ADDRESS PORT RATE SECONDS CONNECTIONS REQUESTS");
    signal(SIGPIPE, SIG_IGN);
    load_init(&load, argv);
    c = calloc((size_t)load.connections, sizeof *c);
    if (!c)
        die("no memory");
    load.start = now();
    for (int i = 0; i < load.connections; i++) {
        c[i].load = &load;
        c[i].number = i;
        if (pthread_create(&c[i].thread, NULL, run, &c[i]) != 0)
            die("cannot start a thread");
    }
    for (int i = 0; i < load.connections; i++) {
        pthread_join(c[i].thread, NULL);
        answered += c[i].answered;
        failed += c[i].failed;
    }
    fprintf(stderr, "%ld %ld %.0f\n", answered, failed, (double)answered / (now() - load.start));
    SSL_CTX_free(load.tls);
    free(c);
    return failed > 0;
}
