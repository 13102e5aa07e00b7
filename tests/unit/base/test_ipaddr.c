/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/ipaddr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

static void assert_text(const char *address, const char *text)
{
    char out[IPADDR_TEXT_MAX];
    struct ipaddr a;
    size_t n;

    assert_int_equal(inet_pton(AF_INET6, address, a.b), 1);
    n = ipaddr_format(&a, out);
    assert_true(n < sizeof out);
    out[n] = '\0';
    assert_string_equal(out, text);
}

static void addresses_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    assert_text("::", "::");
    assert_text("::1", "::1");
    assert_text("2001:db8:0:0:0:0:0:0", "2001:db8::");
    assert_text("2001:0DB8::00a0:0", "2001:db8::a0:0");
    assert_text("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"); /* RFC 5952 section 4.2.2 */
    assert_text("2001:0:0:1:0:0:0:1", "2001:0:0:1::1");          /* section 4.2.3 */
    assert_text("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1");
    assert_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void addresses_of_ipv4_have_dots(void **state)
{
    (void)state;
    assert_text("::ffff:0.0.0.0", "0.0.0.0");
    assert_text("::ffff:255.109.10.9", "255.109.10.9");
    assert_text("::192.0.2.1", "::192.0.2.1");
    assert_text("::0.1.0.0", "::0.1.0.0");
}

static void octets_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        uint8_t v4[4] = {(uint8_t)v, (uint8_t)(255 - v), (uint8_t)(v * 7), (uint8_t)v};
        char out[IPADDR_TEXT_MAX], expected[INET_ADDRSTRLEN];

        out[ipaddr_format_v4(v4, out)] = '\0';
        assert_string_equal(out, inet_ntop(AF_INET, v4, expected, sizeof expected));
    }
}

/* The text that inet_ntop gives, whatever groups are zero and however long the others are. */
static void texts_are_those_of_the_c_library(void **state)
{
    static const uint16_t values[] = {0, 0xb, 0xab, 0xabc, 0xabcd, 0xffff};
    uint32_t random = 1;

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        char out[IPADDR_TEXT_MAX], expected[INET6_ADDRSTRLEN];
        struct ipaddr a;
        size_t n;

        for (unsigned i = 0; i < 8; i++) {
            uint16_t v;

            random = random * 1103515245u + 12345u;
            v = (round >> i & 1) ? values[(random >> 16) % 6] : 0;
            a.b[2 * i] = (uint8_t)(v >> 8);
            a.b[2 * i + 1] = (uint8_t)v;
        }
        if (ipaddr_is_v4(&a))
            continue;
        assert_non_null(inet_ntop(AF_INET6, a.b, expected, sizeof expected));
        n = ipaddr_format(&a, out);
        out[n] = '\0';
        assert_string_equal(out, expected);
    }
}

static void prefixes_are_written_in_one_way(void **state)
{
    static const char *const bad[] = {"10.0.0.0/08", "10.0.0.0/010", "0.0.0.0/00", "::/00",
                                      "::/0128",     "10.0.0.0/+8",  "::/-1",      "::/129",
                                      "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/"};
    struct ipaddr a;
    unsigned bits;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(ipaddr_parse_prefix(bad[i], &a, &bits));
    assert_true(ipaddr_parse_prefix("10.0.0.0/8", &a, &bits));
    assert_int_equal(bits, 96 + 8);
    assert_true(ipaddr_parse_prefix("0.0.0.0/0", &a, &bits));
    assert_int_equal(bits, 96);
    assert_true(ipaddr_parse_prefix("::/0", &a, &bits));
    assert_int_equal(bits, 0);
    assert_true(ipaddr_parse_prefix("2001:db8::/128", &a, &bits));
    assert_int_equal(bits, 128);
    assert_true(ipaddr_parse_prefix("192.0.2.7", &a, &bits));
    assert_int_equal(bits, 128);
}

/* Of every length, and of addresses that differ in one bit. */
static void prefixes_are_compared_to_the_bit(void **state)
{
    struct ipaddr prefix;

    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:1234:5678:9abc:def0:1357:9bdf", prefix.b), 1);
    for (unsigned bits = 0; bits <= 128; bits++) {
        assert_true(ipaddr_has_prefix(&prefix, &prefix, bits));
        for (unsigned bit = 0; bit < 128; bit++) {
            struct ipaddr a = prefix;

            a.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
            assert_int_equal(ipaddr_has_prefix(&a, &prefix, bits), bit >= bits);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_as_short_as_they_can_be),
        cmocka_unit_test(addresses_of_ipv4_have_dots),
        cmocka_unit_test(octets_are_those_of_the_c_library),
        cmocka_unit_test(texts_are_those_of_the_c_library),
        cmocka_unit_test(prefixes_are_written_in_one_way),
        cmocka_unit_test(prefixes_are_compared_to_the_bit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
