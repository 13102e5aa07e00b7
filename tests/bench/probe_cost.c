/* SPDX-License-Identifier: BSD-3-Clause */
/* What a probe costs the program that it watches: time of an SSL_write without, with hooks at entry
 * and return, and with those that plan_make chooses. The writer is a child that talks TLS with
 * itself in memory and throws away what it has sealed; this process empties the ring beside it.
 *
 * usage: probe_cost [ROUNDS]    needs root; prints microseconds, the least of the rounds */
#include "common/base/clock.h"
#include "worker/probe/kernel.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS      4000
#define RING_BYTES (64u << 20)
/* As the probe does: who waits for events is woken by each, which the writer pays for. */
#define READ_EVERY_MS 2

static const int sizes[] = {64, 1024, 16384};
#define SIZES (sizeof sizes / sizeof sizes[0])

enum way { WAY_NONE, WAY_ENTRY_RETURN, WAY_PLAN, WAYS };
static const char *const way_names[] = {"no probe", "entry and return", "as planned"};

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "probe_cost: %s\n", what);
    exit(1);
}

static SSL_CTX *make_context(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();

    if (!ctx || !key || !cert)
        die("cannot make a certificate");
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    if (!X509_sign(cert, key, EVP_sha256()) || SSL_CTX_use_certificate(ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(ctx, key) != 1)
        die("cannot use the certificate");
    return ctx;
}

/* A client that has shaken hands, and whose output goes nowhere from now on. */
static SSL *make_writer(void)
{
    SSL_CTX *ctx = make_context();
    SSL *client = SSL_new(ctx), *server = SSL_new(ctx);
    BIO *a, *b;

    if (!client || !server || BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16) != 1)
        die("no memory");
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    for (int i = 0; i < 8 && (SSL_in_init(client) || SSL_in_init(server)); i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    if (SSL_in_init(client))
        die("the handshake failed");
    SSL_set0_wbio(client, BIO_new(BIO_s_null()));
    return client;
}

/* In the child: times a number of writes and tells the parent. */
_Noreturn static void write_and_tell(int pipe_fd)
{
    static char buffer[16384];
    SSL *ssl = make_writer();
    uint64_t ns[SIZES];

    memset(buffer, 'x', sizeof buffer);
    for (size_t s = 0; s < SIZES; s++) {
        uint64_t begin = clock_mono_ns();
        for (int i = 0; i < CALLS; i++)
            if (SSL_write(ssl, buffer, sizes[s]) != sizes[s])
                die("a write failed");
        ns[s] = (clock_mono_ns() - begin) / CALLS;
    }
    if (write(pipe_fd, ns, sizeof ns) != (ssize_t)sizeof ns)
        die("cannot tell");
    _exit(0);
}

static void take(void *arg, const struct probe_event *e)
{
    (void)arg, (void)e;
}

static void entry_and_return(struct plan *p, struct elf_image *e)
{
    const char *names[] = {"SSL_write"};
    struct elf_function f;
    struct probe_cookie cookie = {.call = PROBE_CALL_WRITE,
                                  .count = PROBE_COUNT_INT,
                                  .buffer = 1,
                                  .flags = PROBE_FLAG_OPENSSL};

    if (elf_image_find(e, names, 1, &f) != 1)
        die("there is no SSL_write");
    p->n = 2;
    p->hooks[0] = (struct hook){HOOK_ENTRY, f.offset, cookie};
    p->hooks[1] = (struct hook){HOOK_RETURN, f.offset, cookie};
}

static struct kernel *watch(enum way way)
{
    static struct counters counters;
    static struct plan plan;
    struct probe_config config = {.call_max = 65536};
    struct elf_image e;
    struct kernel *k;
    char error[400];
    Dl_info library;
    int fd;

    if (way == WAY_NONE)
        return NULL;
    if (kernel_open(&k, &config, RING_BYTES, 1024, -1, &counters, error, sizeof error) < 0)
        die(error);
    if (dladdr((void *)(uintptr_t)SSL_write, &library) == 0)
        die("cannot find libssl");
    fd = open(library.dli_fname, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || elf_image_open(&e, fd) < 0)
        die("cannot read libssl");
    if (way == WAY_PLAN)
        plan_make(&plan, &e, strrchr(library.dli_fname, '/') + 1, false, "");
    else
        entry_and_return(&plan, &e);
    if (kernel_attach(k, library.dli_fname, 0, &plan) < 0)
        die("cannot attach");
    elf_image_close(&e);
    close(fd);
    return k;
}

/* Nanoseconds of a write of each size. */
static void measure(enum way way, uint64_t ns[SIZES])
{
    struct kernel *k = watch(way);
    struct pollfd done;
    int ends[2];
    pid_t child;

    if (pipe(ends) < 0 || (child = fork()) < 0)
        die("cannot start a writer");
    if (child == 0)
        write_and_tell(ends[1]);
    done = (struct pollfd){.fd = ends[0], .events = POLLIN};
    while (poll(&done, 1, READ_EVERY_MS) == 0)
        if (k)
            kernel_poll(k, take, NULL, 1 << 20);
    if (read(ends[0], ns, SIZES * sizeof *ns) != (ssize_t)(SIZES * sizeof *ns))
        die("the writer failed");
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    kernel_close(k);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 3;

    printf("%-20s", "SSL_write of bytes");
    for (size_t s = 0; s < SIZES; s++)
        printf("%10d", sizes[s]);
    printf("\n");
    for (enum way way = WAY_NONE; way < WAYS; way++) {
        uint64_t best[SIZES], ns[SIZES];
        memset(best, 0xff, sizeof best);
        for (int i = 0; i < rounds; i++) {
            measure(way, ns);
            for (size_t s = 0; s < SIZES; s++)
                best[s] = ns[s] < best[s] ? ns[s] : best[s];
        }
        printf("%-20s", way_names[way]);
        for (size_t s = 0; s < SIZES; s++)
            printf("%7.1f us", (double)best[s] / 1000);
        printf("\n");
        fflush(stdout);
    }
    return 0;
}
