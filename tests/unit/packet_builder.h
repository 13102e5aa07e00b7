/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests, header by header: each call appends. Lengths are patched by pb_end. */
#ifndef SPLIFF_TESTS_PACKET_BUILDER_H
#define SPLIFF_TESTS_PACKET_BUILDER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct packet_builder {
    uint8_t b[70000];
    size_t n;
    size_t ip; /* offset of the last IP header */
    uint8_t ip_version;
};

static inline void pb_u8(struct packet_builder *p, unsigned v)
{
    p->b[p->n++] = (uint8_t)v;
}

static inline void pb_u16(struct packet_builder *p, unsigned v)
{
    pb_u8(p, v >> 8);
    pb_u8(p, v);
}

static inline void pb_u32(struct packet_builder *p, uint32_t v)
{
    pb_u16(p, v >> 16);
    pb_u16(p, v & 0xffff);
}

static inline void pb_fill(struct packet_builder *p, unsigned v, size_t n)
{
    memset(p->b + p->n, (int)v, n);
    p->n += n;
}

static inline void pb_text(struct packet_builder *p, const char *text)
{
    memcpy(p->b + p->n, text, strlen(text));
    p->n += strlen(text);
}

static inline void pb_ethernet(struct packet_builder *p, unsigned ethertype)
{
    p->n = 0;
    pb_fill(p, 0x02, 12);
    pb_u16(p, ethertype);
}

/* Turns the Ethernet type just written into a tag in front of ethertype. */
static inline void pb_vlan(struct packet_builder *p, unsigned tpid, unsigned tci,
                           unsigned ethertype)
{
    p->n -= 2;
    pb_u16(p, tpid);
    pb_u16(p, tci);
    pb_u16(p, ethertype);
}

/* words: 32-bit words of options, filled with no-operation. flags_offset: as in the header. */
static inline void pb_ipv4(struct packet_builder *p, unsigned proto, uint32_t src, uint32_t dst,
                           unsigned words, unsigned flags_offset)
{
    p->ip = p->n;
    p->ip_version = 4;
    pb_u8(p, 0x45 + words);
    pb_u8(p, 0);
    pb_u16(p, 0);
    pb_u16(p, 0x1234);
    pb_u16(p, flags_offset);
    pb_u8(p, 64);
    pb_u8(p, proto);
    pb_u16(p, 0);
    pb_u32(p, src);
    pb_u32(p, dst);
    pb_fill(p, 1, (size_t)words * 4);
}

/* Addresses 2001:db8::src and 2001:db8::dst. */
static inline void pb_ipv6(struct packet_builder *p, unsigned next, uint32_t src, uint32_t dst)
{
    p->ip = p->n;
    p->ip_version = 6;
    pb_u32(p, 0x60000000);
    pb_u16(p, 0);
    pb_u8(p, next);
    pb_u8(p, 64);
    for (int i = 0; i < 2; i++) {
        pb_u32(p, 0x20010db8);
        pb_u32(p, 0);
        pb_u32(p, 0);
        pb_u32(p, i ? dst : src);
    }
}

static inline void pb_tcp(struct packet_builder *p, unsigned sport, unsigned dport, uint32_t seq,
                          uint32_t ack, unsigned flags)
{
    pb_u16(p, sport);
    pb_u16(p, dport);
    pb_u32(p, seq);
    pb_u32(p, ack);
    pb_u8(p, 5 << 4);
    pb_u8(p, flags);
    pb_u16(p, 512);
    pb_u32(p, 0);
}

static inline void pb_udp(struct packet_builder *p, unsigned sport, unsigned dport,
                          unsigned payload)
{
    pb_u16(p, sport);
    pb_u16(p, dport);
    pb_u16(p, 8 + payload);
    pb_u16(p, 0);
}

static inline void pb_icmp(struct packet_builder *p, unsigned type, unsigned code)
{
    pb_u8(p, type);
    pb_u8(p, code);
    pb_u16(p, 0);
    pb_u32(p, 0x00010001);
}

/* An IPv6 extension header of 8 bytes (for a fragment: offset_more as in its header). */
static inline void pb_extension(struct packet_builder *p, unsigned next, unsigned offset_more)
{
    pb_u8(p, next);
    pb_u8(p, 0);
    pb_u16(p, offset_more);
    pb_u32(p, 0x55);
}

/* Writes the length of all after the last IP header into it. */
static inline void pb_end(struct packet_builder *p)
{
    size_t len = p->n - p->ip - (p->ip_version == 6 ? 40 : 0);
    size_t at = p->ip + (p->ip_version == 6 ? 4 : 2);

    p->b[at] = (uint8_t)(len >> 8);
    p->b[at + 1] = (uint8_t)len;
}

#endif
