/* SPDX-License-Identifier: BSD-3-Clause */
/* From a frame to a packet.
 *
 * Lengths come from three sources that need not agree: what was captured (a snap length cuts), what
 * was on the wire (Ethernet pads), and what the headers say (zero when the kernel segments later).
 * struct segment carries the two that matter on to the transport layer: the bytes that are there
 * and the bytes that there should be.
 *
 * A header is taken whole from the cursor and its fixed fields are read from it, so that the usual
 * packet - Ethernet, IPv4, TCP or UDP - costs four bounds checks.
 *
 * A tunnel begins where a packet could also end: the outer packet is complete by then. It is noted
 * as a hop and the IP header inside is decoded in its place; if that fails, it is put back. */
#include "worker/decode/decode.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "common/base/icmp_port.h"
#include "worker/decode/checksum.h"
#include "worker/decode/fragments.h"
#include "worker/decode/ipv6_extension.h"
#include "worker/decode/link.h"

#include <netinet/in.h>

#define IPV4_FRAGMENT_MASK 0x3fff /* more fragments, or an offset */
#define IPV4_MORE          0x2000
#define IPV4_DONT          0x4000 /* fragment */
#define FRAGMENT_SMALL     64u    /* IP packets below this are not what a router makes */
#define FRAGMENT_FAR       64000u
#define IPV6_HEADER_BYTES  40u

/* What the network layer hands to the transport layer. */
struct segment {
    struct cursor c;     /* captured bytes behind the IP headers */
    uint32_t wire_bytes; /* how many there were */
    uint8_t proto;
    bool verify; /* whole and ours to check the checksum of */
    const uint8_t *src, *dst;
};

static enum decode_result bad(struct decoder *d, enum weird *weird, enum weird w)
{
    d->counters->decode_errors++;
    *weird = w;
    return DECODE_BAD;
}

static enum decode_result bad_checksum(struct decoder *d, enum weird *weird, enum weird w)
{
    d->counters->decode_bad_checksums++;
    *weird = w;
    return DECODE_BAD_CHECKSUM;
}

static enum decode_result decode_network(struct decoder *d, struct cursor c, uint16_t ethertype,
                                         uint32_t wire_bytes, struct packet *p, enum weird *weird);

/* The hash is taken from the header and not from the key: reading back what was just written in
 * smaller pieces would wait for the stores. */
static uint32_t make_hash(const struct decoder *d, const struct segment *s, uint8_t ip_version,
                          const uint16_t port[2])
{
    return flow_key_hash_headers(ip_version, s->src, s->dst, port, s->proto, d->seed);
}

static inline void set_key(const struct segment *s, struct packet *p, const uint16_t port[2])
{
    const struct ipaddr *src = (const void *)s->src, *dst = (const void *)s->dst;

    if (p->ip_version == 4)
        p->from = (uint8_t)flow_key_set_v4(&p->key, s->src, port[0], s->dst, port[1], s->proto);
    else
        p->from = (uint8_t)flow_key_set(&p->key, src, port[0], dst, port[1], s->proto);
}

/* What is known of a packet whose ports are not: enough for a weird to name its hosts. */
static void set_key_of_hosts(const struct decoder *d, const struct segment *s, struct packet *p)
{
    static const uint16_t none[2];

    set_key(s, p, none);
    p->hash = make_hash(d, s, p->ip_version, none);
}

static bool checksum_wrong(const struct segment *s, const struct packet *p, size_t bytes)
{
    return !checksum_segment_ok(s->src, s->dst, p->ip_version == 4 ? 4 : 16, s->proto, s->c.p,
                                bytes);
}

/* Payload: what the cursor has left, of wire_bytes that there should be. */
static void set_payload(struct packet *p, const struct cursor *c, uint32_t wire_bytes)
{
    uint32_t captured = (uint32_t)cursor_left(c);

    p->payload = c->p;
    p->payload_wire_len = wire_bytes;
    p->payload_len = captured < wire_bytes ? captured : wire_bytes;
    p->payload_cut = captured < wire_bytes;
}

/* A transport header that is not there whole: of the packet, or only of the capture. */
static enum decode_result header_cut(struct decoder *d, const struct segment *s, uint32_t bytes,
                                     enum weird *weird)
{
    return bad(d, weird,
               s->wire_bytes < bytes ? WEIRD_TRUNCATED_HEADER : WEIRD_INTERNALLY_TRUNCATED_HEADER);
}

static enum decode_result decode_tcp(struct decoder *d, const struct segment *s, struct packet *p,
                                     uint16_t port[2], enum weird *weird)
{
    struct cursor c = s->c;
    const uint8_t *h = cursor_bytes(&c, 20);
    uint32_t header_bytes;

    if (!h)
        return header_cut(d, s, 20, weird);
    port[0] = bytes_be16(h);
    port[1] = bytes_be16(h + 2);
    header_bytes = (uint32_t)(h[12] >> 4) * 4;
    if (header_bytes < 20)
        return bad(d, weird, WEIRD_BAD_TCP_HEADER_LEN);
    if (header_bytes > s->wire_bytes)
        return header_cut(d, s, header_bytes, weird);
    p->tcp_seq = bytes_be32(h + 4);
    p->tcp_ack = bytes_be32(h + 8);
    p->tcp_flags = h[13];
    p->tcp_window = bytes_be16(h + 14);
    cursor_skip(&c, header_bytes - 20); /* cut inside the options: an empty, cut payload */
    set_payload(p, &c, s->wire_bytes - header_bytes);
    if (s->verify && checksum_wrong(s, p, s->wire_bytes))
        return bad_checksum(d, weird, WEIRD_BAD_TCP_CHECKSUM);
    return DECODE_PACKET;
}

static enum decode_result decode_udp(struct decoder *d, const struct segment *s, struct packet *p,
                                     uint16_t port[2], enum weird *weird)
{
    struct cursor c = s->c;
    const uint8_t *h = cursor_bytes(&c, 8);
    bool whole = true;
    uint32_t length;

    if (!h)
        return header_cut(d, s, 8, weird);
    port[0] = bytes_be16(h);
    port[1] = bytes_be16(h + 2);
    length = bytes_be16(h + 4);
    if (length < 8 || length > s->wire_bytes) {
        if (length != 0) /* zero: a jumbogram (RFC 2675 section 4), or segmented later */
            *weird = WEIRD_BAD_UDP_LENGTH;
        length = s->wire_bytes;
        whole = false;
    }
    set_payload(p, &c, length - 8);
    if (s->verify && whole && bytes_be16(h + 6) != 0 && checksum_wrong(s, p, length))
        return bad_checksum(d, weird, WEIRD_BAD_UDP_CHECKSUM);
    return DECODE_PACKET;
}

static enum decode_result decode_icmp(struct decoder *d, const struct segment *s, struct packet *p,
                                      uint16_t port[2], enum weird *weird)
{
    struct cursor c = s->c;
    const uint8_t *h = cursor_bytes(&c, 8);
    int counterpart;

    if (!h)
        return header_cut(d, s, 8, weird);
    counterpart =
        s->proto == IPPROTO_ICMP ? icmp_port_counterpart(h[0]) : icmp_port_counterpart6(h[0]);
    port[0] = h[0];
    port[1] = counterpart == ICMP_PORT_ONE_WAY ? h[1] : (uint16_t)counterpart;
    set_payload(p, &c, s->wire_bytes - 8);
    if (s->verify && (s->proto == IPPROTO_ICMP ? !checksum_header_ok(s->c.p, s->wire_bytes)
                                               : checksum_wrong(s, p, s->wire_bytes)))
        return bad_checksum(d, weird, WEIRD_BAD_ICMP_CHECKSUM);
    return DECODE_PACKET;
}

/* Notes the packet that p is now as one that carries another. */
static void push_hop(struct decoder *d, struct packet *p, const struct tunnel_header *t)
{
    struct tunnel_hop *hop = &d->hops[d->n_hops];

    CHECK(d->n_hops < sizeof d->hops / sizeof d->hops[0]);
    *hop = (struct tunnel_hop){
        .key = p->key,
        .hash = p->hash,
        .id = t->id,
        .ip_len = p->ip_len,
        .payload_wire_len = p->payload_wire_len,
        .from = p->from,
        .ip_version = p->ip_version,
        .type = (uint8_t)t->type,
        .has_id = t->has_id,
    };
    if (p->n_hops++ == 0)
        p->hops = hop;
    d->n_hops++;
}

/* The outer packet as it was. What it pointed at may be gone: the buffer of reassembled datagrams
 * holds one of them. */
static void put_back(struct decoder *d, struct packet *p, const struct packet *outer)
{
    bool overwritten = outer->reassembled && p->reassembled_inside;

    d->n_hops--;
    *p = *outer;
    p->carrier = true;
    if (overwritten) {
        p->payload_len = 0;
        p->payload_cut = p->payload_wire_len > 0;
    }
}

/* p is a whole packet that may be the outside of another: decodes that one in its place. */
static __attribute__((noinline)) enum decode_result
decode_inside(struct decoder *d, struct packet *p, const uint16_t port[2], enum weird *weird)
{
    struct cursor payload = cursor_init(p->payload, p->payload_len);
    struct packet outer;
    struct tunnel_header t;
    enum decode_result result;

    p->carrier = p->key.proto != IPPROTO_UDP || tunnel_port(port[0]) || tunnel_port(port[1]);
    if (d->tunnel_max_depth == 0 ||
        !(p->key.proto == IPPROTO_UDP
              ? tunnel_header_udp(&t, port[0], port[1], payload, p->payload_wire_len)
              : tunnel_header_ip(&t, p->key.proto, payload, p->payload_wire_len)))
        return DECODE_PACKET;
    if (p->n_hops >= d->tunnel_max_depth) {
        *weird = WEIRD_EXCEEDED_TUNNEL_MAX_DEPTH;
        return DECODE_PACKET;
    }
    if (t.bubble_has_payload)
        *weird = WEIRD_TEREDO_BUBBLE_WITH_PAYLOAD;
    outer = *p;
    push_hop(d, p, &t);
    p->carrier = p->reassembled_inside = false;
    p->ip_len = 0; /* until an IP header is read */
    if (p->vlan == 0)
        p->vlan = t.vlan;
    result = decode_network(d, t.inner, t.ethertype, t.wire_bytes, p, weird);
    if (result != DECODE_BAD)
        return result;
    put_back(d, p, &outer);
    return DECODE_PACKET;
}

/* Whether the source has told the hash of this very packet. */
static bool is_hashed(const struct packet *p, enum decode_result result)
{
    return p->frame->hashed && p->n_hops == 0 && !p->reassembled &&
           (result == DECODE_PACKET || result == DECODE_BAD_CHECKSUM);
}

/* Fills the transport's part of p, and with whatever ports were found key and hash. */
static enum decode_result decode_segment(struct decoder *d, const struct segment *s,
                                         struct packet *p, enum weird *weird)
{
    uint16_t port[2] = {0, 0};
    enum decode_result result;
    bool inside = false;

    switch (s->proto) {
    case IPPROTO_TCP:
        result = decode_tcp(d, s, p, port, weird);
        break;
    case IPPROTO_UDP:
        result = decode_udp(d, s, p, port, weird);
        inside = result == DECODE_PACKET &&
                 tunnel_header_is_candidate(port[0], port[1], p->payload, p->payload_len);
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        result = decode_icmp(d, s, p, port, weird);
        break;
    case IPPROTO_NONE: /* RFC 8200 section 4.7: nothing, which is no flow */
        d->counters->decode_non_ip++;
        result = DECODE_NOT_IP;
        break;
    default:
        set_payload(p, &s->c, s->wire_bytes);
        result = DECODE_PACKET;
        inside = s->proto == IPPROTO_GRE || s->proto == IPPROTO_IPIP || s->proto == IPPROTO_IPV6;
    }
    set_key(s, p, port);
    p->hash = is_hashed(p, result) ? p->frame->hash : make_hash(d, s, p->ip_version, port);
    return __builtin_expect(inside, 0) ? decode_inside(d, p, port, weird) : result;
}

/* One fragment: *s is its part of the datagram. DECODE_PACKET when it was the last one missing:
 * then *s is the whole. */
static enum decode_result join_fragment(struct decoder *d, struct segment *s, struct fragment *frag,
                                        struct packet *p, enum weird *weird)
{
    struct fragment_whole whole;

    set_key_of_hosts(d, s, p);
    if (cursor_left(&s->c) < s->wire_bytes) {
        d->counters->fragments++;
        d->counters->fragments_lost++;
        return bad(d, weird, WEIRD_FRAGMENT_CUT);
    }
    if (frag->more && p->ip_len < FRAGMENT_SMALL)
        *weird = WEIRD_FRAGMENT_SMALL;
    if (frag->offset + s->wire_bytes > FRAGMENT_FAR)
        *weird = WEIRD_FRAGMENT_LARGE;
    frag->proto = s->proto;
    frag->data = s->c.p;
    frag->len = s->wire_bytes;
    frag->ts_ns = p->ts_ns;
    frag->ip_len = p->ip_len;
    if (!fragments_add(d->fragments, frag, &whole, weird))
        return DECODE_HELD;
    s->c = cursor_init(whole.data, whole.len);
    s->wire_bytes = whole.len;
    s->proto = whole.proto;
    p->ip_len = whole.ip_len;
    p->reassembled = p->reassembled_inside = true;
    return DECODE_PACKET;
}

/* Whether checksums are to be looked at: of packets that are there whole, were not checked before,
 * and, in auto, came from outside. What the interface has checked is the outermost packet. */
static bool verifies(const struct decoder *d, const struct packet *p, const struct segment *s)
{
    const struct frame *f = p->frame;

    if (__builtin_expect(d->checksums == CHECKSUMS_IGNORE, 1))
        return false;
    return f->checksum != FRAME_CHECKSUM_ABSENT &&
           !(f->checksum == FRAME_CHECKSUM_GOOD && p->n_hops == 0) &&
           !(f->outgoing && d->checksums == CHECKSUMS_AUTO) && cursor_left(&s->c) == s->wire_bytes;
}

/* Takes what an IP header says its packet has (0: not told) from the cursor that stands behind it.
 * wire_bytes: what the frame had there. */
static void cut_to_length(struct segment *s, const struct cursor *c, uint32_t said_bytes,
                          uint32_t wire_bytes, enum weird *weird)
{
    size_t captured = cursor_left(c);

    if (said_bytes > wire_bytes) {
        *weird = WEIRD_TRUNCATED_IP_LEN; /* still read: the headers may be all that is asked for */
        said_bytes = wire_bytes;         /* but nobody sent what the frame had no room for */
    }
    s->wire_bytes = said_bytes;
    s->c = cursor_init(c->p, captured < said_bytes ? captured : said_bytes);
}

/* Takes the IP header from c: *s is what it carries, if the result is DECODE_PACKET. */
static enum decode_result read_ipv4(struct decoder *d, struct cursor c, uint32_t wire_bytes,
                                    struct packet *p, struct segment *s, enum weird *weird)
{
    const uint8_t *h = cursor_bytes(&c, 20);
    uint32_t header_bytes;
    uint16_t offset;

    if (!h)
        return bad(d, weird, WEIRD_TRUNCATED_IP);
    if (h[0] >> 4 != 4)
        return bad(d, weird, WEIRD_UNKNOWN_IP_VERSION);
    header_bytes = (uint32_t)(h[0] & 0xf) * 4;
    p->ip_version = 4;
    p->ip_len = bytes_be16(h + 2);
    if (p->ip_len == 0) { /* to be segmented by the interface */
        p->ip_len = wire_bytes;
        if (!p->frame->outgoing && p->frame->checksum != FRAME_CHECKSUM_ABSENT)
            *weird = WEIRD_IP_HDR_LEN_ZERO;
    }
    if (header_bytes < 20)
        return bad(d, weird, WEIRD_IPV4_MIN_HEADER_SIZE);
    if (p->ip_len < header_bytes)
        return bad(d, weird, WEIRD_INVALID_IP_HEADER_SIZE);
    cursor_skip(&c, header_bytes - 20);
    if (!cursor_ok(&c))
        return bad(d, weird, WEIRD_INTERNALLY_TRUNCATED_HEADER);
    cut_to_length(s, &c, p->ip_len - header_bytes,
                  wire_bytes > header_bytes ? wire_bytes - header_bytes : 0, weird);
    p->ip_len = header_bytes + s->wire_bytes;
    s->proto = h[9];
    s->src = h + 12;
    s->dst = h + 16;
    s->verify = verifies(d, p, s);
    if (s->verify && !checksum_header_ok(h, header_bytes)) {
        set_key_of_hosts(d, s, p);
        bad_checksum(d, weird, WEIRD_BAD_IP_CHECKSUM);
        return DECODE_BAD; /* whose packet it was is not known */
    }
    offset = bytes_be16(h + 6);
    if (__builtin_expect(offset & IPV4_FRAGMENT_MASK, 0)) {
        struct fragment frag = {.id = bytes_be16(h + 4),
                                .offset = (offset & 0x1fffu) * 8,
                                .more = (offset & IPV4_MORE) != 0};
        ipaddr_set_v4(&frag.src, s->src);
        ipaddr_set_v4(&frag.dst, s->dst);
        if (offset & IPV4_DONT)
            *weird = WEIRD_FRAGMENT_WITH_DF;
        return join_fragment(d, s, &frag, p, weird);
    }
    return DECODE_PACKET;
}

enum extensions_end {
    EXTENSIONS_DONE,     /* *s begins with the transport header */
    EXTENSIONS_FRAGMENT, /* *s is a fragment's part, *frag says which */
    EXTENSIONS_CUT,
};

/* Follows the extension headers (RFC 8200 section 4). Past the bound the packet is one of an
 * unknown protocol, as it is for the BPF program that chose this worker. */
static enum extensions_end follow_extensions(struct segment *s, struct fragment *frag,
                                             enum weird *weird)
{
    for (unsigned i = 0; i < FLOW_IPV6_EXTENSIONS && ipv6_is_extension(s->proto); i++) {
        struct cursor peek = s->c;
        const uint8_t *h = cursor_bytes(&peek, 8);
        uint8_t proto = s->proto;
        uint32_t bytes;

        if (!h)
            return EXTENSIONS_CUT;
        bytes = ipv6_extension_bytes(proto, h);
        if (bytes > s->wire_bytes || !cursor_bytes(&s->c, bytes))
            return EXTENSIONS_CUT;
        s->wire_bytes -= bytes;
        s->proto = h[0];
        if (proto == IPPROTO_FRAGMENT && ipv6_fragment_read(frag, h))
            return EXTENSIONS_FRAGMENT;
        if (proto == IPPROTO_ROUTING && h[3] > 0)
            s->verify = false; /* the pseudo header names the last destination */
        if (proto == IPPROTO_ROUTING && h[2] == 0)
            *weird = WEIRD_ROUTING0_HDR; /* forbidden by RFC 5095 */
    }
    return EXTENSIONS_DONE;
}

/* Payload length of an IPv6 header; 0 stands for more than 64 KiB or for segmentation later. */
static uint32_t ipv6_payload_bytes(const uint8_t *h, uint32_t wire_bytes)
{
    uint32_t bytes = bytes_be16(h + 4);

    if (bytes == 0 && (h[6] == IPPROTO_TCP || h[6] == IPPROTO_UDP || h[6] == IPPROTO_HOPOPTS))
        return wire_bytes;
    return bytes;
}

static enum decode_result read_ipv6(struct decoder *d, struct cursor c, uint32_t wire_bytes,
                                    struct packet *p, struct segment *s, enum weird *weird)
{
    const uint8_t *h = cursor_bytes(&c, IPV6_HEADER_BYTES);
    enum extensions_end end;
    struct fragment frag;

    if (!h)
        return bad(d, weird, WEIRD_TRUNCATED_IP);
    if (h[0] >> 4 != 6)
        return bad(d, weird, WEIRD_UNKNOWN_IP_VERSION);
    wire_bytes -= IPV6_HEADER_BYTES;
    p->ip_version = 6;
    p->ip_len = IPV6_HEADER_BYTES + ipv6_payload_bytes(h, wire_bytes);
    cut_to_length(s, &c, p->ip_len - IPV6_HEADER_BYTES, wire_bytes, weird);
    p->ip_len = IPV6_HEADER_BYTES + s->wire_bytes;
    s->proto = h[6];
    s->src = h + 8;
    s->dst = h + 24;
    s->verify = verifies(d, p, s);
    end = follow_extensions(s, &frag, weird);
    if (end == EXTENSIONS_FRAGMENT) {
        enum decode_result result;
        memcpy(frag.src.b, s->src, sizeof frag.src.b);
        memcpy(frag.dst.b, s->dst, sizeof frag.dst.b);
        result = join_fragment(d, s, &frag, p, weird);
        if (result != DECODE_PACKET)
            return result;
        end = follow_extensions(s, &frag, weird);
    }
    if (end != EXTENSIONS_DONE) { /* or a fragment of a fragment */
        set_key_of_hosts(d, s, p);
        return bad(d, weird, WEIRD_INTERNALLY_TRUNCATED_HEADER);
    }
    return DECODE_PACKET;
}

static enum decode_result decode_network(struct decoder *d, struct cursor c, uint16_t ethertype,
                                         uint32_t wire_bytes, struct packet *p, enum weird *weird)
{
    enum decode_result result;
    struct segment s;

    switch (ethertype) {
    case ETHERTYPE_IPV4:
        result = read_ipv4(d, c, wire_bytes, p, &s, weird);
        break;
    case ETHERTYPE_IPV6:
        result = read_ipv6(d, c, wire_bytes, p, &s, weird);
        break;
    default:
        d->counters->decode_non_ip++;
        return DECODE_NOT_IP;
    }
    return result == DECODE_PACKET ? decode_segment(d, &s, p, weird) : result;
}

/* In two halves, for which compilers use plain stores: a whole one makes them use an instruction
 * that takes longer than all else here. The hops are valid only if there are any. */
static void packet_clear(struct packet *p)
{
    memset(&p->key, 0, sizeof p->key);
    memset((uint8_t *)p + sizeof p->key, 0, offsetof(struct packet, hops) - sizeof p->key);
}

enum decode_result decode_frame(struct decoder *d, const struct frame *f, struct packet *p,
                                enum weird *weird)
{
    struct cursor c = cursor_init(f->data, f->caplen);
    uint32_t wire_bytes = f->wirelen > f->caplen ? f->wirelen : f->caplen;
    enum decode_result result;
    uint16_t ethertype;

    *weird = WEIRDS;
    packet_clear(p);
    p->frame = f;
    p->ts_ns = f->ts_ns;
    p->vlan = f->vlan_tci & 0xfff;
    switch (link_read(&c, f->linktype, &ethertype, &p->vlan)) {
    case LINK_CUT:
        result = bad(d, weird, WEIRD_TRUNCATED_LINK_HEADER);
        break;
    case LINK_UNKNOWN:
        d->counters->decode_unknown_link++;
        result = DECODE_BAD;
        *weird = WEIRD_UNKNOWN_PACKET_TYPE;
        break;
    case LINK_PROTECTED:
        d->counters->decode_protected++;
        result = DECODE_NOT_IP;
        break;
    default:
        result = decode_network(d, c, ethertype, wire_bytes - (uint32_t)(c.p - f->data), p, weird);
    }
    p->result = (uint8_t)result;
    return result;
}
