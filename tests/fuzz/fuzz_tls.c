/* SPDX-License-Identifier: BSD-3-Clause */
/* Any bytes, cut anywhere, from either side, with gaps: the TLS analyzer must take them, give every
 * buffer back, and emit at most one ssl record.
 *
 * The input is a script: a byte of command, and for data a length (two bytes) and that many bytes.
 * Command: bit 0 the side, bits 1-2 what: data (twice as often), gap, end of the side. */
#include "tests/unit/parse/fake_host.h"

#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/parse/tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, len);

    analyzer_tls.probe(data, len, ANALYZER_TCP);
    fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t command = cursor_u8(&c);
        size_t n = cursor_be16(&c);

        if ((command >> 1 & 3) == 2) {
            fake_host_gap(&h, command & 1, n + 1);
        } else if ((command >> 1 & 3) == 3) {
            fake_host_end(&h, command & 1);
        } else {
            n = n < cursor_left(&c) ? n : cursor_left(&c);
            fake_host_data(&h, command & 1, cursor_bytes(&c, n), n);
        }
    }
    fake_host_close(&h);
    CHECK(fake_host_count(&h, RECORD_ssl) <= 1);
    fake_host_fini(&h);
    return 0;
}
