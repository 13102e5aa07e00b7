/* SPDX-License-Identifier: BSD-3-Clause */
/* A pcapng file is a run of blocks: type, length, body, length again. A section header sets the
 * byte order and begins a new list of interfaces; each frame names the interface that it came from,
 * which has the link type and the resolution of the timestamp. Unknown blocks are stepped over,
 * whatever their size. */
#include "worker/capture/pcapng.h"

#define BLOCK_SECTION   0x0a0d0d0au /* the same in both byte orders */
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    2u /* obsolete */
#define BLOCK_SIMPLE    3u
#define BLOCK_ENHANCED  6u

#define MAGIC_BIG    0x1a2b3c4du /* read in network order */
#define MAGIC_LITTLE 0x4d3c2b1au

#define OPTION_END      0u
#define OPTION_TSRESOL  9u
#define OPTION_TSOFFSET 14u

#define BLOCK_MIN_BYTES 12u
/* Blocks that are read must fit the window: a frame, and options at leisure. */
#define BLOCK_MAX_BYTES (PCAP_WINDOW_BYTES / 2)

#define NS_MAX ((uint64_t)INT64_MAX) /* leaves room to add time-outs to the time of a frame */

bool pcapng_is_section(const struct pcap_input *in)
{
    struct cursor c = pcap_input_cursor(in);

    return cursor_be32(&c) == BLOCK_SECTION;
}

/* if_tsresol: a power of ten, or of two if the highest bit is set. 0 if it does not fit 64 bits. */
static uint64_t ticks_per_second(uint8_t resolution)
{
    unsigned exponent = resolution & 0x7f;
    uint64_t n = 1;

    if (resolution & 0x80)
        return exponent < 64 ? UINT64_C(1) << exponent : 0;
    if (exponent > 19)
        return 0;
    while (exponent-- > 0)
        n *= 10;
    return n;
}

/* 128 bits hold any of it; a whole number of ns a tick, the usual case, saves the division. */
static uint64_t ticks_to_ns(const struct pcapng_interface *i, uint64_t ticks)
{
    __int128 ns;

    if (i->per_second == 0)
        return 0;
    if (i->ns_per_tick > 0)
        ns = (__int128)ticks * i->ns_per_tick;
    else
        ns = (__int128)ticks * (__int128)NS_PER_SEC / i->per_second;
    ns += (__int128)i->offset_s * (__int128)NS_PER_SEC;
    return ns < 0 ? 0 : ns > (__int128)NS_MAX ? NS_MAX : (uint64_t)ns;
}

/* A new section: its byte order, which also the length field in front of it has. */
static enum pcap_next take_section(struct pcapng *ng, struct cursor *body)
{
    uint32_t magic = cursor_be32(body);

    if (magic != MAGIC_BIG && magic != MAGIC_LITTLE)
        return PCAP_NEXT_CORRUPT;
    ng->big_endian = magic == MAGIC_BIG;
    ng->n_interfaces = 0;
    return PCAP_NEXT_OTHER;
}

static void take_interface_options(const struct pcapng *ng, struct pcapng_interface *i,
                                   struct cursor *c)
{
    while (cursor_left(c) >= 4) {
        uint16_t code = pcap_input_u16(c, ng->big_endian);
        uint16_t bytes = pcap_input_u16(c, ng->big_endian);
        struct cursor value = cursor_sub(c, bytes);

        if (code == OPTION_END)
            return;
        if (code == OPTION_TSRESOL && bytes >= 1) {
            i->per_second = ticks_per_second(cursor_u8(&value));
        } else if (code == OPTION_TSOFFSET && bytes >= 8) {
            uint64_t a = pcap_input_u32(&value, ng->big_endian);
            uint64_t b = pcap_input_u32(&value, ng->big_endian);
            i->offset_s = (int64_t)(ng->big_endian ? a << 32 | b : b << 32 | a);
        }
        cursor_skip(c, (4u - bytes % 4u) % 4u);
    }
}

static enum pcap_next take_interface(struct pcapng *ng, struct cursor *body)
{
    struct pcapng_interface i = {.per_second = 1000000};

    i.linktype = pcap_input_u16(body, ng->big_endian);
    cursor_skip(body, 2);
    i.snaplen = pcap_input_u32(body, ng->big_endian);
    if (!cursor_ok(body))
        return PCAP_NEXT_CORRUPT;
    take_interface_options(ng, &i, body);
    if (i.per_second > 0 && NS_PER_SEC % i.per_second == 0)
        i.ns_per_tick = (uint32_t)(NS_PER_SEC / i.per_second);
    if (ng->n_interfaces < PCAPNG_INTERFACES_MAX)
        ng->interface[ng->n_interfaces] = i;
    ng->n_interfaces++;
    return PCAP_NEXT_OTHER;
}

/* Enhanced and obsolete packet blocks differ in how they name the interface. */
static enum pcap_next take_packet(struct pcapng *ng, uint32_t type, struct cursor *body,
                                  struct frame *f)
{
    bool big = ng->big_endian;
    const struct pcapng_interface *i;
    uint32_t id;
    uint64_t ticks;

    if (type == BLOCK_ENHANCED) {
        id = pcap_input_u32(body, big);
    } else {
        id = pcap_input_u16(body, big);
        cursor_skip(body, 2); /* drop count */
    }
    ticks = (uint64_t)pcap_input_u32(body, big) << 32;
    ticks |= pcap_input_u32(body, big);
    f->caplen = pcap_input_u32(body, big);
    f->wirelen = pcap_input_u32(body, big);
    if (f->caplen > PCAP_FRAME_MAX || id >= ng->n_interfaces)
        return PCAP_NEXT_CORRUPT;
    f->data = cursor_bytes(body, f->caplen);
    if (!f->data)
        return PCAP_NEXT_CORRUPT;
    if (id >= PCAPNG_INTERFACES_MAX)
        return PCAP_NEXT_OTHER;
    i = &ng->interface[id];
    f->linktype = i->linktype;
    f->ts_ns = ng->last_ns = ticks_to_ns(i, ticks);
    return PCAP_NEXT_FRAME;
}

/* Of the first interface; the captured length is what the block and the snap length leave. */
static enum pcap_next take_simple(struct pcapng *ng, struct cursor *body, struct frame *f)
{
    const struct pcapng_interface *i = &ng->interface[0];
    size_t left;

    f->wirelen = pcap_input_u32(body, ng->big_endian);
    left = cursor_left(body);
    if (!cursor_ok(body) || ng->n_interfaces == 0 || left > PCAP_FRAME_MAX)
        return PCAP_NEXT_CORRUPT;
    f->caplen = f->wirelen < left ? f->wirelen : (uint32_t)left;
    if (i->snaplen > 0 && f->caplen > i->snaplen)
        f->caplen = i->snaplen;
    f->data = cursor_bytes(body, f->caplen);
    f->linktype = i->linktype;
    f->ts_ns = ng->last_ns;
    return PCAP_NEXT_FRAME;
}

static bool is_read(uint32_t type)
{
    return type == BLOCK_SECTION || type == BLOCK_INTERFACE || type == BLOCK_PACKET ||
           type == BLOCK_SIMPLE || type == BLOCK_ENHANCED;
}

static enum pcap_next take_block(struct pcapng *ng, uint32_t type, struct cursor *body,
                                 struct frame *f)
{
    switch (type) {
    case BLOCK_SECTION:
        return take_section(ng, body);
    case BLOCK_INTERFACE:
        return take_interface(ng, body);
    case BLOCK_SIMPLE:
        return take_simple(ng, body, f);
    default:
        return take_packet(ng, type, body, f);
    }
}

enum pcap_next pcapng_next(struct pcapng *ng, struct pcap_input *in, struct frame *f)
{
    struct cursor c = pcap_input_cursor(in);
    bool big = ng->big_endian;
    struct cursor body;
    enum pcap_next next;
    uint32_t type, bytes;

    if (cursor_left(&c) < BLOCK_MIN_BYTES)
        return PCAP_NEXT_MORE;
    type = pcap_input_u32(&c, big);
    if (type == BLOCK_SECTION) {
        struct cursor magic = cursor_init(c.p + 4, 4);
        big = cursor_be32(&magic) == MAGIC_BIG;
    }
    bytes = pcap_input_u32(&c, big);
    if (bytes < BLOCK_MIN_BYTES || bytes % 4 != 0)
        return PCAP_NEXT_CORRUPT;
    if (!is_read(type)) {
        pcap_input_consume(in, bytes);
        return PCAP_NEXT_OTHER;
    }
    if (bytes > BLOCK_MAX_BYTES)
        return PCAP_NEXT_CORRUPT;
    body = cursor_sub(&c, bytes - BLOCK_MIN_BYTES);
    if (cursor_left(&c) < 4)
        return PCAP_NEXT_MORE;
    if (pcap_input_u32(&c, big) != bytes)
        return PCAP_NEXT_CORRUPT;
    next = take_block(ng, type, &body, f);
    if (next == PCAP_NEXT_FRAME || next == PCAP_NEXT_OTHER)
        pcap_input_consume(in, bytes);
    return next;
}
