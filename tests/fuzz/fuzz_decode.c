/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames: two bytes of length, the frame, and so on, so that fragments meet. The first byte chooses
 * the link type, the second how checksums count and how deep tunnels are followed. */
#include "common/base/check.h"
#include "common/base/cursor.h"
#include "common/base/linktype.h"
#include "worker/decode/decode.h"
#include "worker/decode/fragments.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_packet(const struct packet *p, const struct frame *f)
{
    volatile uint8_t sink = 0;

    CHECK(p->payload_len <= p->payload_wire_len);
    CHECK(p->payload_cut == (p->payload_len < p->payload_wire_len));
    CHECK(p->reassembled ||
          (p->payload >= f->data && p->payload + p->payload_len <= f->data + f->caplen));
    for (uint32_t i = 0; i < p->payload_len; i++)
        sink ^= p->payload[i];
    (void)sink;
}

static void check_hops(const struct decoder *d, const struct packet *p)
{
    CHECK(p->n_hops <= d->tunnel_max_depth && p->n_hops <= d->n_hops);
    for (unsigned i = 0; i < p->n_hops; i++) {
        const struct tunnel_hop *h = &p->hops[i];

        CHECK(h >= d->hops && h < d->hops + d->n_hops);
        CHECK(h->type > TUNNEL_NONE && h->type < TUNNEL_TYPES);
        CHECK(h->hash == flow_key_hash(&h->key, d->seed));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t linktypes[] = {LINKTYPE_ETHERNET,
                                         LINKTYPE_RAW,
                                         LINKTYPE_NULL,
                                         LINKTYPE_LINUX_SLL,
                                         LINKTYPE_LOOP,
                                         LINKTYPE_IPV6,
                                         LINKTYPE_LINUX_SLL2,
                                         147,
                                         LINKTYPE_PPP,
                                         LINKTYPE_FDDI,
                                         LINKTYPE_PPP_HDLC,
                                         LINKTYPE_PPP_ETHER,
                                         LINKTYPE_C_HDLC,
                                         LINKTYPE_IEEE802_11,
                                         LINKTYPE_IEEE802_11_AVS,
                                         LINKTYPE_IEEE802_11_RADIOTAP,
                                         LINKTYPE_IEEE802_11_PRISM,
                                         LINKTYPE_MPLS,
                                         LINKTYPE_NFLOG,
                                         LINKTYPE_PKTAP};
    static struct decoder d; /* its array of hops is large */
    struct cursor c = cursor_init(data, size);
    struct counters counters = {0};
    uint8_t link = cursor_u8(&c), how = cursor_u8(&c);
    uint64_t ts_ns = 0;

    d.counters = &counters;
    d.seed = 3;
    d.checksums = how & 8 ? CHECKSUMS_CHECK : CHECKSUMS_IGNORE;
    d.tunnel_max_depth = how & 7;
    d.fragments = fragments_new(256 * 1024, 30 * NS_PER_SEC, &counters);
    CHECK(d.fragments);
    while (cursor_left(&c) >= 2) {
        size_t bytes = cursor_be16(&c) & 0x7ff;
        struct cursor sub = cursor_sub(&c, bytes < cursor_left(&c) ? bytes : cursor_left(&c));
        size_t n = cursor_left(&sub);
        uint8_t *copy = malloc(n ? n : 1); /* exact, so that a read past the end shows */
        struct frame f = {.data = copy,
                          .caplen = (uint32_t)n,
                          .wirelen = (uint32_t)n + (how >> 4),
                          .ts_ns = ts_ns += NS_PER_SEC,
                          .linktype = linktypes[link % (sizeof linktypes / sizeof linktypes[0])]};
        enum weird weird = WEIRDS;
        struct packet p;

        CHECK(copy);
        if (n > 0)
            memcpy(copy, sub.p, n);
        decode_batch(&d);
        if (decode_frame(&d, &f, &p, &weird) == DECODE_PACKET)
            check_packet(&p, &f);
        check_hops(&d, &p);
        CHECK(weird <= WEIRDS);
        free(copy);
    }
    fragments_free(d.fragments);
    return 0;
}
