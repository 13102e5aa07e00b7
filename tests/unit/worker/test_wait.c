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

static void init(enum capture_kind kind, bool wakes)
{
    const struct capture_waiting source = {.kind = kind, .wakes = wakes};

    wait_init(&w, &options, &source, &counters);
}

/* A source of this kind, with a descriptor unless it is DPDK's. */
static void begin(enum capture_kind kind, enum rx_mode mode)
{
    memset(&counters, 0, sizeof counters);
    options = (struct options){.idle_threshold = 3,
                               .resume_threshold = 8,
                               .gather_interval = 500 * NS_PER_US,
                               .sleep_timeout = 300 * NS_PER_US};
    init(kind, kind != CAPTURE_DPDK);
    assert_true(wait_set_mode(&w, mode) || kind == CAPTURE_DPDK);
}

/* The same with options that were changed since. */
static void begin_anew(enum capture_kind kind)
{
    init(kind, kind != CAPTURE_DPDK);
    assert_true(wait_set_mode(&w, RX_MODE_ADAPTIVE));
}

static void expect_spins(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(wait_empty(&w), 0);
}

static void expect_descriptor(void)
{
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    assert_false(w.gathering);
}

static void test_a_descriptor_wakes(void **state)
{
    (void)state;
    begin(CAPTURE_AF_PACKET, RX_MODE_ADAPTIVE);
    expect_descriptor();
    wait_busy(&w, 1);
    expect_descriptor();
    assert_int_equal(counters.loop_sleeps, 2);
    assert_int_equal(counters.loop_spins, 0);
    assert_int_equal(counters.loop_mode_switches, 0);
}

static const enum capture_kind live_kinds[] = {CAPTURE_AF_PACKET, CAPTURE_XDP, CAPTURE_AF_XDP,
                                               CAPTURE_DPDK};

static void test_polling_never_sleeps(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        begin(live_kinds[k], RX_MODE_POLLING);
        expect_spins(1000);
        wait_busy(&w, 1);
        expect_spins(1000);
        assert_int_equal(counters.loop_spins, 2000);
        assert_int_equal(counters.loop_sleeps, 0);
        assert_int_equal(counters.loop_rx_mode, RX_MODE_POLLING);
    }
}

/* Whatever adaptive would do first. */
static void test_interrupt_sleeps_at_once(void **state)
{
    (void)state;
    for (unsigned k = 0; k < 4; k++) {
        begin(live_kinds[k], RX_MODE_ADAPTIVE);
        options.af_packet_idle_spins = options.xdp_idle_spins = options.af_xdp_idle_spins = 5;
        init(live_kinds[k], true);
        assert_true(wait_set_mode(&w, RX_MODE_INTERRUPT));
        expect_descriptor();
        wait_busy(&w, 64);
        expect_descriptor();
        assert_int_equal(counters.loop_rx_mode, RX_MODE_INTERRUPT);
    }
}

static void test_no_interrupts_to_wait_for(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    assert_false(wait_set_mode(&w, RX_MODE_INTERRUPT));
    assert_int_equal(counters.loop_rx_mode, RX_MODE_ADAPTIVE);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
}

/* A driver that has them makes it a source like the others, after the questions of its own. */
static void test_interrupts_end_an_adaptive_sleep(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    init(CAPTURE_DPDK, true);
    assert_true(wait_set_mode(&w, RX_MODE_ADAPTIVE));
    expect_spins(3);
    expect_descriptor();
    expect_descriptor();
    wait_busy(&w, 8);
    expect_spins(3);
    expect_descriptor();
    assert_int_equal(counters.loop_mode_switches, 3);
}

/* A pipe would be asked in vain for as long as nobody writes to it. */
static void test_a_file_is_waited_for(void **state)
{
    (void)state;
    begin(CAPTURE_PCAP_FILE, RX_MODE_POLLING);
    expect_descriptor();
    begin(CAPTURE_SHARED_FILE, RX_MODE_POLLING);
    expect_descriptor();
}

/* Nothing of the mode before is left. */
static void test_mode_is_switched(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    assert_true(wait_set_mode(&w, RX_MODE_POLLING));
    expect_spins(1000);
    assert_true(wait_set_mode(&w, RX_MODE_ADAPTIVE));
    expect_spins(3);
    assert_int_equal(wait_empty(&w), 50 * NS_PER_US);
    begin(CAPTURE_AF_XDP, RX_MODE_ADAPTIVE);
    wait_busy(&w, 1);
    assert_int_equal(wait_empty(&w), 500 * NS_PER_US);
    assert_true(wait_set_mode(&w, RX_MODE_INTERRUPT));
    wait_busy(&w, 1);
    expect_descriptor();
}

/* From the first batch to the one that was empty, and in between for who reads the counter. */
static void test_busy_time(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_POLLING);
    assert_false(wait_is_busy(&w));
    wait_busy_end(&w, 500);
    assert_int_equal(counters.loop_busy_ns, 0);
    wait_busy_begin(&w, 1000);
    assert_true(wait_is_busy(&w));
    wait_busy_count(&w, 1700);
    assert_int_equal(counters.loop_busy_ns, 700);
    wait_busy_end(&w, 2000);
    assert_int_equal(counters.loop_busy_ns, 1000);
    assert_false(wait_is_busy(&w));
    wait_busy_count(&w, 9000);
    wait_busy_begin(&w, 10000);
    wait_busy_end(&w, 10001);
    assert_int_equal(counters.loop_busy_ns, 1001);
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

/* 2,048 frames last 205 us at 10 million a second. */
static void test_no_more_gather_than_there_is_room_for(void **state)
{
    struct capture_waiting source = {.kind = CAPTURE_AF_XDP, .wakes = true, .holds = 2048};

    (void)state;
    begin(CAPTURE_AF_XDP, RX_MODE_ADAPTIVE);
    wait_init(&w, &options, &source, &counters);
    assert_true(wait_set_mode(&w, RX_MODE_ADAPTIVE));
    wait_busy(&w, 1);
    assert_int_equal(wait_empty(&w), 204800);
    assert_true(w.gathering);
    source.holds = 65536;
    wait_init(&w, &options, &source, &counters);
    assert_true(wait_set_mode(&w, RX_MODE_ADAPTIVE));
    wait_busy(&w, 1);
    assert_int_equal(wait_empty(&w), 500 * NS_PER_US);
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
    begin_anew(CAPTURE_DPDK);
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
    begin_anew(CAPTURE_AF_XDP);
    for (unsigned i = 0; i < 2; i++) {
        expect_spins(2);
        expect_yields(3);
        expect_descriptor();
        expect_descriptor();
        wait_busy(&w, 7);
        expect_descriptor();
        wait_busy(&w, 8);
    }
    assert_int_equal(counters.loop_spins, 4);
    assert_int_equal(counters.loop_yields, 6);
    assert_int_equal(counters.loop_sleeps, 6);
    assert_int_equal(counters.loop_mode_switches, 4);
    begin_anew(CAPTURE_XDP);
    expect_yields(1);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
    begin_anew(CAPTURE_AF_PACKET);
    assert_true(wait_empty(&w) == WAIT_FOREVER);
}

static void test_yields_before_sleeping(void **state)
{
    (void)state;
    begin(CAPTURE_DPDK, RX_MODE_ADAPTIVE);
    options.dpdk_idle_yields = 2;
    begin_anew(CAPTURE_DPDK);
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
        cmocka_unit_test(test_no_more_gather_than_there_is_room_for),
        cmocka_unit_test(test_polling_never_sleeps),
        cmocka_unit_test(test_interrupt_sleeps_at_once),
        cmocka_unit_test(test_no_interrupts_to_wait_for),
        cmocka_unit_test(test_interrupts_end_an_adaptive_sleep),
        cmocka_unit_test(test_a_file_is_waited_for),
        cmocka_unit_test(test_mode_is_switched),
        cmocka_unit_test(test_busy_time),
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
