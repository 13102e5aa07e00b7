/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a script: a byte tells what comes next (side, bytes, gap or end), then come the
 * bytes. So one input exercises any interleaving of both sides, cut anywhere, with gaps anywhere.
 * Beyond memory errors it checks that body lengths never exceed what was sent or said missing. */
#include "worker/parse/http1/http1.h"

#include "common/base/check.h"
#include "tests/unit/parse/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lengths(const struct fake_host *h, const uint64_t *sent)
{
    uint64_t total[2] = {0, 0};

    for (unsigned i = 0; i < fake_host_count(h, RECORD_http); i++) {
        const struct rec_http *r = fake_host_record(h, RECORD_http, i);

        if (!r)
            return;
        total[0] += r->request_body_len;
        total[1] += r->response_body_len;
    }
    CHECK(total[0] <= sent[0] && total[1] <= sent[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, size);
    uint64_t sent[2] = {0, 0};

    (void)http1_probe(data, size, ANALYZER_TCP);
    fake_host_open(&h, &analyzer_http1, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t op = cursor_u8(&c);
        unsigned side = op & 1;
        size_t n = op >> 3;

        h.ctx.ts_ns += op >> 1 & 1;
        h.ctx.log_secrets = (op & 0x80) != 0;
        if ((op & 6) == 6) {
            n = n < 31 ? n : cursor_be16(&c);
            fake_host_gap(&h, side, n + 1);
            sent[side] += n + 1;
            continue;
        }
        if ((op & 6) == 4 && n == 31) {
            fake_host_end(&h, side);
            continue;
        }
        n = (op & 4) != 0 ? n * 8 : n;
        n = n < cursor_left(&c) ? n : cursor_left(&c);
        fake_host_data(&h, side, cursor_bytes(&c, n), n);
        sent[side] += n;
    }
    fake_host_close(&h);
    check_lengths(&h, sent);
    fake_host_fini(&h);
    return 0;
}
