/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The flow hash of whatever decode can read: what packet.h leaves to the worker has an owner, too.
 *
 * Tags, labels and the like are stepped over, and tunnels are followed to the five-tuple inside,
 * WALK_TUNNELS of them, so that both directions of an inner flow meet in one worker also where the
 * outer ones have ports of their own. What decode finds and the walk does not, and so goes by the
 * outer five-tuple: more tunnels in tunnels, what is in fragments of the outer packet, tunnels on
 * ports that are not theirs, GRE with source routes or WCCP, AYIYA, the generic extension of VXLAN
 * with IP or MPLS inside.
 *
 * All fragments of a datagram go by addresses alone, since only the first has ports. */
#ifndef SPLIFF_BPF_WALK_H
#define SPLIFF_BPF_WALK_H

#include "bpf/packet.h"

#include "bpf/shared.h"
#include "common/base/icmp_port.h"

#define PACKET_ETHERTYPE_TRANSPARENT 0x6558
#define PACKET_ETHERTYPE_PPP         0x880b
#define PACKET_ETHERTYPE_MPLS        0x8847
#define PACKET_ETHERTYPE_MPLS_UP     0x8848
#define PACKET_ETHERTYPE_PPPOE       0x8864
#define PACKET_ETHERTYPE_PBB         0x88e7
#define PACKET_ETHERTYPE_VNTAG       0x8926
#define PACKET_ETHERTYPE_QINQ_OLD    0x9100
#define PACKET_ETHERTYPE_ERSPAN      0x88be
#define PACKET_ETHERTYPE_ERSPAN3     0x22eb
#define PACKET_ETHERTYPE_MIN         0x0600

#define USUAL6_BYTES 74 /* Ethernet, IPv6, TCP */

#define PACKET_ICMP   1
#define PACKET_IPIP   4
#define PACKET_IPV6   41
#define PACKET_GRE    47
#define PACKET_ICMPV6 58

/* Where the walk stands in a packet. */
struct walk {
    struct packet_view view;
    __u32 seed;
    __u32 offset;
    __u32 proto;
    __u32 port[2];
    __u32 hash; /* of the innermost packet so far */
    _Bool fragment;
};

static __always_inline _Bool load(const struct walk *w, __u32 more, void *to, const __u32 bytes)
{
    return packet_load(&w->view, w->offset + more, to, bytes);
}

static __always_inline __u32 be32(const __u8 *p)
{
    return (__u32)packet_be16(p) << 16 | packet_be16(p + 2);
}

/* The Ethernet type of what is in LLC with SNAP, as decode's link_llc(). */
static __always_inline __u16 llc(struct walk *w)
{
    __u8 b[8];

    if (!load(w, 0, b, sizeof b))
        return 0;
    if (b[0] == 0x06 && b[1] == 0x06 && b[2] == 0x03) {
        w->offset += 3;
        return PACKET_ETHERTYPE_IPV4;
    }
    if (b[0] != 0xaa || b[1] != 0xaa || b[2] != 0x03)
        return 0;
    w->offset += 8;
    return packet_be16(b + 6);
}

/* The type at `at` bytes from here; the walk goes on behind it. */
static __always_inline __u16 type_behind(struct walk *w, __u32 at)
{
    __u8 b[2];
    __u16 type;

    if (!load(w, at, b, sizeof b))
        return 0;
    w->offset += at + 2;
    type = packet_be16(b);
    return type >= PACKET_ETHERTYPE_MIN ? type : llc(w);
}

static __always_inline __u16 mpls(struct walk *w)
{
    __u8 b[4] = {0};

    for (int i = 0; i < FLOW_MPLS_LABELS; i++) {
        if (!load(w, 0, b, sizeof b))
            return 0;
        w->offset += 4;
        if (b[2] & 1)
            break;
    }
    if (!(b[2] & 1) || !load(w, 0, b, 1))
        return 0;
    if (b[0] >> 4 == 4)
        return PACKET_ETHERTYPE_IPV4;
    if (b[0] >> 4 == 6)
        return PACKET_ETHERTYPE_IPV6;
    if (b[0] >> 4 == 0)
        w->offset += 4; /* control word */
    return PACKET_ETHERTYPE_TRANSPARENT;
}

static __always_inline __u16 ppp(struct walk *w)
{
    __u8 b[2];
    __u16 proto;

    if (!load(w, 0, b, sizeof b))
        return 0;
    if (b[0] == 0xff && b[1] == 0x03) { /* address and control */
        w->offset += 2;
        if (!load(w, 0, b, sizeof b))
            return 0;
    }
    proto = b[0] & 1 ? b[0] : packet_be16(b);
    w->offset += b[0] & 1 ? 1 : 2;
    return proto == 0x0021   ? PACKET_ETHERTYPE_IPV4
           : proto == 0x0057 ? PACKET_ETHERTYPE_IPV6
           : proto == 0x0281 ? PACKET_ETHERTYPE_MPLS
                             : 0;
}

static __always_inline __u16 pppoe(struct walk *w)
{
    __u8 b[2];

    if (!load(w, 0, b, sizeof b) || packet_be16(b) != 0x1100)
        return 0;
    w->offset += 6;
    return ppp(w);
}

/* Steps over all that decode's link_follow() steps over. */
static __always_inline __u16 follow_layers(struct walk *w, __u16 type)
{
    for (int i = 0; i < FLOW_LINK_LAYERS; i++) {
        w->offset = packet_forget(w->offset);
        if (type == PACKET_ETHERTYPE_VLAN || type == PACKET_ETHERTYPE_QINQ ||
            type == PACKET_ETHERTYPE_QINQ_OLD) {
            type = type_behind(w, 2);
        } else if (type == PACKET_ETHERTYPE_MPLS || type == PACKET_ETHERTYPE_MPLS_UP) {
            type = mpls(w);
        } else if (type == PACKET_ETHERTYPE_PPPOE) {
            type = pppoe(w);
        } else if (type == PACKET_ETHERTYPE_PPP) {
            type = ppp(w);
        } else if (type == PACKET_ETHERTYPE_PBB) {
            w->offset += 4;
            type = PACKET_ETHERTYPE_TRANSPARENT;
        } else if (type == PACKET_ETHERTYPE_VNTAG) {
            type = type_behind(w, 4);
        } else if (type == PACKET_ETHERTYPE_TRANSPARENT) {
            type = type_behind(w, 12);
        } else {
            break;
        }
    }
    return type;
}

/* The same for functions that the verifier looks at for themselves: it would take most of the time
 * of loading a program to follow the layers again for each tunnel that they may be in. */
struct walk_place {
    __u32 offset;
    __u32 type;
};

static __always_inline int follow_from(struct packet_view v, struct walk_place *at)
{
    struct walk w = {.view = v};

    if (!at)
        return 0;
    w.offset = at->offset;
    at->type = follow_layers(&w, (__u16)at->type);
    at->offset = w.offset;
    return 0;
}

__noinline int walk_xdp(struct xdp_md *ctx, struct walk_place *at)
{
    return follow_from((struct packet_view){.ctx = ctx, .hook = PACKET_XDP_FAR}, at);
}

__noinline int walk_tc(struct __sk_buff *skb, struct walk_place *at)
{
    return follow_from((struct packet_view){.ctx = skb, .hook = PACKET_TC_FAR}, at);
}

__noinline int walk_socket(struct __sk_buff *skb, struct walk_place *at, __u32 l3)
{
    return follow_from((struct packet_view){.ctx = skb, .hook = PACKET_SOCKET, .l3 = l3}, at);
}

static __always_inline __u16 follow_link(struct walk *w, __u16 type)
{
    struct walk_place at = {.offset = w->offset, .type = type};

    if (w->view.hook == PACKET_XDP_FAR)
        walk_xdp(w->view.ctx, &at);
    else if (w->view.hook == PACKET_TC_FAR)
        walk_tc(w->view.ctx, &at);
    else
        walk_socket(w->view.ctx, &at, w->view.l3);
    w->offset = at.offset;
    return (__u16)at.type;
}

/* The type of what the walk begins with. */
static __always_inline __u16 link_type(struct walk *w)
{
    __u8 b;

    if (!w->view.l3)
        return type_behind(w, 12);
    if (!load(w, 0, &b, 1))
        return 0;
    return b >> 4 == 4 ? PACKET_ETHERTYPE_IPV4 : b >> 4 == 6 ? PACKET_ETHERTYPE_IPV6 : 0;
}

/* Ports in host order, as decode finds them; both 0 where a protocol has none. */
static __always_inline void load_ports(struct walk *w)
{
    __u8 b[4];
    int counterpart;
    __u32 *port = w->port;

    port[0] = port[1] = 0;
    if (w->fragment)
        return;
    if (w->proto != PACKET_TCP && w->proto != PACKET_UDP && w->proto != PACKET_ICMP &&
        w->proto != PACKET_ICMPV6)
        return;
    if (!load(w, 0, b, 4))
        return;
    port[0] = packet_be16(b);
    port[1] = packet_be16(b + 2);
    if (w->proto == PACKET_TCP || w->proto == PACKET_UDP)
        return;
    counterpart =
        w->proto == PACKET_ICMP ? icmp_port_counterpart(b[0]) : icmp_port_counterpart6(b[0]);
    port[0] = b[0];
    port[1] = counterpart == ICMP_PORT_ONE_WAY ? b[1] : (__u32)counterpart;
}

static __always_inline _Bool hash_v4(struct walk *w)
{
    union {
        __u8 b[20];
        __u32 word[5];
    } h;

    if (!load(w, 0, h.b, sizeof h.b) || h.b[0] < 0x45 || h.b[0] > 0x4f)
        return 0;
    w->proto = h.b[9];
    w->fragment = (packet_be16(h.b + 6) & 0x3fff) != 0;
    w->offset += (h.b[0] & 0xf) * 4;
    load_ports(w);
    w->hash = flow_hash_combine(flow_hash_endpoint_v4(h.word[3], w->port[0], w->seed),
                                flow_hash_endpoint_v4(h.word[4], w->port[1], w->seed), w->proto);
    return 1;
}

/* Steps over extension headers as decode does. False if they are cut. */
static __always_inline _Bool follow_extensions(struct walk *w)
{
    for (int i = 0; i < FLOW_IPV6_EXTENSIONS; i++) {
        __u8 h[8];

        if (w->proto != PACKET_HOPOPTS && w->proto != PACKET_ROUTING &&
            w->proto != PACKET_DSTOPTS && w->proto != PACKET_AH && w->proto != PACKET_FRAGMENT)
            return 1;
        if (!load(w, 0, h, sizeof h))
            return 0;
        if (w->proto == PACKET_FRAGMENT && (packet_be16(h + 2) & 0xfff9) != 0) {
            w->fragment = 1;
            w->proto = WALK_PROTO_FRAGMENT;
            return 1;
        }
        if (w->proto == PACKET_AH)
            w->offset += (h[1] + 2) * 4;
        else if (w->proto == PACKET_FRAGMENT)
            w->offset += 8;
        else
            w->offset += (h[1] + 1) * 8;
        w->proto = h[0];
    }
    return 1;
}

static __always_inline _Bool hash_v6(struct walk *w)
{
    union {
        __u8 b[40];
        __u32 word[10];
    } h;

    if (!load(w, 0, h.b, sizeof h.b) || h.b[0] >> 4 != 6)
        return 0;
    w->proto = h.b[6];
    w->offset += 40;
    if (!follow_extensions(w))
        return 0;
    load_ports(w);
    w->hash = flow_hash_combine(packet_hash_end(h.b + 8, w->port[0], w->seed),
                                packet_hash_end(h.b + 24, w->port[1], w->seed), w->proto);
    return 1;
}

static __always_inline __u16 ip_type(struct walk *w)
{
    __u8 b;

    if (!load(w, 0, &b, 1))
        return 0;
    return b >> 4 == 4 ? PACKET_ETHERTYPE_IPV4 : b >> 4 == 6 ? PACKET_ETHERTYPE_IPV6 : 0;
}

/* The functions below step over a tunnel's header and return the type of what is inside, 0 if it is
 * none; what they believe, decode believes too. */
static __always_inline __u16 enter_gre(struct walk *w)
{
    __u8 b[4];
    __u16 flags, type;

    if (!load(w, 0, b, sizeof b))
        return 0;
    flags = packet_be16(b);
    type = packet_be16(b + 2);
    w->offset += 4;
    if (flags & 0x4000 || (flags & 7) > 1)
        return 0;
    if ((flags & 7) == 1 && (type != PACKET_ETHERTYPE_PPP || !(flags & 0x2000)))
        return 0;
    if (flags & 0x8000) /* checksum */
        w->offset += 4;
    if (flags & 0x2000) /* key */
        w->offset += 4;
    if (flags & 0x1000) /* sequence number */
        w->offset += 4;
    if ((flags & 7) == 1)
        w->offset += flags & 0x80 ? 4 : 0; /* acknowledgement */
    if (type == PACKET_ETHERTYPE_ERSPAN) {
        if (flags & 0x1000)
            w->offset += 8;
        return PACKET_ETHERTYPE_TRANSPARENT;
    }
    if (type == PACKET_ETHERTYPE_ERSPAN3) {
        if (!load(w, 8, b, sizeof b))
            return 0;
        w->offset += b[3] & 1 ? 20 : 12;
        return PACKET_ETHERTYPE_TRANSPARENT;
    }
    return type;
}

static __always_inline __u16 enter_vxlan(struct walk *w)
{
    __u8 b[4];

    if (!load(w, 0, b, sizeof b) || !(b[0] & 0x08))
        return 0;
    w->offset += 8;
    return PACKET_ETHERTYPE_TRANSPARENT;
}

static __always_inline __u16 enter_geneve(struct walk *w)
{
    __u8 b[4];

    if (!load(w, 0, b, sizeof b) || b[0] >> 6 != 0)
        return 0;
    w->offset += 8 + (b[0] & 0x3f) * 4;
    return packet_be16(b + 2);
}

static __always_inline __u16 enter_gtpu(struct walk *w)
{
    __u8 b[4], next;

    if (!load(w, 0, b, sizeof b) || (b[0] & 0xf0) != 0x30 || b[1] != 255)
        return 0;
    w->offset += 8;
    if (!(b[0] & 7))
        return ip_type(w);
    next = b[0] & 4;
    if (!load(w, 0, b, sizeof b))
        return 0;
    w->offset += 4;
    next = next ? b[3] : 0;
    for (int i = 0; i < 8 && next; i++) {
        if (!load(w, 0, b, 1) || b[0] == 0)
            return 0;
        w->offset += b[0] * 4;
        if (!packet_load(&w->view, w->offset - 1, &next, 1))
            return 0;
    }
    return next ? 0 : ip_type(w);
}

/* A node's own address, or a link-local one. */
static __always_inline _Bool teredo_address(const __u8 *b)
{
    return be32(b) == 0x20010000u || packet_be16(b) == 0xfe80;
}

static __always_inline __u16 enter_teredo(struct walk *w)
{
    __u8 b[4], src[4], dst[4];

    if (!load(w, 0, b, sizeof b))
        return 0;
    if (packet_be16(b) == 0x0001) { /* authentication */
        w->offset += 13u + b[2] + b[3];
        if (!load(w, 0, b, sizeof b))
            return 0;
    }
    if (packet_be16(b) == 0x0000) /* origin */
        w->offset += 8;
    if (!load(w, 8, src, sizeof src) || !load(w, 24, dst, sizeof dst))
        return 0;
    return ip_type(w) == PACKET_ETHERTYPE_IPV6 && (teredo_address(src) || teredo_address(dst))
               ? PACKET_ETHERTYPE_IPV6
               : 0;
}

static __always_inline __u16 enter_udp(struct walk *w)
{
    __u32 port = w->port[1];

    if (!tunnel_port(port) && (w->port[0] == TUNNEL_PORT_TEREDO || w->port[0] == TUNNEL_PORT_GTPU))
        port = w->port[0]; /* these answer from their port */
    w->offset += 8;
    switch (port) {
    case TUNNEL_PORT_VXLAN:
    case TUNNEL_PORT_VXLAN_OLD:
    case TUNNEL_PORT_VXLAN_GPE:
        return enter_vxlan(w);
    case TUNNEL_PORT_GENEVE:
        return enter_geneve(w);
    case TUNNEL_PORT_GTPU:
        return enter_gtpu(w);
    case TUNNEL_PORT_TEREDO:
        return enter_teredo(w);
    case TUNNEL_PORT_GRE:
        return enter_gre(w);
    default:
        return 0;
    }
}

static __always_inline __u16 enter_tunnel(struct walk *w)
{
    if (w->fragment)
        return 0;
    switch (w->proto) {
    case PACKET_IPIP:
        return PACKET_ETHERTYPE_IPV4;
    case PACKET_IPV6:
        return PACKET_ETHERTYPE_IPV6;
    case PACKET_GRE:
        return enter_gre(w);
    case PACKET_UDP:
        return enter_udp(w);
    default:
        return 0;
    }
}

/* Hashes the IP header at the walk. False if there is none. */
static __always_inline _Bool hash_ip(struct walk *w, __u16 type)
{
    w->offset = packet_forget(w->offset);
    if (type != PACKET_ETHERTYPE_IPV4 && type != PACKET_ETHERTYPE_IPV6)
        type = follow_link(w, type);
    return type == PACKET_ETHERTYPE_IPV4   ? hash_v4(w)
           : type == PACKET_ETHERTYPE_IPV6 ? hash_v6(w)
                                           : 0;
}

/* Whether there may be a packet inside: for most there is not, and that costs nothing. */
static __always_inline _Bool may_enclose(const struct walk *w)
{
    if (w->proto == PACKET_TCP)
        return 0;
    return w->proto != PACKET_UDP || tunnel_port(w->port[0]) || tunnel_port(w->port[1]);
}

/* Hashes what is in the tunnel at the walk, and in tunnels in it. */
static __noinline void follow_tunnels(struct walk *w)
{
    for (int i = 0; i < WALK_TUNNELS && may_enclose(w); i++)
        if (!hash_ip(w, enter_tunnel(w)))
            break;
}

/* As packet_usual_header() of IPv6 without extension headers; h has USUAL6_BYTES. */
static __always_inline _Bool is_usual6(const __u8 *h)
{
    const __u16 *half = (const __u16 *)h;
    __u32 bytes = bpf_ntohs(half[9]), header_bytes = (h[66] >> 4) * 4;

    if (h[14] >> 4 != 6 || bytes < 20)
        return 0;
    if (h[20] == PACKET_TCP)
        return header_bytes >= 20 && header_bytes <= bytes;
    return h[20] == PACKET_UDP && bpf_ntohs(half[29]) == bytes &&
           !tunnel_port(bpf_ntohs(half[27])) && !tunnel_port(bpf_ntohs(half[28]));
}

/* Most packets are usual ones, with nothing inside, and need no walk. How long the frame is does
 * not matter to their hash. */
static __always_inline _Bool hash_usual(const struct packet_view *v, __u32 seed, __u32 *hash)
{
    PACKET_BYTES(copy, 2 + USUAL6_BYTES); /* so that the IP header is aligned */
    __u8 *h = copy + 2;
    const __u16 *half = (const __u16 *)h;

    if (v->hook != PACKET_SOCKET || v->l3 || !packet_load(v, 0, h, PACKET_USUAL_BYTES))
        return 0;
    if (half[6] == bpf_htons(PACKET_ETHERTYPE_IPV6)) {
        if (!packet_load(v, PACKET_USUAL_BYTES, h + PACKET_USUAL_BYTES,
                         USUAL6_BYTES - PACKET_USUAL_BYTES) ||
            !is_usual6(h))
            return 0;
        *hash = flow_hash_combine(packet_hash_end(h + 22, bpf_ntohs(half[27]), seed),
                                  packet_hash_end(h + 38, bpf_ntohs(half[28]), seed), h[20]);
        return 1;
    }
    if (packet_usual_header(h, 0xffffffff) == 0)
        return 0;
    *hash = packet_usual_hash(h, seed);
    return 1;
}

/* The hash of the innermost packet. False: there is no IP header. */
static __always_inline _Bool walk_hash(const struct packet_view *v, __u32 seed, __u32 *hash)
{
    struct walk w = {.view = *v, .seed = seed};

    if (hash_usual(v, seed, hash))
        return 1;
    if (!hash_ip(&w, link_type(&w)))
        return 0;
    if (may_enclose(&w))
        follow_tunnels(&w);
    *hash = w.hash;
    return 1;
}

#endif
