/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets in packets for tests, outermost header first. Each begin_ call is closed by tb_end, which
 * fills in all lengths. */
#ifndef SPLIFF_TESTS_TUNNEL_BUILDER_H
#define SPLIFF_TESTS_TUNNEL_BUILDER_H

#include "tests/unit/packet_builder.h"

#define TB_LAYERS 64

enum tb_kind { TB_IPV4, TB_IPV6, TB_UDP, TB_GTPU };

struct tunnel_builder {
    struct packet_builder *pb;
    struct {
        enum tb_kind kind;
        size_t at;
    } layer[TB_LAYERS];
    unsigned n;
};

static inline void tb_note(struct tunnel_builder *t, enum tb_kind kind)
{
    t->layer[t->n].kind = kind;
    t->layer[t->n++].at = t->pb->n;
}

static inline void tb_begin(struct tunnel_builder *t, struct packet_builder *pb, unsigned ethertype)
{
    t->pb = pb;
    t->n = 0;
    pb_ethernet(pb, ethertype);
}

static inline void tb_ethernet(struct tunnel_builder *t, unsigned ethertype)
{
    pb_fill(t->pb, 0x06, 12);
    pb_u16(t->pb, ethertype);
}

static inline void tb_ipv4(struct tunnel_builder *t, unsigned proto, uint32_t src, uint32_t dst)
{
    tb_note(t, TB_IPV4);
    pb_ipv4(t->pb, proto, src, dst, 0, 0x4000);
}

static inline void tb_ipv6(struct tunnel_builder *t, unsigned next, uint32_t src, uint32_t dst)
{
    tb_note(t, TB_IPV6);
    pb_ipv6(t->pb, next, src, dst);
}

static inline void tb_udp(struct tunnel_builder *t, unsigned sport, unsigned dport)
{
    tb_note(t, TB_UDP);
    pb_udp(t->pb, sport, dport, 0);
}

/* flags as in RFC 2784 and 2890; the fields that they name are zero but the key. */
static inline void tb_gre(struct tunnel_builder *t, unsigned flags, unsigned type, uint32_t key)
{
    pb_u16(t->pb, flags);
    pb_u16(t->pb, type);
    if (flags & 0xc000)
        pb_u32(t->pb, 0);
    if (flags & 0x2000)
        pb_u32(t->pb, key);
    if (flags & 0x1000)
        pb_u32(t->pb, 1);
}

static inline void tb_vxlan(struct tunnel_builder *t, uint32_t vni)
{
    pb_u32(t->pb, 0x08000000);
    pb_u32(t->pb, vni << 8);
}

static inline void tb_geneve(struct tunnel_builder *t, uint32_t vni, unsigned type, unsigned words)
{
    pb_u16(t->pb, words << 8);
    pb_u16(t->pb, type);
    pb_u32(t->pb, vni << 8);
    pb_fill(t->pb, 0, (size_t)words * 4);
}

/* extensions: each of four bytes. */
static inline void tb_gtpu(struct tunnel_builder *t, uint32_t teid, unsigned extensions)
{
    tb_note(t, TB_GTPU);
    pb_u16(t->pb, extensions ? 0x34ff : 0x30ff);
    pb_u16(t->pb, 0);
    pb_u32(t->pb, teid);
    if (extensions > 0)
        pb_u32(t->pb, 0x85);
    for (; extensions > 0; extensions--)
        pb_u32(t->pb, extensions > 1 ? 0x01000085 : 0x01000000);
}

static inline void tb_mpls(struct tunnel_builder *t, unsigned labels)
{
    for (; labels > 0; labels--)
        pb_u32(t->pb, labels << 12 | (labels == 1 ? 0x100 : 0) | 64);
}

/* proto: of PPP */
static inline void tb_pppoe(struct tunnel_builder *t, unsigned proto)
{
    pb_u16(t->pb, 0x1100);
    pb_u32(t->pb, 0x00070000);
    pb_u16(t->pb, proto);
}

static inline void tb_put16(struct tunnel_builder *t, size_t at, size_t v)
{
    t->pb->b[at] = (uint8_t)(v >> 8);
    t->pb->b[at + 1] = (uint8_t)v;
}

/* Fills in lengths and IPv4 checksums, innermost first. */
static inline void tb_end(struct tunnel_builder *t)
{
    for (unsigned i = t->n; i-- > 0;) {
        size_t at = t->layer[i].at, bytes = t->pb->n - at;
        uint32_t sum = 0;

        switch (t->layer[i].kind) {
        case TB_IPV4:
            tb_put16(t, at + 2, bytes);
            tb_put16(t, at + 10, 0);
            for (size_t k = 0; k < 20; k += 2)
                sum += (uint32_t)t->pb->b[at + k] << 8 | t->pb->b[at + k + 1];
            sum = (sum & 0xffff) + (sum >> 16);
            tb_put16(t, at + 10, ~(sum + (sum >> 16)) & 0xffff);
            break;
        case TB_IPV6:
            tb_put16(t, at + 4, bytes - 40);
            break;
        case TB_UDP:
            tb_put16(t, at + 4, bytes);
            break;
        case TB_GTPU:
            tb_put16(t, at + 2, bytes - 8);
        }
    }
}

#endif
