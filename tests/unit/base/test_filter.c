/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/filter.h"

#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct packet_builder pb;

static void build(uint16_t linktype)
{
    if (linktype == LINKTYPE_ETHERNET)
        pb_ethernet(&pb, 0x0800);
    else
        pb.n = 0;
    pb_ipv4(&pb, 6, 0x0a000001, 0x0a000002, 0, 0);
    pb_tcp(&pb, 4000, 80, 1, 0, 2);
    pb_end(&pb);
}

static bool matches(const char *expr, uint16_t linktype)
{
    struct filter *f;
    char error[256];
    bool match;

    assert_int_equal(filter_compile(&f, expr, linktype, error, sizeof error), 0);
    build(linktype);
    match = filter_match(f, pb.b, (uint32_t)pb.n, (uint32_t)pb.n);
    assert_true(filter_program(f).len > 0);
    filter_free(f);
    return match;
}

/* 101 is raw IP in files and something else among libpcap's own numbers. */
static void test_match(void **state)
{
    (void)state;
    assert_true(matches("tcp port 80", LINKTYPE_ETHERNET));
    assert_false(matches("tcp port 81", LINKTYPE_ETHERNET));
    assert_true(matches("tcp port 80", LINKTYPE_RAW));
    assert_false(matches("udp", LINKTYPE_RAW));
    assert_true(matches("src host 10.0.0.1", LINKTYPE_IPV4));
}

static void test_error_is_one_line(void **state)
{
    struct filter *f;
    char error[256];

    (void)state;
    assert_int_equal(filter_compile(&f, "tcp prt 80", LINKTYPE_ETHERNET, error, sizeof error),
                     -EINVAL);
    assert_non_null(strstr(error, "tcp prt 80"));
    assert_null(strchr(error, '\n'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_match),
        cmocka_unit_test(test_error_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
