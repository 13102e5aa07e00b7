/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/cores.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned cores[3];

static void lists_are_read(void **state)
{
    (void)state;
    assert_int_equal(cores_parse("", cores, 3), 0);
    assert_int_equal(cores_parse("7", cores, 3), 1);
    assert_int_equal(cores[0], 7);
    assert_int_equal(cores_parse(" 0,2, 1023 ", cores, 3), 3);
    assert_int_equal(cores[0], 0);
    assert_int_equal(cores[1], 2);
    assert_int_equal(cores[2], 1023);
    assert_int_equal(cores_parse("4-5,1", cores, 3), 3);
    assert_int_equal(cores[0], 4);
    assert_int_equal(cores[1], 5);
    assert_int_equal(cores[2], 1);
    assert_int_equal(cores_parse("3-3", cores, 3), 1);
}

static void others_are_refused(void **state)
{
    static const char *const bad[] = {
        "a",       "1,b", "-1",  "1024", "3-1", "99999999999999999999",
        "0,1,2,3", "1;2", "0-3", "1-",   "-",   "1-2-3"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cores_parse(bad[i], cores, 3), -EINVAL);
}

static void missing_cores_are_named(void **state)
{
    const unsigned none[] = {0}, one[] = {0, 5000, 0};

    (void)state;
    assert_int_equal(cores_missing(none, 1), -1);
    assert_int_equal(cores_missing(one, 3), 5000);
    assert_int_equal(cores_missing(one, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(others_are_refused),
        cmocka_unit_test(missing_cores_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
