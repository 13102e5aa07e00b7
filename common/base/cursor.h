/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded cursor: the only way that parsers read input.
 *
 * A read past the end returns 0 (or NULL), moves nothing and sets the sticky `error`; so a parser
 * reads a whole structure and asks once, with cursor_ok(), whether all of it was there.
 * The bytes are borrowed: the cursor owns nothing. */
#ifndef SPLIFF_BASE_CURSOR_H
#define SPLIFF_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
    const uint8_t *p;   /* next byte */
    const uint8_t *end; /* one past the last */
    bool error;         /* a read went past the end */
};

/* data may be NULL if len is 0: to a null pointer C allows nothing to be added. */
static inline struct cursor cursor_init(const void *data, size_t len)
{
    struct cursor c = {data, data, false};

    if (data)
        c.end += len;
    return c;
}

static inline bool cursor_ok(const struct cursor *c)
{
    return !c->error;
}

/* Bytes not yet read; 0 after an error. */
static inline size_t cursor_left(const struct cursor *c)
{
    return c->error ? 0 : (size_t)(c->end - c->p);
}

/* The next n bytes, borrowed from the input, and moves over them. NULL (and error) if fewer, and
 * for any n after an error. */
static inline const uint8_t *cursor_bytes(struct cursor *c, size_t n)
{
    const uint8_t *p = c->p;

    if (__builtin_expect(c->error || (size_t)(c->end - c->p) < n, 0)) {
        c->error = true;
        return NULL;
    }
    c->p += n;
    return p;
}

static inline void cursor_skip(struct cursor *c, size_t n)
{
    (void)cursor_bytes(c, n);
}

static inline uint8_t cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 1);
    return p ? p[0] : 0;
}

/* Network byte order. */
static inline uint16_t cursor_be16(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t cursor_be24(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 3);
    return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t cursor_be32(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t cursor_be64(struct cursor *c)
{
    uint64_t hi = cursor_be32(c);
    return hi << 32 | cursor_be32(c);
}

/* Little endian, for file formats. */
static inline uint16_t cursor_le16(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 2);
    return p ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

static inline uint32_t cursor_le32(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 4);
    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0] : 0;
}

static inline uint64_t cursor_le64(struct cursor *c)
{
    uint64_t lo = cursor_le32(c);
    return lo | (uint64_t)cursor_le32(c) << 32;
}

/* One field of a header that cursor_bytes has returned whole. Network byte order. */
static inline uint16_t bytes_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t bytes_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t bytes_be64(const uint8_t *p)
{
    return (uint64_t)bytes_be32(p) << 32 | bytes_be32(p + 4);
}

/* Little endian. */
static inline uint32_t bytes_le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* A cursor over the next n bytes, and moves over them. Empty with error set in both if fewer. */
static inline struct cursor cursor_sub(struct cursor *c, size_t n)
{
    const uint8_t *p = cursor_bytes(c, n);
    struct cursor sub = {p, p ? p + n : p, p == NULL};
    return sub;
}

#endif
