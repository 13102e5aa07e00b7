/* SPDX-License-Identifier: BSD-3-Clause */
/* The socket is the test's: messages come out of a list. */
#include "worker/plaintext/plaintext.h"

#include "common/base/clock.h"
#include "common/ipc/plaintext_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 64u

struct message {
    uint8_t *body;
    size_t len;
};

static struct message queue[MESSAGES_MAX];
static unsigned n_queue, n_taken;
static struct heritage heritage;
static struct counters counters;
static struct plaintext_input *input;
static char payload[PLAINTEXT_DATA_BYTES_MAX];

int plaintext_socket_connect(struct plaintext_socket **out, const char *run_dir, const char *node)
{
    (void)run_dir;
    assert_string_equal(node, "worker-1");
    *out = NULL;
    return 0;
}

void plaintext_socket_close(struct plaintext_socket *s)
{
    (void)s;
}

int plaintext_socket_fd(const struct plaintext_socket *s)
{
    (void)s;
    return 77;
}

bool plaintext_socket_receive(struct plaintext_socket *s, const uint8_t **body, size_t *len)
{
    (void)s;
    if (n_taken == n_queue)
        return false;
    *body = queue[n_taken].body;
    *len = queue[n_taken++].len;
    return true;
}

/* A new message is under way. */
static struct message *message(void)
{
    assert_true(n_queue < MESSAGES_MAX);
    queue[n_queue] = (struct message){.body = malloc(PLAINTEXT_MESSAGE_BYTES_MAX)};
    assert_non_null(queue[n_queue].body);
    return &queue[n_queue++];
}

/* … with a further item in it. */
static void add(struct message *m, uint64_t session, uint64_t ts_ns, size_t bytes)
{
    struct plaintext_item item = {
        .type = PLAINTEXT_DATA, .session = session, .ts_ns = ts_ns, .data.bytes = {payload, 0}};

    item.data.bytes.len = (uint32_t)bytes;
    assert_true(plaintext_encode(m->body, PLAINTEXT_MESSAGE_BYTES_MAX, &m->len, &item));
}

static void receive(void)
{
    plaintext_input_receive(input);
    for (unsigned i = 0; i < n_queue; i++)
        free(queue[i].body);
    n_queue = n_taken = 0;
}

static void input_open(uint64_t memory)
{
    memset(&counters, 0, sizeof counters);
    heritage.options.plaintext_memory = memory;
    strcpy(heritage.node, "worker-1");
    assert_int_equal(plaintext_input_open(&input, &heritage, &counters), 0);
}

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (char)('a' + i % 26);
    input_open(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    plaintext_input_close(input);
    return 0;
}

/* Fails unless the next item is of this session and whole. */
static void expect(uint64_t session, uint64_t until_ns, size_t bytes)
{
    struct plaintext_item item;

    if (!plaintext_input_next(input, until_ns, &item))
        fail_msg("no item until %llu, but one of session %llu was expected",
                 (unsigned long long)until_ns, (unsigned long long)session);
    assert_int_equal(item.session, session);
    assert_int_equal(item.data.bytes.len, bytes);
    assert_memory_equal(item.data.bytes.p, payload, bytes);
}

static void expect_none(uint64_t until_ns)
{
    struct plaintext_item item;

    assert_false(plaintext_input_next(input, until_ns, &item));
}

static void items_wait_for_their_time(void **state)
{
    struct message *m = message();

    (void)state;
    assert_int_equal(plaintext_input_oldest_ns(input), UINT64_MAX);
    add(m, 1, 100, 3);
    add(m, 2, 200, 0);
    receive();
    assert_int_equal(plaintext_input_oldest_ns(input), 100);
    assert_true(counters.plain_held_bytes > 0);
    expect_none(99);
    expect(1, 100, 3);
    assert_int_equal(plaintext_input_oldest_ns(input), 200);
    expect_none(199);
    expect(2, 1000, 0);
    expect_none(1000);
    assert_int_equal(counters.plain_held_bytes, 0);
    assert_int_equal(counters.plain_messages, 1);
    assert_int_equal(plaintext_input_fd(input), 77);
}

static void items_leave_in_the_order_in_which_they_came(void **state)
{
    (void)state;
    add(message(), 1, 300, 5);
    add(message(), 2, 100, 7);
    receive();
    expect_none(200); /* the second has happened, but the first has not */
    expect(1, 300, 5);
    expect(2, 300, 7);
}

static void after_the_clock_was_set_back_the_time_of_taking_counts(void **state)
{
    uint64_t now;

    (void)state;
    add(message(), 1, clock_wall_ns() + 3600 * NS_PER_SEC, 1);
    receive();
    now = clock_wall_ns();
    assert_true(plaintext_input_oldest_ns(input) <= now);
    expect(1, now, 1);
}

static void what_does_not_fit_is_dropped_and_counted(void **state)
{
    (void)state;
    plaintext_input_close(input);
    input_open(64 * 1024);
    for (unsigned i = 0; i < 8; i++)
        add(message(), i, 1, PLAINTEXT_DATA_BYTES_MAX);
    receive();
    for (unsigned i = 0; i < 3; i++)
        expect(i, 1, PLAINTEXT_DATA_BYTES_MAX);
    expect_none(1);
    assert_true(counters.plain_overrun_bytes > 5 * PLAINTEXT_DATA_BYTES_MAX);
    add(message(), 9, 1, PLAINTEXT_DATA_BYTES_MAX); /* there is room again */
    receive();
    expect(9, 1, PLAINTEXT_DATA_BYTES_MAX);
}

/* Of every length, so that the ring's end is met in every way. */
static void the_memory_goes_round(void **state)
{
    uint64_t in = 0, out = 0;

    (void)state;
    plaintext_input_close(input);
    input_open(16 * 1024);
    for (unsigned round = 0; round < 4000; round++) {
        unsigned held = (unsigned)(in - out);

        add(message(), in, 1, (in * 7) % 1000);
        receive();
        in++;
        for (unsigned n = held > 8 ? held - (round % 5) : 0; n > 0; n--, out++)
            expect(out, 1, (out * 7) % 1000);
    }
    for (; out < in; out++)
        expect(out, 1, (out * 7) % 1000);
    expect_none(1);
    assert_int_equal(counters.plain_overrun_bytes, 0);
    assert_int_equal(counters.plain_held_bytes, 0);
}

static void what_cannot_be_read_is_left_out(void **state)
{
    struct message *m = message();

    (void)state;
    add(m, 1, 1, 10);
    add(m, 2, 1, 10);
    m->len -= 3;
    memset(message()->body, 0xc1, 10);
    queue[1].len = 10;
    queue[2].len = 0;
    (void)message();
    add(message(), 3, 1, 10);
    receive();
    expect(1, 1, 10);
    expect(3, 1, 10);
    expect_none(1);
    assert_int_equal(counters.plain_bad, 3);
    assert_int_equal(counters.plain_held_bytes, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(items_wait_for_their_time),
        TEST(items_leave_in_the_order_in_which_they_came),
        TEST(after_the_clock_was_set_back_the_time_of_taking_counts),
        TEST(what_does_not_fit_is_dropped_and_counted),
        TEST(the_memory_goes_round),
        TEST(what_cannot_be_read_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
