/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments of few datagrams, so that they meet: each is eight bytes that say where it belongs. The
 * content of a datagram is a function of the place, unless the input says otherwise; so a whole
 * must be that function where nobody lied. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/cursor.h"
#include "worker/decode/fragments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t honest[1 << 17], lie[1 << 17];

static void fill_contents(void)
{
    for (size_t i = 0; i < sizeof honest; i++) {
        honest[i] = (uint8_t)(i % 251);
        lie[i] = (uint8_t)(i % 7);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);
    struct counters counters = {0};
    struct fragments *f = fragments_new(128 * 1024, 30 * NS_PER_SEC, &counters);
    bool lied = false;
    uint64_t ts_ns = 0;

    CHECK(f);
    if (honest[1] == 0)
        fill_contents();
    while (cursor_left(&c) >= 8) {
        uint8_t flags = cursor_u8(&c);
        struct fragment frag = {.id = cursor_u8(&c) & 7, .proto = 17};
        struct fragment_whole whole;
        enum weird weird = WEIRDS;

        frag.offset = (cursor_be16(&c) & 0x1fffu) * 8;
        frag.len = cursor_be16(&c);
        frag.more = flags & 1;
        frag.data = (flags & 2 ? lie : honest) + frag.offset;
        lied |= flags & 2;
        ts_ns += cursor_be16(&c) * NS_PER_MS;
        frag.ts_ns = ts_ns;
        frag.src.b[0] = flags & 4;
        if (!fragments_add(f, &frag, &whole, &weird))
            continue;
        CHECK(whole.len > 0 && whole.len <= 65535 && whole.n > 0);
        for (uint32_t i = 0; i < whole.len; i++)
            CHECK(whole.data[i] == honest[i] || lied);
    }
    CHECK(counters.fragment_bytes <= 128 * 1024);
    fragments_free(f);
    return 0;
}
