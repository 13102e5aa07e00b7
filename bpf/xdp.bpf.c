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
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
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

/* A packet that the interface is yet to cut, or that was put together of several: they are counted
 * as they are on the wire. Its bytes are its own, the headers of all but the first are added. */
static __always_inline void count_segments(struct xdp_flow *f, const struct packet *p, __u32 n)
{
    struct flows_end *e = p->from ? &f->counted.end[1] : &f->counted.end[0];

    if (n < 2 || !xdp_config.segments)
        return;
    __sync_fetch_and_add(&e->packets, n - 1);
    __sync_fetch_and_add(&e->ip_bytes, (__u64)(n - 1) * (p->ip_bytes - p->payload_bytes));
}

static __always_inline __u32 walk(const struct packet_view *v)
{
    __u32 hash;

    return walk_hash(v, xdp_config.seed, &hash) ? hash : 0; /* what is not IP: the first worker's */
}

/* Functions that the verifier looks at for themselves, and not again for each way to them. What the
 * packets of a long flow need is not among them: that is one piece of code, and a short one. */
__noinline int spliff_xdp_left_out(struct xdp_md *ctx)
{
    struct packet_view v = {.ctx = ctx, .hook = PACKET_XDP};

    return (int)prefilter(&v);
}

__noinline int spliff_tc_left_out(struct __sk_buff *skb)
{
    struct packet_view v = {.ctx = skb, .hook = PACKET_TC, .bytes = skb->len, .l3 = xdp_config.l3};

    return (int)prefilter(&v);
}

__noinline int spliff_xdp_parse(struct xdp_md *ctx, struct packet *p)
{
    struct packet_view v = {.ctx = ctx, .hook = PACKET_XDP};

    return p && packet_parse_other(&v, p) == PACKET_FLOW;
}

/* Headers may be in several pieces, though they seldom are. */
__noinline int spliff_tc_parse(struct __sk_buff *skb, struct packet *p)
{
    struct packet_view v = {.ctx = skb, .hook = PACKET_TC, .bytes = skb->len, .l3 = xdp_config.l3};
    struct packet_view far = packet_far(&v);

    return p &&
           (packet_parse_other(&v, p) == PACKET_FLOW || packet_parse_other(&far, p) == PACKET_FLOW);
}

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

/* p: NULL if it is no packet of a flow */
__noinline int spliff_xdp_send(struct xdp_md *ctx, __u32 hash, const struct packet *p)
{
    struct packet_view v = {
        .ctx = ctx, .hook = PACKET_XDP_FAR, .bytes = (__u32)bpf_xdp_get_buff_len(ctx)};
    struct xdp_head head = {.event.hash = hash};

    return xdp_ring_send(&v, &head, p);
}

__noinline int spliff_tc_send(struct __sk_buff *skb, __u32 hash, const struct packet *p,
                              __u32 outgoing)
{
    struct packet_view v = {
        .ctx = skb, .hook = PACKET_TC_FAR, .bytes = skb->len, .l3 = xdp_config.l3};
    struct xdp_head head = {.event = {.hash = hash,
                                      .outgoing = outgoing != 0,
                                      .vlan_tci = skb->vlan_present ? (__u16)skb->vlan_tci : 0}};

    return xdp_ring_send(&v, &head, p);
}

/* A packet of a flow goes up, or is counted: so too if the ring is full. */
__noinline int spliff_xdp_judge(struct xdp_md *ctx, struct packet *p)
{
    struct packet_view v = {.ctx = ctx, .hook = PACKET_XDP_FAR};
    struct xdp_flow *f = p ? flow_of(p) : NULL;

    if (!p)
        return 0;
    if (f && !xdp_flow_rises(f, &v, p))
        flows_count(&f->counted, p, FLOWS_OF_ALL);
    else if (spliff_xdp_send(ctx, packet_hash(p, xdp_config.seed), p))
        xdp_flow_rose(f, p);
    else if (f)
        flows_count(&f->counted, p, FLOWS_OF_ALL);
    return 0;
}

__noinline int spliff_tc_judge(struct __sk_buff *skb, struct packet *p, __u32 outgoing)
{
    struct packet_view v = {
        .ctx = skb, .hook = PACKET_TC_FAR, .bytes = skb->len, .l3 = xdp_config.l3};
    struct xdp_flow *f = p ? flow_of(p) : NULL;

    if (!p)
        return 0;
    if (f)
        count_segments(f, p, skb->gso_segs);
    if (f && !xdp_flow_rises(f, &v, p))
        flows_count(&f->counted, p, FLOWS_OF_ALL);
    else if (spliff_tc_send(skb, packet_hash(p, xdp_config.seed), p, outgoing))
        xdp_flow_rose(f, p);
    else if (f)
        flows_count(&f->counted, p, FLOWS_OF_ALL);
    return 0;
}

/* The host goes on with the frame: here, or on the CPU that has the flows with this hash. */
static __always_inline int pass_on(const struct packet *p)
{
    __u32 n = xdp_config.n_cpus, at;

    if (n == 0)
        return XDP_PASS;
    /* The compiler knows that it is in bounds, the verifier does not. */
    at = packet_forget(packet_hash(p, xdp_config.seed) % n);
    return at < XDP_CPUS_MAX ? (int)bpf_redirect_map(&xdp_cpus, xdp_config.cpu[at], XDP_PASS)
                             : XDP_PASS;
}

SEC("xdp.frags")
int spliff_xdp(struct xdp_md *ctx)
{
    struct packet_view v = {.ctx = ctx, .hook = PACKET_XDP};
    struct packet p = {};
    struct xdp_flow *f;
    int left_out;

    if (prefilter_is_on() && (left_out = spliff_xdp_left_out(ctx)) != 0)
        return left_out == 1 + PREFILTER_DROPPED ? XDP_DROP : XDP_PASS;
    if (!packet_parse_usual(&v, &p) && !spliff_xdp_parse(ctx, &p)) {
        spliff_xdp_send(ctx, (__u32)spliff_xdp_walk(ctx), NULL);
        return XDP_PASS;
    }
    f = bpf_map_lookup_elem(&xdp_flows, &p.key);
    if (f && xdp_flow_is_quiet(f, &p))
        flows_count(&f->counted, &p, FLOWS_OF_ALL);
    else
        spliff_xdp_judge(ctx, &p);
    return pass_on(&p);
}

static __always_inline int look_tc(struct __sk_buff *skb, __u32 outgoing)
{
    struct packet_view v = {.ctx = skb, .hook = PACKET_TC, .bytes = skb->len, .l3 = xdp_config.l3};
    struct packet p = {};
    struct xdp_flow *f;
    int left_out;

    if (prefilter_is_on() && (left_out = spliff_tc_left_out(skb)) != 0)
        return left_out == 1 + PREFILTER_DROPPED && !outgoing ? TC_ACT_SHOT : TC_ACT_UNSPEC;
    if (!packet_parse_usual(&v, &p) && !spliff_tc_parse(skb, &p)) {
        spliff_tc_send(skb, (__u32)spliff_tc_walk(skb), NULL, outgoing);
        return TC_ACT_UNSPEC;
    }
    f = bpf_map_lookup_elem(&xdp_flows, &p.key);
    if (f && xdp_flow_is_quiet(f, &p)) {
        count_segments(f, &p, skb->gso_segs);
        flows_count(&f->counted, &p, FLOWS_OF_ALL);
    } else {
        spliff_tc_judge(skb, &p, outgoing);
    }
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
