/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is text of one side, cut by marks: a byte 0xff and one that tells what comes next (text
 * of the one or the other side, a gap, an end). So one input exercises any interleaving of both
 * sides, cut anywhere, with gaps anywhere, and payloads of real traffic are good seeds.
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

/* Bytes up to the next mark or the end. */
static size_t text_length(const struct cursor *c)
{
    const uint8_t *mark = memchr(c->p, 0xff, cursor_left(c));

    return mark ? (size_t)(mark - c->p) : cursor_left(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, size);
    uint64_t sent[2] = {0, 0}, n;
    unsigned side = http1_probe(data, size, ANALYZER_TCP) == PROBE_SERVER;

    fake_host_options = (struct options){.headers = size % 2 == 1,
                                         .body = size % 4 == 3,
                                         .format = OUTPUT_TEXT,
                                         .body_max = 4096,
                                         .log_headers = "via,x-request-id",
                                         .redact_headers = "user-agent,x-forwarded-for",
                                         .redact_parameters = "password,q"};
    fake_host_open(&h, &analyzer_http1, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t op;

        n = text_length(&c);
        sent[side] += n;
        fake_host_data(&h, side, cursor_bytes(&c, n), n);
        cursor_skip(&c, 1);
        op = cursor_u8(&c);
        h.ctx.ts_ns += op >> 2 & 1;
        fake_host_options.log_secrets = (op & 8) != 0;
        side = op & 1;
        if ((op & 2) != 0 && op >> 4 == 0) {
            fake_host_end(&h, side);
        } else if ((op & 2) != 0) {
            n = op >> 4 < 15 ? op >> 4 : 1u + cursor_be16(&c);
            fake_host_gap(&h, side, n);
            sent[side] += n;
        }
    }
    fake_host_close(&h);
    check_lengths(&h, sent);
    fake_host_fini(&h);
    return 0;
}
