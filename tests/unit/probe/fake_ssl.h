/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions to hook that look like those of TLS libraries from outside: arguments, results, structs
 * behind pointers, and sockets used or not used inside. No TLS. */
#ifndef SPLIFF_TEST_FAKE_SSL_H
#define SPLIFF_TEST_FAKE_SSL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* As OpenSSL 3.0 and 1.1.1 have it, up to the descriptor. */
struct fake_bio3 {
    void *library;
    const int *method;
    char rest[40];
    int descriptor;
};
struct fake_bio1 {
    const int *method;
    char rest[40];
    int descriptor;
};

struct fake_ssl {
    char begin[16];
    void *bio;
    int fd;     /* socket that is used inside of calls; -1: none */
    int result; /* of calls that use none; 0: all that was asked for */
};

struct fake_datum {
    const unsigned char *data;
    unsigned size;
};

extern const int fake_socket_type; /* what the method of a socket BIO begins with */

int fake_read(struct fake_ssl *s, void *buffer, int bytes);
/* Reads nothing; the program writes in a callback. */
int fake_read_calls_back(struct fake_ssl *s, const void *answer, int bytes);
int fake_write(struct fake_ssl *s, const void *buffer, int bytes);
/* Does not look at the bytes. */
int fake_write_ex(struct fake_ssl *s, const void *buffer, size_t bytes, size_t *done);
int fake_handshake(struct fake_ssl *s);
void fake_free(struct fake_ssl *s);
void fake_alpn(struct fake_ssl *s, const unsigned char **data, unsigned *len);
int fake_alpn_datum(struct fake_ssl *s, struct fake_datum *out);
struct fake_ssl *fake_import(struct fake_ssl *s);
struct fake_ssl *fake_accept(struct fake_ssl *listener, struct fake_ssl *s); /* returns s */
int fake_writev(struct fake_ssl *s, const struct iovec *v, int n);
/* A descriptor as NSPR has it: a stack of layers, each of a kind whose name is in a table. */
struct fake_layer {
    const void *methods;
    void *secret;
    struct fake_layer *lower, *higher;
    void (*destructor)(void);
    int kind;
};
extern const char *const *fake_layer_names;
int fake_write_layer(struct fake_layer *top, const void *buffer, int bytes);
int fake_flush(struct fake_ssl *s, const void *buffer, int bytes);        /* calls fake_write */
int fake_write_outer(struct fake_ssl *s, const void *buffer, int bytes);  /* calls fake_write */
int fake_write_leaves(struct fake_ssl *s, const void *buffer, int bytes); /* never returns */
void fake_write_left(struct fake_ssl *s, const void *buffer, int bytes);  /* calls that, goes on */

#if defined(__x86_64__)
/* Calls fake_write at fake_site_call, whose result decides at fake_site_jump. */
int fake_site_write(struct fake_ssl *s, const void *buffer, int bytes);
extern const char fake_site_call[], fake_site_jump[];

/* By the calling convention of Go, in a goroutine whose stack ends at g[1]: entry at fake_go_entry,
 * return at fake_go_exit. Writes to fd. Begins again so often, as with a stack that is too small.
 */
long fake_go_write(void *conn, const void *buffer, long bytes, uint64_t *g, int fd, int again);
extern const char fake_go_entry[], fake_go_exit[];
#endif

#endif
