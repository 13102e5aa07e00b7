/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/message.h"
#include "common/schema/record.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t body[4096];

static void batch_head_needs_its_room(void **state)
{
    struct spool_batch b = {.type = RECORD_conn, .seq = 1, .count = 1};
    size_t enough = 512 + 32 * RECORD_conn_FIELDS;

    (void)state;
    assert_int_equal(message_batch_head(body, enough - 1, "w", 1, 0, &b), 0);
    assert_true(message_batch_head(body, enough, "w", 1, 0, &b) > 0);
}

static size_t find(size_t len, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i + n <= len; i++)
        if (memcmp(body + i, text, n) == 0)
            return i;
    fail_msg("%s is not in the message", text);
    return 0;
}

#define FIELDS UINT64_C(0xfedcba9876543210)

static size_t make_sealed(struct message_sealed *m, uint32_t n)
{
    *m = (struct message_sealed){STR_LIT("worker-1"), UINT64_MAX, 3, n, {{0}}};
    for (uint32_t i = 0; i < n; i++)
        m->batches[i] = (struct spool_batch){.type = (enum record_type)(i % RECORD_TYPES),
                                             .slot = UINT32_MAX - i,
                                             .seq = (UINT64_C(1) << 62) + i,
                                             .count = UINT32_MAX,
                                             .bytes = SPOOL_SLOT_BYTES - i};
    return message_sealed_encode(body, sizeof body, FIELDS, m);
}

static void sealed_comes_back(void **state)
{
    struct message_sealed in, out;

    (void)state;
    for (uint32_t n = 1; n <= MESSAGE_SEALED_BATCHES; n++) {
        size_t len = make_sealed(&in, n);

        assert_in_range(len, 1, MESSAGE_SEALED_BYTES);
        assert_int_equal(message_sealed_decode(body, len, FIELDS, &out), 0);
        assert_true(str_equal(out.node, in.node));
        assert_true(out.epoch == UINT64_MAX && out.floor == 3 && out.n == n);
        assert_memory_equal(out.batches, in.batches, n * sizeof in.batches[0]);
    }
    assert_int_equal(message_sealed_encode(body, MESSAGE_SEALED_BYTES - 1, FIELDS, &in), 0);
}

static void cut_sealed_is_refused_at_every_length(void **state)
{
    struct message_sealed m;
    size_t len = make_sealed(&m, 3);

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1);

        memcpy(exact, body, n);
        assert_int_equal(message_sealed_decode(exact, n, FIELDS, &m), -EBADMSG);
        free(exact);
    }
    assert_int_equal(message_sealed_decode(body, len + 1, FIELDS, &m), -EBADMSG);
}

static void sealed_of_others_is_told_apart(void **state)
{
    struct message_sealed m;
    size_t len = make_sealed(&m, 1);

    (void)state;
    assert_int_equal(message_sealed_decode(body, len, FIELDS + 1, &m), -EPROTO);
    assert_int_equal(m.n, 1);
    body[find(len, "\xa1"
                   "v\x01") +
         2] = 2;
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EPROTO);
    assert_int_equal(m.n, 0);

    len = make_sealed(&m, 1);
    body[find(len, "epoch")] = 'E';
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EBADMSG);
}

/* One batch: its bytes are the end of the message, 0xc2 is no number. */
static void sealed_is_bounded(void **state)
{
    struct message_sealed m;
    size_t len;

    (void)state;
    make_sealed(&m, 1);
    m.batches[0].type = RECORD_TYPES;
    len = message_sealed_encode(body, sizeof body, FIELDS, &m);
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EBADMSG);
    assert_int_equal(message_sealed_decode(body, len, FIELDS + 1, &m), -EPROTO); /* a type of it */

    make_sealed(&m, 1);
    m.batches[0].bytes = SPOOL_SLOT_BYTES + 1;
    len = message_sealed_encode(body, sizeof body, FIELDS, &m);
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EBADMSG);

    make_sealed(&m, 1);
    m.batches[0].seq = 0;
    len = message_sealed_encode(body, sizeof body, FIELDS, &m);
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EBADMSG);

    make_sealed(&m, 1);
    m.batches[0].seq = UINT64_MAX;
    len = message_sealed_encode(body, sizeof body, FIELDS, &m);
    assert_int_equal(message_sealed_decode(body, len, FIELDS, &m), -EBADMSG);
}

static void ack_comes_back(void **state)
{
    struct message_ack in = {STR_LIT("worker-10"), 1, 1234567, true}, ack;
    size_t n = message_ack_encode(body, sizeof body, &in);

    (void)state;
    assert_int_equal(message_ack_decode(body, n, &ack), 0);
    assert_true(str_equal(ack.node, in.node));
    assert_true(ack.epoch == 1 && ack.seq == 1234567 && ack.resend);
    assert_int_equal(message_ack_encode(body, MESSAGE_ACK_BYTES - 1, &in), 0);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(message_ack_decode(body, cut, &ack), -EBADMSG);
    assert_int_equal(message_ack_decode(body, n + 1, &ack), -EBADMSG);
}

/* Thirty-two bytes of name would not fit the tables of whoever keeps state by node. */
static void node_names_are_bounded(void **state)
{
    static const char *const names[] = {"", "worker-0123456789-0123456789-012"};
    struct message_ack ack;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct message_ack in = {STR_LIT("x"), 1, 1, false};
        size_t n = message_ack_encode(body, sizeof body, &in), len = strlen(names[i]);
        size_t at = find(n, "\xa1x"), tail = n - at - 2;
        uint8_t rest[64];

        memcpy(rest, body + at + 2, tail);
        body[at] = len < 32 ? (uint8_t)(0xa0 | len) : 0xd9;
        if (len >= 32)
            body[++at] = (uint8_t)len;
        memcpy(body + at + 1, names[i], len);
        memcpy(body + at + 1 + len, rest, tail);
        assert_int_equal(message_ack_decode(body, at + 1 + len + tail, &ack), -EBADMSG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_head_needs_its_room),
        cmocka_unit_test(sealed_comes_back),
        cmocka_unit_test(cut_sealed_is_refused_at_every_length),
        cmocka_unit_test(sealed_of_others_is_told_apart),
        cmocka_unit_test(sealed_is_bounded),
        cmocka_unit_test(ack_comes_back),
        cmocka_unit_test(node_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
