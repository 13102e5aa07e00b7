/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/dpdk_clock.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW (UINT64_C(1700000000) * NS_PER_SEC)

static void near(uint64_t a, uint64_t b, uint64_t within)
{
    assert_true((a > b ? a - b : b - a) <= within);
}

static void test_microseconds_since_1970(void **state)
{
    struct dpdk_clock c;

    (void)state;
    dpdk_clock_init_fixed(&c, 1000);
    assert_int_equal(dpdk_clock_ns(&c, UINT64_C(1700000000123456)), UINT64_C(1700000000123456000));
}

/* 156.25 MHz, as network cards have it. */
static void test_the_rate_is_found(void **state)
{
    struct dpdk_clock c = {0};

    (void)state;
    dpdk_clock_sample(&c, 5000, NOW);
    assert_int_equal(c.rate, 0);
    dpdk_clock_sample(&c, 5001, NOW + NS_PER_MS); /* too soon to tell */
    assert_int_equal(c.rate, 0);
    dpdk_clock_sample(&c, 5000 + 3125000, NOW + 20 * NS_PER_MS);
    near(dpdk_clock_ns(&c, 5000 + 3125000), NOW + 20 * NS_PER_MS, 0);
    near(dpdk_clock_ns(&c, 5000), NOW, 10);
    near(dpdk_clock_ns(&c, 5000 + 156250000), NOW + NS_PER_SEC, 100);
}

static void test_a_clock_that_was_set(void **state)
{
    struct dpdk_clock c = {0};

    (void)state;
    dpdk_clock_sample(&c, 1000, NOW);
    dpdk_clock_sample(&c, 1000 + 20000000, NOW + 20 * NS_PER_MS); /* 1 GHz */
    dpdk_clock_sample(&c, 1000 + 40000000, NOW - NS_PER_SEC);     /* ours was set back */
    near(dpdk_clock_ns(&c, 1000 + 40000500), NOW - NS_PER_SEC + 500, 1);
    dpdk_clock_sample(&c, 10, NOW); /* the device's began anew: its rate stays */
    near(dpdk_clock_ns(&c, 1010), NOW + 1000, 1);
    dpdk_clock_sample(&c, 10, NOW + NS_PER_SEC); /* it stands still */
    near(dpdk_clock_ns(&c, 1010), NOW + NS_PER_SEC + 1000, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_microseconds_since_1970),
        cmocka_unit_test(test_the_rate_is_found),
        cmocka_unit_test(test_a_clock_that_was_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
