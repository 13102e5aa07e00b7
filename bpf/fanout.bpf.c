/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* PACKET_FANOUT_EBPF: which socket of the group gets a packet.
 *
 * The same flow hash as decode computes, from the packet as the kernel has it at that point: it may
 * be incoming (data begins at the network header) or outgoing (data begins at the link header), so
 * offsets are relative to the headers that the kernel has marked. On Ethernet the walk starts at
 * the link header, because the network mark stands behind the tag of some tagged frames and in
 * front of it in others.
 *
 * All fragments of a datagram go by addresses alone, since only the first has ports. What is not IP
 * goes to the first socket. */
#include "bpf/stubs.h"

#include <bpf/bpf_helpers.h>

#include "bpf/shared.h"
#include "common/base/flow_hash.h"
#include "common/base/icmp_port.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

#define PROTO_HOPOPTS  0
#define PROTO_ICMP     1
#define PROTO_TCP      6
#define PROTO_UDP      17
#define PROTO_ROUTING  43
#define PROTO_FRAGMENT 44
#define PROTO_AH       51
#define PROTO_ICMPV6   58
#define PROTO_DSTOPTS  60

const volatile __u32 fanout_seed = 0;
const volatile _Bool fanout_ethernet = 1;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, FLOW_BUCKETS);
    __type(key, __u32);
    __type(value, __u32);
} fanout_member SEC(".maps");

/* Where the walk stands in a packet. */
struct walk {
    struct __sk_buff *skb;
    __u32 start; /* the mark that offsets are relative to */
    __u32 offset;
    __u32 proto;
    _Bool fragment;
};

static __always_inline _Bool load(const struct walk *w, __u32 more, void *to, __u32 bytes)
{
    return bpf_skb_load_bytes_relative(w->skb, w->offset + more, to, bytes, w->start) == 0;
}

static __always_inline __u16 be16(const __u8 *p)
{
    return (__u16)(p[0] << 8 | p[1]);
}

/* Steps over the link header and its VLAN tags. Returns the Ethernet type, 0 if there is none. */
static __always_inline __u16 link_type(struct walk *w)
{
    __u8 b[4];
    __u16 type;

    if (!fanout_ethernet) {
        w->start = BPF_HDR_START_NET;
        if (!load(w, 0, b, 1))
            return 0;
        return b[0] >> 4 == 4 ? ETHERTYPE_IPV4 : b[0] >> 4 == 6 ? ETHERTYPE_IPV6 : 0;
    }
    w->start = BPF_HDR_START_MAC;
    if (!load(w, 12, b, 2))
        return 0;
    type = be16(b);
    w->offset = 14;
#pragma unroll
    for (int i = 0; i < FLOW_LINK_LAYERS; i++) {
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            break;
        if (!load(w, 0, b, 4))
            return 0;
        type = be16(b + 2);
        w->offset += 4;
    }
    return type;
}

/* Ports in host order, as decode finds them; both 0 where a protocol has none. */
static __always_inline void load_ports(const struct walk *w, __u32 port[2])
{
    __u8 b[4];
    int counterpart;

    port[0] = port[1] = 0;
    if (w->fragment)
        return;
    if (w->proto != PROTO_TCP && w->proto != PROTO_UDP && w->proto != PROTO_ICMP &&
        w->proto != PROTO_ICMPV6)
        return;
    if (!load(w, 0, b, 4))
        return;
    port[0] = be16(b);
    port[1] = be16(b + 2);
    if (w->proto == PROTO_TCP || w->proto == PROTO_UDP)
        return;
    counterpart =
        w->proto == PROTO_ICMP ? icmp_port_counterpart(b[0]) : icmp_port_counterpart6(b[0]);
    port[0] = b[0];
    port[1] = counterpart == ICMP_PORT_ONE_WAY ? b[1] : (__u32)counterpart;
}

static __always_inline __u32 hash_v4(struct walk *w)
{
    __u8 h[12];
    __u32 addr[2], port[2];

    if (!load(w, 0, h, sizeof h) || !load(w, 12, addr, sizeof addr))
        return 0;
    w->proto = h[9];
    w->fragment = (be16(h + 6) & 0x3fff) != 0;
    w->offset += (h[0] & 0xf) * 4;
    load_ports(w, port);
    return flow_hash_combine(flow_hash_endpoint_v4(addr[0], port[0], fanout_seed),
                             flow_hash_endpoint_v4(addr[1], port[1], fanout_seed), w->proto);
}

/* Steps over extension headers as decode does. False if they are cut. */
static __always_inline _Bool follow_extensions(struct walk *w)
{
    for (int i = 0; i < FLOW_IPV6_EXTENSIONS; i++) {
        __u8 h[8];

        if (w->proto != PROTO_HOPOPTS && w->proto != PROTO_ROUTING && w->proto != PROTO_DSTOPTS &&
            w->proto != PROTO_AH && w->proto != PROTO_FRAGMENT)
            return 1;
        if (!load(w, 0, h, sizeof h))
            return 0;
        if (w->proto == PROTO_FRAGMENT && (be16(h + 2) & 0xfff9) != 0) {
            w->fragment = 1;
            w->proto = FANOUT_PROTO_FRAGMENT;
            return 1;
        }
        if (w->proto == PROTO_AH)
            w->offset += (h[1] + 2) * 4;
        else if (w->proto == PROTO_FRAGMENT)
            w->offset += 8;
        else
            w->offset += (h[1] + 1) * 8;
        w->proto = h[0];
    }
    return 1;
}

/* An endpoint as ipaddr.h keeps it: an IPv4-mapped address is an IPv4 address. */
static __always_inline __u32 hash_endpoint(const __u32 addr[4], __u32 port)
{
    const __u8 *b = (const __u8 *)addr;

    if (addr[0] == 0 && addr[1] == 0 && b[8] == 0 && b[9] == 0 && b[10] == 0xff && b[11] == 0xff)
        return flow_hash_endpoint_v4(addr[3], port, fanout_seed);
    return flow_hash_endpoint_v6(addr, port, fanout_seed);
}

static __always_inline __u32 hash_v6(struct walk *w)
{
    __u32 addr[8], port[2];
    __u8 proto;

    if (!load(w, 6, &proto, 1) || !load(w, 8, addr, sizeof addr))
        return 0;
    w->proto = proto;
    w->offset += 40;
    if (!follow_extensions(w))
        return 0;
    load_ports(w, port);
    return flow_hash_combine(hash_endpoint(addr, port[0]), hash_endpoint(addr + 4, port[1]),
                             w->proto);
}

SEC("socket")
int fanout(struct __sk_buff *skb)
{
    struct walk w = {.skb = skb};
    __u16 type = link_type(&w);
    __u32 bucket = 0;
    __u32 *member;

    if (type == ETHERTYPE_IPV4)
        bucket = hash_v4(&w) % FLOW_BUCKETS;
    else if (type == ETHERTYPE_IPV6)
        bucket = hash_v6(&w) % FLOW_BUCKETS;
    else
        return 0;
    member = bpf_map_lookup_elem(&fanout_member, &bucket);
    return member ? (int)*member : 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
