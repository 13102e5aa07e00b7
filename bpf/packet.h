/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The headers of a packet, for the programs that count flows: XDP, tc and socket filters alike.
 *
 * What is read here is what decode reads, byte for byte, but only the usual: Ethernet with up to
 * two VLAN tags or none at all, IPv4 with options, IPv6 with extension headers, TCP and UDP.
 * Whatever else there is - labels, fragments, tunnels, other protocols - is PACKET_OTHER: it has no
 * key, is never counted, and goes to the worker, which knows what to do with it.
 *
 * A header is copied to the stack and read there: that is the same for all kinds of programs, and
 * of XDP the copy is made without a call. */
#ifndef SPLIFF_BPF_PACKET_H
#define SPLIFF_BPF_PACKET_H

#include "bpf/stubs.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/flows_key.h"
#include "common/base/flow_hash.h"
#include "common/base/tunnel_ports.h"

#define PACKET_VLAN_TAGS   2
#define PACKET_USUAL_BYTES 54 /* Ethernet, IPv4, TCP */

#define PACKET_ETHERTYPE_IPV4 0x0800
#define PACKET_ETHERTYPE_VLAN 0x8100
#define PACKET_ETHERTYPE_IPV6 0x86dd
#define PACKET_ETHERTYPE_QINQ 0x88a8

#define PACKET_HOPOPTS  0
#define PACKET_TCP      6
#define PACKET_UDP      17
#define PACKET_ROUTING  43
#define PACKET_FRAGMENT 44
#define PACKET_AH       51
#define PACKET_DSTOPTS  60

enum {
    PACKET_FIN = 0x01,
    PACKET_SYN = 0x02,
    PACKET_RST = 0x04,
    PACKET_ACK = 0x10,
};

enum packet_hook {
    PACKET_XDP,     /* struct xdp_md: what lies in front is read in place */
    PACKET_XDP_FAR, /* the same, by calls: for code with many ways through it */
    PACKET_TC,      /* struct __sk_buff, from its data on: what lies in front is read in place */
    PACKET_TC_FAR,  /* the same, by calls */
    PACKET_SOCKET,  /* struct __sk_buff, from the link header on, or from the network header */
};

/* Where bytes come from. `hook` is a constant to the compiler or, in functions of their own, to the
 * verifier, which follows constants of this size: only its branch is left. */
struct packet_view {
    void *ctx;
    __u64 hook;  /* enum packet_hook */
    __u32 bytes; /* of the frame; not of PACKET_XDP, which packet_bytes() asks for */
    __u32 l3;    /* the frame begins with the IP header */
};

/* A buffer for packet_load. */
#define PACKET_BYTES(name, n) __u8 name[n] __attribute__((aligned(8)))

enum packet_kind { PACKET_OTHER, PACKET_FLOW };

/* A TCP or UDP packet that is not a fragment. */
struct packet {
    struct flows_key key __attribute__((aligned(8)));
    __u32 from;           /* end of the key that sent it */
    __u32 payload_offset; /* from the frame's beginning */
    __u32 payload_bytes;  /* as the headers say: more than the frame has if it was cut */
    __u32 ip_bytes;
    __u32 seq;
    __u16 window;
    __u8 tcp_flags;
    __u8 short_header; /* UDP: known to be without a long header of QUIC */
};

/* By words: the compiler knows of no alignment and would go byte by byte. */
static __always_inline void packet_copy(void *to, const void *from, const __u32 bytes)
{
    __u32 at = 0;

#pragma unroll
    for (; at + 4 <= bytes; at += 4)
        *(__u32 *)(to + at) = *(const __u32 *)(from + at);
    if (bytes & 2) {
        *(__u16 *)(to + at) = *(const __u16 *)(from + at);
        at += 2;
    }
    if (bytes & 1)
        *(__u8 *)(to + at) = *(const __u8 *)(from + at);
}

static __always_inline _Bool packet_load_near(void *at, void *end, __u32 offset, void *to,
                                              const __u32 bytes)
{
    if (offset > 1024) /* headers lie in front; and the verifier wants a bound */
        return 0;
    at += offset;
    if (at + bytes > end)
        return 0;
    packet_copy(to, at, bytes);
    return 1;
}

/* Copies bytes (a constant) of the frame to the stack, aligned as PACKET_BYTES does. False if it
 * has not so many. */
static __always_inline _Bool packet_load(const struct packet_view *v, __u32 offset, void *to,
                                         const __u32 bytes)
{
    if (v->hook == PACKET_XDP) {
        const struct xdp_md *x = v->ctx;

        return packet_load_near((void *)(long)x->data, (void *)(long)x->data_end, offset, to,
                                bytes);
    }
    if (v->hook == PACKET_TC) {
        const struct __sk_buff *skb = v->ctx;

        return packet_load_near((void *)(long)skb->data, (void *)(long)skb->data_end, offset, to,
                                bytes);
    }
    if (v->hook == PACKET_XDP_FAR)
        return bpf_xdp_load_bytes(v->ctx, offset, to, bytes) == 0;
    if (v->hook == PACKET_TC_FAR)
        return bpf_skb_load_bytes(v->ctx, offset, to, bytes) == 0;
    return bpf_skb_load_bytes_relative(v->ctx, offset, to, bytes,
                                       v->l3 ? BPF_HDR_START_NET : BPF_HDR_START_MAC) == 0;
}

static __always_inline __u32 packet_bytes(const struct packet_view *v)
{
    return v->hook == PACKET_XDP ? (__u32)bpf_xdp_get_buff_len(v->ctx) : v->bytes;
}

static __always_inline __u16 packet_be16(const __u8 *p)
{
    return (__u16)(p[0] << 8 | p[1]);
}

/* The Ethernet type behind the tags, *offset is moved behind it. 0: none was found. */
static __always_inline __u16 packet_link(const struct packet_view *v, __u32 *offset)
{
    PACKET_BYTES(b, 4);
    __u16 type;

    if (v->l3) {
        if (!packet_load(v, 0, b, 1))
            return 0;
        return b[0] >> 4 == 4 ? PACKET_ETHERTYPE_IPV4 : PACKET_ETHERTYPE_IPV6;
    }
    if (!packet_load(v, 12, b, 2))
        return 0;
    type = packet_be16(b);
    *offset = 14;
    for (int i = 0; i < PACKET_VLAN_TAGS; i++) {
        if (type != PACKET_ETHERTYPE_VLAN && type != PACKET_ETHERTYPE_QINQ)
            break;
        if (!packet_load(v, *offset, b, 4))
            return 0;
        type = packet_be16(b + 2);
        *offset += 4;
    }
    return type;
}

/* TCP at offset, of wire_bytes with its payload. Returns the length of its header, 0 if it is not
 * right. */
static __always_inline __u32 packet_tcp(const struct packet_view *v, __u32 offset, __u32 wire_bytes,
                                        struct packet *p, __u8 *h)
{
    __u32 header_bytes;

    if (!packet_load(v, offset, h, 20))
        return 0;
    header_bytes = (h[12] >> 4) * 4;
    if (header_bytes < 20 || header_bytes > wire_bytes)
        return 0;
    p->seq = (__u32)packet_be16(h + 4) << 16 | packet_be16(h + 6);
    p->tcp_flags = h[13];
    p->window = packet_be16(h + 14);
    p->payload_bytes = wire_bytes - header_bytes;
    return header_bytes;
}

static __always_inline __u32 packet_udp(const struct packet_view *v, __u32 offset, __u32 wire_bytes,
                                        struct packet *p, __u8 *h)
{
    __u32 bytes;

    if (!packet_load(v, offset, h, 8))
        return 0;
    bytes = packet_be16(h + 4);
    if (bytes == 0) /* of a jumbogram, or to be segmented later */
        bytes = wire_bytes;
    if (bytes < 8 || bytes > wire_bytes || tunnel_port(packet_be16(h)) ||
        tunnel_port(packet_be16(h + 2)))
        return 0;
    p->payload_bytes = bytes - 8;
    return 8;
}

/* Makes the verifier forget what it knows of a value: ways that differ in it alone are one then. */
static __always_inline __u32 packet_forget(__u32 value)
{
    volatile __u32 x[2] __attribute__((aligned(8)));

    x[1] = value;
    return x[1];
}

static __always_inline enum packet_kind
packet_transport(const struct packet_view *v, __u32 offset, __u32 wire_bytes, __u8 proto,
                 const struct flows_address *src, const struct flows_address *dst, struct packet *p)
{
    PACKET_BYTES(h, 20);
    __u32 header_bytes = 0;

    offset = packet_forget(offset);
    wire_bytes = packet_forget(wire_bytes);
    if (proto == PACKET_TCP)
        header_bytes = packet_tcp(v, offset, wire_bytes, p, h);
    else if (proto == PACKET_UDP)
        header_bytes = packet_udp(v, offset, wire_bytes, p, h);
    if (header_bytes == 0)
        return PACKET_OTHER;
    p->key.proto = proto;
    p->payload_offset = offset + header_bytes;
    p->from = flows_key_set(&p->key, src, dst, packet_be16(h), packet_be16(h + 2));
    return PACKET_FLOW;
}

static __always_inline enum packet_kind packet_ipv4(const struct packet_view *v, __u32 offset,
                                                    struct packet *p)
{
    struct flows_address src = {{0, 0, bpf_htonl(0xffff)}}, dst = src;
    union {
        PACKET_BYTES(b, 20);
        __u32 word[5];
    } h;
    __u32 header_bytes, left = packet_bytes(v) - offset;

    if (!packet_load(v, offset, h.b, sizeof h.b) || h.b[0] < 0x45 || h.b[0] > 0x4f)
        return PACKET_OTHER;
    header_bytes = (h.b[0] & 0xf) * 4;
    p->ip_bytes = packet_be16(h.b + 2);
    if (p->ip_bytes == 0 || p->ip_bytes > left) /* to be segmented later; or cut, as decode does */
        p->ip_bytes = left;
    if (p->ip_bytes < header_bytes || (packet_be16(h.b + 6) & 0x3fff) != 0)
        return PACKET_OTHER;
    src.word[3] = h.word[3];
    dst.word[3] = h.word[4];
    return packet_transport(v, offset + header_bytes, p->ip_bytes - header_bytes, h.b[9], &src,
                            &dst, p);
}

/* Steps over an extension header, of which h are the first bytes. Returns its length. */
static __always_inline __u32 packet_extension_bytes(__u8 proto, const __u8 *h)
{
    return proto == PACKET_AH ? (h[1] + 2) * 4 : proto == PACKET_FRAGMENT ? 8 : (h[1] + 1) * 8;
}

static __always_inline _Bool packet_is_extension(__u8 proto)
{
    return proto == PACKET_HOPOPTS || proto == PACKET_ROUTING || proto == PACKET_DSTOPTS ||
           proto == PACKET_AH || proto == PACKET_FRAGMENT;
}

static __always_inline enum packet_kind packet_ipv6(const struct packet_view *v, __u32 offset,
                                                    struct packet *p)
{
    union {
        PACKET_BYTES(b, 40);
        __u32 word[10];
        struct {
            __u32 head[2];
            struct flows_address src, dst;
        } ip;
    } h;
    __u32 left = packet_bytes(v) - offset - 40, behind;
    PACKET_BYTES(e, 8);
    __u8 proto;

    if (!packet_load(v, offset, h.b, sizeof h.b) || h.b[0] >> 4 != 6)
        return PACKET_OTHER;
    proto = h.b[6];
    behind = packet_be16(h.b + 4);
    if ((behind == 0 && (proto == PACKET_TCP || proto == PACKET_UDP || proto == PACKET_HOPOPTS)) ||
        behind > left)
        behind = left;
    p->ip_bytes = 40 + behind;
    offset += 40;
    for (int i = 0; i < FLOW_IPV6_EXTENSIONS && packet_is_extension(proto); i++) {
        __u32 bytes;

        if (!packet_load(v, offset, e, sizeof e))
            return PACKET_OTHER;
        bytes = packet_extension_bytes(proto, e);
        if (bytes > behind || (proto == PACKET_FRAGMENT && (packet_be16(e + 2) & 0xfff9) != 0))
            return PACKET_OTHER;
        behind -= bytes;
        offset += bytes;
        proto = e[0];
    }
    return packet_transport(v, offset, behind, proto, &h.ip.src, &h.ip.dst, p);
}

/* Whether it is Ethernet, IPv4 without options and TCP, or UDP with some payload: most packets are
 * that, and are read at one go. h is the frame's beginning, of which PACKET_USUAL_BYTES are there,
 * and left what it has behind the Ethernet header. Returns the length of the transport header, or
 * 0. */
static __always_inline __u32 packet_usual_header(const __u8 *h, __u32 left)
{
    const __u16 *half = (const __u16 *)h;
    __u32 ip_bytes = bpf_ntohs(half[8]), transport_bytes = ip_bytes - 20, header_bytes;

    if (half[6] != bpf_htons(PACKET_ETHERTYPE_IPV4) || h[14] != 0x45 || ip_bytes < 40 ||
        ip_bytes > left || (half[10] & bpf_htons(0x3fff)) != 0)
        return 0;
    if (h[23] == PACKET_TCP) {
        header_bytes = (h[46] >> 4) * 4;
        return header_bytes < 20 || header_bytes > transport_bytes ? 0 : header_bytes;
    }
    return h[23] != PACKET_UDP || bpf_ntohs(half[19]) != transport_bytes ||
                   tunnel_port(bpf_ntohs(half[17])) || tunnel_port(bpf_ntohs(half[18]))
               ? 0
               : 8;
}

/* Fills *p if it is such a packet. */
static __always_inline _Bool packet_usual(const __u8 *h, __u32 left, struct packet *p)
{
    const __u16 *half = (const __u16 *)h;
    __u32 src = *(const __u32 *)(h + 26), dst = *(const __u32 *)(h + 30);
    __u32 *key0 = (__u32 *)p->key.addr[0], *key1 = (__u32 *)p->key.addr[1];
    __u16 sport = bpf_ntohs(half[17]), dport = bpf_ntohs(half[18]);
    __u32 ip_bytes = bpf_ntohs(half[8]), header_bytes = packet_usual_header(h, left);
    _Bool from = src == dst ? sport > dport : bpf_ntohl(src) > bpf_ntohl(dst);

    if (header_bytes == 0)
        return 0;
    if (h[23] == PACKET_TCP) {
        p->seq = bpf_ntohl(*(const __u32 *)(h + 38));
        p->tcp_flags = h[47];
        p->window = bpf_ntohs(half[24]);
    }
    key0[2] = key1[2] = bpf_htonl(0xffff);
    key0[3] = from ? dst : src;
    key1[3] = from ? src : dst;
    p->key.port[0] = from ? dport : sport;
    p->key.port[1] = from ? sport : dport;
    p->key.proto = h[23];
    p->from = from;
    p->ip_bytes = ip_bytes;
    p->payload_offset = 34 + header_bytes;
    p->payload_bytes = ip_bytes - 20 - header_bytes;
    p->short_header = !(h[42] & 0x80);
    return 1;
}

/* As packet_usual, for all kinds of programs. False: it is none such, or not in one piece. */
static __always_inline _Bool packet_parse_usual(const struct packet_view *v, struct packet *p)
{
    PACKET_BYTES(copy, 2 + PACKET_USUAL_BYTES); /* so that the IP header is aligned */

    if (v->l3)
        return 0;
    if (v->hook == PACKET_XDP || v->hook == PACKET_TC) {
        const struct xdp_md *x = v->ctx;
        const struct __sk_buff *skb = v->ctx;
        __u8 *at = (__u8 *)(long)(v->hook == PACKET_XDP ? x->data : skb->data);
        __u8 *end = (__u8 *)(long)(v->hook == PACKET_XDP ? x->data_end : skb->data_end);

        return at + PACKET_USUAL_BYTES <= end &&
               packet_usual(at, (v->hook == PACKET_XDP ? end - at : skb->len) - 14, p);
    }
    return v->hook == PACKET_SOCKET && packet_load(v, 0, copy + 2, PACKET_USUAL_BYTES) &&
           packet_usual(copy + 2, v->bytes - 14, p);
}

/* What packet_parse_usual leaves. */
static __always_inline enum packet_kind packet_parse_other(const struct packet_view *v,
                                                           struct packet *p)
{
    __u32 offset = 0;
    __u16 type = packet_link(v, &offset);

    if (type == PACKET_ETHERTYPE_IPV4)
        return packet_ipv4(v, offset, p);
    if (type == PACKET_ETHERTYPE_IPV6)
        return packet_ipv6(v, offset, p);
    return PACKET_OTHER;
}

/* Fills *p, which is all zero, if it is PACKET_FLOW. */
static __always_inline enum packet_kind packet_parse(const struct packet_view *v, struct packet *p)
{
    return packet_parse_usual(v, p) ? PACKET_FLOW : packet_parse_other(v, p);
}

static __always_inline __u32 packet_hash_end(const __u8 *addr, __u32 port, __u32 seed)
{
    const __u32 *w = (const __u32 *)addr;

    return w[0] == 0 && w[1] == 0 && w[2] == bpf_htonl(0xffff)
               ? flow_hash_endpoint_v4(w[3], port, seed)
               : flow_hash_endpoint_v6(w, port, seed);
}

/* Of a PACKET_FLOW, as decode computes it. */
static __always_inline __u32 packet_hash(const struct packet *p, __u32 seed)
{
    return flow_hash_combine(packet_hash_end(p->key.addr[0], p->key.port[0], seed),
                             packet_hash_end(p->key.addr[1], p->key.port[1], seed), p->key.proto);
}

/* The same of a packet_usual_header(), for who needs no more than that. */
static __always_inline __u32 packet_usual_hash(const __u8 *h, __u32 seed)
{
    const __u16 *half = (const __u16 *)h;

    return flow_hash_combine(
        flow_hash_endpoint_v4(*(const __u32 *)(h + 26), bpf_ntohs(half[17]), seed),
        flow_hash_endpoint_v4(*(const __u32 *)(h + 30), bpf_ntohs(half[18]), seed), h[23]);
}

/* The same bytes, read by calls: wherever they lie. */
static __always_inline struct packet_view packet_far(const struct packet_view *v)
{
    struct packet_view far = *v;

    far.hook = v->hook == PACKET_XDP  ? PACKET_XDP_FAR
               : v->hook == PACKET_TC ? PACKET_TC_FAR
                                      : v->hook;
    return far;
}

#endif
