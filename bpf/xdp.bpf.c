/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode xdp: looks at every packet of an interface, passes all of them on, and sends to the worker
 * that owns the flow those from which something can be learned. All others are counted.
 *
 * XDP sees what comes in, tc what goes out, and on interfaces that bypass XDP tc sees both. What
 * these do is one function, compiled for either; maps are shared.
 *
 *   prefilter.h    what is left out by its addresses
 *   packet.h       headers -> five-tuple and lengths; what it does not know goes up
 *   xdp_stream.h   whether the packet goes up, by what its flow has shown so far
 *   xdp_ring.h     the frame into the ring of the owner; if that is full, it is counted after all
 *   flows_count.h  counted */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#include "bpf/prefilter.h"
#include "bpf/walk.h"
#include "bpf/xdp_ring.h"
#include "bpf/xdp_stream.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
    __uint(max_entries, 1); /* the loader's */
    __type(key, struct flows_key);
    __type(value, struct xdp_flow);
} xdp_flows SEC(".maps");

const volatile struct xdp_flow xdp_flow_new = {};

/* Where an interface has fewer queues than there are CPUs for it. */
struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __uint(max_entries, 1); /* the loader's */
    __uint(key_size, sizeof(__u32));
    __uint(value_size, 2 * sizeof(__u32));
} xdp_cpus SEC(".maps");

static __always_inline struct xdp_flow *flow_of(const struct packet *p)
{
    struct xdp_flow *f = bpf_map_lookup_elem(&xdp_flows, &p->key);

    if (f)
        return f;
    bpf_map_update_elem(&xdp_flows, &p->key, (const void *)&xdp_flow_new, BPF_NOEXIST);
    return bpf_map_lookup_elem(&xdp_flows, &p->key);
}

/* What is known of a packet that goes up. */
struct look {
    struct packet packet;
    struct xdp_flow *flow; /* NULL: none is counted */
    _Bool parsed;
};

/* True if the packet goes up; else it has been counted. */
static __always_inline _Bool look(struct look *l, const struct packet_view *v)
{
    l->parsed = packet_parse(v, &l->packet) == PACKET_FLOW;
    if (!l->parsed &&
        v->hook == PACKET_TC) { /* or its headers are not in one piece, which is rare */
        struct packet_view far = packet_far(v);

        l->parsed = packet_parse(&far, &l->packet) == PACKET_FLOW;
    }
    if (!l->parsed)
        return 1;
    l->flow = flow_of(&l->packet);
    if (!l->flow || xdp_flow_rises(l->flow, v, &l->packet))
        return 1;
    flows_count(&l->flow->counted, &l->packet);
    return 0;
}

/* A packet that the interface is yet to cut, or that was put together of several: they are counted
 * as they are on the wire. Its bytes are its own, the headers of all but the first are added. */
static __always_inline void count_segments(struct xdp_flow *f, const struct packet *p, __u32 n)
{
    struct flows_end *e = p->from ? &f->counted.end[1] : &f->counted.end[0];

    if (n < 2 || !xdp_config.segments)
        return;
    e->packets += n - 1;
    e->ip_bytes += (__u64)(n - 1) * (p->ip_bytes - p->payload_bytes);
}

static __always_inline __u32 walk(const struct packet_view *v)
{
    __u32 hash;

    return walk_hash(v, xdp_config.seed, &hash) ? hash : 0; /* what is not IP: the first worker's */
}

/* Functions that the verifier looks at for themselves, and not again for each way to them. */
__noinline int spliff_xdp_walk(struct xdp_md *ctx)
{
    struct packet_view v = {
        .ctx = ctx, .hook = PACKET_XDP_FAR, .bytes = (__u32)bpf_xdp_get_buff_len(ctx)};

    return (int)walk(&v);
}

__noinline int spliff_tc_walk(struct __sk_buff *skb)
{
    struct packet_view v = {
        .ctx = skb, .hook = PACKET_TC_FAR, .bytes = skb->len, .l3 = xdp_config.l3};

    return (int)walk(&v);
}

__noinline int spliff_xdp_send(struct xdp_md *ctx, __u32 hash, __u32 hashed)
{
    struct packet_view v = {
        .ctx = ctx, .hook = PACKET_XDP_FAR, .bytes = (__u32)bpf_xdp_get_buff_len(ctx)};
    struct xdp_event head = {.hash = hash, .hashed = hashed != 0};

    return xdp_ring_send(&v, &head);
}

__noinline int spliff_tc_send(struct __sk_buff *skb, __u32 hash, __u32 hashed, __u32 outgoing)
{
    struct packet_view v = {
        .ctx = skb, .hook = PACKET_TC_FAR, .bytes = skb->len, .l3 = xdp_config.l3};
    struct xdp_event head = {.hash = hash,
                             .hashed = hashed != 0,
                             .outgoing = outgoing != 0,
                             .vlan_tci = skb->vlan_present ? (__u16)skb->vlan_tci : 0};

    return xdp_ring_send(&v, &head);
}

/* The host goes on with the frame: here, or on the CPU that has the flows with this hash. */
static __always_inline int pass_on(__u32 hash)
{
    __u32 n = xdp_config.n_cpus, at;

    if (n == 0)
        return XDP_PASS;
    at = packet_forget(hash %
                       n); /* the compiler knows that it is in bounds, the verifier does not */
    return at < XDP_CPUS_MAX ? (int)bpf_redirect_map(&xdp_cpus, xdp_config.cpu[at], XDP_PASS)
                             : XDP_PASS;
}

SEC("xdp.frags")
int spliff_xdp(struct xdp_md *ctx)
{
    struct packet_view v = {.ctx = ctx, .hook = PACKET_XDP};
    struct look l = {};
    __u32 hash, left_out = prefilter(&v);
    _Bool rises;

    if (left_out)
        return left_out == 1 + PREFILTER_DROPPED ? XDP_DROP : XDP_PASS;
    rises = look(&l, &v);
    if (!rises && xdp_config.n_cpus == 0)
        return XDP_PASS;
    hash = l.parsed ? packet_hash(&l.packet, xdp_config.seed) : (__u32)spliff_xdp_walk(ctx);
    if (rises && !spliff_xdp_send(ctx, hash, l.parsed) && l.flow)
        flows_count(&l.flow->counted, &l.packet);
    return l.parsed ? pass_on(hash) : XDP_PASS;
}

static __always_inline int look_tc(struct __sk_buff *skb, __u32 outgoing)
{
    struct packet_view v = {.ctx = skb, .hook = PACKET_TC, .bytes = skb->len, .l3 = xdp_config.l3};
    struct look l = {};
    __u32 hash, left_out;
    _Bool rises;

    left_out = prefilter(&v);
    if (left_out)
        return left_out == 1 + PREFILTER_DROPPED && !outgoing ? TC_ACT_SHOT : TC_ACT_UNSPEC;
    rises = look(&l, &v);
    if (l.flow)
        count_segments(l.flow, &l.packet, skb->gso_segs);
    if (!rises)
        return TC_ACT_UNSPEC;
    hash = l.parsed ? packet_hash(&l.packet, xdp_config.seed) : (__u32)spliff_tc_walk(skb);
    if (!spliff_tc_send(skb, hash, l.parsed, outgoing) && l.flow)
        flows_count(&l.flow->counted, &l.packet);
    return TC_ACT_UNSPEC;
}

SEC("tc")
int spliff_tc_in(struct __sk_buff *skb)
{
    return look_tc(skb, 0);
}

SEC("tc")
int spliff_tc_out(struct __sk_buff *skb)
{
    return look_tc(skb, 1);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
