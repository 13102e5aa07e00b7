/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/flow_table.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define T0 (1700000000 * NS_PER_SEC)

static struct flow_key key_of(uint32_t n)
{
    struct flow_key k = {0};

    memcpy(k.addr[0].b, &n, sizeof n);
    k.proto = 6;
    return k;
}

/* A hash stands for the slot of that number, so that a test can say what collides. */
static void init_plain(struct flow_table *t, uint32_t capacity)
{
    assert_int_equal(flow_table_init(t, capacity, MEMORY_SMALL), 0);
    t->mix = 1u << t->shift;
}

static struct flow *insert(struct flow_table *t, uint32_t n, uint32_t hash, uint64_t now)
{
    struct flow_key k = key_of(n);

    return flow_table_insert(t, &k, hash, now);
}

static struct flow *find(struct flow_table *t, uint32_t n, uint32_t hash)
{
    struct flow_key k = key_of(n);

    return flow_table_find(t, &k, hash);
}

/* Hashes side by side fill slots without end, though each flow is where it should be. */
static void a_long_run_is_walked_only_as_far_as_need_be(void **state)
{
    enum { N = 2000 };
    struct flow_table t;

    (void)state;
    init_plain(&t, N);
    for (uint32_t n = 0; n < N; n++) {
        assert_null(flow_table_surplus(&t, n / 2 * 2));
        insert(&t, n, n / 2 * 2, T0);
    }
    assert_null(find(&t, N, 0));
    for (uint32_t n = 0; n < N; n += 3)
        flow_table_remove(&t, find(&t, n, n / 2 * 2));
    for (uint32_t n = 0; n < N; n++)
        assert_int_equal(find(&t, n, n / 2 * 2) == NULL, n % 3 == 0);
    flow_table_fini(&t);
}

/* Random inserts and removals against a plain list, with hashes chosen so that runs collide and
 * wrap around the end of the table. */
static void table_equals_a_plain_list(void **state)
{
    enum { N = 200 };
    struct flow_table t;
    struct flow *want[N] = {0};
    uint32_t r = 12345;

    (void)state;
    init_plain(&t, N);
    for (int step = 0; step < 20000; step++) {
        uint32_t n, hash;

        r = r * 1664525 + 1013904223;
        n = (r >> 16) % N;
        hash = t.mask - 8 + n % 16;
        if (want[n]) {
            assert_ptr_equal(find(&t, n, hash), want[n]);
            flow_table_remove(&t, want[n]);
            want[n] = NULL;
        } else {
            want[n] = insert(&t, n, hash, T0);
            assert_non_null(want[n]);
        }
        assert_ptr_equal(find(&t, n, hash), want[n]);
    }
    for (uint32_t n = 0; n < N; n++)
        assert_ptr_equal(find(&t, n, t.mask - 8 + n % 16), want[n]);
    flow_table_fini(&t);
}

static void a_full_table_says_who_was_silent_longest(void **state)
{
    struct flow_table t;
    struct flow *f[4];

    (void)state;
    assert_int_equal(flow_table_init(&t, 4, MEMORY_SMALL), 0);
    for (uint32_t i = 0; i < 4; i++)
        f[i] = insert(&t, i, i * 77, T0 + i * NS_PER_SEC);
    assert_ptr_equal(flow_table_surplus(&t, 9), f[0]);
    assert_ptr_equal(flow_table_longest_idle(&t), f[0]);
    flow_table_touch(&t, f[0], T0 + 10 * NS_PER_SEC);
    assert_ptr_equal(flow_table_longest_idle(&t), f[1]);
    flow_table_touch(&t, f[1], T0 + 11 * NS_PER_SEC);
    flow_table_remove(&t, f[2]);
    assert_ptr_equal(flow_table_longest_idle(&t), f[3]);
    flow_table_remove(&t, f[3]);
    assert_ptr_equal(flow_table_longest_idle(&t), f[0]);
    flow_table_defer(&t, f[0]);
    assert_ptr_equal(flow_table_longest_idle(&t), f[1]);
    flow_table_remove(&t, f[0]);
    flow_table_remove(&t, f[1]);
    assert_null(flow_table_longest_idle(&t));
    flow_table_fini(&t);
}

/* Whoever knows the seed can make flows of one hash. */
static void flows_of_one_place_do_not_pile_up(void **state)
{
    struct flow_table t;

    (void)state;
    for (uint32_t step = 0; step < 2; step++) {
        uint32_t ended = 0, run = 0;

        init_plain(&t, 4096);
        for (uint32_t i = 0; i < 2000; i++) {
            uint32_t hash = t.mask - 100 + i % 64 * step;
            struct flow *f;

            for (; (f = flow_table_surplus(&t, hash)); ended++)
                flow_table_remove(&t, f);
            insert(&t, i, hash, T0);
            assert_non_null(find(&t, i, hash));
        }
        while (t.slots[(t.mask - 100 + run) & t.mask].index != 0)
            run++;
        assert_in_range(run, 256, 256 + 64);
        assert_int_equal(run + ended, 2000);
        flow_table_fini(&t);
    }
}

/* Pairs of one hash, and as many of another as may be, around the end of the slots. */
static uint32_t hash_of(uint32_t n)
{
    return n < 256 ? (1u << 18) - 4 : n / 2 * 0x9e3779b1u;
}

static void more_slots_come_with_more_flows(void **state)
{
    enum { N = 600000 };
    static struct flow *want[N];
    uint32_t slots, grown = 0, refused = 0;
    struct flow_table t;

    (void)state;
    init_plain(&t, N);
    slots = t.mask + 1;
    for (uint32_t n = 0; n < N; n++) {
        want[n] = flow_table_surplus(&t, hash_of(n)) ? NULL : insert(&t, n, hash_of(n), T0);
        refused += !want[n];
        grown += t.mask + 1 != slots;
        slots = t.mask + 1;
    }
    assert_in_range(refused, 1, 1000);
    assert_int_equal(grown, 3);
    assert_int_equal(slots, 8 << 18);
    for (uint32_t n = 0; n < N; n += 3) {
        if (want[n])
            flow_table_remove(&t, want[n]);
        want[n] = NULL;
    }
    for (uint32_t n = 0; n < N; n++)
        assert_ptr_equal(find(&t, n, hash_of(n)), want[n]);
    flow_table_fini(&t);
}

static void deadlines_fire_in_time_and_once(void **state)
{
    static const uint64_t seconds[] = {5, 60, 300, 3600, 100000};
    struct flow_table t;
    struct flow *f[5];

    (void)state;
    assert_int_equal(flow_table_init(&t, 8, MEMORY_SMALL), 0);
    for (uint32_t i = 0; i < 5; i++) {
        f[i] = insert(&t, i, i, T0);
        flow_table_arm(&t, f[i], T0 + seconds[i] * NS_PER_SEC);
    }
    for (uint32_t i = 0; i < 5; i++) {
        uint64_t due = T0 + seconds[i] * NS_PER_SEC;
        struct flow *x;

        /* Deadlines past the span of the wheel come up early, to be armed again by the owner. */
        while ((x = flow_table_expired(&t, due - 1)))
            flow_table_arm(&t, x, T0 + seconds[x->key.addr[0].b[0]] * NS_PER_SEC);
        x = flow_table_expired(&t, due + NS_PER_SEC);
        assert_ptr_equal(x, f[i]);
    }
    assert_null(flow_table_expired(&t, T0 + 200000 * NS_PER_SEC));
    flow_table_fini(&t);
}

static void a_jump_of_the_clock_ends_everything_at_once(void **state)
{
    struct flow_table t;

    (void)state;
    assert_int_equal(flow_table_init(&t, 8, MEMORY_SMALL), 0);
    for (uint32_t i = 0; i < 8; i++)
        flow_table_arm(&t, insert(&t, i, i, T0), T0 + (i + 1) * 60 * NS_PER_SEC);
    for (uint32_t i = 0; i < 8; i++)
        assert_non_null(flow_table_expired(&t, T0 + UINT64_C(3000000000) * NS_PER_SEC));
    assert_null(flow_table_expired(&t, UINT64_MAX));
    flow_table_arm(&t, flow_table_at(&t, 3), T0); /* long past: due at once */
    assert_ptr_equal(flow_table_expired(&t, UINT64_MAX), flow_table_at(&t, 3));
    flow_table_fini(&t);
}

/* A device without a clock begins in 1970. */
static void deadlines_fire_however_long_ago_the_first_packet_was(void **state)
{
    struct flow_table t;
    struct flow *f, *x;

    (void)state;
    assert_int_equal(flow_table_init(&t, 4, MEMORY_SMALL), 0);
    flow_table_arm(&t, insert(&t, 0, 0, 1), 5 * NS_PER_SEC);
    f = insert(&t, 1, 1, T0);
    flow_table_arm(&t, f, T0 + 5 * NS_PER_SEC);
    while ((x = flow_table_expired(&t, T0)))
        if (x == f) /* past the span of the wheel as it was then */
            flow_table_arm(&t, f, T0 + 5 * NS_PER_SEC);
    assert_int_equal(t.wheel.armed, 1);
    assert_null(flow_table_expired(&t, T0 + 4 * NS_PER_SEC));
    assert_ptr_equal(flow_table_expired(&t, T0 + 6 * NS_PER_SEC), f);
    flow_table_fini(&t);
}

static void an_empty_table_may_go_back_in_time(void **state)
{
    struct flow_table t;
    struct flow *f;

    (void)state;
    assert_int_equal(flow_table_init(&t, 4, MEMORY_SMALL), 0);
    f = insert(&t, 0, 0, T0);
    flow_table_arm(&t, f, T0 + 5 * NS_PER_SEC);
    flow_table_remove(&t, f);
    f = insert(&t, 0, 0, T0 / 2);
    flow_table_arm(&t, f, T0 / 2 + 5 * NS_PER_SEC);
    assert_null(flow_table_expired(&t, T0 / 2 + 4 * NS_PER_SEC));
    assert_ptr_equal(flow_table_expired(&t, T0 / 2 + 6 * NS_PER_SEC), f);
    flow_table_fini(&t);
}

static void an_earlier_deadline_replaces_a_later_one(void **state)
{
    struct flow_table t;
    struct flow *f;

    (void)state;
    assert_int_equal(flow_table_init(&t, 2, MEMORY_SMALL), 0);
    f = insert(&t, 1, 1, T0);
    flow_table_arm(&t, f, T0 + 300 * NS_PER_SEC);
    flow_table_arm(&t, f, T0 + 5 * NS_PER_SEC);
    assert_null(flow_table_expired(&t, T0 + 4 * NS_PER_SEC));
    assert_ptr_equal(flow_table_expired(&t, T0 + 6 * NS_PER_SEC), f);
    assert_null(flow_table_expired(&t, T0 + 301 * NS_PER_SEC));
    flow_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_equals_a_plain_list),
        cmocka_unit_test(a_long_run_is_walked_only_as_far_as_need_be),
        cmocka_unit_test(a_full_table_says_who_was_silent_longest),
        cmocka_unit_test(flows_of_one_place_do_not_pile_up),
        cmocka_unit_test(more_slots_come_with_more_flows),
        cmocka_unit_test(deadlines_fire_in_time_and_once),
        cmocka_unit_test(a_jump_of_the_clock_ends_everything_at_once),
        cmocka_unit_test(deadlines_fire_however_long_ago_the_first_packet_was),
        cmocka_unit_test(an_empty_table_may_go_back_in_time),
        cmocka_unit_test(an_earlier_deadline_replaces_a_later_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
