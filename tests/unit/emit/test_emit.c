/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's emit and a logger that can be told to misbehave, over a real bus in one process.
 * Time is the clock plus what a test adds to it. What emit does while it waits inside a call needs
 * the other side in a thread. */
#include "common/base/clock.h"
#include "common/ipc/broker.h"
#include "common/ipc/message.h"
#include "common/ipc/record_reader.h"
#include "worker/emit/emit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define DEADLINE_NS (20 * NS_PER_SEC)
#define IDS         8192u
#define SLOTS       6u
#define SLOTS_MANY  40u

static char dir[64];
static struct heritage worker_heritage, logger_heritage;
static struct broker *broker;
static struct bus *worker_bus, *logger_bus;
static struct emit *emit;
static struct counters counters;
static uint64_t added_ns;
static uint32_t slots = SLOTS; /* of the spool */

/* The logger: what it wrote, and how it is to behave. */
static struct {
    uint64_t seq;      /* written up to here; outlives the process, as its state file does */
    uint8_t seen[IDS]; /* how often each record was written */
    uint32_t records;
    uint32_t duplicates; /* batches that came again */
    bool mute;           /* acknowledge nothing */
    uint64_t lose_seq;   /* behave once as if this batch had not come */
    bool bad;
} written;

static uint8_t copy[SPOOL_SLOT_BYTES];
static const void *spool; /* as the logger maps it */

static _Atomic uint32_t written_records; /* of `written`, for the other thread */

static void make_heritage(struct heritage *h, enum node_kind kind, const char *node)
{
    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->epoch = 42;
    h->live = true;
    h->n_loggers = 1;
    h->uid = geteuid();
    h->gid = getegid();
    snprintf(h->node, sizeof h->node, "%s", node);
    snprintf(h->run_dir, sizeof h->run_dir, "%s", dir);
    snprintf(h->loggers[0], sizeof h->loggers[0], "logger-1");
    h->options.spool_size = 4096 + slots * SPOOL_SLOT_BYTES;
    h->options.log_flush_interval = NS_PER_SEC;
    h->spool_fd = kind == NODE_WORKER ? heritage_shm("test-spool", h->options.spool_size) : -1;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/spliff-test-emit-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    memset(&written, 0, sizeof written);
    memset(&counters, 0, sizeof counters);
    written_records = 0;
    added_ns = 0;
    make_heritage(&worker_heritage, NODE_WORKER, "worker-1");
    make_heritage(&logger_heritage, NODE_LOGGER, "logger-1");
    if (broker_open(&broker, dir, -1) < 0 || bus_open(&worker_bus, &worker_heritage) < 0 ||
        bus_open(&logger_bus, &logger_heritage) < 0)
        return -1;
    spool = heritage_map_read(worker_heritage.spool_fd, worker_heritage.options.spool_size);
    if (!spool)
        return -1;
    return emit_open(&emit, &worker_heritage, worker_bus, &counters);
}

static int setup_many_slots(void **state)
{
    int rc;

    slots = SLOTS_MANY;
    rc = setup(state);
    slots = SLOTS;
    return rc;
}

static int teardown(void **state)
{
    static const char *const names[] = {"logger-1.log", "bus.in", "bus.out"};
    char path[128];

    (void)state;
    emit_close(emit);
    bus_close(worker_bus, 0);
    bus_close(logger_bus, 0);
    broker_close(broker);
    munmap((void *)(uintptr_t)spool, worker_heritage.options.spool_size);
    close(worker_heritage.spool_fd);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        unlink(path);
    }
    return rmdir(dir);
}

static void logger_stop(void)
{
    bus_close(logger_bus, 0);
    logger_bus = NULL;
}

static void logger_start(void)
{
    assert_int_equal(bus_open(&logger_bus, &logger_heritage), 0);
}

static void emit_small(uint64_t id)
{
    struct rec_stats r = {.present = 0};

    RECORD_SET(stats, &r, ts, id);
    emit_record(emit, RECORD_stats, &r);
}

/* Two of these fill a batch. */
static void emit_big(uint64_t id)
{
    static char filler[SPOOL_SEAL_BYTES / 2];
    struct rec_weird r = {.present = 0};

    RECORD_SET(weird, &r, ts, id);
    RECORD_SET(weird, &r, addl, str_make(filler, sizeof filler));
    emit_record(emit, RECORD_weird, &r);
}

static void acknowledge(bool resend)
{
    struct message_ack ack = {STR_LIT("worker-1"), 42, written.seq, resend};
    uint8_t body[MESSAGE_ACK_BYTES];

    if (!written.mute || resend)
        bus_publish(logger_bus, "ack/worker-1/", body, message_ack_encode(body, sizeof body, &ack));
}

static void write_records(const struct spool_batch *b)
{
    struct cursor c = cursor_init(b->records, b->bytes);

    for (uint32_t i = 0; i < b->count; i++) {
        struct cursor at = c;
        struct value v;
        uint32_t n;

        if (record_reader_check(&c, b->type) < 0 || record_reader_begin(&at, &n) < 0 ||
            record_reader_value(&at, &v) < 0 || v.kind != VALUE_UINT || v.u >= IDS) {
            written.bad = true;
            return;
        }
        written.seen[v.u]++;
        written.records++;
    }
}

static void logger_take(struct spool_batch *b, uint64_t floor)
{
    if (b->seq == written.lose_seq) {
        written.lose_seq = 0;
    } else if (b->seq <= written.seq) {
        written.duplicates++;
        acknowledge(false);
    } else if (b->seq > written.seq + 1 && floor < b->seq - 1) {
        acknowledge(true);
    } else {
        int rc = spool_read(spool, worker_heritage.options.spool_size, b, copy);

        if (rc == 0)
            write_records(b);
        else
            written.bad |= rc != -ESTALE;
        written.seq = b->seq;
        acknowledge(false);
    }
}

static void logger_run(void)
{
    struct message_sealed s;
    struct bus_message m;

    while (logger_bus && bus_receive(logger_bus, &m)) {
        if (m.kind != BUS_MESSAGE)
            continue;
        if (message_sealed_decode(m.body, m.body_len, record_schemas_sum(), &s) < 0 ||
            s.epoch != 42)
            written.bad = true;
        for (uint32_t i = 0; i < s.n; i++)
            logger_take(&s.batches[i], s.floor);
    }
    while (broker_run(broker, 64) == 64)
        ;
    atomic_store(&written_records, written.records);
}

static uint64_t now_ns(void)
{
    return clock_mono_ns() + added_ns;
}

static void wait_for_any(int timeout_ms)
{
    struct pollfd p[8];
    int fds[3], n;
    nfds_t count = 2;

    broker_fds(broker, fds);
    p[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    p[1] = (struct pollfd){.fd = fds[1], .events = POLLIN};
    n = bus_fds(worker_bus, fds);
    for (int i = 0; i < n; i++)
        p[count++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    n = logger_bus ? bus_fds(logger_bus, fds) : 0;
    for (int i = 0; i < n; i++)
        p[count++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    poll(p, count, timeout_ms);
}

/* Runs all sides until done() or the deadline, which fails the test. */
static void pump(bool (*done)(void), const char *what)
{
    uint64_t until = clock_mono_ns() + DEADLINE_NS;

    for (;;) {
        emit_run(emit, now_ns());
        logger_run();
        if (done())
            return;
        if (clock_mono_ns() > until)
            fail_msg("%s: never; %u records written, %lu batches in the spool", what,
                     written.records, (unsigned long)counters.spool_batches);
        wait_for_any(5);
    }
}

static bool spool_is_empty(void)
{
    return counters.spool_batches == 0;
}

static bool something_was_written(void)
{
    return written.records > 0;
}

static bool something_came_twice(void)
{
    return written.duplicates > 0;
}

/* Records first … last were written once each, and no others. */
static void assert_written(uint64_t first, uint64_t last)
{
    assert_false(written.bad);
    for (uint64_t id = 0; id < IDS; id++)
        if (written.seen[id] != (id >= first && id <= last))
            fail_msg("record %lu was written %u times", (unsigned long)id, written.seen[id]);
}

static void let_records_get_old(void)
{
    emit_run(emit, now_ns());
    added_ns += worker_heritage.options.log_flush_interval;
}

static void records_arrive_once(void **state)
{
    (void)state;
    for (uint64_t id = 1; id <= 500; id++)
        emit_small(id);
    for (uint64_t id = 501; id <= 505; id++)
        emit_big(id);
    let_records_get_old();
    emit_run(emit, now_ns());
    assert_true(counters.spool_batches > 0);
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 505);
    assert_int_equal(counters.records_emitted, 505);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.batches_sent, 4);
}

static void batches_wait_for_their_time(void **state)
{
    uint64_t t = now_ns(), interval = worker_heritage.options.log_flush_interval;

    (void)state;
    emit_run(emit, t);
    assert_true(emit_deadline_ns(emit) == UINT64_MAX);
    emit_small(1);
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
        emit_big(id);
    pump(something_was_written, "first batch");
    logger_stop();
    memset(written.seen, 0, sizeof written.seen); /* what it had was not yet in its files */
    written.records = 0;
    written.seq = 0;
    written.mute = false;
    logger_start();
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 4);
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

    emit_big(id++);
    emit_big(id++);
    return tap_has_something();
}

static void a_tap_gets_whole_batches_while_it_is_there(void **state)
{
    (void)state;
    tapped = 0;
    assert_int_equal(bus_open_client(&tap, dir), 0);
    assert_int_equal(bus_subscribe(tap, "log/weird/"), 0);
    emit_small(1); /* of another log */
    pump(tap_is_heard_of, "a batch at the tap");
    let_records_get_old();
    pump(spool_is_empty, "all acknowledged");
    bus_close(tap, 0);
    assert_false(written.bad);
}

static void lost_acknowledgements_cost_a_duplicate_only(void **state)
{
    (void)state;
    written.mute = true;
    for (uint64_t id = 1; id <= 4; id++)
        emit_big(id);
    pump(something_was_written, "first batch");
    written.mute = false;
    added_ns += 500 * NS_PER_MS;
    pump(something_came_twice, "batch again after silence");
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 4);
    assert_true(counters.batches_resent > 0);
}

static void a_hole_is_filled_on_request(void **state)
{
    (void)state;
    written.lose_seq = 2;
    for (uint64_t id = 1; id <= 10; id++)
        emit_big(id);
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 10);
}

static void successor_sends_what_a_worker_left(void **state)
{
    (void)state;
    emit_big(1);
    emit_big(2);
    emit_small(3); /* in a batch that is still open */
    emit_close(emit);
    assert_int_equal(emit_open(&emit, &worker_heritage, worker_bus, &counters), 0);
    assert_int_equal(counters.spool_batches, 2);
    emit_small(4);
    let_records_get_old();
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 4);
}

/* The acknowledgement of what was written, as far as the worker's descriptors. */
static void acknowledge_late(void)
{
    struct pollfd p[3];
    int fds[3], n = bus_fds(worker_bus, fds);

    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    written.mute = false;
    acknowledge(false);
    for (unsigned turns = 0; poll(p, (nfds_t)n, 5) <= 0; turns++) {
        assert_true(turns < DEADLINE_NS / (5 * NS_PER_MS));
        broker_run(broker, 64);
    }
}

static void who_slept_over_the_bus_knows_what_it_has(void **state)
{
    uint64_t t;

    (void)state;
    emit_big(1);
    emit_big(2);
    pump(spool_is_empty, "all acknowledged"); /* a logger that has spoken is given time */
    for (unsigned asked_at_last = 0; asked_at_last < 2; asked_at_last++) {
        written.mute = true;
        written_records = written.records = 0;
        emit_big(1);
        emit_big(2);
        pump(something_was_written, "written");
        t = now_ns();
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

static void live_spool_loses_the_oldest_and_counts_them(void **state)
{
    uint64_t n = 20 * 2 * SLOTS;

    (void)state;
    logger_stop();
    for (uint64_t id = 1; id <= n; id++) {
        emit_big(id);
        emit_run(emit, now_ns());
    }
    assert_int_equal(counters.records_lost, n - 2 * SLOTS);
    assert_int_equal(counters.spool_waits, 0);
    logger_start();
    pump(spool_is_empty, "all acknowledged");
    assert_written(n - 2 * SLOTS + 1, n);
    assert_int_equal(counters.records_lost + written.records, counters.records_emitted);
}

static void finish_says_what_stays_behind(void **state)
{
    (void)state;
    written.mute = true;
    for (uint64_t id = 1; id <= 5; id++)
        emit_big(id);
    assert_int_equal(emit_finish(emit, 5 * NS_PER_MS), 5);
    assert_int_equal(counters.records_lost, 0);
}

/* The other side while emit waits. */
static atomic_bool thread_stop;

static void *run_logger(void *arg)
{
    (void)arg;
    while (!atomic_load(&thread_stop)) {
        struct pollfd p[5];
        int fds[3], n = bus_fds(logger_bus, fds);

        logger_run();
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
    uint64_t t = now_ns(); /* and no later, however long all this takes */

    (void)state;
    worker_heritage.live = false;
    emit_run(emit, t);
    for (uint64_t id = 1; id <= 4; id++) {
        emit_big(id);
        emit_run(emit, t);
    }
    assert_int_equal(counters.spool_batches, 0); /* so far as is told */
    assert_int_equal(counters.batches_sent, 0);
    let_records_get_old();
    emit_run(emit, now_ns());
    assert_int_equal(counters.batches_sent, 2);
    pump(spool_is_empty, "all acknowledged");
    assert_written(1, 4);
}

static void replay_waits_and_loses_nothing(void **state)
{
    uint64_t n = 40 * 2 * SLOTS;
    pthread_t thread;

    (void)state;
    worker_heritage.live = false;
    atomic_store(&thread_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run_logger, NULL), 0);
    for (uint64_t id = 1; id <= n; id++)
        emit_big(id);
    emit_small(n + 1);
    assert_int_equal(emit_finish(emit, DEADLINE_NS), 0);
    atomic_store(&thread_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_written(1, n + 1);
    assert_true(counters.spool_waits > 0);
    assert_int_equal(counters.records_lost, 0);
    assert_int_equal(counters.spool_batches, 0);
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
    uint64_t n = SLOTS_MANY;
    pthread_t thread;

    (void)state;
    worker_heritage.live = false;
    worker_heritage.options.log_flush_interval = 1;
    atomic_store(&thread_stop, false);
    assert_int_equal(pthread_create(&thread, NULL, run_logger_once_it_is_waited_for, NULL), 0);
    emit_small(1);
    for (uint64_t id = 2; id <= n; id++)
        emit_big(id);
    for (uint64_t id = n + 1; id <= n + 5000; id++)
        emit_small(id);
    assert_int_equal(emit_finish(emit, DEADLINE_NS), 0);
    atomic_store(&thread_stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_written(1, n + 5000);
    assert_in_range(counters.spool_waits, 1, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_arrive_once, setup, teardown),
        cmocka_unit_test_setup_teardown(batches_wait_for_their_time, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_logger_gets_all_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tap_gets_whole_batches_while_it_is_there, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(lost_acknowledgements_cost_a_duplicate_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_hole_is_filled_on_request, setup, teardown),
        cmocka_unit_test_setup_teardown(successor_sends_what_a_worker_left, setup, teardown),
        cmocka_unit_test_setup_teardown(live_spool_loses_the_oldest_and_counts_them, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_slept_over_the_bus_knows_what_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(finish_says_what_stays_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(replay_tells_of_several_batches_together, setup, teardown),
        cmocka_unit_test_setup_teardown(replay_waits_and_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(replay_that_is_far_ahead_sleeps, setup_many_slots,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
