/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/local_nets.h"

#include "tests/unit/addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct local_nets nets;
static char bad[64];

static bool is_local(const char *text)
{
    struct ipaddr a = address(text);

    return local_nets_has(&nets, &a);
}

static void private_prefixes_are_local_to_the_bit(void **state)
{
    (void)state;
    assert_int_equal(local_nets_init(&nets, "", bad, sizeof bad), 0);
    assert_true(is_local("10.255.255.255") && is_local("192.168.0.1") && is_local("127.0.0.1"));
    assert_true(is_local("172.16.0.0") && is_local("172.31.255.255"));
    assert_false(is_local("172.15.255.255") || is_local("172.32.0.0") || is_local("192.0.3.1"));
    assert_true(is_local("0.0.0.0") && is_local("255.255.255.255") && is_local("::"));
    assert_true(is_local("::1") && is_local("fe80::1") && is_local("fdff::1"));
    assert_false(is_local("::2") || is_local("2001:200::1"));
    assert_true(is_local("192.0.2.1") && is_local("198.19.255.255") && is_local("203.0.113.9"));
    assert_true(is_local("240.0.0.1") && is_local("2001:1ff::1") && is_local("2001:db8::1"));
    assert_false(is_local("239.255.255.255") || is_local("198.20.0.0") || is_local("8.8.8.8"));
    assert_true(is_local("64:ff9b:1::1") && is_local("2002:0a01:0203::1"));
    assert_false(is_local("64:ff9b::1") || is_local("2002:0808:0808::1"));
}

static void listed_prefixes_are_local_too(void **state)
{
    (void)state;
    assert_int_equal(
        local_nets_init(&nets, "44.0.2.0/25, 2a01:db8::/33, 96.0.0.0/4", bad, sizeof bad), 0);
    assert_true(is_local("44.0.2.127") && is_local("2a01:db8:7fff::1"));
    assert_false(is_local("44.0.2.128") || is_local("2a01:db8:8000::1"));
    assert_true(is_local("96.0.0.1") && is_local("111.255.255.255"));
    assert_false(is_local("95.255.255.255") || is_local("112.0.0.0"));
}

static void what_is_no_prefix_is_named(void **state)
{
    static const char *const wrong[] = {"192.0.2.1", "192.0.2.0/33", "2001:db8::/129", "x/8",
                                        "::/",       "10.0.0.0/8x",  "10.0.0.0/08"};
    char list[64];

    (void)state;
    for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(list, sizeof list, "198.51.100.0/24,%s", wrong[i]);
        assert_int_equal(local_nets_init(&nets, list, bad, sizeof bad), -EINVAL);
        assert_string_equal(bad, wrong[i]);
    }
}

static void there_is_a_bound(void **state)
{
    char list[(LOCAL_NETS_MAX + 1) * 16] = "";

    (void)state;
    for (unsigned i = 0; i <= LOCAL_NETS_MAX; i++)
        strcat(list, "192.0.2.0/24,");
    assert_int_equal(local_nets_init(&nets, list, bad, sizeof bad), -EINVAL);
    assert_int_equal(nets.n - nets.n_private, LOCAL_NETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_prefixes_are_local_to_the_bit),
        cmocka_unit_test(listed_prefixes_are_local_too),
        cmocka_unit_test(what_is_no_prefix_is_named),
        cmocka_unit_test(there_is_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
