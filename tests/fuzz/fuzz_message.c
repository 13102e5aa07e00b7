/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile bodies of bus messages: whatever decodes must lie inside the input and its bounds, and
 * survive being said again. */
#include "common/base/check.h"
#include "common/ipc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 7u

static void fuzz_sealed(const uint8_t *data, size_t size)
{
    static struct message_sealed a, b;
    uint8_t again[MESSAGE_SEALED_BYTES];
    int rc = message_sealed_decode(data, size, FIELDS, &a);
    size_t n;

    CHECK(a.n <= MESSAGE_SEALED_BATCHES);
    if (rc < 0)
        return;
    CHECK(a.node.p >= (const char *)data && a.node.p + a.node.len <= (const char *)data + size);
    for (uint32_t i = 0; i < a.n; i++)
        CHECK(a.batches[i].type < RECORD_TYPES && a.batches[i].seq == a.batches[0].seq + i &&
              a.batches[i].seq > 0 && a.batches[i].bytes <= SPOOL_SLOT_BYTES);
    n = message_sealed_encode(again, sizeof again, FIELDS, &a);
    CHECK(n > 0 && message_sealed_decode(again, n, FIELDS, &b) == 0);
    CHECK(str_equal(a.node, b.node) && a.epoch == b.epoch && a.floor == b.floor && a.n == b.n &&
          memcmp(a.batches, b.batches, a.n * sizeof a.batches[0]) == 0);
}

static void fuzz_ack(const uint8_t *data, size_t size)
{
    uint8_t again[MESSAGE_ACK_BYTES];
    struct message_ack a, b;
    size_t n;

    if (message_ack_decode(data, size, &a) < 0)
        return;
    n = message_ack_encode(again, sizeof again, &a);
    CHECK(n > 0 && message_ack_decode(again, n, &b) == 0);
    CHECK(str_equal(a.node, b.node) && a.epoch == b.epoch && a.seq == b.seq &&
          a.resend == b.resend);
}

/* All the keys are more than chance will find, so the input also takes the place of the end of a
 * true message. */
static void fuzz_sealed_end(const uint8_t *data, size_t size)
{
    uint8_t body[2 * MESSAGE_SEALED_BYTES];
    struct message_sealed m = {STR_LIT("worker-1"), 1, 2, 1, {{.seq = 3}}};
    size_t n = message_sealed_encode(body, sizeof body, FIELDS, &m), keep;

    if (size < 1 || size > MESSAGE_SEALED_BYTES)
        return;
    keep = n - data[0] % n;
    memcpy(body + keep, data + 1, size - 1);
    fuzz_sealed(body, keep + size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_sealed(data, size);
    fuzz_ack(data, size);
    fuzz_sealed_end(data, size);
    return 0;
}
