/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/decode/fragments.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIMEOUT_NS (30 * NS_PER_SEC)

static struct counters counters;
static struct fragments *table;
static struct fragment_whole whole;
static enum weird weird;
static uint8_t content[70000];

static int set_up(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    weird = WEIRDS;
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7 + i / 251);
    table = fragments_new(1 << 20, TIMEOUT_NS, &counters);
    return table ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fragments_free(table);
    return 0;
}

/* Bytes from … to of datagram id at a time in ns. */
static bool add_at(uint32_t id, uint32_t from, uint32_t to, bool more, const uint8_t *data,
                   uint64_t ts_ns)
{
    struct fragment f = {.id = id,
                         .proto = 17,
                         .offset = from,
                         .more = more,
                         .data = data,
                         .len = to - from,
                         .ts_ns = ts_ns,
                         .ip_len = to - from + 20};

    ipaddr_set_v4(&f.src, (const uint8_t[4]){192, 0, 2, 1});
    ipaddr_set_v4(&f.dst, (const uint8_t[4]){192, 0, 2, 2});
    return fragments_add(table, &f, &whole, &weird);
}

static bool add(uint32_t id, uint32_t from, uint32_t to, bool more)
{
    return add_at(id, from, to, more, content + from, 1);
}

static void assert_whole(uint32_t len, uint32_t n)
{
    assert_int_equal(whole.len, len);
    assert_int_equal(whole.n, n);
    assert_int_equal(whole.ip_len, len + 20 * n);
    assert_memory_equal(whole.data, content, len);
    assert_int_equal(counters.fragment_bytes, 0);
}

static void test_any_order(void **state)
{
    static const unsigned order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    (void)state;
    for (unsigned o = 0; o < 6; o++) {
        for (unsigned i = 0; i < 3; i++) {
            unsigned k = order[o][i];
            assert_int_equal(add(o, k * 1480, k == 2 ? 3001 : (k + 1) * 1480, k < 2), i == 2);
        }
        assert_whole(3001, 3);
    }
    assert_int_equal(weird, WEIRDS);
    assert_int_equal(counters.fragments_reassembled, 6);
    assert_int_equal(counters.fragments_lost, 0);
}

static void test_largest_datagram(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < 65528; from += 8192)
        assert_int_equal(add(1, from, from < 57344 ? from + 8192 : 65535, from < 57344),
                         from == 57344);
    assert_whole(65535, 8);
}

static void test_first_bytes_win(void **state)
{
    uint8_t other[64];

    (void)state;
    memset(other, 0xee, sizeof other);
    assert_false(add(1, 0, 64, true));
    assert_false(add(1, 32, 64, true));
    assert_int_equal(weird, WEIRD_FRAGMENT_OVERLAP);
    assert_false(add_at(1, 0, 64, true, other, 1));
    assert_int_equal(weird, WEIRD_FRAGMENT_INCONSISTENT);
    assert_true(add(1, 64, 70, false));
    assert_int_equal(whole.len, 70);
    assert_memory_equal(whole.data, content, 70);
}

static void check_refused(uint32_t from, uint32_t to, bool more)
{
    uint64_t lost = counters.fragments_lost;

    weird = WEIRDS;
    assert_false(add(9, from, to, more));
    assert_int_equal(weird, WEIRD_FRAGMENT_OVERSIZE);
    assert_int_equal(counters.fragments_lost, lost + 1);
}

static void test_places_that_contradict(void **state)
{
    (void)state;
    check_refused(65528, 65544, false); /* past 64 KiB */
    check_refused(0, 13, true);         /* not a multiple of 8 and not the last */
    check_refused(8, 8, false);         /* empty */
    assert_false(add(9, 16, 32, false));
    check_refused(24, 40, true);  /* past the end */
    check_refused(16, 24, false); /* another end */
    assert_true(add(9, 0, 16, true));
    assert_whole(32, 2);
    assert_false(add(9, 16, 64, true));
    check_refused(16, 32, false); /* an end before what has come */
}

static void test_datagrams_are_apart(void **state)
{
    (void)state;
    assert_false(add(1, 0, 8, true));
    assert_false(add(2, 8, 16, false));
    assert_true(add(2, 0, 8, true));
    assert_true(add(1, 8, 16, false));
}

static void test_timeout(void **state)
{
    (void)state;
    assert_false(add_at(1, 0, 8, true, content, 1));
    assert_false(add_at(1, 8, 16, true, content + 8, 1 + TIMEOUT_NS));
    assert_false(add_at(1, 16, 24, false, content + 16, 2 + TIMEOUT_NS));
    assert_int_equal(counters.fragments_lost, 2);
    assert_false(add_at(2, 0, 8, true, content, 1)); /* the clock jumped back */
    assert_int_equal(counters.fragments_lost, 3);
}

/* Memory stays within its bound and the oldest goes first. */
static void test_flood(void **state)
{
    (void)state;
    for (uint32_t id = 0; id < 100000; id++)
        assert_false(add(id, 0, 8, true));
    assert_true(counters.fragment_bytes <= 1 << 20);
    assert_true(counters.fragments_lost > 99000);
    assert_true(add(99999, 8, 16, false));
    assert_false(add(0, 8, 16, false));
}

/* A table too small for one big datagram loses it, and goes on. */
static void test_flood_of_large_ones(void **state)
{
    uint32_t done = 0;

    (void)state;
    for (uint32_t id = 0; id < 100; id++)
        for (uint32_t from = 0; from < 65536 - 2048; from += 2048)
            assert_false(add(id, from, from + 2048, true));
    for (uint32_t id = 90; id < 100; id++)
        done += add(id, 65536 - 2048, 65535, false);
    assert_true(done > 5);
    assert_int_equal(counters.fragments_reassembled, done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_any_order),
        TEST(test_largest_datagram),
        TEST(test_first_bytes_win),
        TEST(test_places_that_contradict),
        TEST(test_datagrams_are_apart),
        TEST(test_timeout),
        TEST(test_flood),
        TEST(test_flood_of_large_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
