/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Frames into the ring buffer of the worker that owns them.
 *
 * A ring gives out space of sizes that the verifier must know, so there is a size for each
 * doubling: a frame wastes at most half of its space, and is copied once. Where there is a probe,
 * each has room for processes, known or not, so that there are no more sizes than that. */
#ifndef SPLIFF_BPF_XDP_RING_H
#define SPLIFF_BPF_XDP_RING_H

#include "bpf/xdp_stream.h"

/* Bucket of the flow hash -> the worker's number. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FLOW_BUCKETS);
    __type(key, __u32);
    __type(value, __u32);
} xdp_owner SEC(".maps");

/* Sizes are the loader's: all rings are of one, and there is one a worker. */
struct xdp_ring {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
};
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 1);
    __type(key, __u32);
    __array(values, struct xdp_ring);
} xdp_rings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XDP_STATS);
    __type(key, __u32);
    __type(value, __u64);
} xdp_stats SEC(".maps");

static __always_inline void xdp_ring_count(__u32 worker, enum xdp_stat stat)
{
    __u32 key = worker * XDP_STATS + stat;
    __u64 *n = bpf_map_lookup_elem(&xdp_stats, &key);

    if (n)
        ++*n;
}

static __always_inline long xdp_ring_copy(const struct packet_view *v, void *to, __u32 bytes)
{
    return v->hook <= PACKET_XDP_FAR ? bpf_xdp_load_bytes(v->ctx, 0, to, bytes)
                                     : bpf_skb_load_bytes(v->ctx, 0, to, bytes);
}

/* What goes before the frame. */
struct xdp_head {
    struct xdp_event event;
    struct xdp_processes processes; /* if xdp_config.processes */
};

static __always_inline __u32 xdp_ring_head_bytes(void)
{
    return xdp_config.processes ? sizeof(struct xdp_head) : sizeof(struct xdp_event);
}

/* With room (a constant) for the frame. False if the ring has none. */
static __always_inline _Bool xdp_ring_put(void *ring, const struct packet_view *v,
                                          const struct xdp_head *head, const __u32 room)
{
    struct xdp_head *e = bpf_ringbuf_reserve(ring, xdp_ring_head_bytes() + room, 0);
    __u64 bytes = head->event.bytes;

    if (!e)
        return 0;
    e->event = head->event;
    if (xdp_config.processes)
        e->processes = head->processes;
    __asm__ volatile("" : "+r"(bytes)); /* so that what is compared is what is handed on */
    if (bytes == 0 || bytes > room ||
        xdp_ring_copy(v, (void *)e + xdp_ring_head_bytes(), (__u32)bytes) != 0) {
        bpf_ringbuf_discard(e, 0);
        return 0;
    }
    bpf_ringbuf_submit(e, 0);
    return 1;
}

static __always_inline _Bool xdp_ring_put_sized(void *ring, const struct packet_view *v,
                                                const struct xdp_head *head)
{
    const __u32 bytes = head->event.bytes;

    if (bytes <= 128)
        return xdp_ring_put(ring, v, head, 128);
    if (bytes <= 256)
        return xdp_ring_put(ring, v, head, 256);
    if (bytes <= 512)
        return xdp_ring_put(ring, v, head, 512);
    if (bytes <= 1024)
        return xdp_ring_put(ring, v, head, 1024);
    if (bytes <= 2048)
        return xdp_ring_put(ring, v, head, 2048);
    if (bytes <= 4096)
        return xdp_ring_put(ring, v, head, 4096);
    if (bytes <= 8192)
        return xdp_ring_put(ring, v, head, 8192);
    if (bytes <= 16384)
        return xdp_ring_put(ring, v, head, 16384);
    if (bytes <= 32768)
        return xdp_ring_put(ring, v, head, 32768);
    return xdp_ring_put(ring, v, head, XDP_FRAME_MAX);
}

/* Sends the frame to the owner of head->event.hash; p: NULL if it is no packet of a flow. False,
 * counted, if its ring is full. */
static __always_inline _Bool xdp_ring_send(const struct packet_view *v, struct xdp_head *head,
                                           const struct packet *p)
{
    __u32 bucket = head->event.hash % FLOW_BUCKETS, worker;
    __u32 *owner = bpf_map_lookup_elem(&xdp_owner, &bucket);
    void *ring;

    if (!owner)
        return 0;
    worker = *owner;
    ring = bpf_map_lookup_elem(&xdp_rings, &worker);
    if (!ring)
        return 0;
    head->event.ts_ns = bpf_ktime_get_ns();
    head->event.wire_bytes = v->bytes;
    head->event.bytes = v->bytes < XDP_FRAME_MAX ? v->bytes : XDP_FRAME_MAX;
    head->event.hashed = p != NULL;
    head->event.processes = xdp_config.processes != 0;
    if (p && p->key.proto == PACKET_TCP && xdp_config.processes)
        xdp_processes_find(&head->processes, p);
    if (!xdp_ring_put_sized(ring, v, head)) {
        xdp_ring_count(worker, XDP_STAT_RING_FULL);
        return 0;
    }
    xdp_ring_count(worker, XDP_STAT_UP);
    return 1;
}

#endif
