/* SPDX-License-Identifier: BSD-3-Clause */
/* Which notices of several workers are written, in batches as they come from spools. */
#include "logger/notice_filter.h"

#include "common/base/clock.h"
#include "common/ipc/record_reader.h"
#include "common/schema/notice.h"
#include "tests/unit/logger/sink_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SUPPRESS_NS (INT64_C(3600) * (int64_t)NS_PER_SEC)
#define START_NS    (UINT64_C(1700000000) * NS_PER_SEC)

static struct notice_filter *filter;

static int set_up(void **state)
{
    filter = notice_filter_new();
    return filter ? sink_fixture_setup(state) : -1;
}

static int tear_down(void **state)
{
    notice_filter_free(filter);
    return sink_fixture_teardown(state);
}

/* Adds a notice of `note` about source 192.0.2.src and target 198.51.100.dst; 0: it has none. */
static void add(struct sink_fixture *f, enum notice note, uint8_t src, uint8_t dst, uint64_t ts_ns)
{
    struct rec_notice r = {0};
    static const struct str log[] = {{"Notice::ACTION_LOG", sizeof "Notice::ACTION_LOG" - 1}};

    RECORD_SET(notice, &r, ts, ts_ns);
    RECORD_SET(notice, &r, note, str_of(notice_schemas[note].name));
    RECORD_SET(notice, &r, msg, STR_LIT("in words"));
    if (src > 0)
        RECORD_SET(notice, &r, src, sink_fixture_v4(192, 0, 2, src));
    if (dst > 0)
        RECORD_SET(notice, &r, dst, sink_fixture_v4(198, 51, 100, dst));
    RECORD_SET(notice, &r, actions, ((struct str_list){log, 1}));
    RECORD_SET(notice, &r, suppress_for, SUPPRESS_NS);
    sink_fixture_add(f, &r);
}

static void begin(struct sink_fixture *f)
{
    sink_fixture_begin(f, RECORD_notice, 1);
}

static uint32_t filtered(struct sink_fixture *f, const char *node)
{
    uint32_t before = f->batch.count;
    uint32_t repeated = notice_filter_batch(filter, str_of(node), &f->batch, f->bytes);
    struct cursor c = cursor_init(f->bytes, f->batch.bytes);

    assert_int_equal(f->batch.count, before - repeated);
    for (uint32_t i = 0; i < f->batch.count; i++)
        assert_int_equal(record_reader_check(&c, RECORD_notice), 0);
    assert_int_equal(cursor_left(&c), 0);
    return repeated;
}

/* One notice alone from `node`: whether it is written. */
static bool writes(struct sink_fixture *f, const char *node, enum notice note, uint8_t src,
                   uint8_t dst, uint64_t ts_ns)
{
    begin(f);
    add(f, note, src, dst, ts_ns);
    return filtered(f, node) == 0;
}

static void test_repeated_by_another_worker(void **state)
{
    struct sink_fixture *f = *state;

    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_false(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_false(writes(f, "worker-3", NOTICE_PORT_SCAN, 1, 2, START_NS - NS_PER_SEC));
    assert_false(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS + 3599 * NS_PER_SEC));
    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS + 3600 * NS_PER_SEC));
    assert_false(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS + 3601 * NS_PER_SEC));
}

/* One that is far behind speaks of an earlier scan, and that of the other is not forgotten. */
static void test_workers_that_are_far_apart(void **state)
{
    struct sink_fixture *f = *state;

    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS + 3700 * NS_PER_SEC));
    assert_true(writes(f, "worker-4", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_false(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS + 3705 * NS_PER_SEC));
    assert_false(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS + 5 * NS_PER_SEC));
}

/* A worker in wrong hands keeps no other's notice out of the log by one that only begins like it.
 */
static void test_note_with_a_zero_in_it(void **state)
{
    struct sink_fixture *f = *state;
    struct rec_notice r = {0};
    static const char note[] = "Scan::Port_Scan\0nothing";

    RECORD_SET(notice, &r, ts, START_NS);
    RECORD_SET(notice, &r, note, str_make(note, sizeof note - 1));
    RECORD_SET(notice, &r, msg, STR_LIT("in words"));
    RECORD_SET(notice, &r, src, sink_fixture_v4(192, 0, 2, 1));
    RECORD_SET(notice, &r, dst, sink_fixture_v4(198, 51, 100, 2));
    RECORD_SET(notice, &r, suppress_for, SUPPRESS_NS);
    begin(f);
    sink_fixture_add(f, &r);
    assert_int_equal(filtered(f, "worker-1"), 0);
    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS));
}

/* It has suppressed what it had to itself. */
static void test_raised_again_by_the_same_worker(void **state)
{
    struct sink_fixture *f = *state;

    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS + NS_PER_SEC));
    assert_false(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 2, START_NS + 3600 * NS_PER_SEC));
}

static void test_other_notices(void **state)
{
    struct sink_fixture *f = *state;

    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 3, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 2, 2, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_ADDRESS_SCAN, 1, 2, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_ADDRESS_SCAN, 1, 0, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_SYN_FLOOD, 0, 1, START_NS));
    assert_false(writes(f, "worker-1", NOTICE_SYN_FLOOD, 0, 1, START_NS));
    assert_false(writes(f, "worker-1", NOTICE_ADDRESS_SCAN, 1, 0, START_NS));
}

/* About a node, or a process. */
static void test_notices_that_are_never_the_same(void **state)
{
    struct sink_fixture *f = *state;

    for (unsigned i = 1; i < 4; i++) {
        char node[16];

        snprintf(node, sizeof node, "worker-%u", i);
        assert_true(writes(f, node, NOTICE_CAPTURE_GAP, 0, 0, START_NS));
        assert_true(writes(f, node, NOTICE_UNHOOKED_TLS, 1, 2, START_NS));
    }
}

/* Those that stay are moved together, whatever is between them. */
static void test_batch_of_several(void **state)
{
    struct sink_fixture *f = *state;
    struct cursor c;
    uint32_t fields;
    struct value v;

    begin(f);
    add(f, NOTICE_PORT_SCAN, 1, 2, START_NS);
    add(f, NOTICE_PORT_SCAN, 3, 2, START_NS);
    assert_int_equal(filtered(f, "worker-1"), 0);
    begin(f);
    add(f, NOTICE_PORT_SCAN, 1, 2, START_NS + 1);
    add(f, NOTICE_PORT_SCAN, 4, 2, START_NS + 2);
    add(f, NOTICE_PORT_SCAN, 3, 2, START_NS + 3);
    add(f, NOTICE_PORT_SCAN, 5, 2, START_NS + 4);
    assert_int_equal(filtered(f, "worker-2"), 2);
    c = cursor_init(f->bytes, f->batch.bytes);
    assert_int_equal(record_reader_begin(&c, &fields), 0);
    assert_int_equal(record_reader_any(&c, &v), 0);
    assert_int_equal(v.u, START_NS + 2);
    begin(f);
    add(f, NOTICE_PORT_SCAN, 1, 2, START_NS + 1);
    assert_int_equal(filtered(f, "worker-2"), 1);
    assert_int_equal(f->batch.bytes, 0);
}

static void expect_untouched(struct sink_fixture *f)
{
    const struct spool_batch before = f->batch;

    assert_int_equal(notice_filter_batch(filter, STR_LIT("worker-2"), &f->batch, f->bytes), 0);
    assert_memory_equal(&f->batch, &before, sizeof before);
}

/* What does not parse is for the sinks to refuse, all of it: nothing of it was written. */
static void test_broken_batch(void **state)
{
    struct sink_fixture *f = *state;
    size_t bytes;

    begin(f);
    add(f, NOTICE_PORT_SCAN, 1, 2, START_NS);
    bytes = f->batch.bytes;
    add(f, NOTICE_PORT_SCAN, 3, 4, START_NS);
    f->batch.count = 1;
    expect_untouched(f);
    f->batch.count = 3;
    expect_untouched(f);
    f->batch.count = 2;
    f->bytes[bytes] = 0xc1;
    expect_untouched(f);
    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 2, START_NS));
    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 3, 4, START_NS));
}

/* What was raised again is as young as what is new. */
static void test_raised_again_is_remembered(void **state)
{
    struct sink_fixture *f = *state;
    const uint64_t later = START_NS + 3600 * NS_PER_SEC;

    for (unsigned i = 0; i < NOTICE_FILTER_MAX; i++)
        assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, (uint8_t)(1 + i % 200),
                           (uint8_t)(1 + i / 200), START_NS));
    assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, 1, 1, later));
    for (unsigned i = 0; i < 8; i++)
        assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, (uint8_t)(1 + i), 250, later));
    assert_false(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 1, later));
}

/* A full ring forgets the oldest, and only that. */
static void test_full(void **state)
{
    struct sink_fixture *f = *state;

    for (unsigned i = 0; i <= NOTICE_FILTER_MAX; i++)
        assert_true(writes(f, "worker-1", NOTICE_PORT_SCAN, (uint8_t)(1 + i % 200),
                           (uint8_t)(1 + i / 200), START_NS + i));
    assert_false(writes(f, "worker-2", NOTICE_PORT_SCAN, 2, 1, START_NS));
    assert_true(writes(f, "worker-2", NOTICE_PORT_SCAN, 1, 1, START_NS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_repeated_by_another_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workers_that_are_far_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_note_with_a_zero_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_raised_again_by_the_same_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_notices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_notices_that_are_never_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batch_of_several, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_raised_again_is_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("notice_filter", tests, NULL, NULL);
}
