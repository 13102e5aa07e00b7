/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/host_use.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_routes_of_ipv4(void **state)
{
    static const char line[] =
        "tap0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0                    \n";

    (void)state;
    assert_true(host_use_route4(line, "tap0"));
    assert_false(host_use_route4(line, "tap"));
    assert_false(host_use_route4(line, "tap00"));
    assert_false(host_use_route4("Iface\tDestination\tGateway\n", "tap0"));
    assert_false(host_use_route4("", "tap0"));
}

/* What the kernel itself makes of IPv6 on an interface does not count. */
static void test_routes_of_ipv6(void **state)
{
    (void)state;
    assert_true(host_use_route6("20010db8000000000000000000000000 40 "
                                "00000000000000000000000000000000 00 "
                                "00000000000000000000000000000000 00000100 00000001 00000000 "
                                "00000001     tap0\n",
                                "tap0"));
    assert_false(host_use_route6("fe800000000000000000000000000000 40 "
                                 "00000000000000000000000000000000 00 "
                                 "00000000000000000000000000000000 00000100 00000001 00000000 "
                                 "00000001     tap0\n",
                                 "tap0"));
    assert_false(host_use_route6("ff000000000000000000000000000000 08 "
                                 "00000000000000000000000000000000 00 "
                                 "00000000000000000000000000000000 00000100 00000003 00000000 "
                                 "00000001     tap0\n",
                                 "tap0"));
    assert_false(host_use_route6("20010db8000000000000000000000000 40 short", "tap0"));
    assert_false(host_use_route6("", "tap0"));
}

/* The loopback interface always has its address. */
static void test_loopback_is_used(void **state)
{
    char why[128];

    (void)state;
    if (!host_use_find("lo", why, sizeof why))
        skip(); /* down, in a namespace where nobody has brought it up */
    assert_string_equal(why, "carries the address 127.0.0.1");
    assert_false(host_use_find("no-such-link", why, sizeof why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_of_ipv4),
        cmocka_unit_test(test_routes_of_ipv6),
        cmocka_unit_test(test_loopback_is_used),
    };

    return cmocka_run_group_tests_name("capture/host_use", tests, NULL, NULL);
}
