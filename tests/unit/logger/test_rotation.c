/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/rotation.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define HOUR (3600 * NS_PER_SEC)
#define DAY  (24 * HOUR)
#define NOON (UINT64_C(1800000000) / 86400 * DAY + 12 * HOUR)

static void zone(const char *tz)
{
    setenv("TZ", tz, 1);
    tzset();
}

static void comes_once_at_each_multiple(void **state)
{
    struct rotation r;

    (void)state;
    zone("UTC");
    rotation_init(&r, HOUR, NOON + 1);
    assert_int_equal(rotation_due(&r, NOON + HOUR - 1), 0);
    assert_int_equal(rotation_due(&r, NOON + HOUR), NOON + HOUR);
    assert_int_equal(rotation_due(&r, NOON + HOUR + 1), 0);
    assert_int_equal(rotation_due(&r, NOON + 5 * HOUR + 1), NOON + 2 * HOUR);
    assert_int_equal(rotation_due(&r, NOON + 5 * HOUR + 2), 0);
}

static void midnight_is_that_of_the_users(void **state)
{
    struct rotation r;

    (void)state;
    zone("EET-2"); /* two hours before UTC */
    rotation_init(&r, DAY, NOON);
    assert_int_equal(r.next_ns, NOON + 10 * HOUR);
}

static void a_clock_that_was_set_back_does_not_put_it_off(void **state)
{
    struct rotation r;

    (void)state;
    zone("UTC");
    rotation_init(&r, HOUR, NOON + 365 * DAY);
    assert_int_equal(rotation_due(&r, NOON + 1), 0);
    assert_int_equal(rotation_due(&r, NOON + HOUR), NOON + HOUR);
}

static void a_day_may_have_25_hours(void **state)
{
    const uint64_t midnight =
        UINT64_C(1792879200) * NS_PER_SEC; /* 2026-10-25 in the middle of Europe */
    struct rotation r;

    (void)state;
    zone("CET-1CEST,M3.5.0,M10.5.0/3");
    rotation_init(&r, DAY, midnight + 1);
    assert_int_equal(rotation_due(&r, midnight + 24 * HOUR), 0);
    assert_int_equal(rotation_due(&r, midnight + 25 * HOUR), midnight + 25 * HOUR);
}

static void never_is_never(void **state)
{
    struct rotation r;

    (void)state;
    rotation_init(&r, 0, NOON);
    assert_int_equal(rotation_due(&r, NOON + 1000 * DAY), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_once_at_each_multiple),
        cmocka_unit_test(midnight_is_that_of_the_users),
        cmocka_unit_test(a_clock_that_was_set_back_does_not_put_it_off),
        cmocka_unit_test(a_day_may_have_25_hours),
        cmocka_unit_test(never_is_never),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
