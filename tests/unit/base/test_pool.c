/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void pool_hands_out_its_capacity_and_counts_refusals(void **state)
{
    struct pool p;

    (void)state;
    assert_int_equal(pool_init(&p, 12, 3), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pool_get(&p), i);
    assert_int_equal(pool_get(&p), POOL_NONE);
    assert_int_equal(p.failures, 1);
    assert_int_equal(p.used, 3);
    pool_fini(&p);
}

static void pool_reuses_the_last_freed_first(void **state)
{
    struct pool p;

    (void)state;
    assert_int_equal(pool_init(&p, 8, 4), 0);
    pool_get(&p);
    pool_get(&p);
    pool_put(&p, 0);
    pool_put(&p, 1);
    assert_int_equal(pool_get(&p), 1);
    assert_int_equal(pool_get(&p), 0);
    assert_int_equal(pool_get(&p), 2);
    assert_int_equal(pool_index(&p, pool_at(&p, 2)), 2);
    pool_fini(&p);
}

/* Whatever pages the machine has to give, the memory is there, zeroed, and goes away again. */
static void pools_lie_on_pages_of_any_kind(void **state)
{
    static const enum memory_pages kinds[] = {MEMORY_SMALL, MEMORY_HUGE, MEMORY_RESERVED};

    (void)state;
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct pool p;
        uint8_t *last;

        assert_int_equal(pool_init_on(&p, 1000, 3000, kinds[i]), 0);
        last = pool_at(&p, 2999);
        assert_int_equal(last[999], 0);
        last[999] = 1;
        pool_fini(&p);
    }
}

static void bufpool_gives_each_size_room_and_keeps_its_bound(void **state)
{
    struct bufpool p;
    size_t capacity;
    void *a, *b;

    (void)state;
    assert_int_equal(bufpool_init(&p, 2 * BUFPOOL_MAX_BYTES), 0);
    a = bufpool_get(&p, 1, &capacity);
    assert_non_null(a);
    assert_int_equal(capacity, BUFPOOL_MIN_BYTES);
    b = bufpool_get(&p, BUFPOOL_MAX_BYTES, &capacity);
    assert_non_null(b);
    assert_int_equal(capacity, BUFPOOL_MAX_BYTES);
    memset(b, 1, capacity);
    assert_null(bufpool_get(&p, 4096, &capacity)); /* both chunks have their class */
    assert_int_equal(p.failures, 1);
    assert_null(bufpool_get(&p, BUFPOOL_MAX_BYTES + 1, &capacity));
    bufpool_put(&p, b, BUFPOOL_MAX_BYTES);
    assert_ptr_equal(bufpool_get(&p, BUFPOOL_MAX_BYTES - 1, &capacity), b);
    bufpool_put(&p, b, BUFPOOL_MAX_BYTES);
    bufpool_put(&p, a, BUFPOOL_MIN_BYTES);
    assert_int_equal(p.used_bytes, 0);
    bufpool_fini(&p);
}

/* All memory goes to one size, is given back, and serves another. */
static void bufpool_leaves_no_memory_with_a_size_that_is_not_used(void **state)
{
    enum { BIG = BUFPOOL_MAX_BYTES / 2048 * 3, SMALL = BUFPOOL_MAX_BYTES / 128 * 3 };
    static void *buf[SMALL];
    struct bufpool p;
    size_t capacity;

    (void)state;
    assert_int_equal(bufpool_init(&p, 3 * BUFPOOL_MAX_BYTES), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < BIG; i++)
            assert_non_null(buf[i] = bufpool_get(&p, 2048, &capacity));
        assert_null(bufpool_get(&p, 1, &capacity));
        for (int i = 0; i < BIG; i++)
            bufpool_put(&p, buf[i * 7 % BIG], 2048); /* in another order */
        for (int i = 0; i < SMALL; i++)
            assert_non_null(buf[i] = bufpool_get(&p, 1, &capacity));
        assert_null(bufpool_get(&p, 2048, &capacity));
        for (int i = SMALL; i-- > 0;)
            bufpool_put(&p, buf[i], 128);
        assert_int_equal(p.used_bytes, 0);
    }
    bufpool_fini(&p);
}

/* Random sizes against a plain list: no two buffers overlap. */
static void bufpool_buffers_do_not_overlap(void **state)
{
    enum { N = 64 };
    struct {
        uint8_t *p;
        size_t capacity;
    } have[N] = {{0}};
    struct bufpool p;
    uint32_t r = 1;

    (void)state;
    assert_int_equal(bufpool_init(&p, 8 * BUFPOOL_MAX_BYTES), 0);
    for (int step = 0; step < 20000; step++) {
        unsigned i;

        r = r * 1664525 + 1013904223;
        i = (r >> 8) % N;
        if (have[i].p) {
            assert_int_equal(have[i].p[0], i);
            assert_int_equal(have[i].p[have[i].capacity - 1], i);
            bufpool_put(&p, have[i].p, have[i].capacity);
            have[i].p = NULL;
        } else if ((have[i].p = bufpool_get(&p, (r >> 16) % 60000, &have[i].capacity))) {
            have[i].p[0] = have[i].p[have[i].capacity - 1] = (uint8_t)i;
        }
    }
    for (unsigned i = 0; i < N; i++)
        if (have[i].p)
            bufpool_put(&p, have[i].p, have[i].capacity);
    assert_int_equal(p.used_bytes, 0);
    bufpool_fini(&p);
}

static void membuf_grows_to_its_bound(void **state)
{
    struct bufpool p;
    struct membuf b = {0};
    char chunk[100];

    (void)state;
    memset(chunk, 'x', sizeof chunk);
    assert_int_equal(bufpool_init(&p, 4 * BUFPOOL_MAX_BYTES), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(membuf_append(&b, &p, chunk, sizeof chunk, 1000), 0);
    assert_int_equal(membuf_append(&b, &p, chunk, 1, 1000), -ENOBUFS);
    assert_int_equal(b.len, 1000);
    assert_int_equal(b.p[999], 'x');
    membuf_free(&b, &p);
    assert_int_equal(p.used_bytes, 0);
    bufpool_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_hands_out_its_capacity_and_counts_refusals),
        cmocka_unit_test(pool_reuses_the_last_freed_first),
        cmocka_unit_test(pools_lie_on_pages_of_any_kind),
        cmocka_unit_test(bufpool_gives_each_size_room_and_keeps_its_bound),
        cmocka_unit_test(bufpool_leaves_no_memory_with_a_size_that_is_not_used),
        cmocka_unit_test(bufpool_buffers_do_not_overlap),
        cmocka_unit_test(membuf_grows_to_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
