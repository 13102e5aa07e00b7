/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames: two bytes of length, the frame, and so on, so that fragments meet. The first byte chooses
 * the link type and whether checksums count. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t linktypes[] = {
        LINKTYPE_ETHERNET, LINKTYPE_RAW,  LINKTYPE_NULL,       LINKTYPE_LINUX_SLL,
        LINKTYPE_LOOP,     LINKTYPE_IPV6, LINKTYPE_LINUX_SLL2, 147};
    struct cursor c = cursor_init(data, size);
    struct counters counters = {0};
    struct decoder d = {.counters = &counters};
    uint8_t how = cursor_u8(&c);
    uint64_t ts_ns = 0;

    d.checksums = how & 8 ? CHECKSUMS_CHECK : CHECKSUMS_IGNORE;
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
                          .linktype = linktypes[how & 7]};
        enum weird weird = WEIRDS;
        struct packet p;

        CHECK(copy);
        if (n > 0)
            memcpy(copy, sub.p, n);
        if (decode_frame(&d, &f, &p, &weird) == DECODE_PACKET)
            check_packet(&p, &f);
        CHECK(weird <= WEIRDS);
        free(copy);
    }
    fragments_free(d.fragments);
    return 0;
}
