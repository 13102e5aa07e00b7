/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/emit/rig.h"

#include "common/ipc/message.h"
#include "common/ipc/record_reader.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];
struct heritage worker_heritage;

static struct heritage logger_heritage;
struct broker *broker;
struct bus *worker_bus, *logger_bus;
struct emit *emit;
struct counters counters;
uint64_t added_ns;
static uint32_t slots = RIG_SLOTS; /* of the spool */

struct written written;

static uint8_t copy[SPOOL_SLOT_BYTES];
static const void *spool; /* as the logger maps it */

_Atomic uint32_t written_records;

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

int rig_set_up(void **state)
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

int rig_set_up_many_slots(void **state)
{
    int rc;

    slots = RIG_SLOTS_MANY;
    rc = rig_set_up(state);
    slots = RIG_SLOTS;
    return rc;
}

int rig_tear_down(void **state)
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

void rig_logger_stop(void)
{
    bus_close(logger_bus, 0);
    logger_bus = NULL;
}

void rig_logger_start(void)
{
    assert_int_equal(bus_open(&logger_bus, &logger_heritage), 0);
}

void rig_emit_small(uint64_t id)
{
    struct rec_stats r = {.present = 0};

    RECORD_SET(stats, &r, ts, id);
    emit_record(emit, RECORD_stats, &r);
}

void rig_emit_big(uint64_t id)
{
    static char filler[SPOOL_SEAL_BYTES / 2];
    struct rec_weird r = {.present = 0};

    RECORD_SET(weird, &r, ts, id);
    RECORD_SET(weird, &r, addl, str_make(filler, sizeof filler));
    emit_record(emit, RECORD_weird, &r);
}

void rig_acknowledge(bool resend)
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
            record_reader_value(&at, &v) < 0 || v.kind != VALUE_UINT || v.u >= RIG_IDS) {
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
        rig_acknowledge(false);
    } else if (b->seq > written.seq + 1 && floor < b->seq - 1) {
        rig_acknowledge(true);
    } else {
        int rc = spool_read(spool, worker_heritage.options.spool_size, b, copy);

        if (rc == 0)
            write_records(b);
        else
            written.bad |= rc != -ESTALE;
        written.seq = b->seq;
        rig_acknowledge(false);
    }
}

void rig_logger_run(void)
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

uint64_t rig_now_ns(void)
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

void rig_pump(bool (*done)(void), const char *what)
{
    uint64_t until = clock_mono_ns() + RIG_DEADLINE_NS;

    for (;;) {
        emit_run(emit, rig_now_ns());
        rig_logger_run();
        if (done())
            return;
        if (clock_mono_ns() > until)
            fail_msg("%s: never; %u records written, %lu batches in the spool", what,
                     written.records, (unsigned long)counters.spool_batches);
        wait_for_any(5);
    }
}

bool rig_spool_is_empty(void)
{
    return counters.spool_batches == 0;
}

bool rig_something_was_written(void)
{
    return written.records > 0;
}

bool rig_something_came_twice(void)
{
    return written.duplicates > 0;
}

void rig_assert_written(uint64_t first, uint64_t last)
{
    assert_false(written.bad);
    for (uint64_t id = 0; id < RIG_IDS; id++)
        if (written.seen[id] != (id >= first && id <= last))
            fail_msg("record %lu was written %u times", (unsigned long)id, written.seen[id]);
}

void rig_let_records_get_old(void)
{
    emit_run(emit, rig_now_ns());
    added_ns += worker_heritage.options.log_flush_interval;
}
