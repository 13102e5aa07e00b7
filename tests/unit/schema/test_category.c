/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/schema/category.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

static void names_become_a_mask(void **state)
{
    uint32_t mask = 0;
    char error[256];

    (void)state;
    assert_int_equal(category_list_parse("dns, web_tls", &mask, error, sizeof error), 0);
    assert_int_equal(mask, 1u << CATEGORY_dns | 1u << CATEGORY_web_tls);
    assert_int_equal(category_list_parse("unknown", &mask, error, sizeof error), 0);
    assert_int_equal(mask, 1u << CATEGORY_unknown);
}

static void nothing_asked_for_is_everything(void **state)
{
    uint32_t mask = 0;
    char error[256];

    (void)state;
    assert_int_equal(category_list_parse("", &mask, error, sizeof error), 0);
    assert_int_equal(mask, UINT32_MAX);
    assert_int_equal(category_list_parse(" , ", &mask, error, sizeof error), 0);
    assert_int_equal(mask, UINT32_MAX);
}

static void a_wrong_name_is_answered_with_the_right_ones(void **state)
{
    uint32_t mask = 7;
    char error[256], tiny[8];

    (void)state;
    assert_int_equal(category_list_parse("dns,web", &mask, error, sizeof error), -EINVAL);
    assert_non_null(strstr(error, "'web'"));
    assert_non_null(strstr(error, " web_plain"));
    assert_int_equal(mask, 7);
    assert_int_equal(category_list_parse("x", &mask, tiny, sizeof tiny), -EINVAL);
    assert_int_equal(strlen(tiny), sizeof tiny - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_a_mask),
        cmocka_unit_test(nothing_asked_for_is_everything),
        cmocka_unit_test(a_wrong_name_is_answered_with_the_right_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
