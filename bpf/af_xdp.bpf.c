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

SEC("xdp.frags")
int spliff_af_xdp(struct xdp_md *ctx)
{
    struct packet_view view = {.ctx = ctx, .hook = PACKET_XDP};
    const volatile struct flows_shunted *any;
    struct af_xdp_note note = {.mark = AF_XDP_MARK ^ af_xdp_seed};
    struct packet p = {};

    if (prefilter(&view))
        return XDP_DROP;
    if (packet_parse(&view, &p) == PACKET_FLOW) {
        any = flows_any(&af_xdp_shunted);
        if (any && flows_take(any, &af_xdp_shunts, &af_xdp_flows, &view, &p,
                              flows_preempted ? FLOWS_OF_ALL : FLOWS_OF_CPU))
            return XDP_DROP;
        note.hash = packet_hash(&p, af_xdp_seed);
        note.mark ^= AF_XDP_HASHED;
    }
    note.time = (__u32)(bpf_ktime_get_ns() >> AF_XDP_TIME_SHIFT);
    write_note(ctx, &note);
    return (int)bpf_redirect_map(&af_xdp_sockets, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
