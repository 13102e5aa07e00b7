/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/correlate/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void without_samples_all_is_zero(void **state)
{
    struct latency l = {0};

    (void)state;
    assert_int_equal(latency_mean_ns(&l), 0);
    assert_int_equal(latency_quantile_ns(&l, 0.5), 0);
}

static void one_sample_is_every_quantile(void **state)
{
    struct latency l = {0};

    (void)state;
    latency_add(&l, 12345);
    assert_int_equal(l.min_ns, 12345);
    assert_int_equal(l.max_ns, 12345);
    assert_int_equal(latency_mean_ns(&l), 12345);
    assert_int_equal(latency_quantile_ns(&l, 0), 12345);
    assert_int_equal(latency_quantile_ns(&l, 1), 12345);
}

/* Of 1 … 1000 the quantile q is 1000 q. */
static void expect_quantile(const struct latency *l, double q, uint64_t unit)
{
    double right = q * 1000 * (double)unit, is = (double)latency_quantile_ns(l, q);

    if (is < right * 0.88 || is > right * 1.12)
        fail_msg("quantile %g of 1 to 1000 times %llu is %g", q, (unsigned long long)unit, is);
}

static void quantiles_are_right_to_an_eighth(void **state)
{
    (void)state;
    for (uint64_t unit = 1; unit < 10000000; unit *= 7) {
        struct latency l = {0};

        for (uint64_t i = 1; i <= 1000; i++)
            latency_add(&l, i * unit);
        assert_int_equal(l.n, 1000);
        assert_int_equal(latency_mean_ns(&l), 1001 * unit / 2);
        expect_quantile(&l, 0.5, unit);
        expect_quantile(&l, 0.9, unit);
        expect_quantile(&l, 0.99, unit);
    }
}

static void what_is_too_long_is_in_the_last_bucket(void **state)
{
    struct latency l = {0};

    (void)state;
    latency_add(&l, 1);
    latency_add(&l, UINT64_C(1) << 50);
    assert_int_equal(l.bucket[LATENCY_BUCKETS - 1], 1);
    assert_int_equal(l.max_ns, UINT64_C(1) << 50);
    assert_true(latency_quantile_ns(&l, 1) > UINT64_C(16000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_samples_all_is_zero),
        cmocka_unit_test(one_sample_is_every_quantile),
        cmocka_unit_test(quantiles_are_right_to_an_eighth),
        cmocka_unit_test(what_is_too_long_is_in_the_last_bucket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
