/* SPDX-License-Identifier: BSD-3-Clause */
/* An output buffer: text on its way to one descriptor.
 *
 * Mapped whole and lazily, so only what a batch really needs is ever touched. The receiver flushes
 * after RECEIVE_SETTLE_BYTES of packed records at the latest, and no field grows more than some
 * thirtyfold as text, which OUTBUF_BYTES covers; what would pass it all the same sets `overflow`,
 * and the batch is taken back. */
#ifndef SPLIFF_LOGGER_OUTBUF_H
#define SPLIFF_LOGGER_OUTBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUTBUF_BYTES (16u * 1024 * 1024)

struct outbuf {
    char *base;
    size_t len;
    size_t touched; /* bytes that outbuf_expect had the kernel make */
    bool overflow;  /* sticky: something did not fit */
    bool failing;   /* the last write failed, and it was said */
};

/* Returns 0 or -ENOMEM. */
int outbuf_init(struct outbuf *b);
void outbuf_fini(struct outbuf *b);

/* About so many bytes more will be written soon. */
void outbuf_expect(struct outbuf *b, size_t bytes);

/* Writes all to fd and empties b; what is written when an error comes is gone from b. *bytes grows
 * by what was written. 0 or -errno. */
int outbuf_write(struct outbuf *b, int fd, uint64_t *bytes);

/* Says that `name` cannot be written, or is written again, when that is news. Returns rc. */
int outbuf_report(struct outbuf *b, const char *name, int rc);

/* Where n more bytes may be written, or NULL (and overflow set). Follow with outbuf_end. */
static inline char *outbuf_room(struct outbuf *b, size_t n)
{
    if (__builtin_expect(OUTBUF_BYTES - b->len < n, 0)) {
        b->overflow = true;
        return NULL;
    }
    return b->base + b->len;
}

/* Keeps what was written from outbuf_room up to p. */
static inline void outbuf_end(struct outbuf *b, const char *p)
{
    b->len = (size_t)(p - b->base);
}

static inline void outbuf_char(struct outbuf *b, char c)
{
    char *p = outbuf_room(b, 1);

    if (p) {
        *p = c;
        b->len++;
    }
}

static inline void outbuf_bytes(struct outbuf *b, const void *data, size_t n)
{
    char *p = outbuf_room(b, n);

    if (p && n > 0) {
        memcpy(p, data, n);
        b->len += n;
    }
}

static inline void outbuf_text(struct outbuf *b, const char *s)
{
    outbuf_bytes(b, s, strlen(s));
}

#endif
