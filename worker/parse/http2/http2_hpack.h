/* SPDX-License-Identifier: BSD-3-Clause */
/* Header blocks of one direction (RFC 7541), by nghttp2's inflater, which stands in bounded memory
 * and goes on when the table that a block refers to is not known. */
#ifndef SPLIFF_PARSE_HTTP2_HPACK_H
#define SPLIFF_PARSE_HTTP2_HPACK_H

#include "common/base/pool.h"
#include "common/base/str.h"

#include <nghttp2/nghttp2.h>

#define HPACK_TABLE_MAX   65536u        /* bytes of dynamic table that are followed */
#define HPACK_MEMORY_MAX  (512u * 1024) /* of a direction, table and all */
#define HPACK_SCATTER_MAX 32768u        /* bytes of a block that is read without its table */

/* Zeroed is new: the dynamic table is empty, as at the start of a connection. Does not move. */
struct http2_hpack {
    nghttp2_mem mem;               /* nghttp2 keeps a pointer to it */
    nghttp2_hd_inflater *inflater; /* NULL: none yet */
    struct bufpool *bufs;
    size_t used_bytes;
    struct membuf block; /* with lost: the block so far */
    bool lost;           /* of older entries of the table nothing is known */
};

enum hpack_result {
    HPACK_OK,
    HPACK_UNKNOWN, /* fields were left out: they stand in the part of the table that is not known */
    HPACK_BROKEN,  /* no header block, or over a bound: the rest of it is not read */
};

/* A field, borrowed for the call. Not called for fields that are not known. */
typedef void http2_hpack_field(void *arg, struct str name, struct str value);

/* The next bytes of a block. `last`: they end it. After HPACK_BROKEN what remains of the block must
 * not be fed. Memory comes from bufs, the same for all calls. */
enum hpack_result http2_hpack_feed(struct http2_hpack *h, struct bufpool *bufs, const uint8_t *data,
                                   size_t len, bool last, http2_hpack_field *field, void *arg);

/* A block was missed, wholly or from some place on: what it put into the table is not known. */
void http2_hpack_lose(struct http2_hpack *h);

/* Gives all memory back. */
void http2_hpack_fini(struct http2_hpack *h);

#endif
