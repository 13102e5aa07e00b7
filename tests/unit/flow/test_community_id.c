/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/community_id.h"

#include "tests/unit/addresses.h"

static void assert_id(const char *src, uint16_t sport, const char *dst, uint16_t dport,
                      uint8_t proto, const char *expected)
{
    struct ipaddr s = address(src), d = address(dst);
    struct flow_key key;
    unsigned orig = flow_key_set(&key, &s, sport, &d, dport, proto);
    char out[COMMUNITY_ID_MAX] = {0};

    assert_int_equal(community_id_format(&key, orig, out), 30);
    assert_string_equal(out, expected);
}

static void tcp_and_udp(void **state)
{
    (void)state;
    assert_id("128.232.110.120", 34855, "66.35.250.204", 80, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    assert_id("66.35.250.204", 80, "128.232.110.120", 34855, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    assert_id("192.168.1.52", 54585, "8.8.8.8", 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
}

static void sctp(void **state)
{
    (void)state;
    assert_id("192.168.170.8", 7, "192.168.170.56", 80, 132, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=");
}

static void icmp_pairs_are_the_same_both_ways(void **state)
{
    (void)state;
    assert_id("192.168.0.89", 8, "192.168.0.1", 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    assert_id("192.168.0.1", 0, "192.168.0.89", 8, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=");
    assert_id("fe80::200:86ff:fe05:80da", 135, "fe80::260:97ff:fe07:69ea", 136, 58,
              "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
    assert_id("fe80::260:97ff:fe07:69ea", 136, "fe80::200:86ff:fe05:80da", 135, 58,
              "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=");
}

static void icmp_without_counterpart_is_sender_first(void **state)
{
    (void)state;
    assert_id("192.168.0.89", 20, "192.168.0.1", 0, 1, "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=");
    assert_id("192.168.0.89", 20, "192.168.0.1", 1, 1, "1:tz/fHIDUHs19NkixVVoOZywde+I=");
    assert_id("192.168.0.89", 3, "192.168.0.1", 3, 1, "1:dPRpNwuTNOTQEtM23HPAdlCnrwc=");
    assert_id("192.168.0.1", 3, "192.168.0.89", 3, 1, "1:ZouhgnVac3AK62b9tKlLG4N+dVQ=");
    assert_id("3ffe:507:0:1:260:97ff:fe07:69ea", 3, "3ffe:507:0:1:200:86ff:fe05:80da", 0, 58,
              "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_and_udp),
        cmocka_unit_test(sctp),
        cmocka_unit_test(icmp_pairs_are_the_same_both_ways),
        cmocka_unit_test(icmp_without_counterpart_is_sender_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
