/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON that any reader takes, whatever bytes names and errors hold. */
#include "manager/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void expect_json(const char *in, const char *out)
{
    struct text t = {0};

    json_string(&t, in);
    assert_string_equal(t.p, out);
    text_free(&t);
}

static void test_strings(void **state)
{
    (void)state;
    expect_json("", "\"\"");
    expect_json("a\"b\\c", "\"a\\\"b\\\\c\"");
    expect_json("\n\x01\x7f", "\"\\u000a\\u0001\\u007f\"");
    expect_json("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    expect_json("\xff", "\"\\ufffd\"");
    expect_json("\xc3", "\"\\ufffd\"");
    expect_json("\xe2\x82", "\"\\ufffd\\ufffd\"");
    /* Overlong, surrogate, past the last code point. */
    expect_json("\xc0\x80", "\"\\ufffd\\ufffd\"");
    expect_json("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");
    expect_json("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

static void test_commas(void **state)
{
    struct text t = {0};

    (void)state;
    text_puts(&t, "{");
    json_key(&t, "a");
    json_uint(&t, UINT64_MAX);
    json_key(&t, "b");
    text_puts(&t, "[");
    json_item(&t);
    json_bool(&t, true);
    json_item(&t);
    json_string(&t, "x,");
    text_puts(&t, "]}");
    assert_string_equal(t.p, "{\"a\":18446744073709551615,\"b\":[true,\"x,\"]}");
    text_free(&t);
}

static void test_growth(void **state)
{
    struct text t = {0};

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        text_printf(&t, "%04u", i);
    assert_int_equal(t.len, 4000);
    assert_memory_equal(t.p + 3996, "0999", 5);
    text_free(&t);
    assert_null(t.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_commas),
        cmocka_unit_test(test_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
