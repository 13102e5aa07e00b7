/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes in order passes through without being copied. What is early waits in one buffer in
 * which each byte has its place, counted from the first byte that was missing when the buffer was
 * taken, with a sorted list of the ranges that are filled. A hello of a few kilobytes in shuffled
 * pieces needs one small buffer; when nothing waits any more it is given back. */
#include "worker/parse/quic/quic_stream.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct range {
    uint32_t from, to; /* offsets in the stream */
};

struct quic_waiting {
    uint32_t base; /* offset of data[0] in the stream */
    uint32_t n;
    struct range ranges[QUIC_STREAM_RANGES_MAX]; /* apart from each other, ascending */
    uint8_t data[];
};

/* Room for bytes up to an offset; what waits already is kept. */
static int waiting_reserve(struct quic_stream *s, struct bufpool *bufs, uint32_t to)
{
    uint32_t base = s->waiting ? s->waiting->base : s->next;
    size_t bytes = offsetof(struct quic_waiting, data) + (to - base), capacity;
    struct quic_waiting *w;

    if (s->waiting && bytes <= s->capacity)
        return 0;
    if (bytes < 2 * s->capacity)
        bytes = 2 * s->capacity;
    w = bufpool_get(bufs, bytes < BUFPOOL_MAX_BYTES ? bytes : BUFPOOL_MAX_BYTES, &capacity);
    if (!w)
        return -ENOBUFS;
    if (s->waiting) {
        memcpy(w, s->waiting, s->capacity);
        bufpool_put(bufs, s->waiting, s->capacity);
    } else {
        w->base = base;
        w->n = 0;
    }
    s->waiting = w;
    s->capacity = capacity;
    return 0;
}

static void waiting_free(struct quic_stream *s, struct bufpool *bufs)
{
    if (s->waiting)
        bufpool_put(bufs, s->waiting, s->capacity);
    s->waiting = NULL;
    s->capacity = 0;
}

/* Puts r among the ranges, merged with those that it touches. */
static int ranges_add(struct quic_waiting *w, struct range r)
{
    uint32_t first = 0, last;

    while (first < w->n && w->ranges[first].to < r.from)
        first++;
    for (last = first; last < w->n && w->ranges[last].from <= r.to; last++) {
        if (w->ranges[last].from < r.from)
            r.from = w->ranges[last].from;
        if (w->ranges[last].to > r.to)
            r.to = w->ranges[last].to;
    }
    if (first == last && w->n == QUIC_STREAM_RANGES_MAX)
        return -ENOBUFS;
    memmove(&w->ranges[first + 1], &w->ranges[last], (w->n - last) * sizeof r);
    w->n = w->n - (last - first) + 1;
    w->ranges[first] = r;
    return 0;
}

static int wait_for_rest(struct quic_stream *s, struct bufpool *bufs, uint32_t offset,
                         const uint8_t *data, size_t len)
{
    struct range r = {offset, offset + (uint32_t)len};
    uint32_t base = s->waiting ? s->waiting->base : s->next;

    if (r.to - base > QUIC_STREAM_BYTES_MAX || waiting_reserve(s, bufs, r.to) < 0)
        return -ENOBUFS;
    if (ranges_add(s->waiting, r) < 0)
        return -ENOBUFS;
    memcpy(s->waiting->data + (offset - base), data, len);
    return 0;
}

/* The first range has become the next one. */
static void give_waiting(struct quic_stream *s, struct bufpool *bufs,
                         void (*in_order)(void *arg, const uint8_t *data, size_t len), void *arg)
{
    struct quic_waiting *w = s->waiting;

    while (w && w->n > 0 && w->ranges[0].from <= s->next) {
        uint32_t from = s->next, to = w->ranges[0].to;

        w->n--;
        memmove(&w->ranges[0], &w->ranges[1], w->n * sizeof w->ranges[0]);
        if (to <= from)
            continue;
        s->next = to;
        in_order(arg, w->data + (from - w->base), to - from);
    }
    if (w && w->n == 0)
        waiting_free(s, bufs);
}

int quic_stream_add(struct quic_stream *s, struct bufpool *bufs, uint64_t offset,
                    const uint8_t *data, size_t len,
                    void (*in_order)(void *arg, const uint8_t *data, size_t len), void *arg)
{
    uint64_t end = offset + len;

    if (len == 0 || end <= s->next)
        return 0;
    if (end > UINT32_MAX)
        return -ENOBUFS;
    if (offset > s->next)
        return wait_for_rest(s, bufs, (uint32_t)offset, data, len);
    data += s->next - offset;
    len = (size_t)(end - s->next);
    s->next = (uint32_t)end;
    in_order(arg, data, len);
    give_waiting(s, bufs, in_order, arg);
    return 0;
}

void quic_stream_reset(struct quic_stream *s, struct bufpool *bufs)
{
    waiting_free(s, bufs);
    s->next = 0;
}
