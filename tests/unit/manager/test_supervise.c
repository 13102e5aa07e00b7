/* SPDX-License-Identifier: BSD-3-Clause */
/* Restart delays, and how an end is told. */
#include "manager/supervise.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_delay_doubles_to_a_minute(void **state)
{
    static const unsigned expected[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    unsigned delay = 0;

    (void)state;
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        delay = supervise_delay_ms(delay, 10);
        assert_int_equal(delay, expected[i]);
    }
}

static void test_delay_starts_anew_after_a_good_run(void **state)
{
    (void)state;
    assert_int_equal(supervise_delay_ms(32000, SUPERVISE_GOOD_MS - 1), 60000);
    assert_int_equal(supervise_delay_ms(32000, SUPERVISE_GOOD_MS), 1000);
}

static void test_end_text(void **state)
{
    struct node n = {.exit_status = 71};
    char text[96];

    (void)state;
    assert_string_equal(supervise_end_text(&n, text, sizeof text), "ended with status 71");
    n.term_signal = SIGSEGV;
    assert_string_equal(supervise_end_text(&n, text, sizeof text),
                        "was killed by signal 11 (Segmentation fault)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delay_doubles_to_a_minute),
        cmocka_unit_test(test_delay_starts_anew_after_a_good_run),
        cmocka_unit_test(test_end_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
