/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/outbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct heritage heritage;
static struct counters counters;
static struct outbox outbox;

/* What the socket answers, and what it was given. */
static int answer;
static unsigned messages, items;
static char last_node[HERITAGE_NODE_MAX];

static int fake_send(void *user, const char *node, const void *body, size_t len)
{
    struct plaintext_reader r;
    struct plaintext_item item;

    (void)user;
    if (answer < 0)
        return answer;
    messages++;
    snprintf(last_node, sizeof last_node, "%s", node);
    assert_int_equal(plaintext_reader_init(&r, body, len), 0);
    while (plaintext_read(&r, &item) == 1)
        items++;
    assert_int_equal(r.left, 0);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    heritage.n_workers = 2;
    memcpy(heritage.workers[0], "worker-1", 9);
    memcpy(heritage.workers[1], "worker-2", 9);
    memset(&counters, 0, sizeof counters);
    outbox = (struct outbox){.heritage = &heritage, .c = &counters, .send = fake_send};
    answer = 0;
    messages = items = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    outbox_fini(&outbox);
    return 0;
}

static bool add(unsigned worker, size_t bytes)
{
    static char text[PLAINTEXT_DATA_BYTES_MAX];
    const struct plaintext_item item = {
        .type = PLAINTEXT_DATA, .session = 1, .ts_ns = 1, .data = {.bytes = str_make(text, bytes)}};

    return outbox_add(&outbox, worker, &item);
}

static void items_go_together_when_flushed(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(add(1, 10));
    assert_int_equal(messages, 0);
    assert_false(outbox_flush(&outbox));
    assert_int_equal(messages, 1);
    assert_int_equal(items, 3);
    assert_string_equal(last_node, "worker-2");
    assert_int_equal(counters.probe_sent_bytes, 30);
    assert_false(outbox_flush(&outbox)); /* nothing is sent twice */
    assert_int_equal(messages, 1);
}

static void a_full_message_goes_by_itself(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++)
        assert_true(add(0, PLAINTEXT_DATA_BYTES_MAX));
    assert_in_range(messages, 2, 3);
    assert_false(outbox_flush(&outbox));
    assert_int_equal(items, 20);
}

/* What was taken waits until it can go; what cannot be taken is refused. */
static void a_full_queue_refuses_the_new(void **state)
{
    unsigned taken = 0;

    (void)state;
    answer = -EAGAIN;
    while (add(0, PLAINTEXT_DATA_BYTES_MAX))
        taken++;
    assert_in_range(taken, 6, 8);
    assert_true(outbox_flush(&outbox));
    assert_true(add(1, 5)); /* the other worker's is another message */
    assert_int_equal(counters.probe_queue_bytes, 0);
    answer = 0;
    assert_false(outbox_flush(&outbox));
    assert_int_equal(items, taken + 1);
}

/* Workers start when the probe does. */
static void what_the_first_worker_comes_late_for_waits(void **state)
{
    unsigned worker = 9;

    (void)state;
    answer = -ENOENT;
    assert_true(add(1, 100));
    assert_false(outbox_flush(&outbox)); /* trying again soon will not help */
    while (add(1, PLAINTEXT_DATA_BYTES_MAX))
        continue;
    answer = 0;
    assert_false(outbox_arrival(&outbox, "worker-2", &worker));
    assert_false(outbox_flush(&outbox));
    assert_int_equal(messages, 1);
    assert_int_equal(counters.probe_queue_bytes, 0);
}

static void what_nobody_listens_to_is_counted(void **state)
{
    unsigned worker;

    (void)state;
    assert_false(outbox_arrival(&outbox, "worker-1", &worker));
    answer = -ENOENT;
    assert_true(add(0, 100));
    assert_false(outbox_flush(&outbox));
    assert_int_equal(counters.probe_queue_bytes, 100);
    assert_int_equal(counters.probe_sent_bytes, 0);
}

/* It would be items of sessions that it was never told of. */
static void a_successor_gets_nothing_of_its_predecessor(void **state)
{
    unsigned worker = 9;

    (void)state;
    assert_false(outbox_arrival(&outbox, "worker-2", &worker));
    assert_true(add(1, 100));
    assert_true(outbox_arrival(&outbox, "worker-2", &worker));
    assert_int_equal(worker, 1);
    assert_false(outbox_flush(&outbox));
    assert_int_equal(messages, 0);
    assert_int_equal(counters.probe_queue_bytes, 100);
    assert_false(outbox_arrival(&outbox, "worker-3", &worker));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(items_go_together_when_flushed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_message_goes_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_the_new, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_first_worker_comes_late_for_waits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_nobody_listens_to_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_successor_gets_nothing_of_its_predecessor, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
