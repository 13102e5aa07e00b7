/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes DTLS bytes for tests. */
#ifndef SPLIFF_TESTS_DTLS_WIRE_H
#define SPLIFF_TESTS_DTLS_WIRE_H

#include "tests/unit/parse/tls/wire.h"

/* A record of n bytes; its sequence number is seq. */
static inline void dtls_wire_record(struct wire *w, uint8_t content, uint16_t epoch, uint32_t seq,
                                    const void *body, size_t n)
{
    wire_be(w, content, 1);
    wire_be(w, 0xfefd, 2);
    wire_be(w, epoch, 2);
    wire_be(w, 0, 2);
    wire_be(w, seq, 4);
    wire_be(w, (uint32_t)n, 2);
    wire_bytes(w, body, n);
}

/* Bytes [at, at + n) of a message of len bytes, in a record of their own. */
static inline void dtls_wire_fragment(struct wire *w, uint8_t type, uint16_t seq,
                                      const uint8_t *message, uint32_t len, uint32_t at, uint32_t n)
{
    struct wire body = {.len = 0};

    wire_be(&body, type, 1);
    wire_be(&body, len, 3);
    wire_be(&body, seq, 2);
    wire_be(&body, at, 3);
    wire_be(&body, n, 3);
    wire_bytes(&body, message + at, n);
    dtls_wire_record(w, 22, 0, seq, body.p, body.len);
}

static inline void dtls_wire_message(struct wire *w, uint8_t type, uint16_t seq, const void *body,
                                     size_t n)
{
    dtls_wire_fragment(w, type, seq, body, (uint32_t)n, 0, (uint32_t)n);
}

/* Records that carry the hellos. */
static inline void dtls_wire_client_hello(struct wire *w, uint16_t seq, const struct wire_hello *h)
{
    struct wire body = {.len = 0};

    wire_client_hello(&body, h);
    dtls_wire_message(w, 1, seq, body.p, body.len);
}

static inline void dtls_wire_server_hello(struct wire *w, uint16_t seq, const struct wire_hello *h)
{
    struct wire body = {.len = 0};

    wire_server_hello(&body, h);
    dtls_wire_message(w, 2, seq, body.p, body.len);
}

/* A record of ciphertext. */
static inline void dtls_wire_ciphertext(struct wire *w, uint8_t content, uint16_t epoch,
                                        uint32_t seq, size_t n)
{
    struct wire body = {.len = 0};

    wire_fill(&body, 0xee, n);
    dtls_wire_record(w, content, epoch, seq, body.p, body.len);
}

#endif
