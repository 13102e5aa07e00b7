/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments of a stream whose byte at offset n is known, in any order, cut, doubled, acknowledged:
 * whatever is delivered must be the right byte for its place, with gaps exactly filling the rest.
 */
#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/reassembly/reassembly.h"

#include <string.h>

#define BASE UINT32_C(0xffff8000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct taker {
    struct reassembly_out out;
    uint64_t position;
};

static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 167 + (offset >> 8));
}

static void on_data(void *arg, const uint8_t *data, size_t len)
{
    struct taker *t = arg;

    for (size_t i = 0; i < len; i++)
        CHECK(data[i] == byte_at(t->position + i));
    t->position += len;
}

static void on_gap(void *arg, uint64_t len)
{
    struct taker *t = arg;

    CHECK(len > 0);
    t->position += len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);
    struct counters counters = {0};
    struct bufpool bufs;
    struct reassembly r;
    struct stream s = {.held_head = POOL_NONE};
    struct taker t = {{on_data, on_gap, &t, true, cursor_u8(&c) & 1}, 0};

    if (bufpool_init(&bufs, 4 * BUFPOOL_MAX_BYTES) < 0 ||
        reassembly_init(&r, &bufs, 1 << 20, 2048, &counters) < 0)
        return 0;
    reassembly_start(&s, BASE);
    while (cursor_left(&c) >= 4) {
        uint8_t op = cursor_u8(&c), payload[256];
        uint32_t offset = cursor_be16(&c), len = cursor_u8(&c);

        if (op % 4 == 0) {
            reassembly_ack(&r, &s, BASE + offset, &t.out);
            continue;
        }
        for (uint32_t i = 0; i < len; i++)
            payload[i] = byte_at(offset + i);
        if (op % 4 == 1) /* near the present position, so that order is found too */
            offset = (uint32_t)s.next + offset % 16;
        for (uint32_t i = 0; i < len; i++)
            payload[i] = byte_at(offset + i);
        struct reassembly_in in = {BASE + offset, payload, op % 4 == 2 ? len / 2 : len, len};
        CHECK(!(reassembly_segment(&r, &s, &in, &t.out) & REASSEMBLY_INCONSISTENT));
        CHECK(t.position == s.next && s.next <= s.top + (s.acked > s.top ? s.acked - s.top : 0));
    }
    reassembly_flush(&r, &s, &t.out);
    CHECK(t.position == s.next && s.held_head == POOL_NONE);
    CHECK(bufs.used_bytes == 0 && r.segments.used == 0 && counters.reassembly_bytes == 0);
    reassembly_fini(&r);
    bufpool_fini(&bufs);
    return 0;
}
