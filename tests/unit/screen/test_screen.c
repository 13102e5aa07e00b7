/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/screen/screen.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#define T0 (1700000000 * NS_PER_SEC)

static struct options options;
static struct counters counters;
static struct screen *screen;

static struct ipaddr address(uint32_t n)
{
    const uint8_t v4[4] = {192, 0, (uint8_t)(n >> 8), (uint8_t)n};
    struct ipaddr a;

    ipaddr_set_v4(&a, v4);
    return a;
}

static void open_for(unsigned workers)
{
    memset(&counters, 0, sizeof counters);
    assert_int_equal(screen_open(&screen, &options, workers, 1, &counters), 0);
}

static int setup(void **state)
{
    (void)state;
    options_init(&options);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    screen_close(screen);
    screen = NULL;
    return 0;
}

/* One attempt; returns whether it brought this notice. */
static bool attempt(uint32_t src, uint32_t dst, unsigned port, bool half_open, uint64_t ts_ns,
                    enum notice note)
{
    const struct screen_attempt a = {address(src), address(dst), (uint16_t)port, half_open, ts_ns};
    struct screen_finding found[SCREEN_FINDINGS_MAX];
    unsigned n = screen_attempt(screen, &a, found);

    for (unsigned i = 0; i < n; i++)
        if (found[i].note == note)
            return true;
    return false;
}

/* Which of n attempts on different ports is noticed; 0: none. */
static unsigned ports_until(unsigned n, uint64_t step_ns)
{
    for (unsigned i = 1; i <= n; i++)
        if (attempt(1, 2, i, false, T0 + i * step_ns, NOTICE_PORT_SCAN))
            return i;
    return 0;
}

static void many_ports_of_one_host(void **state)
{
    (void)state;
    open_for(1);
    assert_in_range(ports_until(100, NS_PER_SEC), 15, 17);
}

static void one_port_again_and_again_is_no_scan(void **state)
{
    (void)state;
    open_for(1);
    for (unsigned i = 0; i < 200; i++)
        assert_false(attempt(1, 2, 80, false, T0, NOTICE_PORT_SCAN));
}

static void a_scan_is_found_once(void **state)
{
    unsigned n = 0;

    (void)state;
    open_for(1);
    for (unsigned i = 0; i < 300; i++)
        n += attempt(1, 2, i, false, T0, NOTICE_PORT_SCAN);
    assert_int_equal(n, 1);
}

static void slow_attempts_are_no_scan(void **state)
{
    (void)state;
    open_for(1);
    assert_int_equal(ports_until(100, 60 * NS_PER_SEC), 0);
}

static void one_port_of_many_hosts(void **state)
{
    unsigned found = 0;

    (void)state;
    open_for(1);
    for (unsigned i = 1; i <= 100 && found == 0; i++)
        if (attempt(1, 100 + i, 22, false, T0, NOTICE_ADDRESS_SCAN))
            found = i;
    assert_in_range(found, 25, 28);
}

static void many_half_open_connections(void **state)
{
    unsigned found = 0;

    (void)state;
    options.screen_syn_flood = 50;
    open_for(1);
    for (unsigned i = 1; i <= 100; i++) {
        assert_false(attempt(i, 2, 80, false, T0, NOTICE_SYN_FLOOD)); /* refused ones are none */
        if (attempt(i, 2, 80, true, T0, NOTICE_SYN_FLOOD))
            found = i;
    }
    assert_int_equal(found, 50);
}

static void workers_share_a_threshold(void **state)
{
    (void)state;
    options.screen_scan_ports = 30;
    open_for(3);
    assert_in_range(ports_until(100, 0), 10, 11);
    screen_close(screen);
    open_for(100); /* but a few failures are daily life */
    assert_in_range(ports_until(100, 0), 5, 6);
}

static void a_notice_comes_once_in_its_time(void **state)
{
    struct ipaddr a = address(1), b = address(2);
    uint64_t n = 0;

    (void)state;
    open_for(1);
    assert_true(screen_admits(screen, NOTICE_LAND, &a, &b, T0, &n));
    assert_int_equal(n, 1);
    for (unsigned i = 0; i < 5; i++)
        assert_false(screen_admits(screen, NOTICE_LAND, &a, &b, T0 + i, &n));
    assert_true(screen_admits(screen, NOTICE_LAND, &b, &a, T0, &n)); /* somebody else */
    assert_true(screen_admits(screen, NOTICE_INVALID_FLAGS, &a, &b, T0, &n));
    assert_true(screen_admits(screen, NOTICE_LAND, &a, NULL, T0, &n));
    assert_true(screen_admits(screen, NOTICE_LAND, &a, &b, T0 + options.notice_suppression, &n));
    assert_int_equal(n, 6); /* five that were not told, and this one */
    assert_int_equal(counters.notices, 5);
    assert_int_equal(counters.notices_suppressed, 5);
}

static void notices_in_a_second_are_bounded(void **state)
{
    unsigned admitted = 0;
    uint64_t n;

    (void)state;
    open_for(1);
    for (uint32_t i = 0; i < 1000; i++) {
        struct ipaddr a = address(i);

        admitted += screen_admits(screen, NOTICE_LAND, &a, &a, T0, &n);
    }
    assert_int_equal(admitted, 100);
    assert_int_equal(counters.notices_lost, 900);
    for (uint32_t i = 999; i < 1000; i++) { /* a second later it is told after all */
        struct ipaddr a = address(i);

        assert_true(screen_admits(screen, NOTICE_LAND, &a, &a, T0 + NS_PER_SEC, &n));
    }
}

static void thresholds_have_limits(void **state)
{
    (void)state;
    options.screen_scan_ports = 401;
    assert_int_equal(screen_open(&screen, &options, 1, 1, &counters), -EINVAL);
    options.screen_scan_ports = 0;
    assert_int_equal(screen_open(&screen, &options, 1, 1, &counters), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(many_ports_of_one_host),
        TEST(one_port_again_and_again_is_no_scan),
        TEST(a_scan_is_found_once),
        TEST(slow_attempts_are_no_scan),
        TEST(one_port_of_many_hosts),
        TEST(many_half_open_connections),
        TEST(workers_share_a_threshold),
        TEST(a_notice_comes_once_in_its_time),
        TEST(notices_in_a_second_are_bounded),
        TEST(thresholds_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
