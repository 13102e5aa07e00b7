/* SPDX-License-Identifier: BSD-3-Clause */
/* MessagePack writers, straight into memory. Each returns where the next byte goes. Nothing is
 * checked here: the caller has made sure of room, PACK_SCALAR_BYTES for any number, 5 bytes for any
 * head, whatever shorter form the value turns out to take.
 *
 * Lengths and counts are below 2^32. */
#ifndef SPLIFF_BASE_PACK_H
#define SPLIFF_BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PACK_SCALAR_BYTES 9u /* a number touches as many, though it may need fewer */

static inline uint8_t *pack_nil(uint8_t *p)
{
    *p = 0xc0;
    return p + 1;
}

static inline uint8_t *pack_bool(uint8_t *p, bool v)
{
    *p = v ? 0xc3 : 0xc2;
    return p + 1;
}

/* Tag and value in network byte order, of which the first n bytes count. */
static inline uint8_t *pack_tagged(uint8_t *p, uint8_t tag, uint64_t v, unsigned n)
{
    uint64_t be = __builtin_bswap64(v << (64 - 8 * n));

    p[0] = tag;
    memcpy(p + 1, &be, sizeof be);
    return p + 1 + n;
}

/* Counts in records jump between the sizes from one field to the next, which a chain of branches
 * mispredicts; the size class comes from the bit length instead. */
static inline uint8_t *pack_uint(uint8_t *p, uint64_t v)
{
    unsigned class;

    if (v < 0x80) {
        *p = (uint8_t)v;
        return p + 1;
    }
    class = (v > 0xff) + (v > 0xffff) + (v > 0xffffffff);
    return pack_tagged(p, (uint8_t)(0xcc + class), v, 1u << class);
}

static inline uint8_t *pack_int(uint8_t *p, int64_t v)
{
    if (v >= 0)
        return pack_uint(p, (uint64_t)v);
    return pack_tagged(p, 0xd3, (uint64_t)v, 8);
}

static inline uint8_t *pack_double(uint8_t *p, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return pack_tagged(p, 0xcb, bits, 8);
}

static inline uint8_t *pack_head16(uint8_t *p, uint8_t tag, size_t n)
{
    p[0] = tag;
    p[1] = (uint8_t)(n >> 8);
    p[2] = (uint8_t)n;
    return p + 3;
}

static inline uint8_t *pack_head32(uint8_t *p, uint8_t tag, size_t n)
{
    p = pack_head16(p, tag, n >> 16);
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
    return p + 2;
}

static inline uint8_t *pack_array(uint8_t *p, size_t n)
{
    if (n < 16) {
        *p = (uint8_t)(0x90 | n);
        return p + 1;
    }
    return n <= 0xffff ? pack_head16(p, 0xdc, n) : pack_head32(p, 0xdd, n);
}

/* A map of at most 15 pairs. */
static inline uint8_t *pack_map(uint8_t *p, unsigned n)
{
    *p = (uint8_t)(0x80 | n);
    return p + 1;
}

/* memcpy for lengths that are mostly small and never known: no call up to 32 bytes, and no byte
 * read or written beyond n. */
static inline uint8_t *pack_copy(uint8_t *p, const void *src, size_t n)
{
    const uint8_t *s = src;

    if (n > 32) {
        memcpy(p, s, n);
    } else if (n >= 16) {
        memcpy(p, s, 16);
        memcpy(p + (n - 16), s + (n - 16), 16);
    } else if (n >= 8) {
        memcpy(p, s, 8);
        memcpy(p + (n - 8), s + (n - 8), 8);
    } else if (n >= 4) {
        memcpy(p, s, 4);
        memcpy(p + (n - 4), s + (n - 4), 4);
    } else {
        for (size_t i = 0; i < n; i++)
            p[i] = s[i];
    }
    return p + n;
}

/* 5 bytes and n. */
static inline uint8_t *pack_str(uint8_t *p, const void *s, size_t n)
{
    if (n < 32) {
        *p++ = (uint8_t)(0xa0 | n);
    } else if (n <= 0xff) {
        p[0] = 0xd9;
        p[1] = (uint8_t)n;
        p += 2;
    } else {
        p = n <= 0xffff ? pack_head16(p, 0xda, n) : pack_head32(p, 0xdb, n);
    }
    return pack_copy(p, s, n);
}

/* At most 255 bytes. */
static inline uint8_t *pack_bin8(uint8_t *p, const void *s, size_t n)
{
    p[0] = 0xc4;
    p[1] = (uint8_t)n;
    memcpy(p + 2, s, n);
    return p + 2 + n;
}

#endif
