/* SPDX-License-Identifier: BSD-3-Clause */
/* The input is a row of pieces: a byte that tells what the piece is, one that tells how long, and
 * its bytes: of a side's body, or of a fact; gaps have no bytes.
 * Beyond memory errors it checks that message bytes never exceed what was sent or said missing. */
#include "worker/parse/grpc/grpc.h"

#include "common/base/check.h"
#include "tests/unit/parse/fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OP_SIDE = 0x80, OP_GAP = 0x40, OP_FACT = 0x20 };

static void fact(struct fake_host *h, uint8_t op, struct cursor *c)
{
    char text[256] = "";
    size_t len = cursor_left(c);

    if (len > 0)
        memcpy(text, cursor_bytes(c, len), len);
    fake_host_tell(h, (op & 0x1f) % FACTS, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake_host h;
    struct cursor c = cursor_init(data, size);
    uint64_t sent[2] = {0, 0};
    const struct rec_grpc *r;

    fake_host_open(&h, &analyzer_grpc, ANALYZER_TCP);
    while (cursor_left(&c) > 0) {
        uint8_t op = cursor_u8(&c);
        unsigned side = op & OP_SIDE ? 1 : 0;
        size_t len = cursor_u8(&c);
        struct cursor content;

        if (op & OP_GAP) {
            fake_host_gap(&h, side, len);
            sent[side] += len;
            continue;
        }
        content = cursor_sub(&c, len < cursor_left(&c) ? len : cursor_left(&c));
        len = cursor_left(&content);
        if (op & OP_FACT) {
            fact(&h, op, &content);
        } else if (len > 0) {
            fake_host_data(&h, side, content.p, len);
            sent[side] += len;
        }
    }
    fake_host_close(&h);
    r = fake_host_record(&h, RECORD_grpc, 0);
    CHECK(r && fake_host_count(&h, RECORD_grpc) == 1);
    if (RECORD_HAS(grpc, r, orig_bytes))
        CHECK(r->orig_bytes <= sent[0] && r->resp_bytes <= sent[1]);
    fake_host_fini(&h);
    return 0;
}
