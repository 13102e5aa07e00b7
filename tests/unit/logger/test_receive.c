/* SPDX-License-Identifier: BSD-3-Clause */
/* Delivery: a worker, its spool and a bus are played by this test, the rest is real, down to the
 * files. Each logger is a child process, so that it can die as if killed, at any step of its work.
 */
#include "logger/receive.h"

#include "common/base/clock.h"
#include "common/ipc/message.h"
#include "logger/archive.h"
#include "tests/unit/logger/sink_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BATCHES  12u
#define KILLED   77
#define MAX_ACKS 64
#define NEVER    UINT32_MAX

#define SPOOL_FD    5
#define SPOOL_BYTES (UINT64_C(8) << 20)

struct wire_batch {
    uint64_t epoch, seq, floor;
    unsigned n;       /* batches in one message; 0: 1 */
    const char *node; /* NULL: worker-1 */
    bool foreign;     /* of another build */
    bool broken, evicted;
};

#define RECORDS 3u /* of a batch, numbered from seq * 10 */

/* The world outside the logger; shared with the children, and outlives them. */
struct world {
    struct wire_batch queue[64]; /* what a test puts on the bus by hand */
    unsigned queued, taken;
    bool worker;    /* a worker that sends 1 … BATCHES until they are acknowledged */
    uint64_t acked; /* what it knows to be safe */
    uint64_t sent;  /* since this logger came */
    unsigned burst; /* batches that the bus gives at once, then it says there is no more */
    unsigned in_burst;
    struct message_ack acks[MAX_ACKS]; /* node not kept */
    unsigned n_acks;
    bool deaf; /* the publishing queue is full */
    uint32_t steps, die_at;
    bool disk_full;
    struct counters counters;
};

static struct world *world;
static struct wire_batch told; /* last */

/* One step of the logger: where it may be killed. */
static void step(void)
{
    if (world->steps++ == world->die_at)
        _exit(KILLED);
}

/* --- the bus, as the logger sees it --- */

static size_t pack_message(uint8_t *body, const struct wire_batch *w)
{
    struct message_sealed m = {
        str_of(w->node ? w->node : "worker-1"), w->epoch, w->floor, 0, {{0}}};
    uint64_t fields = record_schemas_sum() + w->foreign;

    while (m.n < (w->n ? w->n : 1)) {
        m.batches[m.n] = (struct spool_batch){.type = RECORD_capture_loss,
                                              .seq = w->seq + m.n,
                                              .slot = m.n,
                                              .count = RECORDS,
                                              .bytes = 1};
        m.n++;
    }
    return message_sealed_encode(body, MESSAGE_SEALED_BYTES, fields, &m);
}

static const void *spools[2]; /* of worker-10 and worker-1 */

const void *heritage_map_read(int fd, size_t bytes)
{
    const void **spool = &spools[fd - SPOOL_FD];

    assert_in_range(fd, SPOOL_FD, SPOOL_FD + 1);
    assert_int_equal(bytes, SPOOL_BYTES);
    *spool = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return *spool;
}

/* What the message that came last has told of. */
int spool_read(const void *spool, size_t spool_bytes, struct spool_batch *b, uint8_t *out)
{
    size_t n = 0;

    step();
    assert_ptr_equal(spool, spools[1]);
    assert_int_equal(spool_bytes, SPOOL_BYTES);
    assert_in_range(b->seq, told.seq, told.seq + told.n);
    if (told.evicted)
        return -ESTALE;
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct rec_capture_loss r = {0};

        RECORD_SET(capture_loss, &r, gaps, b->seq * 10 + i);
        n += record_pack(b->type, &r, out + n, SPOOL_SLOT_BYTES - n, NULL);
    }
    b->records = out;
    b->bytes = told.broken ? n - 1 : n;
    return 0;
}

static const struct wire_batch *next_of_worker(void)
{
    static struct wire_batch w;

    if (world->sent < world->acked)
        world->sent = world->acked;
    if (world->sent >= BATCHES || world->in_burst++ >= world->burst)
        return NULL;
    w = (struct wire_batch){.epoch = 1, .seq = ++world->sent, .floor = world->acked};
    return &w;
}

bool bus_receive(struct bus *b, struct bus_message *m)
{
    static uint8_t body[MESSAGE_SEALED_BYTES];
    const struct wire_batch *w = NULL;

    (void)b;
    step();
    if (world->worker)
        w = next_of_worker();
    else if (world->taken < world->queued)
        w = &world->queue[world->taken++];
    if (!w) {
        world->in_burst = 0;
        return false;
    }
    told = *w;
    *m = (struct bus_message){.topic = "batches/worker-1/", .topic_len = 17, .body = body};
    m->body_len = pack_message(body, w);
    return true;
}

int bus_publish(struct bus *b, const char *topic, const void *data, size_t len)
{
    struct message_ack a;

    (void)b;
    step();
    if (world->deaf)
        return -EAGAIN;
    assert_string_equal(topic, "ack/worker-1/");
    assert_int_equal(message_ack_decode(data, len, &a), 0);
    assert_true(world->n_acks < MAX_ACKS);
    world->acks[world->n_acks++] = a;
    if (a.epoch == 1 && a.seq > world->acked)
        world->acked = a.seq;
    if (a.resend)
        world->sent = world->acked;
    step();
    return 0;
}

/* --- the sinks: the TSV one, with a place to be killed before and after each operation --- */

static int sink_write(struct sink_state *s, const struct spool_batch *batch)
{
    int rc;

    step();
    rc = sink_tsv.write(s, batch);
    step();
    return rc;
}

static int sink_flush(struct sink_state *s)
{
    int rc;

    step();
    rc = world->disk_full ? -ENOSPC : sink_tsv.flush(s);
    step();
    return rc;
}

static void sink_lengths(const struct sink_state *s, struct sink_lengths *out)
{
    step();
    sink_tsv.lengths(s, out);
}

static struct sink sink_killable;
const struct sink *const sinks[] = {&sink_killable, NULL};

static int setup(void **state)
{
    struct sink_fixture *f;

    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED || sink_fixture_setup(state) < 0)
        return -1;
    world->die_at = NEVER;
    world->burst = 2;
    sink_killable = sink_tsv;
    sink_killable.write = sink_write;
    sink_killable.flush = sink_flush;
    sink_killable.lengths = sink_lengths;
    f = *state;
    f->heritage.epoch = 1;
    f->heritage.n_workers = 2;
    strcpy(f->heritage.workers[0], "worker-10");
    strcpy(f->heritage.workers[1], "worker-1");
    f->heritage.spool_fd = SPOOL_FD;
    f->heritage.options.spool_size = SPOOL_BYTES;
    snprintf(f->heritage.state_path, sizeof f->heritage.state_path, "%.200s/state",
             f->heritage.log_dir);
    return 0;
}

static int teardown(void **state)
{
    munmap(world, sizeof *world);
    return sink_fixture_teardown(state);
}

static struct receive *start(struct sink_fixture *f)
{
    struct receive *r;

    world->sent = 0; /* the worker hears that a logger came, and begins with what is not safe */
    assert_int_equal(receive_open(&r, &f->heritage, &world->counters), 0);
    assert_int_equal(receive_begin(r, NULL), 0);
    return r;
}

/* Takes all that is there. */
static void drain(struct receive *r, uint64_t now_ns)
{
    int rc;

    do
        rc = receive_run(r, now_ns);
    while (rc > 0);
    assert_int_equal(rc, 0);
}

/* A logger's life until the worker is content or it is killed. Returns its exit status. */
static int live(struct sink_fixture *f)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct receive *r = start(f);

        while (world->acked < BATCHES)
            (void)receive_run(r, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_each_record_once(struct sink_fixture *f, uint64_t batches, uint32_t step_no)
{
    char expected[SINK_FIXTURE_BYTES / 16] = "";
    const char *p;
    size_t n = 0;

    for (uint64_t seq = 1; seq <= batches; seq++)
        for (unsigned i = 0; i < 3; i++)
            n += (size_t)snprintf(expected + n, sizeof expected - n, "-\t-\t-\t%ju\t-\t-\n",
                                  (uintmax_t)(seq * 10 + i));
    assert_non_null(sink_fixture_read(f, "capture_loss.log"));
    p = strstr(f->text, "#types");
    assert_non_null(p);
    p = strchr(p, '\n') + 1;
    if (strcmp(p, expected) != 0)
        fail_msg("killed at step %u, the log has\n%s", step_no, f->text);
}

static void test_killed_at_every_step(void **state)
{
    int status = KILLED;
    uint32_t at;

    for (at = 0; status == KILLED; at++) {
        struct sink_fixture *f = *state;

        memset(world, 0, sizeof *world);
        world->worker = true;
        world->burst = 2;
        world->die_at = at;
        status = live(f);
        if (status == KILLED) {
            world->die_at = NEVER;
            assert_int_equal(live(f), 0);
        }
        assert_each_record_once(f, BATCHES, at);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
    assert_int_equal(status, 0);
    assert_true(at > 50);
}

static void queue(uint64_t epoch, uint64_t seq, uint64_t floor)
{
    world->queue[world->queued++] = (struct wire_batch){.epoch = epoch, .seq = seq, .floor = floor};
}

static void assert_last_ack(unsigned n, uint64_t epoch, uint64_t seq, bool resend)
{
    const struct message_ack *a = &world->acks[world->n_acks - 1];

    assert_int_equal(world->n_acks, n);
    assert_int_equal(a->epoch, epoch);
    assert_int_equal(a->seq, seq);
    assert_int_equal(a->resend, resend);
}

static void test_once_and_in_order(void **state)
{
    struct receive *r = start(*state);
    struct counters *c = &world->counters;

    queue(1, 1, 0);
    queue(1, 2, 0);
    drain(r, 1);
    assert_last_ack(1, 1, 2, false); /* one for all */
    queue(1, 2, 0);
    drain(r, 1);
    assert_last_ack(2, 1, 2, false);
    assert_int_equal(c->log_duplicates, 1);
    queue(1, 4, 0);
    queue(1, 5, 0);
    drain(r, 1);
    assert_last_ack(3, 1, 2, true);
    assert_int_equal(c->log_out_of_order, 2);
    queue(1, 6, 0); /* was in flight when we asked */
    drain(r, 2);
    assert_last_ack(4, 1, 2, false);
    queue(1, 6, 0); /* the request was lost */
    drain(r, 2 + NS_PER_SEC);
    assert_last_ack(5, 1, 2, true);
    queue(1, 3, 0);
    queue(1, 4, 0);
    drain(r, 3);
    assert_last_ack(6, 1, 4, false);
    assert_int_equal(c->log_records, 12);
    assert_int_equal(receive_close(r), 0);
}

static void test_a_hole_that_was_announced(void **state)
{
    struct receive *r = start(*state);

    queue(1, 1, 0);
    queue(1, 6, 5);
    drain(r, 1);
    assert_last_ack(1, 1, 6, false);
    assert_int_equal(world->counters.log_out_of_order, 0);
    queue(1, 9, 7); /* 8 is still to come */
    drain(r, 1);
    assert_last_ack(2, 1, 7, true);
    queue(1, 8, 7);
    queue(1, 9, 7);
    drain(r, 1);
    assert_last_ack(3, 1, 9, false);
    assert_int_equal(receive_close(r), 0);
}

/* As when an earlier logger's state is lost. */
static void test_a_sequence_begins_behind_its_floor(void **state)
{
    struct receive *r = start(*state);

    queue(1, 41, 40);
    drain(r, 1);
    assert_last_ack(1, 1, 41, false);
    assert_int_equal(receive_close(r), 0);
}

static void test_the_first_batch_was_overtaken(void **state)
{
    struct receive *r = start(*state);

    queue(1, 2, 0);
    drain(r, 1);
    assert_last_ack(1, 1, 0, true);
    assert_int_equal(receive_close(r), 0);
}

/* Those of a killed manager end by themselves, and may speak meanwhile. */
static void test_a_worker_of_another_manager(void **state)
{
    struct receive *r = start(*state);
    struct counters *c = &world->counters;

    queue(1, 1, 0);
    queue(2, 1, 0);
    queue(2, 2, 0);
    world->queue[2].foreign = true;
    drain(r, 1);
    assert_last_ack(1, 1, 1, false);
    assert_int_equal(c->log_bad_batches, 2);
    assert_int_equal(c->log_lost_records, 0);
    assert_each_record_once(*state, 1, 0);
    assert_int_equal(receive_close(r), 0);
}

static void test_bad_batches_do_not_come_for_ever(void **state)
{
    struct receive *r = start(*state);
    struct counters *c = &world->counters;

    queue(1, 1, 0);
    world->queue[0].broken = true;
    queue(1, 2, 0);
    world->queue[1].foreign = true;
    queue(1, 3, 0);
    drain(r, 1);
    assert_last_ack(1, 1, 3, false);
    assert_int_equal(c->log_bad_batches, 2);
    assert_int_equal(c->log_lost_records, 6);
    assert_int_equal(c->log_records, 3);
    assert_int_equal(receive_close(r), 0);
}

static void test_many_batches_in_one_message(void **state)
{
    struct receive *r = start(*state);

    queue(1, 1, 0);
    world->queue[0].n = 5;
    drain(r, 1);
    assert_last_ack(1, 1, 5, false);
    queue(1, 4, 2); /* told again, with more */
    world->queue[1].n = 6;
    drain(r, 1);
    assert_last_ack(2, 1, 9, false);
    assert_int_equal(world->counters.log_duplicates, 2);
    assert_each_record_once(*state, 9, 0);
    assert_int_equal(receive_close(r), 0);
}

/* Its worker has counted it; what comes behind it is not waited for. */
static void test_a_batch_that_was_evicted_is_passed_over(void **state)
{
    struct receive *r = start(*state);
    struct counters *c = &world->counters;

    queue(1, 1, 0);
    queue(1, 2, 0);
    world->queue[0].evicted = true;
    drain(r, 1);
    assert_last_ack(1, 1, 2, false);
    assert_int_equal(c->log_overtaken, 1);
    assert_int_equal(c->log_bad_batches, 0);
    assert_int_equal(c->log_lost_records, 0);
    assert_int_equal(c->log_records, 3);
    assert_int_equal(receive_close(r), 0);
}

static void test_a_worker_that_there_is_not(void **state)
{
    struct receive *r = start(*state);

    queue(1, 1, 0);
    world->queue[0].node = "worker-2";
    drain(r, 1);
    assert_int_equal(world->n_acks, 0);
    assert_int_equal(world->counters.log_bad_batches, 1);
    assert_int_equal(world->counters.log_records, 0);
    assert_int_equal(receive_close(r), 0);
}

static void test_nothing_is_acknowledged_on_a_full_disk(void **state)
{
    struct sink_fixture *f = *state;
    struct receive *r = start(f);

    world->disk_full = true;
    queue(1, 1, 0);
    assert_int_equal(receive_run(r, 1), -ENOSPC);
    queue(1, 2, 0);
    assert_int_equal(receive_run(r, 1), -ENOSPC);
    assert_int_equal(world->taken, 1); /* it takes no more */
    assert_int_equal(receive_rotate(r, 1, 1), -ENOSPC);
    assert_int_equal(world->n_acks, 0);
    assert_int_equal(world->counters.log_write_errors, 3);
    world->disk_full = false;
    drain(r, 1);
    assert_last_ack(2, 1, 2, false);
    assert_each_record_once(f, 2, 0);
    assert_int_equal(receive_close(r), 0);
}

static void test_answers_wait_for_a_full_queue(void **state)
{
    struct receive *r = start(*state);

    world->deaf = true;
    queue(1, 1, 0);
    drain(r, 1);
    assert_int_equal(world->n_acks, 0);
    world->deaf = false;
    drain(r, 1);
    assert_last_ack(1, 1, 1, false);
    assert_int_equal(receive_close(r), 0);
}

/* Killed between the rotation of a file and the next commit, or any other step of it. */
static void test_killed_while_rotating(void **state)
{
    int status = KILLED;

    for (uint32_t at = 0; status == KILLED; at++) {
        struct sink_fixture *f = *state;
        pid_t child;
        uint64_t lines = 0;

        f->heritage.one_shot = false;
        assert_int_equal(archive_prepare(&f->heritage), 0);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct receive *r = start(f);

            queue(1, 1, 0);
            drain(r, 1);
            world->steps = 0;
            world->die_at = at;
            (void)receive_rotate(r, clock_wall_ns(), 1);
            queue(1, 2, 0);
            drain(r, 1);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        status = WEXITSTATUS(status);
        world->die_at = NEVER;
        world->queued = world->taken = 0;
        {
            struct receive *r = start(f);

            queue(1, 1, 0);
            queue(1, 2, 0);
            queue(1, 3, 0);
            drain(r, 1);
            assert_int_equal(receive_close(r), 0);
        }
        /* One file is in the queue, if the rotation came so far; the rest is in current/. */
        for (const char *p = sink_fixture_read(f, "current/capture_loss.log"); p && *p; p++)
            lines += *p == '\n' && p[1] == '-';
        if (sink_fixture_read(f, "current/capture_loss.log") && strstr(f->text, "\t10\t"))
            assert_int_equal(lines, 9);
        else
            assert_int_equal(lines, 6);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
    assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_once_and_in_order),
        TEST(test_a_hole_that_was_announced),
        TEST(test_a_sequence_begins_behind_its_floor),
        TEST(test_the_first_batch_was_overtaken),
        TEST(test_a_worker_of_another_manager),
        TEST(test_bad_batches_do_not_come_for_ever),
        TEST(test_many_batches_in_one_message),
        TEST(test_a_batch_that_was_evicted_is_passed_over),
        TEST(test_a_worker_that_there_is_not),
        TEST(test_nothing_is_acknowledged_on_a_full_disk),
        TEST(test_answers_wait_for_a_full_queue),
        TEST(test_killed_at_every_step),
        TEST(test_killed_while_rotating),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
