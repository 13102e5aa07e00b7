/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a script: a byte that tells side and what happens (bytes, a gap, an end), a length,
 * and the bytes. What is inside is offered to a reader that the first byte of the input decides on.
 * Beyond memory errors it checks that no more payload is counted than was sent or said missing. */
#include "worker/parse/websocket/websocket.h"

#include "common/base/check.h"
#include "tests/unit/parse/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum probe_result answer;

static enum probe_result probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)data;
    (void)transport;
    return len > 5 ? answer : PROBE_MORE;
}

static const struct analyzer inside = {
    .name = "inside", .transports = ANALYZER_TCP, .probe = probe};
const struct analyzer *const analyzers[] = {&inside, NULL};

static void tell(struct fake_host *h, uint8_t what)
{
    if (what & 8)
        fake_host_tell(h, FACT_WS_EXTENSIONS_SET, "a; b, permessage-deflate; c");
    if (what & 16)
        fake_host_tell(h, FACT_WS_PROTOCOLS, ",, a ,b,");
    h->refuse_children = (what & 32) != 0;
}

static void check_lengths(const struct fake_host *h, const uint64_t *sent)
{
    const struct rec_websocket *r = fake_host_record(h, RECORD_websocket, 0);

    CHECK(r && fake_host_count(h, RECORD_websocket) == 1);
    CHECK(r->orig_text_bytes + r->orig_binary_bytes + r->orig_continuation_bytes +
              r->orig_ping_bytes + r->orig_pong_bytes + r->orig_close_bytes <=
          sent[0]);
    CHECK(r->resp_text_bytes + r->resp_binary_bytes + r->resp_continuation_bytes +
              r->resp_ping_bytes + r->resp_pong_bytes + r->resp_close_bytes <=
          sent[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, size);
    uint64_t sent[2] = {0, 0};
    uint8_t how = cursor_u8(&c);

    answer = (enum probe_result)(how & 3);
    fake_host_open(&h, &analyzer_websocket, ANALYZER_TCP);
    tell(&h, how);
    while (cursor_left(&c) > 0) {
        uint8_t op = cursor_u8(&c);
        unsigned side = op & 1;
        uint64_t n = cursor_be16(&c);

        if ((op & 6) == 2) {
            n = (op & 8) != 0 ? n << 32 : n + 1;
            fake_host_gap(&h, side, n);
        } else if ((op & 6) == 4) {
            fake_host_end(&h, side);
            n = 0;
        } else {
            n = n < cursor_left(&c) ? n : cursor_left(&c);
            if (n > 0)
                fake_host_data(&h, side, cursor_bytes(&c, (size_t)n), (size_t)n);
        }
        sent[side] += n;
    }
    fake_host_close(&h);
    check_lengths(&h, sent);
    fake_host_fini(&h);
    return 0;
}
