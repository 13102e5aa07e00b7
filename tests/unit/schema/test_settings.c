/* SPDX-License-Identifier: BSD-3-Clause */
/* What a manager tells workers that come one after the other. */
#include "common/schema/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct counters *counters;
static struct settings *settings;

static int set_up(void **state)
{
    (void)state;
    counters = calloc(1, COUNTERS_PAGE_BYTES);
    settings = counters ? settings_of(counters) : NULL;
    return settings ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(counters);
    return 0;
}

static void died_at(uint64_t ns)
{
    settings_add_death(settings, counters->capture_deaths, ns);
}

static void a_death_is_told_once(void **state)
{
    uint64_t died = 0;

    (void)state;
    assert_false(settings_death(settings, counters->capture_deaths, &died));
    died_at(100);
    assert_true(settings_death(settings, counters->capture_deaths, &died));
    assert_int_equal(died, 100);
    counters->capture_deaths++;
    assert_false(settings_death(settings, counters->capture_deaths, &died));
    died_at(200);
    assert_true(settings_death(settings, counters->capture_deaths, &died));
    assert_int_equal(died, 200);
}

static void who_dies_before_it_tells_adds_to_the_first(void **state)
{
    uint64_t died = 0;

    (void)state;
    died_at(100);
    died_at(200);
    died_at(300);
    assert_true(settings_death(settings, counters->capture_deaths, &died));
    assert_int_equal(died, 100);
    counters->capture_deaths++;
    assert_false(settings_death(settings, counters->capture_deaths, &died));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_death_is_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_dies_before_it_tells_adds_to_the_first, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
