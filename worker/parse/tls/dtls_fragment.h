/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake messages of DTLS out of their fragments. Private to parse/tls.
 *
 * A message carries its number and may come in pieces, in any order, again, and overlapping
 * (RFC 6347 section 4.2.2). One struct dtls_fragments keeps what one side has not completed. */
#ifndef SPLIFF_PARSE_DTLS_FRAGMENT_H
#define SPLIFF_PARSE_DTLS_FRAGMENT_H

#include "common/base/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define DTLS_FRAGMENT_HEADER_BYTES 12u
#define DTLS_MESSAGE_MAX           (32u * 1024) /* a message that is put together */
#define DTLS_SEQ_MAX               32u /* messages of a side; the longest handshake has a dozen */
#define DTLS_RANGES_MAX            8u  /* pieces of a message that do not touch */
#define DTLS_OPEN_MAX              2u  /* messages of a side that are put together at once */

/* Header of a fragment, and its bytes. */
struct dtls_fragment {
    const uint8_t *data;
    uint32_t len, at; /* of data, in the message */
    uint32_t message_len;
    uint16_t seq;
    uint8_t type;
};

struct dtls_message {
    uint8_t *p; /* NULL: this place is free */
    size_t capacity;
    uint32_t len;
    uint16_t seq;
    uint8_t type, n_ranges;
    /* Bytes that are there, ascending. */
    struct dtls_range {
        uint32_t from, to;
    } ranges[DTLS_RANGES_MAX];
};

struct dtls_fragments {
    struct dtls_message open[DTLS_OPEN_MAX];
    uint8_t seen[DTLS_SEQ_MAX]; /* type + 1 of the messages that were completed, by number */
};

/* Whether the fragment's message was completed before: the fragment is a retransmission. Some
 * servers number the ServerHello like the HelloVerifyRequest before it, so the type counts too. */
bool dtls_fragment_is_known(const struct dtls_fragments *f, const struct dtls_fragment *piece);

/* The fragment's message is complete (or its body is not wanted). */
void dtls_fragment_done(struct dtls_fragments *f, const struct dtls_fragment *piece);

/* Adds a piece that lies inside its message, which is at most DTLS_MESSAGE_MAX long. Returns the
 * body of the message if that is whole now, to be given back with dtls_fragment_release; else NULL,
 * with *refused set if the piece could not be kept: no memory, or too many holes. */
struct dtls_message *dtls_fragment_add(struct dtls_fragments *f, struct bufpool *bufs,
                                       const struct dtls_fragment *piece, bool *refused);
void dtls_fragment_release(struct dtls_message *m, struct bufpool *bufs);

/* Gives all buffers back. */
void dtls_fragment_fini(struct dtls_fragments *f, struct bufpool *bufs);

#endif
