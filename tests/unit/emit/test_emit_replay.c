/* SPDX-License-Identifier: BSD-3-Clause */
/* Emit in a replay, which waits for the logger where a live worker would not. What it does while it
 * waits inside a call needs the other side in a thread. */
#include "tests/unit/emit/rig.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The other side while emit waits. */
static atomic_bool thread_stop;

static void *run_logger(void *arg)
{
    (void)arg;
    while (!atomic_load(&thread_stop)) {
        struct pollfd p[5];
        int fds[3], n = bus_fds(logger_bus, fds);

        rig_logger_run();
        for (int i = 0; i < n; i++)
            p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        broker_fds(broker, fds);
        p[n] = (struct pollfd){.fd = fds[0], .events = POLLIN};
        p[n + 1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
        poll(p, (nfds_t)n + 2, 20);
    }
    return NULL;
}

/* Nobody is woken for one batch, unless it has waited for long. */
static void replay_tells_of_several_batches_together(void **state)
{
    uint64_t t = rig_now_ns(); /* and no later, however long all this takes */

    (void)state;
    worker_heritage.live = false;
    emit_run(emit, t);
    for (uint64_t id = 1; id <= 4; id++) {
        rig_emit_big(id);
        emit_run(emit, t);
    }
    assert_int_equal(counters.spool_batches, 0); /* so far as is told */
    assert_int_equal(counters.batches_sent, 0);
    rig_let_records_get_old();
    emit_run(emit, rig_now_ns());
    assert_int_equal(counters.batches_sent, 2);
    rig_pump(rig_spool_is_empty, "all acknowledged");
    rig_assert_written(1, 4);
}

static void expect_waiting_to_lose_nothing(void)
{
    uint64_t n = 40 * 2 * RIG_SLOTS;
    pthread_t thread;

    atomic_store(&thread_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run_logger, NULL), 0);
    for (uint64_t id = 1; id <= n; id++)
        rig_emit_big(id);
    rig_emit_small(n + 1);
    assert_int_equal(emit_finish(emit, RIG_DEADLINE_NS), 0);
    atomic_store(&thread_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_assert_written(1, n + 1);
    assert_true(counters.spool_waits > 0);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.spool_batches, 0);
}

static void replay_waits_and_loses_nothing(void **state)
{
    (void)state;
    worker_heritage.live = false;
    expect_waiting_to_lose_nothing();
}

/* At a stop all open flows are logged at once, and there are no packets to hurry for. */
static void live_worker_that_ends_waits_too(void **state)
{
    (void)state;
    emit_end(emit, RIG_DEADLINE_NS);
    expect_waiting_to_lose_nothing();
}

static void live_worker_that_ends_waits_no_longer_than_it_may(void **state)
{
    uint64_t n = 4 * 2 * RIG_SLOTS, left;

    (void)state;
    rig_logger_stop();
    emit_end(emit, 20 * NS_PER_MS);
    for (uint64_t id = 1; id <= n; id++)
        rig_emit_big(id);
    assert_true(counters.spool_waits > 0);
    left = emit_finish(emit, UINT64_MAX / 2);
    assert_int_equal(counters.records_lost + left, n);
    assert_true(left > 0);
}

static struct {
    unsigned taken, inside, deepest;
    uint64_t id; /* of the last record */
    bool changed;
} events;

/* Takes an event, and emits more meanwhile than the spool holds. */
static void take_event(void *arg, const struct bus_message *m)
{
    char before[64];

    (void)arg;
    if (m->kind != BUS_MESSAGE)
        return;
    if (++events.inside > events.deepest)
        events.deepest = events.inside;
    assert_true(m->topic_len + 1 + m->body_len < sizeof before);
    memcpy(before, m->topic, m->topic_len);
    memcpy(before + m->topic_len, m->body, m->body_len);
    for (unsigned i = 0; i < 8 * RIG_SLOTS; i++)
        rig_emit_big(++events.id);
    events.changed |= memcmp(before, m->topic, m->topic_len) != 0 ||
                      memcmp(before + m->topic_len, m->body, m->body_len) != 0;
    events.inside--;
    events.taken++;
}

/* What comes while a record waits for room is taken when that is over: whoever emits is in the
 * middle of something, and of the message at hand, too. */
static void an_event_is_not_taken_in_the_middle_of_another(void **state)
{
    uint64_t until = rig_now_ns() + RIG_DEADLINE_NS;
    pthread_t thread;
    struct bus *other;

    (void)state;
    memset(&events, 0, sizeof events);
    worker_heritage.live = false;
    emit_on_event(emit, take_event, NULL);
    assert_int_equal(bus_subscribe(worker_bus, "event/test/"), 0);
    assert_int_equal(bus_open_client(&other, worker_heritage.run_dir), 0);
    atomic_store(&thread_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run_logger, NULL), 0);
    for (unsigned i = 0; events.taken < 20 && rig_now_ns() < until; i++) {
        assert_int_equal(bus_publish(other, i % 2 ? "event/test/" : "event/test/other/",
                                     "in the frame of a longer message", i % 3 ? 5 : 32),
                         0);
        emit_wait(emit, rig_now_ns() + NS_PER_MS);
    }
    assert_int_equal(emit_finish(emit, RIG_DEADLINE_NS), 0);
    atomic_store(&thread_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    bus_close(other, 0);
    assert_in_range(events.taken, 20, 100);
    assert_int_equal(events.deepest, 1);
    assert_false(events.changed);
    rig_assert_written(1, UINT64_C(8) * RIG_SLOTS * events.taken);
}

static void *run_logger_once_it_is_waited_for(void *arg)
{
    while (__atomic_load_n(&counters.spool_waits, __ATOMIC_RELAXED) == 0)
        sched_yield();
    return run_logger(arg);
}

/* Far ahead, and with records that are old, it sleeps until the logger has come after, not for one
 * record. */
static void replay_that_is_far_ahead_sleeps(void **state)
{
    uint64_t n = RIG_SLOTS_MANY;
    pthread_t thread;

    (void)state;
    worker_heritage.live = false;
    worker_heritage.options.log_flush_interval = 1;
    atomic_store(&thread_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run_logger_once_it_is_waited_for, NULL), 0);
    rig_emit_small(1);
    for (uint64_t id = 2; id <= n; id++)
        rig_emit_big(id);
    for (uint64_t id = n + 1; id <= n + 5000; id++)
        rig_emit_small(id);
    assert_int_equal(emit_finish(emit, RIG_DEADLINE_NS), 0);
    atomic_store(&thread_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    rig_assert_written(1, n + 5000);
    assert_in_range(counters.spool_waits, 1, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(replay_tells_of_several_batches_together, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(replay_waits_and_loses_nothing, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(live_worker_that_ends_waits_too, rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(live_worker_that_ends_waits_no_longer_than_it_may,
                                        rig_set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(an_event_is_not_taken_in_the_middle_of_another, rig_set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(replay_that_is_far_ahead_sleeps, rig_set_up_many_slots,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
