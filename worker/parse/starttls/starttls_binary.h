/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocols that ask for TLS with a message of fixed form, at the connection's beginning. Pure: a
 * row says what each side's first bytes are. */
#ifndef SPLIFF_PARSE_STARTTLS_BINARY_H
#define SPLIFF_PARSE_STARTTLS_BINARY_H

#include "worker/analyzer.h"

#define STARTTLS_BINARIES 4u

/* What a reader says when it is not the length of a message. */
enum {
    STARTTLS_MORE = 0,  /* the message is not whole */
    STARTTLS_OTHER = -1 /* another message: there will be no TLS here */
};

/* Each returns the length of the message at the beginning of data, or the above. */
struct starttls_binary {
    const char *service;
    bool server_first;
    /* The message by which the protocol is known: what the client asks with, or what a server that
     * speaks first greets with. */
    int (*begins)(const uint8_t *data, size_t len);
    /* The answer to it. *plain: the protocol goes on in the clear, and could ask again. */
    int (*answers)(const uint8_t *data, size_t len, bool *plain);
};

extern const struct starttls_binary starttls_binaries[STARTTLS_BINARIES];

/* What the first bytes of a side say, for analyzer.h's probe; *which is the row if they are known.
 */
enum probe_result starttls_binary_probe(const uint8_t *data, size_t len, unsigned *which);

#endif
