/* SPDX-License-Identifier: BSD-3-Clause */
/* Nearly all frames are TCP, UDP or ICMP in IP without fragments, extension headers or tunnels, and
 * of these the hash follows from a few fields. Whatever else a frame is, or seems to be, is left to
 * decode: not to know costs a second look, to be wrong would take a packet away from its flow. What
 * decides is taken from decode's own parts: link layers, the search for tunnels, the hash. */
#include "worker/decode/early_hash.h"

#include "common/base/cursor.h"
#include "common/base/icmp_port.h"
#include "worker/decode/checksum.h"
#include "worker/decode/link.h"
#include "worker/decode/tunnel_header.h"

#include <netinet/in.h>

#define IPV4_FRAGMENT_MASK 0x3fff
#define IPV4_HEADER_BYTES  20u
#define IPV6_HEADER_BYTES  40u

/* What an IP header leads to. */
struct early_segment {
    struct cursor c;
    uint32_t wire_bytes;
    uint8_t version;
    uint8_t proto;
    const uint8_t *src, *dst;
};

/* The captured part of what the IP header says its packet has. */
static void cut(struct early_segment *s, const struct cursor *c, uint32_t said_bytes,
                uint32_t wire_bytes)
{
    size_t captured = cursor_left(c);

    s->wire_bytes = said_bytes < wire_bytes ? said_bytes : wire_bytes;
    s->c = cursor_init(c->p, captured < s->wire_bytes ? captured : s->wire_bytes);
}

static bool read_ipv4(const struct early_hash *e, struct early_segment *s, struct cursor c,
                      uint32_t wire_bytes)
{
    const uint8_t *h = cursor_bytes(&c, IPV4_HEADER_BYTES);
    uint32_t header_bytes, ip_bytes;

    if (!h || h[0] >> 4 != 4 || (bytes_be16(h + 6) & IPV4_FRAGMENT_MASK))
        return false;
    header_bytes = (uint32_t)(h[0] & 0xf) * 4;
    ip_bytes = bytes_be16(h + 2) ? bytes_be16(h + 2) : wire_bytes;
    if (header_bytes < IPV4_HEADER_BYTES || ip_bytes < header_bytes)
        return false;
    cursor_skip(&c, header_bytes - IPV4_HEADER_BYTES);
    if (!cursor_ok(&c) || (e->checksums && !checksum_header_ok(h, header_bytes)))
        return false;
    cut(s, &c, ip_bytes - header_bytes, wire_bytes > header_bytes ? wire_bytes - header_bytes : 0);
    s->version = 4;
    s->proto = h[9];
    s->src = h + 12;
    s->dst = h + 16;
    return true;
}

static bool read_ipv6(struct early_segment *s, struct cursor c, uint32_t wire_bytes)
{
    const uint8_t *h = cursor_bytes(&c, IPV6_HEADER_BYTES);
    uint32_t bytes;

    if (!h || h[0] >> 4 != 6)
        return false;
    wire_bytes -= IPV6_HEADER_BYTES;
    bytes = bytes_be16(h + 4);
    cut(s, &c, bytes ? bytes : wire_bytes, wire_bytes);
    s->version = 6;
    s->proto = h[6];
    s->src = h + 8;
    s->dst = h + 24;
    return bytes > 0 || h[6] == IPPROTO_TCP || h[6] == IPPROTO_UDP;
}

/* Whether decode will find neither a tunnel behind this UDP header, nor that there could be one. */
static bool is_plain_udp(const struct early_hash *e, const struct early_segment *s,
                         const uint8_t *h, struct cursor payload, const uint16_t port[2])
{
    uint32_t length = bytes_be16(h + 4), bytes = (uint32_t)cursor_left(&payload);
    struct tunnel_header t;

    if (tunnel_port(port[0]) || tunnel_port(port[1]))
        return false;
    if (length < 8 || length > s->wire_bytes)
        length = s->wire_bytes;
    if (bytes > length - 8)
        bytes = length - 8;
    if (e->tunnel_max_depth == 0 || !tunnel_header_is_candidate(port[0], port[1], payload.p, bytes))
        return true;
    return !tunnel_header_udp(&t, port[0], port[1], cursor_init(payload.p, bytes), length - 8);
}

static bool read_ports(const struct early_hash *e, const struct early_segment *s, uint16_t port[2])
{
    struct cursor c = s->c;
    const uint8_t *h = cursor_bytes(&c, s->proto == IPPROTO_TCP ? 20 : 8);
    int counterpart;

    if (!h)
        return false;
    port[0] = bytes_be16(h);
    port[1] = bytes_be16(h + 2);
    switch (s->proto) {
    case IPPROTO_TCP:
        return true;
    case IPPROTO_UDP:
        return is_plain_udp(e, s, h, c, port);
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        counterpart =
            s->proto == IPPROTO_ICMP ? icmp_port_counterpart(h[0]) : icmp_port_counterpart6(h[0]);
        port[0] = h[0];
        port[1] = counterpart == ICMP_PORT_ONE_WAY ? h[1] : (uint16_t)counterpart;
        return true;
    default:
        return false;
    }
}

bool early_hash_frame(const struct early_hash *e, const struct frame *f, uint32_t *hash)
{
    struct cursor c = cursor_init(f->data, f->caplen);
    uint32_t wire_bytes = f->wirelen > f->caplen ? f->wirelen : f->caplen;
    uint16_t ethertype, vlan = 0, port[2];
    struct early_segment s;

    if (link_read(&c, f->linktype, &ethertype, &vlan) != LINK_OK)
        return false;
    wire_bytes -= (uint32_t)(c.p - f->data);
    if (ethertype == ETHERTYPE_IPV4 ? !read_ipv4(e, &s, c, wire_bytes)
                                    : ethertype != ETHERTYPE_IPV6 || !read_ipv6(&s, c, wire_bytes))
        return false;
    if (!read_ports(e, &s, port))
        return false;
    *hash = flow_key_hash_headers(s.version, s.src, s.dst, port, s.proto, e->seed);
    return true;
}
