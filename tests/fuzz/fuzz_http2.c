/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a row of pieces: a byte that tells what the piece is, one that tells how long, and
 * its bytes. Pieces are frames (whose length the target fills in, so that most are well formed),
 * raw bytes, gaps and facts; so one input is any interleaving of both sides, cut and broken
 * anywhere, from the beginning or from the middle on.
 * Beyond memory errors it checks that body lengths never exceed what was sent or said missing. */
#include "worker/parse/http2/http2.h"

#include "common/base/check.h"
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/http2/http2_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP_SIDE = 0x80, OP_RAW = 0x40, OP_LATER = 0x20, OP_TYPE = 0x0f };

static uint64_t sent[2];

static void feed(struct fake_host *h, unsigned side, const void *bytes, size_t len)
{
    fake_host_data(h, side, bytes, len);
    sent[side] += len;
}

/* flags, stream, then the payload. */
static void frame(struct fake_host *h, unsigned side, uint8_t type, struct cursor *c)
{
    uint8_t flags = cursor_u8(c), stream = cursor_u8(c);
    size_t len = cursor_left(c);
    uint8_t head[HTTP2_HEAD_BYTES] = {
        0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, stream};

    feed(h, side, head, sizeof head);
    feed(h, side, cursor_bytes(c, len), len);
}

static void fact(struct fake_host *h, struct cursor *c)
{
    static const enum analyzer_fact facts[] = {FACT_METHOD,     FACT_HOST, FACT_URI,
                                               FACT_USER_AGENT, FACT_VIEW, FACT_HTTP2_SETTINGS};
    char text[256] = "";
    uint8_t which = cursor_u8(c);
    size_t len = cursor_left(c);

    if (len > 0)
        memcpy(text, cursor_bytes(c, len), len);
    fake_host_tell(h, facts[which % (sizeof facts / sizeof facts[0])], text);
}

static void piece(struct fake_host *h, uint8_t op, struct cursor *c)
{
    unsigned side = op & OP_SIDE ? 1 : 0;
    uint8_t type = op & OP_TYPE;

    if (op & OP_LATER)
        h->ctx.ts_ns += 300000000;
    if (op & OP_RAW) {
        size_t len = cursor_left(c);

        feed(h, side, cursor_bytes(c, len), len);
    } else if (type == 14) {
        uint64_t len = 1u + cursor_be16(c);

        fake_host_gap(h, side, len);
        sent[side] += len;
    } else if (type == 15) {
        fact(h, c);
    } else {
        frame(h, side, type, c);
    }
}

static void check_lengths(const struct fake_host *h)
{
    uint64_t total[2] = {0, 0};

    for (unsigned i = 0; i < fake_host_count(h, RECORD_http); i++) {
        const struct rec_http *r = fake_host_record(h, RECORD_http, i);

        total[0] += r->request_body_len;
        total[1] += r->response_body_len;
    }
    CHECK(total[0] <= sent[0] && total[1] <= sent[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, size);
    uint8_t how = cursor_u8(&c);

    (void)http2_probe(data, size, ANALYZER_TCP);
    fake_host_open(&h, &analyzer_http2, ANALYZER_TCP);
    sent[0] = sent[1] = 0;
    if (how & 1) {
        h.ctx.midstream = true;
        memset(h.state, 0, analyzer_http2.state_bytes);
        analyzer_http2.open(&h.ctx, h.state);
    } else if (!(how & 2)) {
        fake_host_data(&h, 0, HTTP2_PREFACE, HTTP2_PREFACE_BYTES);
    }
    fake_host_options = (struct options){.log_secrets = (how & 4) != 0,
                                         .headers = (how & 16) != 0,
                                         .body = (how & 32) != 0,
                                         .format = OUTPUT_TEXT,
                                         .body_max = 4096,
                                         .log_headers = "via,x-request-id",
                                         .redact_headers = "user-agent,x-forwarded-for",
                                         .redact_parameters = "password,q"};
    h.refuse_children = (how & 8) != 0;
    while (cursor_left(&c) > 0) {
        uint8_t op = cursor_u8(&c);
        size_t len = cursor_u8(&c);
        struct cursor content = cursor_sub(&c, len < cursor_left(&c) ? len : cursor_left(&c));

        if (cursor_ok(&content))
            piece(&h, op, &content);
    }
    fake_host_close(&h);
    check_lengths(&h);
    fake_host_fini(&h);
    return 0;
}
