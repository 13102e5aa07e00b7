/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of libraries as options give them. */
#include "worker/probe/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char error[256];

static void known_names_are_taken(void **state)
{
    (void)state;
    assert_true(plan_check_list("", error, sizeof error));
    assert_true(plan_check_list("go", error, sizeof error));
    assert_true(plan_check_list(" openssl, gnutls,nss ,wolfssl,", error, sizeof error));
}

static void an_unknown_one_is_answered_with_those_there_are(void **state)
{
    (void)state;
    assert_false(plan_check_list("openssl,opensll", error, sizeof error));
    assert_non_null(strstr(error, "there is no 'opensll'"));
    assert_non_null(strstr(error, " openssl "));
    assert_non_null(strstr(error, " nss "));
    assert_null(strstr(strstr(error, " nss ") + 1, " nss ")); /* though it lies in two files */
    assert_false(plan_check_list("open", error, sizeof error));
    assert_false(plan_check_list("gopher", error, 16));
    assert_int_equal(strlen(error), 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names_are_taken),
        cmocka_unit_test(an_unknown_one_is_answered_with_those_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
