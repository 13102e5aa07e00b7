/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes of CRYPTO frames in order (RFC 9000 section 19.6), however they were cut, shuffled and
 * repeated over packets. Private to parse/quic. */
#ifndef SPLIFF_PARSE_QUIC_STREAM_H
#define SPLIFF_PARSE_QUIC_STREAM_H

#include "common/base/pool.h"

#include <stdint.h>

/* Bytes that wait, and how far they may be ahead of the first missing one. Peers need not take more
 * than 4096 (RFC 9000 section 7.5), and of all streams only those of Initials are read here: one
 * hello of each side. */
#define QUIC_STREAM_BYTES_MAX  (15u * 1024)
#define QUIC_STREAM_RANGES_MAX 64u /* pieces that wait */

/* Zeroed is empty. */
struct quic_stream {
    struct quic_waiting *waiting; /* NULL: nothing waits */
    size_t capacity;              /* its bytes */
    uint32_t next;                /* offset of the first byte that was not yet given on */
};

/* Takes len bytes at offset and calls in_order for those that are next, once for each run of them
 * (borrowed for the call); bytes that came before are left out. Returns 0, or -ENOBUFS: they are
 * beyond what may wait, or there is no memory, and were dropped. */
int quic_stream_add(struct quic_stream *s, struct bufpool *bufs, uint64_t offset,
                    const uint8_t *data, size_t len,
                    void (*in_order)(void *arg, const uint8_t *data, size_t len), void *arg);

/* Gives the memory back; the stream begins anew at offset 0. */
void quic_stream_reset(struct quic_stream *s, struct bufpool *bufs);

#endif
