/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/prefix_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RED   1u
#define GREEN 2u
#define BIG   100000u

static struct prefix_table *table;
static unsigned line;

static int set_up(void **state)
{
    (void)state;
    table = malloc(prefix_table_bytes(BIG));
    if (!table)
        return -1;
    prefix_table_init(table, BIG);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(table);
    return 0;
}

static int read_list(const char *text, uint8_t list)
{
    return prefix_table_read(table, text, strlen(text), list, &line);
}

static unsigned lists(const char *address)
{
    struct ipaddr a;
    unsigned bits;

    assert_true(ipaddr_parse_prefix(address, &a, &bits));
    return prefix_table_lists(table, &a);
}

static void lines_are_prefixes_with_comments(void **state)
{
    (void)state;
    assert_int_equal(read_list("# who\n\n  10.0.0.0/8 # them\r\n2001:db8::/32\n192.0.2.7", RED), 0);
    prefix_table_finish(table);
    assert_int_equal(table->n, 3);
    assert_int_equal(lists("10.255.255.255"), RED);
    assert_int_equal(lists("11.0.0.0"), 0);
    assert_int_equal(lists("9.255.255.255"), 0);
    assert_int_equal(lists("2001:db8:ffff::1"), RED);
    assert_int_equal(lists("2001:db9::"), 0);
    assert_int_equal(lists("192.0.2.7"), RED);
    assert_int_equal(lists("192.0.2.8"), 0);
    assert_int_equal(lists("::10.0.0.1"), 0); /* is no IPv4 address */
}

static void what_is_wrong_is_named_by_its_line(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33",
                                      "10.0.0/8",
                                      "2001:db8::/129",
                                      "10.0.0.0/",
                                      "10.0.0.0/8 and so",
                                      "10.0.0.0/-1",
                                      "host",
                                      "10.0.0.0/+8",
                                      "10.0.0.0/ 8",
                                      "10.0.0.0/08",
                                      "0.0.0.0/00",
                                      "2001:db8::/0032",
                                      "010.0.0.0/8",
                                      "10.0.0.0/18446744073709551624"};
    char text[200];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(text, sizeof text, "10.0.0.0/8\n#\n%s\n10.0.0.0/8\n", bad[i]);
        prefix_table_init(table, BIG);
        assert_int_equal(read_list(text, RED), -EINVAL);
        assert_int_equal(line, 3);
    }
    prefix_table_init(table, 1);
    assert_int_equal(read_list("10.0.0.0/8\n11.0.0.0/8\n", RED), -ENOSPC);
    assert_int_equal(line, 2);
}

static void prefixes_lie_in_prefixes(void **state)
{
    (void)state;
    assert_int_equal(read_list("10.0.0.0/8\n10.1.2.0/24\n10.1.2.128/25", RED), 0);
    assert_int_equal(read_list("10.1.0.0/16\n10.1.2.128/25\n0.0.0.0/0", GREEN), 0);
    prefix_table_finish(table);
    assert_int_equal(lists("10.0.0.1"), RED | GREEN);
    assert_int_equal(lists("10.1.2.200"), RED | GREEN);
    assert_int_equal(lists("10.1.3.0"), RED | GREEN);
    assert_int_equal(lists("10.255.0.0"), RED | GREEN);
    assert_int_equal(lists("11.0.0.0"), GREEN);
    assert_int_equal(lists("255.255.255.255"), GREEN);
    assert_int_equal(lists("2001::"), 0);
}

static void behind_a_narrow_one_the_wide_one_goes_on(void **state)
{
    (void)state;
    assert_int_equal(read_list("2001:db8::/32", RED), 0);
    assert_int_equal(read_list("2001:db8:1::/48\n2001:db8:1:1::1", GREEN), 0);
    prefix_table_finish(table);
    assert_int_equal(lists("2001:db8:1:1::1"), RED | GREEN);
    assert_int_equal(lists("2001:db8:1:1::2"), RED | GREEN);
    assert_int_equal(lists("2001:db8:2::"), RED);
    assert_int_equal(lists("2001:db8:ffff:ffff::"), RED);
}

static void an_empty_table_has_nothing(void **state)
{
    (void)state;
    prefix_table_finish(table);
    assert_int_equal(lists("10.0.0.1"), 0);
    assert_int_equal(table->lists, 0);
    assert_int_equal(read_list("# nobody\n", GREEN), 0);
    assert_int_equal(table->lists, GREEN);
}

/* Every second address of a hundred thousand. */
static void a_hundred_thousand(void **state)
{
    char text[32];

    (void)state;
    for (unsigned i = 0; i < BIG; i++) {
        snprintf(text, sizeof text, "10.%u.%u.%u", i * 2 >> 16, i * 2 >> 8 & 255, i * 2 & 255);
        assert_int_equal(read_list(text, RED), 0);
    }
    prefix_table_finish(table);
    assert_int_equal(table->n, BIG);
    for (unsigned i = 0; i < 2 * BIG; i++) {
        struct ipaddr a;
        const uint8_t v4[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

        ipaddr_set_v4(&a, v4);
        assert_int_equal(prefix_table_lists(table, &a), i % 2 == 0 ? RED : 0);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(lines_are_prefixes_with_comments), CASE(what_is_wrong_is_named_by_its_line),
        CASE(prefixes_lie_in_prefixes),         CASE(behind_a_narrow_one_the_wide_one_goes_on),
        CASE(an_empty_table_has_nothing),       CASE(a_hundred_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
