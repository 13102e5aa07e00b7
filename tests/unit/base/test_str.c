/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void blanks_are_trimmed(void **state)
{
    static const char *const cases[][2] = {
        {"", ""}, {" \t ", ""}, {"a", "a"}, {"\t a b \t", "a b"}, {"a\r", "a\r"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(str_equal(str_trim(str_of(cases[i][0])), str_of(cases[i][1])));
}

static void percent_signs_are_decoded(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},       {"a%20b", "a b"}, {"%c3%A4", "\xc3\xa4"}, {"100%", "100%"},  {"%4", "%4"},
        {"%g0", "%g0"}, {"%2%41", "%2A"}, {"%25%32%35", "%25"},   {"a%00b", "a\0b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[16];
        size_t n = strlen(cases[i][0]);

        memcpy(text, cases[i][0], n);
        n = str_percent_decode(text, n);
        assert_int_equal(n, i == 8 ? 3 : strlen(cases[i][1]));
        assert_memory_equal(text, cases[i][1], n);
    }
}

static void numbers_are_decimal(void **state)
{
    char room[STR_DECIMAL_BYTES];

    (void)state;
    assert_true(str_equal(str_decimal(0, room), STR_LIT("0")));
    assert_true(str_equal(str_decimal(1050, room), STR_LIT("1050")));
    assert_true(str_equal(str_decimal(UINT64_MAX, room), STR_LIT("18446744073709551615")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blanks_are_trimmed),
        cmocka_unit_test(percent_signs_are_decoded),
        cmocka_unit_test(numbers_are_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
