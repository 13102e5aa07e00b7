/* SPDX-License-Identifier: BSD-3-Clause */
/* Variable-length integers (RFC 9000 section 16). */
#ifndef SPLIFF_PARSE_QUIC_VARINT_H
#define SPLIFF_PARSE_QUIC_VARINT_H

#include "common/base/cursor.h"

/* 0 and the cursor's error if it is cut. */
static inline uint64_t quic_varint(struct cursor *c)
{
    uint8_t first = cursor_u8(c);
    const uint8_t *rest = cursor_bytes(c, (size_t)(1u << (first >> 6)) - 1);
    uint64_t v = first & 0x3f;

    for (unsigned i = 1; rest && i < 1u << (first >> 6); i++)
        v = v << 8 | rest[i - 1];
    return rest ? v : 0;
}

#endif
