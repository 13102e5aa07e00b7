/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/quic/quic_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct bufpool bufs;
static struct quic_stream stream;
static uint8_t out[256 * 1024], in[sizeof out];
static size_t out_len;

static void collect(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    assert_true(len > 0);
    assert_true(out_len + len <= sizeof out);
    memcpy(out + out_len, data, len);
    out_len += len;
}

static int add(size_t offset, size_t len)
{
    return quic_stream_add(&stream, &bufs, offset, in + offset, len, collect, NULL);
}

static void assert_out(size_t len)
{
    assert_int_equal(out_len, len);
    assert_memory_equal(out, in, len);
}

static int setup(void **state)
{
    (void)state;
    out_len = 0;
    for (size_t i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + i / 251);
    return bufpool_init(&bufs, 1 << 20);
}

static int teardown(void **state)
{
    (void)state;
    quic_stream_reset(&stream, &bufs);
    assert_int_equal(bufs.used_bytes, 0);
    bufpool_fini(&bufs);
    return 0;
}

static void test_in_order(void **state)
{
    (void)state;
    assert_int_equal(add(0, 10), 0);
    assert_int_equal(add(10, 20), 0);
    assert_out(30);
    assert_null(stream.waiting);
}

static void test_early_waits(void **state)
{
    (void)state;
    assert_int_equal(add(20, 10), 0);
    assert_int_equal(add(10, 5), 0);
    assert_int_equal(add(15, 5), 0);
    assert_out(0);
    assert_int_equal(add(0, 10), 0);
    assert_out(30);
    assert_null(stream.waiting);
}

static void test_repeated_and_overlapping(void **state)
{
    (void)state;
    add(5, 10);
    add(8, 20);
    add(5, 3);
    add(0, 7);
    add(0, 30);
    add(3, 4);
    assert_out(30);
}

static void test_backwards_byte_by_byte_in_ranges(void **state)
{
    (void)state;
    for (size_t i = 50; i-- > 0;)
        assert_int_equal(add(i * 2, 2), 0);
    assert_out(100);
}

/* Every second byte first: more pieces than may wait. */
static void test_too_many_pieces(void **state)
{
    int refused = 0;

    (void)state;
    for (size_t i = 0; i < 2 * QUIC_STREAM_RANGES_MAX; i++)
        refused += add(1 + 2 * i, 1) < 0;
    assert_int_equal(refused, QUIC_STREAM_RANGES_MAX);
    assert_int_equal(add(0, 1), 0);
    assert_out(2);
    assert_int_equal(add(0, 600), 0); /* what was dropped comes again */
    assert_out(600);
}

static void test_too_far_ahead(void **state)
{
    (void)state;
    assert_int_equal(add(1, QUIC_STREAM_BYTES_MAX - 1), 0);
    assert_true(add(QUIC_STREAM_BYTES_MAX, 1) < 0);
    assert_true(quic_stream_add(&stream, &bufs, UINT64_MAX - 3, in, 2, collect, NULL) < 0);
    assert_int_equal(add(0, 1), 0);
    assert_out(QUIC_STREAM_BYTES_MAX);
}

static void test_no_memory(void **state)
{
    size_t capacity;
    void *all[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_non_null(all[i] = bufpool_get(&bufs, BUFPOOL_MAX_BYTES, &capacity));
    assert_true(add(5, 5) < 0);
    assert_int_equal(add(0, 5), 0);
    assert_out(5);
    for (unsigned i = 0; i < 4; i++)
        bufpool_put(&bufs, all[i], capacity);
}

/* However far ahead it is: what waits takes memory for its own bytes. */
static void test_far_piece_takes_little(void **state)
{
    (void)state;
    assert_int_equal(add(QUIC_STREAM_BYTES_MAX - 1, 1), 0);
    assert_true(bufs.used_bytes <= 1024);
}

/* A quarter of the memory is left to others. */
static void test_tight_memory(void **state)
{
    size_t capacity;
    void *most[3];

    (void)state;
    assert_int_equal(add(5, 5), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(most[i] = bufpool_get(&bufs, BUFPOOL_MAX_BYTES, &capacity));
    assert_true(add(20, 1000) < 0);
    assert_int_equal(add(0, 5), 0);
    assert_out(10);
    assert_true(add(20, 5) < 0);
    for (unsigned i = 0; i < 3; i++)
        bufpool_put(&bufs, most[i], capacity);
}

static void test_long_stream(void **state)
{
    (void)state;
    for (size_t at = 0; at < 200000; at += 2000) {
        assert_int_equal(add(at + 1000, 1000), 0);
        assert_int_equal(add(at, 1000), 0);
    }
    assert_out(200000);
}

static void test_begins_anew(void **state)
{
    (void)state;
    add(0, 10);
    add(20, 10);
    quic_stream_reset(&stream, &bufs);
    out_len = 0;
    add(0, 10);
    assert_out(10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_in_order),
        TEST(test_early_waits),
        TEST(test_repeated_and_overlapping),
        TEST(test_backwards_byte_by_byte_in_ranges),
        TEST(test_too_many_pieces),
        TEST(test_too_far_ahead),
        TEST(test_no_memory),
        TEST(test_far_piece_takes_little),
        TEST(test_tight_memory),
        TEST(test_long_stream),
        TEST(test_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
