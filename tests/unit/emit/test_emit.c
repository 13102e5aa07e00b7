/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches on their way from a worker to the logger, which may be killed, lose some, or say nothing.
 */
#include "tests/unit/emit/rig.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void records_arrive_once(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= 500; id++)
        rig_emit_small(id);
    for (uint64_t id = 501; id <= 505; id++)
        rig_emit_big(id);
    rig_let_records_get_old();
    emit_run(emit, rig_now_ns());
    assert_true(counters.spool_batches > 0);
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 505);
    assert_int_equal(counters.records_emitted, 505);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.batches_sent, 4);
}

static void batches_wait_for_their_time(void **state)
{
    uint64_t t = rig_now_ns(), interval = worker_heritage.options.log_flush_interval;

    (void)state;
    emit_run(emit, t);
    assert_true(emit_deadline_ns(emit) == UINT64_MAX);
    rig_emit_small(1);
    assert_true(emit_deadline_ns(emit) == t + interval);
    emit_run(emit, t + interval - 1);
    assert_int_equal(counters.batches_sent, 0);
    emit_run(emit, t + interval);
    assert_int_equal(counters.batches_sent, 1);
    assert_true(emit_deadline_ns(emit) > t + interval); /* now it waits for the acknowledgement */
    assert_true(emit_deadline_ns(emit) < UINT64_MAX);
}

static void killed_logger_gets_all_again(void **state)
{
    (void)state;
    written.mute = true;
    for (uint64_t id = 1; id <= 4; id++)
        rig_emit_big(id);
    rig_pump(rig_something_was_written, "first batch");
    rig_logger_stop();
    memset(written.seen, 0, sizeof written.seen); /* what it had was not yet in its files */
    written.records = 0;
    written.seq = 0;
    written.mute = false;
    rig_logger_start();
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 4);
    assert_true(counters.batches_resent > 0);
}

static struct bus *tap;
static unsigned tapped; /* batches of weird.log, and none of another log */

static bool tap_has_something(void)
{
    struct bus_message m;

    while (bus_receive(tap, &m)) {
        if (m.kind != BUS_MESSAGE)
            continue;
        assert_int_equal(m.topic_len, strlen("log/weird/worker-1/"));
        assert_memory_equal(m.topic, "log/weird/worker-1/", m.topic_len);
        assert_true(m.body_len > SPOOL_SEAL_BYTES);
        tapped++;
    }
    return tapped > 0;
}

static bool tap_is_heard_of(void)
{
    static uint64_t id = 100;

    rig_emit_big(id++);
    rig_emit_big(id++);
    return tap_has_something();
}

static void a_tap_gets_whole_batches_while_it_is_there(void **state)
{
    (void)state;
    tapped = 0;
    assert_int_equal(bus_open_client(&tap, worker_heritage.run_dir), 0);
    assert_int_equal(bus_subscribe(tap, "log/weird/"), 0);
    rig_emit_small(1); /* of another log */
    rig_pump(tap_is_heard_of, "a batch at the tap");
    rig_let_records_get_old();
    rig_pump(rig_spool_is_empty, "all acknowledged");
    bus_close(tap, 0);
    assert_false(written.bad);
}

static void lost_acknowledgements_cost_a_duplicate_only(void **state)
{
    (void)state;
    written.mute = true;
    for (uint64_t id = 1; id <= 4; id++)
        rig_emit_big(id);
    rig_pump(rig_something_was_written, "first batch");
    written.mute = false;
    added_ns += 500 * NS_PER_MS;
    rig_pump(rig_something_came_twice, "batch again after silence");
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 4);
    assert_true(counters.batches_resent > 0);
}

static void a_hole_is_filled_on_request(void **state)
{
    (void)state;
    written.lose_seq = 2;
    for (uint64_t id = 1; id <= 10; id++)
        rig_emit_big(id);
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 10);
}

static void successor_sends_what_a_worker_left(void **state)
{
    (void)state;
    rig_emit_big(1);
    rig_emit_big(2);
    rig_emit_small(3); /* in a batch that is still open */
    emit_close(emit);
    assert_int_equal(emit_open(&emit, &worker_heritage, worker_bus, &counters), 0);
    assert_int_equal(counters.spool_batches, 2);
    rig_emit_small(4);
    rig_let_records_get_old();
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 4);
}

/* The acknowledgement of what was written, as far as the worker's descriptors. */
static void acknowledge_late(void)
{
    struct pollfd p[3];
    int fds[3], n = bus_fds(worker_bus, fds);

    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    written.mute = false;
    rig_acknowledge(false);
    for (unsigned turns = 0; poll(p, (nfds_t)n, 5) <= 0; turns++) {
        assert_true(turns < RIG_DEADLINE_NS / (5 * NS_PER_MS));
        broker_run(broker, 64);
    }
}

static void who_slept_over_the_bus_knows_what_it_has(void **state)
{
    uint64_t t;

    (void)state;
    rig_emit_big(1);
    rig_emit_big(2);
    rig_pump(rig_spool_is_empty, "all acknowledged"); /* a logger that has spoken is given time */
    for (unsigned asked_at_last = 0; asked_at_last < 2; asked_at_last++) {
        written.mute = true;
        written_records = written.records = 0;
        added_ns += 20 * NS_PER_MS; /* it is later than it was */
        rig_emit_big(1);
        rig_emit_big(2);
        rig_pump(rig_something_was_written, "written");
        t = rig_now_ns();
        emit_run(emit, t);
        acknowledge_late();
        emit_bus_polled(emit, false);
        emit_run(emit, t + 9 * NS_PER_MS);
        assert_int_equal(counters.spool_batches, 1);
        if (asked_at_last)
            emit_run(emit, t + 100 * NS_PER_MS);
        else
            emit_bus_polled(emit, true);
        emit_run(emit, t + 9 * NS_PER_MS);
        assert_int_equal(counters.spool_batches, 0);
    }
}

/* Who read the clock before it emitted, and had to wait there, calls with an earlier time: nothing
 * is as old as it seems then. */
static void time_does_not_go_back(void **state)
{
    uint64_t t, resent;

    (void)state;
    rig_emit_big(1);
    rig_emit_big(2);
    rig_pump(rig_spool_is_empty, "all acknowledged"); /* a logger that has spoken is given time */
    resent = counters.batches_resent;
    written.mute = true;
    written_records = written.records = 0;
    t = rig_now_ns();
    rig_emit_big(3);
    rig_emit_big(4);
    rig_emit_small(5);
    rig_pump(rig_something_was_written, "written");
    for (unsigned i = 1; i < 20; i++)
        emit_run(emit, t - i * NS_PER_MS);
    assert_int_equal(counters.batches_sent, 2);
    rig_emit_big(6);
    rig_emit_big(7);
    emit_run(emit, t - 20 * NS_PER_MS);
    assert_true(counters.batches_sent > 2);
    assert_int_equal(counters.batches_resent, resent);
}

static void live_spool_loses_the_oldest_and_counts_them(void **state)
{
    uint64_t n = 20 * 2 * RIG_SLOTS;

    (void)state;
    rig_logger_stop();
    for (uint64_t id = 1; id <= n; id++) {
        rig_emit_big(id);
        emit_run(emit, rig_now_ns());
    }
    assert_int_equal(counters.records_lost, n - 2 * RIG_SLOTS);
    assert_int_equal(counters.spool_waits, 0);
    rig_logger_start();
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(n - 2 * RIG_SLOTS + 1, n);
    assert_int_equal(counters.records_lost + written.records, counters.records_emitted);
}

/* All that it was told of was dropped meanwhile, and more than it is told of at once. */
static void a_logger_that_stood_still_gets_what_is_left(void **state)
{
    uint64_t n = 2 * (EMIT_WINDOW + 2 * RIG_SLOTS_MANY);

    (void)state;
    rig_emit_big(1);
    rig_emit_big(2);
    rig_pump(rig_spool_is_empty, "all acknowledged");
    for (uint64_t id = 3; id <= n; id++) {
        rig_emit_big(id);
        emit_run(emit, rig_now_ns());
        broker_run(broker, 64);
    }
    assert_true(counters.records_lost > 2 * EMIT_WINDOW);
    rig_pump(rig_spool_is_empty, "all acknowledged");
    assert_int_equal(counters.records_lost + written.records, counters.records_emitted);
}

static void finish_says_what_stays_behind(void **state)
{
    (void)state;
    written.mute = true;
    for (uint64_t id = 1; id <= 5; id++)
        rig_emit_big(id);
    assert_int_equal(emit_finish(emit, 5 * NS_PER_MS), 5);
    assert_int_equal(counters.records_lost, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_arrive_once, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(batches_wait_for_their_time, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(killed_logger_gets_all_again, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(a_tap_gets_whole_batches_while_it_is_there, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(lost_acknowledgements_cost_a_duplicate_only, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(a_hole_is_filled_on_request, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(successor_sends_what_a_worker_left, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(a_logger_that_stood_still_gets_what_is_left,
                                        rig_set_up_many_slots, rig_tear_down),
        cmocka_unit_test_setup_teardown(live_spool_loses_the_oldest_and_counts_them, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(who_slept_over_the_bus_knows_what_it_has, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(time_does_not_go_back, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(finish_says_what_stays_behind, rig_set_up, rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
