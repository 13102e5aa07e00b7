/* SPDX-License-Identifier: BSD-3-Clause */
/* Inputs that are scripts, so that a fuzzer can say anything in any order: a byte of command, a
 * length (two bytes) and, for data, that many bytes.
 * Command: bit 0 the side, bits 1-2 what: data (twice as often), gap, end of the side. */
#ifndef SPLIFF_FUZZ_SCRIPT_H
#define SPLIFF_FUZZ_SCRIPT_H

#include "common/base/cursor.h"
#include "tests/unit/parse/fake_host.h"

/* Plays the script on a host that is open, and closes it. one_by_one: data come byte by byte. */
static inline void script_play(struct fake_host *h, struct cursor c, bool one_by_one)
{
    while (cursor_left(&c) > 0) {
        uint8_t command = cursor_u8(&c);
        unsigned side = command & 1, what = command >> 1 & 3;
        size_t n = cursor_be16(&c);

        h->ctx.ts_ns++;
        if (what == 2) {
            fake_host_gap(h, side, n + 1);
        } else if (what == 3) {
            fake_host_end(h, side);
        } else {
            const uint8_t *p = cursor_bytes(&c, n = n < cursor_left(&c) ? n : cursor_left(&c));

            for (size_t i = 0; one_by_one && i < n; i++)
                fake_host_data(h, side, p + i, 1);
            if (!one_by_one)
                fake_host_data(h, side, p, n);
        }
    }
    fake_host_close(h);
}

/* The script as one flow over TCP, which must leave no buffer behind. */
static inline void script_run(const struct analyzer *a, const uint8_t *data, size_t size)
{
    static struct fake_host h;

    (void)a->probe(data, size, ANALYZER_TCP);
    fake_host_open(&h, a, ANALYZER_TCP);
    script_play(&h, cursor_init(data, size), false);
    fake_host_fini(&h);
}

#endif
