/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What the first bytes of a segment or datagram are: so much of what the worker's analyzers know as
 * decides what goes up to them. */
#ifndef SPLIFF_BPF_XDP_CONTENT_H
#define SPLIFF_BPF_XDP_CONTENT_H

#include "bpf/packet.h"

#include "bpf/xdp.h"
#include "common/base/alt_svc_key.h"

#define XDP_DNS_HEADER_BYTES 12
#define XDP_TUNNEL_BYTES     8              /* of VXLAN's, Geneve's and GTP's header */
#define XDP_TLS_RECORD_MAX   (16384 + 2048) /* RFC 5246 section 6.2.3 */

enum { XDP_TLS_HANDSHAKE = 22, XDP_TLS_APPLICATION_DATA = 23 };

/* Where HTTP/3 was learned from Alt-Svc: key -> CLOCK_MONOTONIC until which it holds. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1); /* the loader's: what the table of alternative services holds */
    __type(key, struct alt_svc_port_key);
    __type(value, __u64);
} learned_h3_ports SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, 1);
    __type(key, struct alt_svc_host_key);
    __type(value, __u64);
} learned_h3_hosts SEC(".maps");

static __always_inline __u32 xdp_be32(const __u8 *b)
{
    return (__u32)packet_be16(b) << 16 | packet_be16(b + 2);
}

/* Bytes of the payload, which may be in another piece of memory than the headers. */
static __always_inline _Bool xdp_load_payload(const struct packet_view *v, const struct packet *p,
                                              __u32 at, void *to, const __u32 bytes)
{
    struct packet_view far = packet_far(v);

    return at + bytes <= p->payload_bytes && packet_load(&far, p->payload_offset + at, to, bytes);
}

/* The header of a record (RFC 8446 section 5.1). */
static __always_inline _Bool xdp_is_tls_record(const __u8 b[5])
{
    return b[0] >= 20 && b[0] <= 24 && b[1] == 3 && b[2] <= 4 &&
           packet_be16(b + 3) <= XDP_TLS_RECORD_MAX;
}

/* A question, or an answer that repeats it (RFC 1035 section 4.1.1): one name, a known operation,
 * no more records than an answer has. */
static __always_inline _Bool xdp_is_dns(const __u8 b[XDP_DNS_HEADER_BYTES])
{
    return (b[2] >> 3 & 0xf) <= 5 && packet_be16(b + 4) == 1 && b[6] == 0 && b[8] == 0 &&
           b[10] == 0 && ((b[2] & 0x80) || b[7] == 0);
}

/* "GET ", "POST", … "HTTP" */
static __always_inline _Bool xdp_is_http1(__u32 word)
{
    switch (word) {
    case 0x47455420: /* GET */
    case 0x504f5354: /* POST */
    case 0x50555420: /* PUT */
    case 0x48454144: /* HEAD */
    case 0x44454c45: /* DELETE */
    case 0x4f505449: /* OPTIONS */
    case 0x50415443: /* PATCH */
    case 0x434f4e4e: /* CONNECT */
    case 0x54524143: /* TRACE */
    case 0x48545450: /* HTTP: a status line */
        return 1;
    default:
        return 0;
    }
}

static __always_inline enum xdp_content xdp_content_tcp(const struct packet_view *v,
                                                        const struct packet *p)
{
    PACKET_BYTES(b, 2 + XDP_DNS_HEADER_BYTES);

    if (!xdp_load_payload(v, p, 0, b, 6))
        return XDP_UNKNOWN;
    if (xdp_is_tls_record(b) && b[0] == XDP_TLS_HANDSHAKE && (b[5] == 1 || b[5] == 2))
        return XDP_TLS;
    if (xdp_is_http1(xdp_be32(b)))
        return XDP_HTTP1;
    if (xdp_be32(b) == 0x50524920) /* "PRI * HTTP/2.0" (RFC 9113 section 3.4) */
        return XDP_HTTP2;
    /* A length in front (RFC 1035 section 4.2.2). */
    if (packet_be16(b) >= XDP_DNS_HEADER_BYTES && xdp_load_payload(v, p, 0, b, sizeof b) &&
        xdp_is_dns(b + 2))
        return XDP_DNS;
    return XDP_UNKNOWN;
}

/* A long header (RFC 8999 section 5.1) of a version that there is or may be: 0 is a negotiation, 1
 * and 2 and drafts, one that is there to be refused, and those of Google, Facebook and others that
 * begin with letters. */
static __always_inline _Bool xdp_is_quic_long(const __u8 b[5])
{
    __u32 version = xdp_be32(b + 1);

    return (b[0] & 0x80) &&
           (version <= 1 || version == 0x6b3343cf || version >> 8 == 0xff0000 ||
            (version & 0x0f0f0f0f) == 0x0a0a0a0a || b[1] == 'Q' || b[1] == 'T' || b[1] == 0xfa);
}

static __always_inline _Bool xdp_holds(const __u64 *until_ns)
{
    return until_ns && bpf_ktime_get_ns() < *until_ns;
}

/* Whether Alt-Svc has told of HTTP/3 at an end of the flow. */
static __always_inline _Bool xdp_is_learned(const struct packet *p)
{
    for (int end = 0; end < 2; end++) {
        struct alt_svc_host_key host = {.port = p->key.port[end]};
        struct alt_svc_port_key port = {.port = host.port};

        if (!xdp_holds(bpf_map_lookup_elem(&learned_h3_ports, &port)))
            continue;
        __builtin_memcpy(host.addr, p->key.addr[end], sizeof host.addr);
        if (xdp_holds(bpf_map_lookup_elem(&learned_h3_hosts, &host)))
            return 1;
    }
    return 0;
}

/* The four below: what decode enters on any port, the tests of tunnel_header.c that need not look
 * inside. What passes them here and not there goes up for nothing. */
static __always_inline _Bool xdp_is_vxlan(const struct packet *p, const __u8 b[XDP_TUNNEL_BYTES])
{
    return xdp_be32(b) == 0x08000000 && b[7] == 0 &&
           p->payload_bytes >= XDP_TUNNEL_BYTES + 14 + 20; /* Ethernet, IPv4 */
}

static __always_inline _Bool xdp_is_geneve(const __u8 b[XDP_TUNNEL_BYTES])
{
    __u16 type = packet_be16(b + 2);

    return b[0] >> 6 == 0 && (b[1] & 0x3f) == 0 && b[7] == 0 &&
           (type == 0x6558 /* Ethernet */ || type == 0x8847 /* MPLS */ ||
            type == PACKET_ETHERTYPE_IPV4 || type == PACKET_ETHERTYPE_IPV6);
}

static __always_inline _Bool xdp_is_gtpu(const struct packet *p, const __u8 b[XDP_TUNNEL_BYTES])
{
    return b[0] >> 3 == 6 && b[1] == 0xff &&
           packet_be16(b + 2) + (__u32)XDP_TUNNEL_BYTES == p->payload_bytes;
}

static __always_inline _Bool xdp_is_teredo(const struct packet_view *v, const struct packet *p)
{
    PACKET_BYTES(h, 40);
    __u32 at = 0;

    if (!xdp_load_payload(v, p, at, h, 4) || !(h[0] == 0 || h[0] >> 4 == 6))
        return 0;
    if (packet_be16(h) == 0x0001) { /* authentication */
        at = 13u + h[2] + h[3];
        if (!xdp_load_payload(v, p, at, h, 2))
            return 0;
    }
    if (packet_be16(h) == 0x0000) /* origin */
        at += 8;
    return xdp_load_payload(v, p, at, h, sizeof h) && h[0] >> 4 == 6 &&
           (at + sizeof h + packet_be16(h + 4) == p->payload_bytes ||
            (h[6] == 59 && packet_be16(h + 4) == 0)) && /* a bubble */
           (xdp_be32(h + 8) == 0x20010000 || xdp_be32(h + 24) == 0x20010000);
}

static __always_inline _Bool xdp_is_tunnel(const struct packet_view *v, const struct packet *p)
{
    PACKET_BYTES(b, XDP_TUNNEL_BYTES);

    return xdp_load_payload(v, p, 0, b, sizeof b) &&
           (xdp_is_vxlan(p, b) || xdp_is_geneve(b) || xdp_is_gtpu(p, b) || xdp_is_teredo(v, p));
}

static __always_inline enum xdp_content xdp_content_udp(const struct packet_view *v,
                                                        const struct packet *p)
{
    PACKET_BYTES(b, XDP_DNS_HEADER_BYTES);

    if (!xdp_load_payload(v, p, 0, b, 5))
        return XDP_UNKNOWN;
    if (xdp_is_quic_long(b))
        return XDP_QUIC;
    if (xdp_load_payload(v, p, 0, b, sizeof b) && xdp_is_dns(b))
        return XDP_DNS;
    if (xdp_is_tunnel(v, p))
        return XDP_TUNNEL;
    if ((b[0] & 0xc0) == 0x40 && xdp_is_learned(p)) /* a short header (RFC 9000 section 17.3) */
        return XDP_HTTP3;
    return XDP_UNKNOWN;
}

#endif
