/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/screen/screen_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static uint64_t evicted;

static struct ipaddr address(uint32_t n)
{
    const uint8_t v4[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};
    struct ipaddr a;

    ipaddr_set_v4(&a, v4);
    return a;
}

static struct screen_key key_make(uint32_t a, uint16_t port, uint16_t kind)
{
    struct screen_key key;

    memset(&key, 0, sizeof key);
    key.a = address(a);
    key.port = port;
    key.kind = kind;
    return key;
}

static void keys_are_told_apart(void **state)
{
    const struct screen_key keys[] = {key_make(1, 1, 1), key_make(2, 1, 1), key_make(1, 2, 1),
                                      key_make(1, 1, 2)};
    struct screen_table t;

    (void)state;
    assert_int_equal(screen_table_init(&t, 1024, 7, &evicted), 0);
    for (unsigned i = 0; i < 4; i++)
        screen_table_entry(&t, &keys[i], 100, 1000)->n = i + 1;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(screen_table_entry(&t, &keys[i], 100, 1000)->n, i + 1);
    screen_table_fini(&t);
}

static void an_entry_begins_anew_after_its_time(void **state)
{
    const struct screen_key key = key_make(1, 1, 1);
    struct screen_table t;
    struct screen_entry *e;

    (void)state;
    assert_int_equal(screen_table_init(&t, 8, 7, &evicted), 0);
    e = screen_table_entry(&t, &key, 100, 50);
    e->n = 9;
    screen_table_renew(e, 150, 50);
    assert_int_equal(e->n, 9);
    screen_table_renew(e, 90, 50); /* time that goes back is no time */
    assert_int_equal(e->n, 9);
    screen_table_renew(e, 151, 50);
    assert_int_equal(e->n, 0);
    assert_int_equal(e->since_ns, 151);
    screen_table_fini(&t);
}

/* What has counted most survives any number of newcomers. */
static void a_full_set_gives_up_the_least(void **state)
{
    const struct screen_key old = key_make(1, 1, 1);
    struct screen_table t;

    (void)state;
    evicted = 0;
    assert_int_equal(screen_table_init(&t, 8, 7, &evicted), 0);
    screen_table_entry(&t, &old, 0, 1000)->n = 10;
    for (uint32_t i = 2; i < 1000; i++) {
        const struct screen_key key = key_make(i, 1, 1);

        screen_table_entry(&t, &key, i, 1000)->n = 1;
    }
    assert_int_equal(screen_table_entry(&t, &old, 1000, 1000)->n, 10);
    assert_int_equal(evicted, 998 - 7);
    screen_table_fini(&t);
}

static void what_is_old_is_given_up_without_loss(void **state)
{
    struct screen_table t;

    (void)state;
    evicted = 0;
    assert_int_equal(screen_table_init(&t, 8, 7, &evicted), 0);
    for (uint32_t i = 0; i < 1000; i++) {
        const struct screen_key key = key_make(i, 1, 1);

        screen_table_entry(&t, &key, i * 100, 50)->n = 1;
    }
    assert_int_equal(evicted, 0);
    screen_table_fini(&t);
}

static void different_ones_are_never_counted_too_high(void **state)
{
    const struct screen_key key = key_make(1, 1, 1);
    struct screen_table t;
    struct screen_entry *e;

    (void)state;
    assert_int_equal(screen_table_init(&t, 8, 7, &evicted), 0);
    e = screen_table_entry(&t, &key, 0, 1000);
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < SCREEN_DISTINCT_MAX; i++) {
            const struct ipaddr a = address(i);

            screen_table_distinct(&t, e, &a, 80);
            assert_true(e->n <= (round ? SCREEN_DISTINCT_MAX : i + 1));
        }
    assert_true(e->n > SCREEN_DISTINCT_MAX / 2);
    screen_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_told_apart),
        cmocka_unit_test(an_entry_begins_anew_after_its_time),
        cmocka_unit_test(a_full_set_gives_up_the_least),
        cmocka_unit_test(what_is_old_is_given_up_without_loss),
        cmocka_unit_test(different_ones_are_never_counted_too_high),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
