/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void the_oldest_is_who_was_not_asked_for_longest(void **state)
{
    struct lru l;
    uint32_t a, b, c;

    (void)state;
    assert_int_equal(lru_init(&l, 3), 0);
    assert_int_equal(lru_oldest(&l), LRU_NONE);
    a = lru_insert(&l, 10);
    b = lru_insert(&l, UINT64_MAX);
    c = lru_insert(&l, 30);
    assert_int_equal(lru_insert(&l, 40), LRU_NONE);
    assert_int_equal(lru_oldest(&l), a);
    assert_int_equal(lru_find(&l, 10), a);
    assert_int_equal(lru_oldest(&l), b);
    assert_true(lru_key(&l, b) == UINT64_MAX);
    lru_remove(&l, b);
    assert_int_equal(lru_find(&l, UINT64_MAX), LRU_NONE);
    assert_int_equal(lru_oldest(&l), c);
    assert_int_equal(lru_insert(&l, 40), b); /* its place is free again */
    lru_remove(&l, c);
    lru_remove(&l, a);
    assert_int_equal(lru_oldest(&l), b);
    assert_int_equal(l.n, 1);
    lru_fini(&l);
}

/* Against a plain array: which of 200 numbers are in, in which order of use. */
static void it_agrees_with_a_plain_list(void **state)
{
    enum { KEYS = 200, CAPACITY = 50, STEPS = 20000 };
    static unsigned used[KEYS]; /* step of the last use, 0: not in */
    uint32_t random = 1, in = 0;
    struct lru l;

    (void)state;
    assert_int_equal(lru_init(&l, CAPACITY), 0);
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned key = (random = random * 1664525 + 1013904223) >> 16, oldest = 0;
        uint32_t place;

        key %= KEYS;
        place = lru_find(&l, key);
        assert_int_equal(place != LRU_NONE, used[key] != 0);
        if (place != LRU_NONE && step % 3 == 0) {
            lru_remove(&l, place);
            used[key] = 0;
            in--;
            continue;
        }
        if (place == LRU_NONE && in == CAPACITY) {
            for (unsigned k = 0; k < KEYS; k++)
                if (used[k] && (!used[oldest] || used[k] < used[oldest]))
                    oldest = k;
            assert_int_equal(lru_key(&l, lru_oldest(&l)), oldest);
            lru_remove(&l, lru_oldest(&l));
            used[oldest] = 0;
            in--;
        }
        if (place == LRU_NONE) {
            assert_int_not_equal(lru_insert(&l, key), LRU_NONE);
            in++;
        }
        used[key] = step;
        assert_int_equal(l.n, in);
    }
    lru_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_is_who_was_not_asked_for_longest),
        cmocka_unit_test(it_agrees_with_a_plain_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
