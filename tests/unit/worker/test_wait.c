/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct counters counters;
static struct options options;
static struct wait w;

static void begin(enum capture_kind kind, enum rx_mode mode)
{
    memset(&counters, 0, sizeof counters);
    options = (struct options){.rx_mode = mode,
                               .idle_threshold = 3,
                               .resume_threshold = 8,
                               .gather_interval = 500 * NS_PER_US,
                               .sleep_timeout = 300 * NS_PER_US};
    wait_init(&w, &options, kind, &counters);
}

static void expect_spins(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(wait_empty(&w), 0);
}

static void test_a_descriptor_wakes(void **state)
{
    (void)state;
    begin(CAPTURE_AF_PACKET, RX_MODE_POLLING);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    wait_busy(&w, 1);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    assert_int_equal(counters.loop_sleeps, 2);
    assert_int_equal(counters.loop_spins, 0);
    assert_int_equal(counters.loop_mode_switches, 0);
}

/* The first sleep after a batch is of a fixed time, and the descriptor ends the next one. */
static void test_frames_gather(void **state)
{
    (void)state;
    begin(CAPTURE_AF_XDP, RX_MODE_ADAPTIVE);
    for (unsigned i = 0; i < 3; i++) {
        wait_busy(&w, 1);
        assert_int_equal(wait_empty(&w), 500 * NS_PER_US);
        assert_true(w.gathering);
    }
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    assert_false(w.gathering);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    wait_busy(&w, 64);
    assert_int_equal(wait_empty(&w), 500 * NS_PER_US);
    assert_int_equal(counters.loop_mode_switches, 0);
}

static void test_polling_never_sleeps(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_POLLING);
    expect_spins(1000);
    assert_int_equal(counters.loop_spins, 1000);
    assert_int_equal(counters.loop_sleeps, 0);
}

static void test_sleeps_grow(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 100 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 200 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 300 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 300 * NS_PER_US);
    assert_int_equal(counters.loop_mode_switches, 1);
    assert_int_equal(counters.loop_sleeps, 5);
}

static void test_few_frames_keep_it_asleep(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 100 * NS_PER_US);
    wait_busy(&w, 7);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    wait_busy(&w, 8);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    assert_int_equal(counters.loop_mode_switches, 3);
}

static void test_frames_in_between_are_no_silence(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    expect_spins(3);
    wait_busy(&w, 1);
    expect_spins(3);
    assert_int_equal(counters.loop_sleeps, 0);
}

static void test_a_short_timeout_is_kept(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    options.sleep_timeout = 10 * NS_PER_US;
    wait_init(&w, &options, CAPTURE_DPDK, &counters);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 10 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 10 * NS_PER_US);
}

static void expect_yields(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(wait_empty(&w), 0);
        assert_true(w.yield);
    }
}

/* Kernel, xdp, af_xdp: what is configured comes first, each by its own options. */
static void test_spins_and_yields_before_a_descriptor(void **state)
{
    (void)state;
    begin(CAPTURE_AF_XDP, RX_MODE_ADAPTIVE);
    options.gather_interval = 0;
    options.af_xdp_idle_spins = 2;
    options.af_xdp_idle_yields = 3;
    options.xdp_idle_yields = 1;
    wait_init(&w, &options, CAPTURE_AF_XDP, &counters);
    for (unsigned i = 0; i < 2; i++) {
        expect_spins(2);
        expect_yields(3);
        assert_true(wait_empty(&w) == WAIT_FOREVER);
        assert_true(wait_empty(&w) == WAIT_FOREVER);
        wait_busy(&w, 1);
    }
    assert_int_equal(counters.loop_spins, 4);
    assert_int_equal(counters.loop_yields, 6);
    assert_int_equal(counters.loop_sleeps, 4);
    wait_init(&w, &options, CAPTURE_XDP, &counters);
    expect_yields(1);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    wait_init(&w, &options, CAPTURE_AF_PACKET, &counters);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
}

static void test_yields_before_sleeping(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    options.dpdk_idle_yields = 2;
    wait_init(&w, &options, CAPTURE_DPDK, &counters);
    expect_spins(3);
    expect_yields(2);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    assert_int_equal(wait_empty(&w), 100 * NS_PER_US);
}

/* One that is ready ends a sleep, and is counted; a timeout is not. */
static void test_poll_counts_wakeups(void **state)
{
    struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}};
    int ends[2];

    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    assert_int_equal(pipe(ends), 0);
    fds[1] = (struct pollfd){.fd = ends[0], .events = POLLIN};
    wait_poll(&w, fds, 2, 0);
    assert_int_equal(counters.loop_wakeups, 0);
    assert_int_equal(write(ends[1], "", 1), 1);
    wait_poll(&w, fds, 2, 60 * NS_PER_SEC);
    assert_int_equal(counters.loop_wakeups, 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_descriptor_wakes),
        cmocka_unit_test(test_frames_gather),
        cmocka_unit_test(test_polling_never_sleeps),
        cmocka_unit_test(test_sleeps_grow),
        cmocka_unit_test(test_few_frames_keep_it_asleep),
        cmocka_unit_test(test_frames_in_between_are_no_silence),
        cmocka_unit_test(test_a_short_timeout_is_kept),
        cmocka_unit_test(test_spins_and_yields_before_a_descriptor),
        cmocka_unit_test(test_yields_before_sleeping),
        cmocka_unit_test(test_poll_counts_wakeups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
