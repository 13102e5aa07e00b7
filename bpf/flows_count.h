/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Counting a packet in the value of its flow (bpf/flows.h). */
#ifndef SPLIFF_BPF_FLOWS_COUNT_H
#define SPLIFF_BPF_FLOWS_COUNT_H

#include "bpf/packet.h"

#define FLOWS_SEQ_TRIES 4 /* to move seq_end on while other CPUs do */

/* What lies no further back than this was sent before: no sender keeps more. A note that is further
 * ahead is not: gigabytes went by another CPU. */
#define FLOWS_RESENT_BYTES (1u << 28)

/* Whose a value is: what nobody else adds to meanwhile needs no atomic instructions. */
enum flows_of { FLOWS_OF_CPU, FLOWS_OF_ALL };

static __always_inline _Bool flows_has(const struct flows_value *v, __u32 flag,
                                       const struct packet *p)
{
    return (v->flags & flag << p->from) != 0;
}

/* Not written without need: other CPUs may read beside it. */
static __always_inline void flows_set(struct flows_value *v, __u32 flag, const struct packet *p,
                                      const enum flows_of of)
{
    if (flows_has(v, flag, p))
        return;
    if (of == FLOWS_OF_CPU)
        v->flags |= flag << p->from;
    else
        __sync_fetch_and_or(&v->flags, flag << p->from);
}

static __always_inline void flows_add(__u32 *to, __u32 n, const enum flows_of of)
{
    if (of == FLOWS_OF_CPU)
        *to += n;
    else
        __sync_fetch_and_add(to, n);
}

static __always_inline void flows_add_long(__u64 *to, __u64 n, const enum flows_of of)
{
    if (of == FLOWS_OF_CPU)
        *to += n;
    else
        __sync_fetch_and_add(to, n);
}

/* Notes where a direction has come to. Returns how many of the segment's bytes lie behind that; 0:
 * all were sent before. */
static __always_inline __u32 flows_note_seq(struct flows_value *v, struct flows_end *e,
                                            const struct packet *p, const enum flows_of of)
{
    __u32 seq_end = p->seq + p->payload_bytes, bytes = p->payload_bytes;

    for (int i = 0; i < FLOWS_SEQ_TRIES; i++) {
        __u32 before = *(volatile __u32 *)&e->seq_end;

        if (flows_has(v, FLOWS_SEQ, p) && before - seq_end < FLOWS_RESENT_BYTES)
            return 0;
        bytes = p->payload_bytes;
        if (flows_has(v, FLOWS_SEQ, p) && seq_end - before < bytes)
            bytes = seq_end - before;
        if (of == FLOWS_OF_CPU) {
            e->seq_end = seq_end;
            break;
        }
        if (__sync_val_compare_and_swap(&e->seq_end, before, seq_end) == before)
            break;
    }
    flows_set(v, FLOWS_SEQ, p, of);
    return bytes;
}

static __always_inline void flows_count_segment(struct flows_value *v, struct flows_end *e,
                                                const struct packet *p, const enum flows_of of)
{
    __u32 bytes;

    if (p->window == 0)
        flows_add(&e->zero_windows, 1, of);
    if (p->payload_bytes == 0)
        flows_set(v, FLOWS_ACK, p, of);
    else if ((bytes = flows_note_seq(v, e, p, of)) > 0) {
        *(p->from ? &v->seq_time[1] : &v->seq_time[0]) = (__u32)(e->last_ns >> FLOWS_TIME_SHIFT);
        /* Last: who reads meanwhile must not find it ahead of the others. */
        flows_add_long(&e->payload_bytes, bytes, of);
    } else
        flows_add(&e->resent, 1, of);
}

/* The coarse clock, which is right to some ms, moves with the kernel's ticks, and to read those
 * costs nothing: it is asked when there was one. */
static __always_inline void flows_note_time(struct flows_end *e)
{
    __u32 tick = (__u32)bpf_jiffies64();

    if (e->tick == tick && e->last_ns > 0)
        return;
    e->tick = tick;
    e->last_ns = bpf_ktime_get_coarse_ns();
}

static __always_inline void flows_count(struct flows_value *v, const struct packet *p,
                                        const enum flows_of of)
{
    struct flows_end *e = p->from ? &v->end[1] : &v->end[0];

    flows_add_long(&e->packets, 1, of);
    flows_add_long(&e->ip_bytes, p->ip_bytes, of);
    flows_note_time(e);
    if (p->key.proto == PACKET_TCP)
        flows_count_segment(v, e, p, of);
    else
        flows_add_long(&e->payload_bytes, p->payload_bytes, of);
}

/* A handshake of QUIC, or any other packet with a long header (RFC 8999 section 5.1). */
static __always_inline _Bool flows_is_quic_long(const struct packet_view *v, const struct packet *p)
{
    PACKET_BYTES(first, 1);

    return p->key.proto == PACKET_UDP && !p->short_header && p->payload_bytes > 0 &&
           packet_load(v, p->payload_offset, first, 1) && (first[0] & 0x80);
}

/* Whether this packet of a shunted flow goes up all the same: it begins or ends something. */
static __always_inline _Bool flows_must_rise(const struct flows_shunt *s,
                                             const struct packet_view *view, const struct packet *p)
{
    __u32 rise_seq = p->from ? s->rise_seq[1] : s->rise_seq[0];

    if (p->key.proto != PACKET_TCP)
        return flows_is_quic_long(view, p);
    if (p->tcp_flags & (PACKET_SYN | PACKET_FIN | PACKET_RST))
        return 1;
    return (s->rises & 1 << p->from) && (__s32)(p->seq + p->payload_bytes - rise_seq) >= 0;
}

/* What is shunted at all, of a SHUNTED_MAP; NULL: nothing. */
static __always_inline const volatile struct flows_shunted *flows_any(void *map)
{
    __u32 zero = 0;
    const volatile struct flows_shunted *s = bpf_map_lookup_elem(map, &zero);

    return s && s->n > 0 ? s : NULL;
}

/* What the worker wants of the flow, as far as it is known here. False: it is not shunted. */
static __always_inline _Bool flows_ask(struct flows_kept *f, void *shunts,
                                       const volatile struct flows_shunted *any,
                                       const struct packet *p)
{
    __u32 changes = any->changes; /* before the look: what changes after it is not in `changes` */
    const struct flows_shunt *s;

    if (f->answer != FLOWS_UNASKED && f->changes == changes)
        return f->answer == FLOWS_SHUNTED;
    s = bpf_map_lookup_elem(shunts, &p->key);
    if (s)
        f->how = *s;
    f->changes = changes;
    f->answer = s ? FLOWS_SHUNTED : FLOWS_NOT_SHUNTED;
    return s != NULL;
}

/* True if the packet's flow is in the map of what is shunted and the packet was counted in the
 * other one: it does not go up. */
static __always_inline _Bool flows_take(const volatile struct flows_shunted *any, void *shunts,
                                        void *flows, const struct packet_view *view,
                                        const struct packet *p, const enum flows_of of)
{
    struct flows_kept *f = bpf_map_lookup_elem(flows, &p->key);

    if (!f || !flows_ask(f, shunts, any, p) || flows_must_rise(&f->how, view, p))
        return 0;
    flows_count(&f->counted, p, of);
    return 1;
}

#endif
