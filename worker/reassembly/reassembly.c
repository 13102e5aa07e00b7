/* SPDX-License-Identifier: BSD-3-Clause */
/* Held segments are a list by offset without overlaps: what overlaps is cut before it is held. What
 * follows on a held segment is added to it, so the list is short in real traffic (a few lost
 * packets, and between them the round trip of what came after each) and bounded in hostile traffic:
 * it is walked, not indexed. */
#include "worker/reassembly/reassembly.h"

#include "common/base/check.h"

#include <string.h>

struct segment {
    uint64_t offset;
    uint32_t wire_len; /* bytes of the stream */
    uint32_t len;      /* of them, captured and kept in buf */
    uint32_t next;
    uint32_t capacity;
    uint8_t *buf; /* NULL: only the range is known */
};

/* A run of the stream not yet placed. */
struct piece {
    uint64_t begin, end;
    uint64_t have_end; /* bytes from here on were cut by the capture */
    const uint8_t *data;
};

int reassembly_init(struct reassembly *r, struct bufpool *bufs, uint64_t memory_bytes,
                    uint32_t flow_bytes_max, struct counters *counters)
{
    uint64_t n = memory_bytes / 1024;

    memset(r, 0, sizeof *r);
    r->bufs = bufs;
    r->counters = counters;
    r->flow_bytes_max = flow_bytes_max;
    if (n < 1024)
        n = 1024;
    if (n > UINT32_C(1) << 24)
        n = UINT32_C(1) << 24;
    return pool_init(&r->segments, sizeof(struct segment), (uint32_t)n);
}

void reassembly_fini(struct reassembly *r)
{
    pool_fini(&r->segments);
}

static struct segment *segment_at(const struct reassembly *r, uint32_t index)
{
    return pool_at(&r->segments, index);
}

static uint64_t first_held(const struct reassembly *r, const struct stream *s)
{
    return s->held_head == POOL_NONE ? UINT64_MAX : segment_at(r, s->held_head)->offset;
}

void reassembly_start(struct stream *s, uint32_t seq)
{
    if (s->started)
        return;
    s->started = true;
    s->base_seq = seq;
}

void reassembly_restart(struct stream *s, uint32_t seq)
{
    if (s->top == 0 && s->acked == 0)
        s->started = s->fin = false;
    reassembly_start(s, seq);
}

/* Offset of a sequence number near the present position; false if it is before the stream. */
static bool stream_offset(const struct stream *s, uint32_t seq, uint64_t *offset)
{
    int32_t delta = (int32_t)(seq - (s->base_seq + (uint32_t)s->next));

    if (delta < 0 && (uint64_t) - (int64_t)delta > s->next)
        return false;
    *offset = s->next + (uint64_t)(int64_t)delta;
    return true;
}

/* False for a segment far ahead that no other one has led up to. */
static bool stream_believes(struct stream *s, uint64_t begin, const struct reassembly_in *in)
{
    bool follows = s->far_seq == in->seq;

    if (begin <= s->top + REASSEMBLY_JUMP_MAX)
        return true;
    s->far_seq = in->seq + in->wire_len;
    return follows;
}

static void stream_deliver(struct stream *s, const uint8_t *data, uint64_t len, uint64_t wire_len,
                           struct reassembly_out *out)
{
    s->next += wire_len;
    if (!out->wanted)
        return;
    if (len > 0)
        out->data(out->arg, data, len);
    if (len < wire_len)
        out->gap(out->arg, wire_len - len);
}

static void stream_gap(struct reassembly *r, struct stream *s, uint64_t to,
                       struct reassembly_out *out)
{
    uint64_t len = to - s->next;

    s->next = to;
    r->counters->reassembly_gaps++;
    r->counters->reassembly_gap_bytes += len;
    out->gap(out->arg, len);
}

static void segment_free(struct reassembly *r, struct stream *s, struct segment *g)
{
    if (g->buf) {
        bufpool_put(r->bufs, g->buf, g->capacity);
        s->held_bytes -= g->len;
        r->counters->reassembly_bytes -= g->len;
    }
    s->held_count--;
    pool_put(&r->segments, pool_index(&r->segments, g));
}

/* Delivers what has become contiguous. */
static void stream_drain(struct reassembly *r, struct stream *s, struct reassembly_out *out)
{
    while (first_held(r, s) <= s->next) {
        struct segment *g = segment_at(r, s->held_head);
        uint64_t skip = s->next - g->offset;

        s->held_head = g->next;
        if (skip < g->wire_len)
            stream_deliver(s, g->buf && skip < g->len ? g->buf + skip : NULL,
                           skip < g->len ? g->len - skip : 0, g->wire_len - skip, out);
        segment_free(r, s, g);
    }
}

/* Bytes of [p->begin, end) to be kept. */
static size_t piece_kept(const struct piece *p, uint64_t end, bool wanted)
{
    uint64_t have = p->have_end < end ? p->have_end : end;

    return wanted && have > p->begin ? (size_t)(have - p->begin) : 0;
}

/* Adds to what g keeps. False at a bound. */
static bool segment_keep(struct reassembly *r, struct stream *s, struct segment *g,
                         const uint8_t *data, size_t len)
{
    size_t capacity;
    uint8_t *buf;

    if (s->held_bytes + len > r->flow_bytes_max)
        return false;
    if (g->len + len > g->capacity) {
        buf = bufpool_is_tight(r->bufs) ? NULL : bufpool_get(r->bufs, g->len + len, &capacity);
        if (!buf)
            return false;
        if (g->buf) {
            memcpy(buf, g->buf, g->len);
            bufpool_put(r->bufs, g->buf, g->capacity);
        }
        g->buf = buf;
        g->capacity = (uint32_t)capacity;
    }
    memcpy(g->buf + g->len, data, len);
    g->len += (uint32_t)len;
    s->held_bytes += (uint32_t)len;
    r->counters->reassembly_bytes += len;
    return true;
}

/* Adds [p->begin, end) to segment prev. False if that is not of its kind, ends elsewhere, or is
 * long enough. */
static bool segment_extend(struct reassembly *r, struct stream *s, uint32_t prev,
                           const struct piece *p, uint64_t end, bool wanted)
{
    struct segment *g = prev == POOL_NONE ? NULL : segment_at(r, prev);
    size_t len = piece_kept(p, end, wanted);

    if (!g || g->offset + g->wire_len != p->begin ||
        g->wire_len + (end - p->begin) > REASSEMBLY_SEGMENT_BYTES_MAX)
        return false;
    if (len == 0 ? g->buf != NULL : !g->buf || g->len < g->wire_len)
        return false;
    if (len > 0 && !segment_keep(r, s, g, p->data, len))
        return false;
    g->wire_len += (uint32_t)(end - p->begin);
    return true;
}

/* New segment for [p->begin, end) behind *prev (POOL_NONE: at the head), which it then is. False at
 * a bound. */
static bool segment_insert(struct reassembly *r, struct stream *s, uint32_t *prev,
                           const struct piece *p, uint64_t end, bool wanted)
{
    uint32_t i = s->held_count < REASSEMBLY_SEGMENTS_MAX ? pool_get(&r->segments) : POOL_NONE;
    size_t len = piece_kept(p, end, wanted);
    struct segment *g;

    if (i == POOL_NONE)
        return false;
    g = segment_at(r, i);
    *g = (struct segment){.offset = p->begin, .wire_len = (uint32_t)(end - p->begin)};
    if (len > 0 && !segment_keep(r, s, g, p->data, len)) {
        pool_put(&r->segments, i);
        return false;
    }
    g->next = *prev == POOL_NONE ? s->held_head : segment_at(r, *prev)->next;
    if (*prev == POOL_NONE)
        s->held_head = i;
    else
        segment_at(r, *prev)->next = i;
    s->held_count++;
    *prev = i;
    return true;
}

static void piece_advance(struct piece *p, uint64_t to)
{
    if (p->data && to < p->have_end)
        p->data += to - p->begin;
    else
        p->data = NULL;
    p->begin = to;
}

/* Whether bytes [p->begin, end) differ from what segment g holds for them. */
static bool segment_differs(const struct segment *g, const struct piece *p, uint64_t end)
{
    uint64_t have = g->offset + g->len;

    if (have > end)
        have = end;
    if (have > p->have_end)
        have = p->have_end;
    return g->buf && p->data && have > p->begin &&
           memcmp(g->buf + (p->begin - g->offset), p->data, (size_t)(have - p->begin)) != 0;
}

/* Holds what of *p is not held yet. Returns REASSEMBLY_ flags; *p is what a bound left over. */
static unsigned stream_hold(struct reassembly *r, struct stream *s, struct piece *p,
                            const struct reassembly_out *out)
{
    uint32_t prev = POOL_NONE, i = s->held_head;
    unsigned flags = 0;

    while (p->begin < p->end) {
        const struct segment *g = i == POOL_NONE ? NULL : segment_at(r, i);
        uint64_t end = p->end;

        if (g && g->offset + g->wire_len <= p->begin) {
            prev = i;
            i = g->next;
            continue;
        }
        if (g && g->offset <= p->begin) {
            if (end > g->offset + g->wire_len)
                end = g->offset + g->wire_len;
            flags |= REASSEMBLY_RETRANSMIT;
            if (segment_differs(g, p, end))
                flags |= REASSEMBLY_INCONSISTENT;
            piece_advance(p, end);
            continue;
        }
        if (g && end > g->offset)
            end = g->offset;
        if (!(!out->blind && segment_extend(r, s, prev, p, end, out->wanted)) &&
            !segment_insert(r, s, &prev, p, end, out->wanted))
            return flags | REASSEMBLY_BOUND;
        piece_advance(p, end);
    }
    return flags;
}

/* Places *p: delivers, turns acknowledged holes into gaps, holds the rest. */
static unsigned stream_place(struct reassembly *r, struct stream *s, struct piece *p,
                             struct reassembly_out *out)
{
    unsigned flags = 0;

    for (;;) {
        uint64_t held = first_held(r, s);

        if (p->begin < p->end && p->begin < s->next) {
            flags |= REASSEMBLY_RETRANSMIT;
            piece_advance(p, s->next < p->end ? s->next : p->end);
        }
        if (p->begin >= p->end)
            return flags;
        if (p->begin == s->next) {
            uint64_t end = p->end < held ? p->end : held;
            uint64_t have = p->have_end < end ? p->have_end : end;

            stream_deliver(s, out->wanted ? p->data : NULL, have > p->begin ? have - p->begin : 0,
                           end - p->begin, out);
            piece_advance(p, end);
        } else if (s->acked >= p->begin || s->acked >= held) {
            stream_gap(r, s, held < p->begin ? held : p->begin, out);
        } else {
            unsigned held_flags = stream_hold(r, s, p, out);

            flags |= held_flags;
            if (!(held_flags & REASSEMBLY_BOUND) &&
                !(out->blind && s->held_count > REASSEMBLY_BLIND_MAX))
                return flags;
            flags |= REASSEMBLY_BOUND;
            r->counters->reassembly_bound++;
            held = first_held(r, s);
            stream_gap(r, s, held < p->begin ? held : p->begin, out);
        }
        stream_drain(r, s, out);
    }
}

unsigned reassembly_segment(struct reassembly *r, struct stream *s, const struct reassembly_in *in,
                            struct reassembly_out *out)
{
    struct piece p;
    uint64_t begin;
    unsigned flags, behind;

    reassembly_start(s, in->seq);
    if (!stream_offset(s, in->seq, &begin))
        return REASSEMBLY_RETRANSMIT | REASSEMBLY_BEHIND | REASSEMBLY_UNDERFLOW;
    if (!stream_believes(s, begin, in))
        return 0;
    p = (struct piece){begin, begin + in->wire_len, begin + in->len, in->data};
    behind = p.end <= s->top ? REASSEMBLY_BEHIND : 0;
    if (p.end > s->top)
        s->top = p.end;
    if (begin == s->next && s->held_head == POOL_NONE) {
        stream_deliver(s, in->data, in->len, in->wire_len, out);
        return behind;
    }
    flags = stream_place(r, s, &p, out) | behind;
    if (flags & REASSEMBLY_RETRANSMIT)
        r->counters->reassembly_overlaps++;
    return flags;
}

void reassembly_sent(struct stream *s, uint32_t seq)
{
    uint64_t offset;

    if (s->started && !s->fin && stream_offset(s, seq, &offset) && offset > s->top &&
        offset <= s->top + REASSEMBLY_JUMP_MAX)
        s->top = offset;
}

unsigned reassembly_ack(struct reassembly *r, struct stream *s, uint32_t ack,
                        struct reassembly_out *out)
{
    uint64_t offset;
    bool unseen;

    if (!s->started)
        return 0;
    /* The number before the first byte is that of the SYN. */
    if (!stream_offset(s, ack, &offset))
        return stream_offset(s, ack + 1, &offset) ? 0 : REASSEMBLY_ACK_UNDERFLOW;
    if (offset <= s->acked || offset > s->top + REASSEMBLY_JUMP_MAX)
        return 0;
    s->acked = offset;
    /* One more than the last byte may be a FIN that was not captured. */
    unseen = offset > s->next + 1 || (offset > s->next && s->held_head != POOL_NONE);
    while (first_held(r, s) <= s->acked) {
        stream_gap(r, s, first_held(r, s), out);
        stream_drain(r, s, out);
    }
    return unseen ? REASSEMBLY_ACK_UNSEEN : 0;
}

void reassembly_fin(struct stream *s, uint32_t seq)
{
    uint64_t offset;

    reassembly_start(s, seq);
    if (!stream_offset(s, seq, &offset) || offset < s->top || offset > s->top + REASSEMBLY_JUMP_MAX)
        return;
    /* Some stacks number a FIN that they send again behind the first one. */
    if (s->fin && offset == s->top + 1)
        return;
    s->fin = true;
    s->top = offset;
}

bool reassembly_ended(struct stream *s)
{
    if (!s->fin || s->ended || s->next < s->top)
        return false;
    s->ended = true;
    return true;
}

void reassembly_skip(struct reassembly *r, struct stream *s, uint64_t to)
{
    while (first_held(r, s) <= to) {
        struct segment *g = segment_at(r, s->held_head);

        if (to < g->offset + g->wire_len)
            to = g->offset + g->wire_len;
        s->held_head = g->next;
        segment_free(r, s, g);
    }
    s->next = to;
    if (s->top < to)
        s->top = to;
}

void reassembly_flush(struct reassembly *r, struct stream *s, struct reassembly_out *out)
{
    uint64_t end = s->acked;

    while (s->held_head != POOL_NONE) {
        if (first_held(r, s) > s->next)
            stream_gap(r, s, first_held(r, s), out);
        stream_drain(r, s, out);
    }
    if (s->fin && end > s->top)
        end = s->top;
    if (end > s->next + (s->fin ? 0 : 1))
        stream_gap(r, s, end, out);
}
