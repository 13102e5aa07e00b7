/* SPDX-License-Identifier: BSD-3-Clause */
/* The spool in its everyday life, and killed at every single instruction of it: a child works on
 * shared memory one instruction at a time, and whenever the memory that decides has changed, a
 * successor attaches to a copy and must find every record once. */
#include "common/ipc/record_reader.h"
#include "common/ipc/spool.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS     4u
#define MEM_BYTES (4096 + SLOTS * SPOOL_SLOT_BYTES)

static void *mem;
static void *copy;

static int setup(void **state)
{
    (void)state;
    mem = mmap(NULL, MEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    copy = malloc(MEM_BYTES);
    return mem == MAP_FAILED || !copy ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    free(copy);
    return munmap(mem, MEM_BYTES);
}

/* A record whose first field is id; two of BIG fill a batch. Its bytes come in pieces, because a
 * processor that copies a long string by one instruction still stops at each byte of it. */
#define SMALL RECORD_stats
#define BIG   RECORD_x509

static int put(struct spool *s, enum record_type type, uint64_t id)
{
    static char text[1800];
    struct str pieces[SPOOL_SEAL_BYTES / 2 / sizeof text + 1];
    struct rec_stats small = {.present = 0};
    struct rec_x509 big = {.present = 0};
    uint32_t n = sizeof pieces / sizeof pieces[0];

    if (type == SMALL) {
        RECORD_SET(stats, &small, ts, id);
        return spool_put(s, SMALL, &small, NULL);
    }
    for (uint32_t i = 0; i < n; i++)
        pieces[i] = str_make(text, sizeof text);
    RECORD_SET(x509, &big, ts, id);
    RECORD_SET(x509, &big, san_dns, ((struct str_list){pieces, n}));
    return spool_put(s, BIG, &big, NULL);
}

/* The ids (first fields) of all records in the spool, batch after batch, into ids[max]. */
static unsigned ids_of(const struct spool *s, uint64_t *ids, unsigned max)
{
    struct spool_batch b;
    unsigned n = 0;

    for (uint64_t seq = spool_floor(s); spool_next(s, seq, &b); seq = b.seq) {
        struct cursor c = cursor_init(b.records, b.bytes);

        assert_int_equal(b.seq, seq + 1);
        for (uint32_t i = 0; i < b.count; i++) {
            struct cursor at = c;
            struct value v;
            uint32_t fields;

            assert_int_equal(record_reader_check(&c, b.type), 0);
            assert_int_equal(record_reader_begin(&at, &fields), 0);
            assert_int_equal(record_reader_value(&at, &v), 0);
            assert_true(n < max && v.kind == VALUE_UINT);
            ids[n++] = v.u;
        }
        assert_int_equal(cursor_left(&c), 0);
    }
    return n;
}

static void batches_pass_from_open_to_gone(void **state)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);
    struct spool_batch b;
    uint64_t ids[8];

    (void)state;
    assert_non_null(s);
    assert_int_equal(put(s, SMALL, 1), 0);
    assert_int_equal(put(s, SMALL, 2), 0);
    assert_int_equal(spool_open_records(s), 2);
    assert_false(spool_next(s, 0, &b));
    spool_seal_all(s);
    assert_int_equal(spool_open_records(s), 0);
    assert_int_equal(spool_batches(s), 1);
    assert_true(spool_next(s, 0, &b));
    assert_true(b.type == SMALL && b.seq == 1 && b.count == 2);
    assert_int_equal(ids_of(s, ids, 8), 2);
    assert_int_equal(ids[1], 2);

    spool_ack(s, 2); /* of the future */
    assert_int_equal(spool_batches(s), 1);
    spool_ack(s, 1);
    assert_int_equal(spool_batches(s), 0);
    assert_int_equal(spool_acked(s), 1);
    assert_false(spool_next(s, 0, &b));
    spool_seal_all(s); /* nothing open: no empty batch */
    assert_int_equal(spool_last_seq(s), 1);
    spool_detach(s);
}

static void full_batches_are_sealed_by_size(void **state)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);
    struct spool_batch b;

    (void)state;
    assert_int_equal(put(s, BIG, 1), 0);
    assert_int_equal(spool_batches(s), 0);
    assert_int_equal(put(s, BIG, 2), 0);
    assert_int_equal(spool_batches(s), 1);
    assert_true(spool_next(s, 0, &b));
    assert_true(b.bytes >= SPOOL_SEAL_BYTES && b.count == 2);
    spool_detach(s);
}

static void full_spool_refuses_then_evicts_the_oldest(void **state)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);
    uint64_t ids[2 * SLOTS];
    unsigned n = 0;

    (void)state;
    while (put(s, BIG, n + 1) == 0)
        n++;
    assert_int_equal(n, 2 * SLOTS);
    assert_int_equal(put(s, BIG, 100), -ENOBUFS);
    assert_int_equal(spool_batches(s), SLOTS);
    assert_int_equal(spool_evict(s), 2);
    assert_int_equal(spool_floor(s), 1);
    assert_int_equal(spool_acked(s), 0);
    assert_int_equal(ids_of(s, ids, 2 * SLOTS), 2 * SLOTS - 2);
    assert_int_equal(ids[0], 3);
    assert_int_equal(put(s, BIG, 100), 0);
    spool_ack(s, 1); /* late, for what is evicted: nothing more goes */
    assert_int_equal(spool_batches(s), SLOTS - 1);
    spool_ack(s, 3);
    assert_int_equal(spool_batches(s), SLOTS - 3);
    spool_detach(s);
}

static void evict_seals_what_is_open(void **state)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);

    (void)state;
    assert_int_equal(spool_evict(s), 0);
    assert_int_equal(put(s, SMALL, 1), 0);
    assert_int_equal(spool_evict(s), 1);
    assert_int_equal(spool_evict(s), 0);
    assert_int_equal(spool_last_seq(s), spool_floor(s));
    spool_detach(s);
}

static void numbers_go_on_after_a_restart(void **state)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);
    uint64_t ids[4] = {0};

    (void)state;
    for (unsigned round = 1; round <= 3 * SLOTS; round++) {
        assert_int_equal(put(s, SMALL, round), 0);
        spool_detach(s);
        s = spool_attach(mem, MEM_BYTES);
        assert_non_null(s);
        assert_int_equal(spool_last_seq(s), round);
        assert_int_equal(ids_of(s, ids, 4), 1);
        assert_int_equal(ids[0], round);
        spool_ack(s, round);
    }
    spool_detach(s);
}

static void foreign_memory_is_refused(void **state)
{
    struct spool *s;

    (void)state;
    assert_null(spool_attach(mem, SPOOL_SLOT_BYTES));
    assert_int_equal(errno, EINVAL);
    s = spool_attach(mem, MEM_BYTES);
    assert_non_null(s);
    assert_int_equal(put(s, SMALL, 1), 0);
    spool_detach(s);
    assert_null(spool_attach(mem, MEM_BYTES - SPOOL_SLOT_BYTES)); /* of another size */
    assert_int_equal(errno, EINVAL);

    for (size_t at = 0; at < 16; at += 4) { /* magic, slots, slot size */
        memcpy(copy, mem, MEM_BYTES);
        ((uint8_t *)copy)[at] ^= 1;
        assert_null(spool_attach(copy, MEM_BYTES));
        assert_int_equal(errno, EINVAL);
    }
    memcpy(copy, mem, MEM_BYTES);
    ((uint8_t *)copy)[16] = SLOTS + 1; /* that many used */
    assert_null(spool_attach(copy, MEM_BYTES));
    assert_int_equal(errno, EINVAL);
    memcpy(copy, mem, MEM_BYTES);
    memset((uint8_t *)copy + 4096, 0xff, 8); /* state and type of the first slot */
    assert_null(spool_attach(copy, MEM_BYTES));
    assert_int_equal(errno, EINVAL);
}

/* What the child has begun and done, told in memory of its own. Ids are given in order; those up to
 * `dropped` have left the spool, acknowledged or evicted. */
struct progress {
    volatile uint64_t put_begun, put_done;
    volatile uint64_t drop_begun, drop_done;
};

static void step_put(struct spool *s, struct progress *p, enum record_type type)
{
    p->put_begun = p->put_done + 1;
    if (put(s, type, p->put_begun) < 0)
        _exit(2);
    p->put_done = p->put_begun;
}

/* Drops the batch `seq`, whose last record is `last_id`. */
static void step_drop(struct spool *s, struct progress *p, uint64_t last_id, uint64_t ack)
{
    p->drop_begun = last_id;
    if (ack)
        spool_ack(s, ack);
    else if (spool_evict(s) == 0)
        _exit(3);
    p->drop_done = last_id;
}

/* Each transition at least once, with slots used again and two types open at once. */
static void life_of_a_writer(struct progress *p)
{
    struct spool *s = spool_attach(mem, MEM_BYTES);

    if (!s)
        _exit(4);
    step_put(s, p, SMALL);
    step_put(s, p, SMALL);
    spool_seal_all(s); /* 1: ids 1, 2 */
    step_put(s, p, BIG);
    step_put(s, p, BIG); /* 2: ids 3, 4, by size */
    step_drop(s, p, 2, 1);
    step_put(s, p, SMALL);
    step_put(s, p, BIG);
    spool_seal_all(s); /* 3 and 4: one each, in the order of types */
    step_drop(s, p, 4, 0);
    step_put(s, p, SMALL);
    step_drop(s, p, 6, 4);
    step_put(s, p, SMALL);
    spool_detach(s);
}

/* Resolves what the dynamic linker would resolve step by step. */
static void warm_up(void)
{
    struct spool *s;

    memset(copy, 0, MEM_BYTES);
    s = spool_attach(copy, MEM_BYTES);
    if (!s || put(s, SMALL, 1) < 0 || put(s, BIG, 1) < 0)
        _exit(6);
    spool_detach(s);
}

/* Attaches to a copy of what the child has left so far. */
static void assert_nothing_lost_or_twice(const struct progress *p)
{
    uint64_t ids[16], seen = 0, low, high;
    struct spool *s;
    unsigned n;

    memcpy(copy, mem, MEM_BYTES);
    s = spool_attach(copy, MEM_BYTES);
    if (!s)
        fail_msg("spool is not accepted after put %lu of %lu, drop %lu of %lu",
                 (unsigned long)p->put_done, (unsigned long)p->put_begun,
                 (unsigned long)p->drop_done, (unsigned long)p->drop_begun);
    n = ids_of(s, ids, 16);
    for (unsigned i = 0; i < n; i++) {
        if (ids[i] > 63 || seen >> ids[i] & 1)
            fail_msg("record %lu is there twice", (unsigned long)ids[i]);
        seen |= UINT64_C(1) << ids[i];
    }
    /* All from one drop point to one put point, each of them either begun or done. */
    low = seen >> (p->drop_done + 1) & 1 ? p->drop_done : p->drop_begun;
    high = seen >> p->put_begun & 1 ? p->put_begun : p->put_done;
    if (low < high || n > 0) {
        uint64_t expected = ((UINT64_C(1) << (high + 1)) - 1) & ~((UINT64_C(1) << (low + 1)) - 1);
        if (seen != expected)
            fail_msg("records %#lx instead of %#lx: put %lu of %lu, drop %lu of %lu",
                     (unsigned long)seen, (unsigned long)expected, (unsigned long)p->put_done,
                     (unsigned long)p->put_begun, (unsigned long)p->drop_done,
                     (unsigned long)p->drop_begun);
    }
    spool_detach(s);
}

/* Heads of the spool and of each slot, with the first bytes of the records. */
#define HEAD_SPAN 128u

static bool heads_changed(uint8_t *before)
{
    bool changed = false;

    for (unsigned i = 0; i <= SLOTS; i++) {
        size_t at = i == 0 ? 0 : 4096 + (size_t)(i - 1) * SPOOL_SLOT_BYTES;

        if (memcmp(before + i * HEAD_SPAN, (uint8_t *)mem + at, HEAD_SPAN) != 0) {
            memcpy(before + i * HEAD_SPAN, (uint8_t *)mem + at, HEAD_SPAN);
            changed = true;
        }
    }
    return changed;
}

static void a_kill_at_any_instruction_loses_nothing(void **state)
{
    uint8_t heads[(SLOTS + 1) * HEAD_SPAN] = {0};
    struct progress *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned checks = 0;
    int status;
    pid_t pid;

    (void)state;
    assert_ptr_not_equal(p, MAP_FAILED);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        warm_up();
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(5);
        raise(SIGSTOP);
        life_of_a_writer(p);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        if (heads_changed(heads)) {
            assert_nothing_lost_or_twice(p);
            checks++;
        }
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(p->put_done, 8);
    assert_true(checks > 40); /* the steps were seen one by one */
    assert_nothing_lost_or_twice(p);
    munmap(p, sizeof *p);
}

/* A spool is large and mostly empty: its pages are not touched before they are needed. */
static void only_slots_in_use_take_memory(void **state)
{
    unsigned char resident[MEM_BYTES / 4096];
    struct spool *s = spool_attach(mem, MEM_BYTES);
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(put(s, SMALL, i), 0);
        spool_seal_all(s);
        spool_ack(s, i + 1);
    }
    spool_detach(s);
    spool_detach(spool_attach(mem, MEM_BYTES));
    assert_int_equal(mincore(mem, MEM_BYTES, resident), 0);
    for (size_t i = 0; i < sizeof resident; i++)
        n += resident[i] & 1;
    assert_int_equal(n, 1 + 8); /* the head, and the first 32 KiB of the slot used each time */
}

/* What the writer does while spool_read copies: the page copied to is locked until then. */
static void (*meanwhile)(void);
static struct spool *writer;
static uint8_t *out;

static void on_fault(int signal)
{
    (void)signal;
    assert_int_equal(mprotect(out, SPOOL_SLOT_BYTES, PROT_READ | PROT_WRITE), 0);
    if (meanwhile)
        meanwhile();
    meanwhile = NULL;
}

static void evict_all(void)
{
    while (spool_evict(writer) > 0)
        ;
}

static void evict_and_go_on(void)
{
    evict_all();
    for (unsigned i = 0; i < 2 * SLOTS; i++)
        assert_int_equal(put(writer, BIG, 1000 + i), 0);
}

static void a_reader_gets_what_was_sealed_or_nothing(void **state)
{
    static void (*const events[])(void) = {NULL, evict_all, evict_and_go_on};
    struct sigaction fault = {.sa_handler = on_fault}, before;

    (void)state;
    out = mmap(NULL, SPOOL_SLOT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(out, MAP_FAILED);
    assert_int_equal(sigaction(SIGSEGV, &fault, &before), 0);
    writer = spool_attach(mem, MEM_BYTES);
    for (size_t i = 0; i < 3; i++) {
        struct spool_batch b, told;
        struct cursor c;

        assert_int_equal(put(writer, SMALL, i), 0);
        spool_seal_all(writer);
        assert_true(spool_next(writer, 0, &b));
        told = b;
        told.records = NULL;
        meanwhile = events[i];
        assert_int_equal(mprotect(out, SPOOL_SLOT_BYTES, PROT_NONE), 0);
        /* What is evicted lies there until its slot is wanted. */
        assert_int_equal(spool_read(mem, MEM_BYTES, &told, out), i == 2 ? -ESTALE : 0);
        assert_null(meanwhile);
        assert_ptr_equal(told.records, out);
        if (i < 2) {
            c = cursor_init(out, told.bytes);
            assert_int_equal(record_reader_check(&c, b.type), 0);
        }
        assert_int_equal(spool_read(mem, MEM_BYTES, &told, out), i == 2 ? -ESTALE : 0);
        evict_all();
    }
    spool_detach(writer);
    assert_int_equal(sigaction(SIGSEGV, &before, NULL), 0);
    assert_int_equal(munmap(out, SPOOL_SLOT_BYTES), 0);
}

static void a_reader_is_not_led_out_of_the_spool(void **state)
{
    uint8_t *to = malloc(SPOOL_SLOT_BYTES);
    struct spool_batch b = {.slot = SLOTS, .seq = 1, .bytes = 1};

    (void)state;
    assert_int_equal(spool_read(mem, MEM_BYTES, &b, to), -EBADMSG);
    b.slot = UINT32_MAX;
    assert_int_equal(spool_read(mem, MEM_BYTES, &b, to), -EBADMSG);
    b.slot = SLOTS - 1;
    b.bytes = SPOOL_SLOT_BYTES - 63; /* the slot's own head is in front of them */
    assert_int_equal(spool_read(mem, MEM_BYTES, &b, to), -EBADMSG);
    b.bytes--;
    assert_int_equal(spool_read(mem, MEM_BYTES, &b, to), -ESTALE);
    assert_int_equal(spool_read(mem, 4095, &b, to), -EBADMSG);
    assert_int_equal(spool_read(mem, MEM_BYTES - 1, &b, to), -EBADMSG);
    free(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batches_pass_from_open_to_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(full_batches_are_sealed_by_size, setup, teardown),
        cmocka_unit_test_setup_teardown(full_spool_refuses_then_evicts_the_oldest, setup, teardown),
        cmocka_unit_test_setup_teardown(evict_seals_what_is_open, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_go_on_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_memory_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_kill_at_any_instruction_loses_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(only_slots_in_use_take_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_gets_what_was_sealed_or_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_is_not_led_out_of_the_spool, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
