/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define MEMORY_BYTES (8u * 1024 * 1024)

static struct bufpool memory;
static struct pending pending;
static uint64_t room[(sizeof(struct probe_event) + PROBE_CHUNK_MAX) / 8 + 1];
static unsigned n_taken;

static int setup(void **state)
{
    (void)state;
    n_taken = 0;
    return bufpool_init(&memory, MEMORY_BYTES);
}

static int teardown(void **state)
{
    (void)state;
    bufpool_fini(&memory);
    return 0;
}

/* The i-th event has len bytes, each the number i. */
static bool add(struct pending *p, unsigned i, unsigned len)
{
    struct probe_event *e = (void *)room;

    memset(e, 0, sizeof *e);
    e->session = i;
    e->len = len;
    memset(e->data, (int)(i & 0xff), len);
    return pending_add(p, &memory, e);
}

static void take(void *arg, const struct probe_event *e)
{
    assert_ptr_equal(arg, &pending);
    assert_int_equal((uintptr_t)e % 8, 0);
    assert_int_equal(e->session, n_taken);
    for (unsigned i = 0; i < e->len; i++)
        assert_int_equal(e->data[i], n_taken & 0xff);
    n_taken++;
}

static void events_come_back_in_order(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 300; i++)
        assert_true(add(&pending, i, i * 7919 % (PROBE_CHUNK_MAX + 1) / (i % 3 ? 100 : 1)));
    assert_true(pending.bytes > 500000);
    pending_take(&pending, &memory, take, &pending);
    assert_int_equal(n_taken, 300);
    assert_int_equal(memory.used_bytes, 0);
    assert_int_equal(pending.bytes, 0);
    n_taken = 0;
    assert_true(add(&pending, 0, 3)); /* and once more */
    pending_take(&pending, &memory, take, &pending);
    assert_int_equal(n_taken, 1);
}

static void nothing_is_no_trouble(void **state)
{
    (void)state;
    pending_take(&pending, &memory, take, &pending);
    assert_int_equal(n_taken, 0);
}

static void one_session_leaves_room_for_others(void **state)
{
    struct pending other = {0};
    unsigned n = 0;

    (void)state;
    while (add(&pending, n, PROBE_CHUNK_MAX))
        n++;
    assert_in_range(pending.bytes, PENDING_SESSION_BYTES * 3 / 4, PENDING_SESSION_BYTES);
    assert_true(add(&other, 0, 100));
    pending_take(&pending, &memory, take, &pending);
    assert_int_equal(n_taken, n);
    n_taken = 0;
    pending_take(&other, &memory, take, &pending);
    assert_int_equal(memory.used_bytes, 0);
}

static void full_memory_changes_nothing(void **state)
{
    struct pending others[4] = {{0}};
    uint32_t before;
    unsigned more = 1;

    (void)state;
    assert_true(add(&pending, 0, 500));
    for (unsigned i = 0; i < 4; i++)
        for (unsigned n = 0; add(&others[i], n, PROBE_CHUNK_MAX); n++)
            continue;
    while (add(&pending, more, PROBE_CHUNK_MAX))
        more++;
    before = pending.bytes;
    assert_true(before < PENDING_SESSION_BYTES - PROBE_CHUNK_MAX - sizeof(struct probe_event));
    assert_false(add(&pending, more, PROBE_CHUNK_MAX));
    assert_int_equal(pending.bytes, before);
    pending_take(&pending, &memory, take, &pending);
    assert_int_equal(n_taken, more);
    for (unsigned i = 0; i < 4; i++) {
        n_taken = 0;
        pending_take(&others[i], &memory, take, &pending);
    }
    assert_int_equal(memory.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_come_back_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_no_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(one_session_leaves_room_for_others, setup, teardown),
        cmocka_unit_test_setup_teardown(full_memory_changes_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
