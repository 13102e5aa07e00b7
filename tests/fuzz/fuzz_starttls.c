/* SPDX-License-Identifier: BSD-3-Clause */
/* Any talk, cut anywhere, with gaps, must leave no buffer behind.
 *
 * The input is a script: a byte of command, a length (two bytes) and, for data, that many bytes.
 * Command: bit 0 the side, bits 1-2 what: data (twice as often), gap, end of the side. */
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/starttls/starttls.h"

static struct fake_host host;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_init(data, size);

    (void)analyzer_starttls.probe(data, size, ANALYZER_TCP);
    fake_host_open(&host, &analyzer_starttls, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t command = cursor_u8(&c);
        size_t n = cursor_be16(&c);

        host.ctx.ts_ns++;
        if ((command >> 1 & 3) == 2) {
            fake_host_gap(&host, command & 1, n + 1);
        } else if ((command >> 1 & 3) == 3) {
            fake_host_end(&host, command & 1);
        } else {
            n = n < cursor_left(&c) ? n : cursor_left(&c);
            fake_host_data(&host, command & 1, cursor_bytes(&c, n), n);
        }
    }
    fake_host_close(&host);
    fake_host_fini(&host);
    return 0;
}
