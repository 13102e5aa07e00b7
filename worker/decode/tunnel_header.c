/* SPDX-License-Identifier: BSD-3-Clause */
/* Each function reads one kind of header and hands the cursor behind it to inside(), which steps
 * over whatever link layer there is and asks whether an IP header follows that makes sense. What
 * fails anywhere is no tunnel; nothing has been changed by then. All of it is asked of one datagram
 * alone, so that workers that see different packets of a flow agree. */
#include "worker/decode/tunnel_header.h"

#include "common/base/flow_hash.h"
#include "worker/decode/checksum.h"
#include "worker/decode/link.h"

#include <netinet/in.h>

#define ETHERNET_PADDING   46u /* the least that a frame carries is filled up to this */
#define TEREDO_PREFIX      0x20010000u
#define GTPU_PAYLOAD       255
#define GTPU_EXTENSIONS    8
#define GENEVE_HEADER      8u
#define PROTOCOL_ERSPAN    0x88be
#define PROTOCOL_ERSPAN3   0x22eb
#define PROTOCOL_WCCP      0x883e
#define AYIYA_FORWARD      1
#define ERSPAN_SESSION(id) ((id)&0x3ff)

enum {
    GRE_CHECKSUM = 0x8000,
    GRE_ROUTING = 0x4000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_ACK = 0x0080 /* version 1 */,
    GRE_VERSION = 0x0007
};

/* Bits of what a first byte may begin. */
enum { MAY_VXLAN = 1, MAY_GENEVE = 2, MAY_GTPU = 4, MAY_TEREDO = 8 };

static unsigned may_begin(uint8_t first)
{
    unsigned may = 0;

    if (first == 0x08)
        may |= MAY_VXLAN;
    if (first < 0x40) /* version 0, and the length of the options */
        may |= MAY_GENEVE;
    if (first >> 3 == 0x06)
        may |= MAY_GTPU;
    if (first >> 4 == 6 || first == 0)
        may |= MAY_TEREDO;
    return may;
}

/* Bytes that the cursor has moved over belong to the header: what is left of the wire's bytes. */
static uint32_t wire_after(const struct cursor *c, const uint8_t *start, uint32_t wire_bytes)
{
    uint32_t header = (uint32_t)(c->p - start);

    return header < wire_bytes ? wire_bytes - header : 0;
}

/* Whether the bytes at the cursor are an IP header whose lengths fit in bytes. strict: nothing may
 * follow but Ethernet's padding, and the checksum is right. */
static bool holds_ip(struct cursor c, uint16_t ethertype, uint32_t bytes, bool strict)
{
    const uint8_t *h = cursor_bytes(&c, ethertype == ETHERTYPE_IPV6 ? 40 : 20);
    uint32_t header_bytes, total;

    if (!h || h[0] >> 4 != (ethertype == ETHERTYPE_IPV6 ? 6 : 4))
        return false;
    if (ethertype == ETHERTYPE_IPV6) {
        total = 40u + bytes_be16(h + 4);
    } else {
        header_bytes = (h[0] & 0xfu) * 4;
        total = bytes_be16(h + 2);
        if (header_bytes < 20 || (total < header_bytes && (total > 0 || strict)))
            return false; /* 0: to be segmented by the interface */
        if (strict &&
            (!cursor_bytes(&c, header_bytes - 20) || !checksum_header_ok(h, header_bytes)))
            return false;
    }
    return total <= bytes && (!strict || total == bytes || bytes <= ETHERNET_PADDING);
}

/* The cursor stands at something with this Ethernet type: follows it to IP. */
static bool inside(struct tunnel_header *t, struct cursor c, const uint8_t *start,
                   uint16_t ethertype, uint32_t wire_bytes, bool strict)
{
    bool framed = ethertype == ETHERTYPE_TRANSPARENT;

    t->vlan = 0;
    ethertype = link_follow(&c, ethertype, &t->vlan);
    if (!cursor_ok(&c))
        return false;
    t->ethertype = ethertype;
    t->wire_bytes = wire_after(&c, start, wire_bytes);
    t->inner = c;
    if (ethertype == ETHERTYPE_IPV4 || ethertype == ETHERTYPE_IPV6)
        return holds_ip(c, ethertype, t->wire_bytes, strict);
    return framed && !strict && ethertype == ETHERTYPE_ARP;
}

static uint16_t ip_ethertype(const struct cursor *c)
{
    struct cursor peek = *c;

    return cursor_u8(&peek) >> 4 == 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/* Type II has a header if it has a sequence number, else it is type I; type III may have a second
 * part (draft-foschiano-erspan). */
static uint16_t erspan(struct tunnel_header *t, struct cursor *c, uint16_t protocol, bool sequence)
{
    uint32_t head;

    if (protocol == PROTOCOL_ERSPAN && !sequence)
        return ETHERTYPE_TRANSPARENT;
    head = cursor_be32(c);
    t->has_id = true;
    t->id = ERSPAN_SESSION(head);
    cursor_skip(c, 4);
    if (protocol == PROTOCOL_ERSPAN3 && (cursor_be32(c) & 1))
        cursor_skip(c, 8);
    return ETHERTYPE_TRANSPARENT;
}

/* Skips the source routes of RFC 1701: family, offset and length each, until an empty one. */
static void gre_routes(struct cursor *c)
{
    for (unsigned i = 0; i < 8 && cursor_ok(c); i++) {
        uint32_t route = cursor_be32(c);

        if (route == 0)
            return;
        cursor_skip(c, route & 0xff);
    }
}

/* Version 1 carries PPP, and its key is a length and a call (RFC 2637 section 4.1). */
static bool gre_pptp(struct tunnel_header *t, struct cursor c, const uint8_t *start, uint16_t flags,
                     uint32_t wire_bytes)
{
    uint32_t key;

    if (!(flags & GRE_KEY) || (flags & GRE_ROUTING))
        return false;
    key = cursor_be32(&c);
    t->has_id = true;
    t->id = key & 0xffff;
    if (flags & GRE_SEQUENCE)
        cursor_skip(&c, 4);
    if (flags & GRE_ACK)
        cursor_skip(&c, 4);
    return inside(t, c, start, ETHERTYPE_PPP, wire_bytes, false);
}

static bool gre(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes)
{
    const uint8_t *start = c.p;
    uint16_t flags = cursor_be16(&c), protocol = cursor_be16(&c);
    struct cursor peek;

    t->type = TUNNEL_GRE;
    if ((flags & GRE_VERSION) == 1)
        return protocol == ETHERTYPE_PPP && gre_pptp(t, c, start, flags, wire_bytes);
    if ((flags & GRE_VERSION) != 0)
        return false;
    if (flags & (GRE_CHECKSUM | GRE_ROUTING))
        cursor_skip(&c, 4);
    if (flags & GRE_KEY) {
        t->has_id = true;
        t->id = cursor_be32(&c);
    }
    if (flags & GRE_SEQUENCE)
        cursor_skip(&c, 4);
    if (flags & GRE_ROUTING)
        gre_routes(&c);
    if (protocol == PROTOCOL_ERSPAN || protocol == PROTOCOL_ERSPAN3)
        protocol = erspan(t, &c, protocol, (flags & GRE_SEQUENCE) != 0);
    if (protocol == PROTOCOL_WCCP) { /* version 2 puts four bytes in front of the IP header */
        peek = c;
        if (cursor_u8(&peek) >> 4 != 4)
            cursor_skip(&c, 4);
        protocol = ETHERTYPE_IPV4;
    }
    return inside(t, c, start, protocol, wire_bytes, false);
}

/* What the generic extension's next-protocol field names; without the extension, Ethernet. */
static uint16_t vxlan_next(uint8_t flags, uint8_t next)
{
    if (!(flags & 0x04))
        return ETHERTYPE_TRANSPARENT;
    switch (next) {
    case 1:
        return ETHERTYPE_IPV4;
    case 2:
        return ETHERTYPE_IPV6;
    case 3:
        return ETHERTYPE_TRANSPARENT;
    case 5:
        return ETHERTYPE_MPLS;
    default:
        return 0;
    }
}

static bool vxlan(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes, bool generic,
                  bool strict)
{
    const uint8_t *start = c.p, *h = cursor_bytes(&c, 8);

    if (!h || !(h[0] & 0x08))
        return false;
    if (strict && (h[0] != 0x08 || h[1] != 0 || h[2] != 0 || h[3] != 0 || h[7] != 0))
        return false;
    t->type = TUNNEL_VXLAN;
    t->has_id = true;
    t->id = bytes_be32(h + 4) >> 8;
    return inside(t, c, start, generic ? vxlan_next(h[0], h[3]) : ETHERTYPE_TRANSPARENT, wire_bytes,
                  strict);
}

static bool geneve(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes, bool strict)
{
    const uint8_t *start = c.p, *h = cursor_bytes(&c, GENEVE_HEADER);

    if (!h || h[0] >> 6 != 0)
        return false;
    if (strict && ((h[1] & 0x3f) != 0 || h[7] != 0))
        return false;
    t->type = TUNNEL_GENEVE;
    t->has_id = true;
    t->id = bytes_be32(h + 4) >> 8;
    cursor_skip(&c, (h[0] & 0x3fu) * 4);
    return inside(t, c, start, bytes_be16(h + 2), wire_bytes, strict);
}

/* Version 1, GTP and not GTP', a packet and no signalling (3GPP TS 29.281 sections 5.1 and 5.2). */
static bool gtpu(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes, bool strict)
{
    const uint8_t *start = c.p, *h = cursor_bytes(&c, 8);
    uint32_t length;
    uint8_t next;

    if (!h || (h[0] & 0xf0) != 0x30 || h[1] != GTPU_PAYLOAD)
        return false;
    length = 8u + bytes_be16(h + 2);
    if (length > wire_bytes || (strict && (length != wire_bytes || (h[0] & 0x08))))
        return false;
    t->type = TUNNEL_GTPV1;
    t->has_id = true;
    t->id = bytes_be32(h + 4);
    if (h[0] & 0x07) {
        cursor_skip(&c, 3);
        next = cursor_u8(&c);
        if (!(h[0] & 0x04))
            next = 0;
        for (unsigned i = 0; next != 0; i++) {
            uint32_t bytes = cursor_u8(&c) * 4u;

            if (bytes == 0 || i == GTPU_EXTENSIONS)
                return false;
            cursor_skip(&c, bytes - 2);
            next = cursor_u8(&c);
        }
    }
    return inside(t, c, start, ip_ethertype(&c), length, strict);
}

/* A node's own address, or that of a router solicitation before it has one. */
static bool teredo_address(const uint8_t *addr, bool strict)
{
    return bytes_be32(addr) == TEREDO_PREFIX || (!strict && bytes_be16(addr) == 0xfe80);
}

/* Authentication and origin come in this order if at all (RFC 4380 section 5.1.1). One of the
 * addresses is always a node's. */
static bool teredo(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes, bool strict)
{
    const uint8_t *start = c.p, *h;
    struct cursor peek = c;
    bool empty, exact;

    t->type = TUNNEL_TEREDO;
    t->has_id = false;
    if (cursor_be16(&peek) == 0x0001) {
        uint32_t id_bytes = cursor_u8(&peek), value_bytes = cursor_u8(&peek);

        cursor_skip(&peek, id_bytes + value_bytes + 9);
        c = peek;
    }
    peek = c;
    if (cursor_be16(&peek) == 0x0000) {
        cursor_skip(&peek, 6);
        c = peek;
    }
    if (!cursor_ok(&c) || ip_ethertype(&c) != ETHERTYPE_IPV6 ||
        !inside(t, c, start, ETHERTYPE_IPV6, wire_bytes, false))
        return false;
    h = cursor_bytes(&c, 40);
    exact = t->wire_bytes == 40u + bytes_be16(h + 4);
    empty = h[6] == IPPROTO_NONE && bytes_be16(h + 4) == 0; /* a bubble */
    t->bubble_has_payload = empty && !exact;
    return (!strict || exact || empty) &&
           (teredo_address(h + 8, strict) || teredo_address(h + 24, strict));
}

static bool ayiya(struct tunnel_header *t, struct cursor c, uint32_t wire_bytes)
{
    const uint8_t *start = c.p, *h = cursor_bytes(&c, 8);

    if (!h || (h[2] & 0x0f) != AYIYA_FORWARD || h[3] != IPPROTO_IPV6)
        return false;
    t->type = TUNNEL_AYIYA;
    cursor_skip(&c, ((size_t)1 << (h[0] >> 4)) + (h[1] >> 4) * 4u); /* identity, signature */
    return inside(t, c, start, ETHERTYPE_IPV6, wire_bytes, false);
}

static bool on_port(struct tunnel_header *t, uint16_t port, struct cursor c, uint32_t wire_bytes)
{
    switch (port) {
    case TUNNEL_PORT_VXLAN:
    case TUNNEL_PORT_VXLAN_OLD:
    case TUNNEL_PORT_VXLAN_GPE:
        return vxlan(t, c, wire_bytes, port == TUNNEL_PORT_VXLAN_GPE, false);
    case TUNNEL_PORT_GENEVE:
        return geneve(t, c, wire_bytes, false);
    case TUNNEL_PORT_GTPU:
        return gtpu(t, c, wire_bytes, false);
    case TUNNEL_PORT_TEREDO:
        return teredo(t, c, wire_bytes, false);
    case TUNNEL_PORT_GRE:
        return gre(t, c, wire_bytes);
    case TUNNEL_PORT_AYIYA:
        return ayiya(t, c, wire_bytes);
    default:
        return false;
    }
}

bool tunnel_header_udp(struct tunnel_header *t, uint16_t sport, uint16_t dport,
                       struct cursor payload, uint32_t wire_bytes)
{
    struct cursor peek = payload;
    unsigned may = may_begin(cursor_u8(&peek));

    *t = (struct tunnel_header){0};
    /* Only Teredo and GTP answer from their port; for others the sender's tells nothing. */
    if (on_port(t, dport, payload, wire_bytes) ||
        ((sport == TUNNEL_PORT_TEREDO || sport == TUNNEL_PORT_GTPU) &&
         on_port(t, sport, payload, wire_bytes)))
        return true;
    *t = (struct tunnel_header){0};
    return ((may & MAY_VXLAN) && vxlan(t, payload, wire_bytes, false, true)) ||
           ((may & MAY_GTPU) && gtpu(t, payload, wire_bytes, true)) ||
           ((may & MAY_TEREDO) && teredo(t, payload, wire_bytes, true)) ||
           ((may & MAY_GENEVE) && geneve(t, payload, wire_bytes, true));
}

bool tunnel_header_ip(struct tunnel_header *t, uint8_t proto, struct cursor payload,
                      uint32_t wire_bytes)
{
    *t = (struct tunnel_header){.type = TUNNEL_IP};
    switch (proto) {
    case IPPROTO_IPIP:
        return inside(t, payload, payload.p, ETHERTYPE_IPV4, wire_bytes, false);
    case IPPROTO_IPV6:
        return inside(t, payload, payload.p, ETHERTYPE_IPV6, wire_bytes, false);
    case IPPROTO_GRE:
        return gre(t, payload, wire_bytes);
    default:
        return false;
    }
}
