/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told when nobody empties the ring: a process calls more than it holds, and only then is
 * it read. Skipped where BPF or uprobes cannot be had. */
#include "tests/unit/probe/kernel_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define FLOOD_BYTES 16384u

static void flood(unsigned calls)
{
    static char buffer[FLOOD_BYTES];
    struct fake_ssl a = {.fd = -1};

    while (calls-- > 0)
        fake_write(&a, buffer, sizeof buffer);
}

/* 1.6 MB into a ring of one. */
static void flood_some(void)
{
    flood(100);
}

static void nearly_full_ring_takes_the_beginning_of_each_call(void **state)
{
    uint64_t lost = bench.counters.probe_ring_bytes, taken = 0;
    unsigned whole = 0;

    (void)state;
    bench_run(flood_some);
    assert_int_equal(bench.n_got, 100);
    for (unsigned i = 0; i < bench.n_got; i++) {
        assert_int_equal(bench.got[i].e.offset, i * FLOOD_BYTES);
        if (i == whole && bench.got[i].e.len == FLOOD_BYTES)
            whole++;
        else
            assert_int_equal(bench.got[i].e.len, 1024);
        taken += bench.got[i].e.len;
    }
    assert_in_range(whole, 40, 60);
    assert_int_equal(bench.counters.probe_ring_bytes - lost + taken, 100 * FLOOD_BYTES);
}

static void flood_more(void)
{
    flood(1000);
}

static void full_ring_is_counted_and_shows_as_a_jump(void **state)
{
    uint64_t lost = bench.counters.probe_ring_bytes, taken = 0;

    (void)state;
    bench_run(flood_more);
    assert_in_range(bench.n_got, 101, BENCH_EVENTS - 1);
    for (unsigned i = 0; i < bench.n_got; i++) {
        assert_int_equal(bench.got[i].e.offset, i * FLOOD_BYTES);
        taken += bench.got[i].e.len;
    }
    assert_int_equal(bench.counters.probe_ring_bytes - lost + taken, 1000 * FLOOD_BYTES);
    bench_run(flood_some);
    assert_int_equal(bench.got[0].e.len, FLOOD_BYTES); /* it is empty again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearly_full_ring_takes_the_beginning_of_each_call),
        cmocka_unit_test(full_ring_is_counted_and_shows_as_a_jump),
    };

    return cmocka_run_group_tests_name("ring", tests, bench_prepare, bench_clean_up);
}
