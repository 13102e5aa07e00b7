/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile bodies of bus messages: whatever decodes must lie inside the input, and what an ack says
 * must survive being said again. */
#include "common/base/check.h"
#include "common/base/cursor.h"
#include "common/ipc/message.h"
#include "common/ipc/record_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_batch(const uint8_t *data, size_t size)
{
    struct message_batch b;
    struct cursor c;

    if (message_batch_decode(data, size, &b) < 0)
        return;
    CHECK(b.type < RECORD_TYPES && b.seq > 0 && b.node.len > 0);
    CHECK(b.records >= data && b.records + b.bytes == data + size && b.count <= b.bytes);
    c = cursor_init(b.records, b.bytes);
    for (uint32_t i = 0; i < b.count; i++)
        if (record_reader_check(&c, b.type) < 0)
            return;
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

/* A batch head is longer than chance will find, so the input is also tried behind a true one. */
static void fuzz_records(const uint8_t *data, size_t size)
{
    static uint8_t body[8192];
    struct spool_batch b = {.seq = 1};
    size_t n;

    if (size < 2 || size > 4096)
        return;
    b.type = (enum record_type)(data[0] % RECORD_TYPES);
    b.count = data[1];
    n = message_batch_head(body, sizeof body - size, "worker-1", 1, 0, &b);
    CHECK(n > 0);
    memcpy(body + n, data + 2, size - 2);
    fuzz_batch(body, n + size - 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_batch(data, size);
    fuzz_ack(data, size);
    fuzz_records(data, size);
    return 0;
}
