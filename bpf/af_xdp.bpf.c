/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode af_xdp: each frame goes to the socket of the queue that it came in by, with a note in front
 * (bpf/af_xdp.h) that spares the worker the time and the hash. Packets of shunted flows are counted
 * and end here. A queue without a socket leaves its frames to the host.
 *
 * What the first bytes say is left to the worker: it looks once in a flow, where a program without
 * memory of flows would have to look in every packet. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#include "bpf/af_xdp.h"
#include "bpf/flows_count.h"
#include "bpf/flows_maps.h"
#include "bpf/packet.h"
#include "bpf/prefilter.h"

const volatile __u32 af_xdp_seed = 0;

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, 1); /* the loader's: the queues */
    __type(key, __u32);
    __type(value, __u32);
} af_xdp_sockets SEC(".maps");

FLOWS_MAP(af_xdp_flows);

SHUNTS_MAP(af_xdp_shunts);

SHUNTED_MAP(af_xdp_shunted);

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1); /* the loader's, as above */
    __uint(map_flags, BPF_F_MMAPABLE);
    __type(key, __u32);
    __type(value, struct af_xdp_queue);
} af_xdp_queues SEC(".maps");

static __always_inline __u32 clock_time(void)
{
    return (__u32)(bpf_ktime_get_ns() >> AF_XDP_TIME_SHIFT);
}

/* Frames of one queue come one after the other; where they do not, some have the same time. */
static __always_inline __u32 note_time(__u32 index)
{
    volatile struct af_xdp_queue *q = bpf_map_lookup_elem(&af_xdp_queues, &index);
    __u32 tick = (__u32)bpf_jiffies64(), behind, left, time;

    if (!q)
        return clock_time();
    behind = q->behind;
    left = q->left;
    if (behind > 0 && left > 0 && left < AF_XDP_CLOCK_FRAMES && q->tick == tick) {
        q->behind = behind - 1;
        q->left = left - 1;
        time = q->time + 1;
        q->time = time;
        return time;
    }
    time = clock_time();
    q->time = time;
    q->tick = tick;
    q->left = AF_XDP_CLOCK_FRAMES - 1;
    return time;
}

/* Not all drivers leave room in front of a frame; then the worker does without the note. */
static __always_inline void write_note(struct xdp_md *ctx, const struct af_xdp_note *note)
{
    struct af_xdp_note *at;

    if (bpf_xdp_adjust_meta(ctx, -(int)sizeof *note) != 0)
        return;
    at = (void *)(long)ctx->data_meta;
    if ((void *)(at + 1) > (void *)(long)ctx->data)
        return;
    *at = *note;
}

/* The hash alone. False: packet_parse() has to look. */
static __always_inline _Bool hash_usual(const struct xdp_md *ctx, __u32 *hash)
{
    const __u8 *h = (const __u8 *)(long)ctx->data, *end = (const __u8 *)(long)ctx->data_end;

    if (h + PACKET_USUAL_BYTES > end || packet_usual_header(h, end - h - 14) == 0)
        return 0;
    *hash = packet_usual_hash(h, af_xdp_seed);
    return 1;
}

SEC("xdp.frags")
int spliff_af_xdp(struct xdp_md *ctx)
{
    struct packet_view view = {.ctx = ctx, .hook = PACKET_XDP};
    const volatile struct flows_shunted *any = flows_any(&af_xdp_shunted);
    struct af_xdp_note note = {.mark = AF_XDP_MARK ^ af_xdp_seed};
    struct packet p = {};

    if (prefilter(&view))
        return XDP_DROP;
    if (!any && hash_usual(ctx, &note.hash)) {
        note.mark ^= AF_XDP_HASHED;
    } else if (packet_parse(&view, &p) == PACKET_FLOW) {
        if (any && flows_take(any, &af_xdp_shunts, &af_xdp_flows, &view, &p,
                              flows_preempted ? FLOWS_OF_ALL : FLOWS_OF_CPU))
            return XDP_DROP;
        note.hash = packet_hash(&p, af_xdp_seed);
        note.mark ^= AF_XDP_HASHED;
    }
    note.time = note_time(ctx->rx_queue_index);
    write_note(ctx, &note);
    return (int)bpf_redirect_map(&af_xdp_sockets, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
