/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes QUIC packets for tests: protected Initials, and headers of the other kinds. */
#ifndef SPLIFF_TESTS_QUIC_SEAL_H
#define SPLIFF_TESTS_QUIC_SEAL_H

#include "worker/parse/quic/quic_protect.h"

#include <stddef.h>
#include <stdint.h>

#define SEAL_BYTES 2048u

struct seal {
    uint8_t p[SEAL_BYTES];
    size_t len;
};

/* An Initial of a side. The keys are those of key_cid in version `keys`, which is mostly the
 * version that the header shows. */
struct seal_initial {
    uint32_t version, keys;
    unsigned side;
    const char *dcid, *scid, *key_cid; /* hexadecimal */
    const char *token;                 /* text, may be NULL */
    uint64_t number;
    unsigned number_bytes; /* 0 is 2 */
    const uint8_t *frames;
    size_t frames_len;
    size_t padded_to; /* bytes of the packet: PADDING frames are added */
    bool unfixed;     /* without the fixed bit (RFC 9287) */
};

/* Each appends to what is there. */
void seal_initial(struct seal *s, const struct seal_initial *i);
void seal_hex(struct seal *s, const char *hex);
void seal_bytes(struct seal *s, const void *p, size_t n);
void seal_fill(struct seal *s, uint8_t byte, size_t n);

/* First byte, version, ids, a length of n and as many bytes. */
void seal_long(struct seal *s, uint8_t first, uint32_t version, const char *dcid, const char *scid,
               size_t n);

/* A CRYPTO frame (type 6) into frames. */
void seal_crypto(struct seal *frames, uint32_t offset, const void *data, size_t n);

struct quic_cid seal_cid(const char *hex);

#endif
