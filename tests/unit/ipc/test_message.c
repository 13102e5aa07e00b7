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

/* A batch of `count` nil bytes for records: decode does not look at them. */
static size_t make_batch(enum record_type type, uint32_t count)
{
    struct spool_batch b = {.type = type, .seq = 7, .count = count};
    size_t n = message_batch_head(body, sizeof body, "worker-1", UINT64_MAX, 3, &b);

    assert_true(n > 0 && n + count <= sizeof body);
    memset(body + n, 0xc0, count);
    return n + count;
}

static void batch_comes_back(void **state)
{
    struct message_batch b;

    (void)state;
    for (unsigned t = 0; t < RECORD_TYPES; t++) {
        size_t n = make_batch((enum record_type)t, 20);

        assert_int_equal(message_batch_decode(body, n, &b), 0);
        assert_true(str_equal(b.node, STR_LIT("worker-1")));
        assert_true(b.epoch == UINT64_MAX && b.seq == 7 && b.floor == 3);
        assert_int_equal(b.type, t);
        assert_int_equal(b.count, 20);
        assert_int_equal(b.bytes, 20);
        assert_ptr_equal(b.records, body + n - 20);
    }
}

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

static void batch_of_others_is_told_apart(void **state)
{
    struct message_batch b;
    size_t n = make_batch(RECORD_conn, 1);

    (void)state;
    body[find(n, "\xa4"
                 "conn") +
         1] = 'k';
    assert_int_equal(message_batch_decode(body, n, &b), -ENOENT);

    n = make_batch(RECORD_conn, 1);
    body[find(n, "missed_bytes")] = 'M';
    assert_int_equal(message_batch_decode(body, n, &b), -EPROTO);

    n = make_batch(RECORD_conn, 1);
    body[find(n, "\xa1"
                 "v\x01") +
         2] = 2;
    assert_int_equal(message_batch_decode(body, n, &b), -EPROTO);

    n = make_batch(RECORD_conn, 1);
    body[find(n, "epoch")] = 'E';
    assert_int_equal(message_batch_decode(body, n, &b), -EBADMSG);
}

static void cut_batch_is_refused_at_every_length(void **state)
{
    struct message_batch b;
    size_t len = make_batch(RECORD_weird, 2);

    (void)state;
    for (size_t n = 0; n < len; n++) {
        uint8_t *exact = malloc(n + 1);

        memcpy(exact, body, n);
        assert_int_not_equal(message_batch_decode(exact, n, &b), 0);
        free(exact);
    }
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
        cmocka_unit_test(batch_comes_back),
        cmocka_unit_test(batch_head_needs_its_room),
        cmocka_unit_test(batch_of_others_is_told_apart),
        cmocka_unit_test(cut_batch_is_refused_at_every_length),
        cmocka_unit_test(ack_comes_back),
        cmocka_unit_test(node_names_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
