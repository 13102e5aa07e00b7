/* SPDX-License-Identifier: BSD-3-Clause */
/* DNS messages for tests, put together piece by piece. */
#ifndef SPLIFF_TESTS_DNS_BUILD_H
#define SPLIFF_TESTS_DNS_BUILD_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct build {
    uint8_t b[70000];
    size_t n;
};

#define BUILD_RESPONSE 0x8180 /* flags: QR, RD, RA */
#define BUILD_QUERY    0x0100 /* flags: RD */

static inline void build_raw(struct build *m, const void *bytes, size_t n)
{
    assert(m->n + n <= sizeof m->b);
    memcpy(m->b + m->n, bytes, n);
    m->n += n;
}

static inline void build_u8(struct build *m, unsigned v)
{
    uint8_t b = (uint8_t)v;

    build_raw(m, &b, 1);
}

static inline void build_u16(struct build *m, unsigned v)
{
    build_u8(m, v >> 8);
    build_u8(m, v);
}

static inline void build_u32(struct build *m, uint32_t v)
{
    build_u16(m, v >> 16);
    build_u16(m, v);
}

/* Starts anew. */
static inline void build_header(struct build *m, unsigned id, unsigned flags, unsigned qd,
                                unsigned an, unsigned ns, unsigned ar)
{
    unsigned words[] = {id, flags, qd, an, ns, ar};

    m->n = 0;
    for (int i = 0; i < 6; i++)
        build_u16(m, words[i]);
}

/* "www.example"; "" is the root. */
static inline void build_name(struct build *m, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, ".");
        build_u8(m, (unsigned)n);
        build_raw(m, text, n);
        text += n + (text[n] == '.');
    }
    build_u8(m, 0);
}

static inline void build_pointer(struct build *m, unsigned offset)
{
    build_u16(m, 0xc000 | offset);
}

static inline void build_question(struct build *m, const char *name, unsigned type)
{
    build_name(m, name);
    build_u16(m, type);
    build_u16(m, 1);
}

/* Owner and fixed part of an RR of class IN, TTL 60 and the data that follow: end it with
 * build_rdata_end(m, build_rr(…)). */
static inline size_t build_rr(struct build *m, const char *owner, unsigned type)
{
    build_name(m, owner);
    build_u16(m, type);
    build_u16(m, 1);
    build_u32(m, 60);
    build_u16(m, 0);
    return m->n;
}

static inline void build_rdata_end(struct build *m, size_t start)
{
    m->b[start - 2] = (uint8_t)((m->n - start) >> 8);
    m->b[start - 1] = (uint8_t)(m->n - start);
}

static inline void build_a(struct build *m, const char *owner, uint32_t address)
{
    size_t start = build_rr(m, owner, 1);

    build_u32(m, address);
    build_rdata_end(m, start);
}

/* The message with its length in front, as TCP carries it, added to a stream. */
static inline void build_frame(struct build *stream, const struct build *m)
{
    build_u16(stream, (unsigned)m->n);
    build_raw(stream, m->b, m->n);
}

#endif
