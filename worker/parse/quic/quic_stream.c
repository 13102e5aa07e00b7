/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes in order passes through without being copied. What is early waits in one buffer, in
 * the order in which it came, with a sorted list of the ranges that it fills. The buffer is as long
 * as what has come, not as far as that is ahead: who would fill it must send as much. A hello of a
 * few kilobytes in shuffled pieces needs one small buffer; when nothing waits any more it is given
 * back. */
#include "worker/parse/quic/quic_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct range {
    uint32_t from, to; /* offsets in the stream */
    uint32_t at;       /* of its bytes in data */
};

struct quic_waiting {
    uint32_t n;
    uint32_t used;                               /* bytes of data */
    struct range ranges[QUIC_STREAM_RANGES_MAX]; /* without overlaps, ascending */
    uint8_t data[];
};

/* Room for len more bytes; what waits already is kept. */
static int waiting_reserve(struct quic_stream *s, struct bufpool *bufs, size_t len)
{
    size_t used = s->waiting ? s->waiting->used : 0, capacity;
    size_t kept = offsetof(struct quic_waiting, data) + used;
    struct quic_waiting *w;

    if (used + len > QUIC_STREAM_BYTES_MAX)
        return -ENOBUFS;
    if (s->waiting && kept + len <= s->capacity)
        return 0;
    w = bufpool_is_tight(bufs) ? NULL : bufpool_get(bufs, kept + len, &capacity);
    if (!w)
        return -ENOBUFS;
    if (s->waiting) {
        memcpy(w, s->waiting, kept);
        bufpool_put(bufs, s->waiting, s->capacity);
    } else {
        w->n = w->used = 0;
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

/* Keeps bytes that are not there yet, as the i-th range. */
static int range_keep(struct quic_stream *s, struct bufpool *bufs, uint32_t i, uint32_t from,
                      uint32_t to, const uint8_t *data)
{
    struct quic_waiting *w;

    if (waiting_reserve(s, bufs, to - from) < 0)
        return -ENOBUFS;
    w = s->waiting;
    if (w->n == QUIC_STREAM_RANGES_MAX)
        return -ENOBUFS;
    memmove(&w->ranges[i + 1], &w->ranges[i], (w->n - i) * sizeof w->ranges[0]);
    w->ranges[i] = (struct range){from, to, w->used};
    w->n++;
    memcpy(w->data + w->used, data, to - from);
    w->used += to - from;
    return 0;
}

/* Keeps what is not there yet of [offset, to). */
static int wait_for_rest(struct quic_stream *s, struct bufpool *bufs, uint32_t offset, uint32_t to,
                         const uint8_t *data)
{
    uint32_t from = offset;

    if (to - s->next > QUIC_STREAM_BYTES_MAX)
        return -ENOBUFS;
    for (uint32_t i = 0; from < to; i++) {
        bool last = !s->waiting || i == s->waiting->n;
        struct range r = last ? (struct range){to, to, 0} : s->waiting->ranges[i];
        uint32_t end = r.from < to ? r.from : to;

        if (from < end && range_keep(s, bufs, i, from, end, data + (from - offset)) < 0)
            return -ENOBUFS;
        if (from < end)
            from = end; /* r is the next range now */
        else if (from < r.to)
            from = r.to;
    }
    return 0;
}

/* The first range has become the next one. */
static void give_waiting(struct quic_stream *s, struct bufpool *bufs,
                         void (*in_order)(void *arg, const uint8_t *data, size_t len), void *arg)
{
    struct quic_waiting *w = s->waiting;

    while (w && w->n > 0 && w->ranges[0].from <= s->next) {
        struct range r = w->ranges[0];
        uint32_t from = s->next;

        w->n--;
        memmove(&w->ranges[0], &w->ranges[1], w->n * sizeof w->ranges[0]);
        if (r.to <= from)
            continue;
        s->next = r.to;
        in_order(arg, w->data + r.at + (from - r.from), r.to - from);
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
        return wait_for_rest(s, bufs, (uint32_t)offset, (uint32_t)end, data);
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
