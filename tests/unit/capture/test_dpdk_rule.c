/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules, byte for byte, and what is found out about a card. */
#include "worker/capture/dpdk_rule.h"

#include "tests/unit/capture/dpdk_card.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {198, 51, 100, 7};
static const struct ipaddr client6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
static const struct ipaddr server6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 0xff}};

static struct dpdk_rule rule;
static char why[DPDK_RULE_WHY_BYTES];

static int set_up(void **state)
{
    (void)state;
    dpdk_card = (struct dpdk_card){.room = DPDK_CARD_RULES};
    return 0;
}

static struct flow_key key4(uint8_t proto)
{
    struct flow_key key;

    assert_int_equal(flow_key_set_v4(&key, client, 0x1234, server, 443, proto), 0);
    return key;
}

static void assert_bytes(const void *at, size_t bytes, size_t offset, const void *set, size_t n)
{
    uint8_t expected[64] = {0};

    assert_true(bytes <= sizeof expected);
    memcpy(expected + offset, set, n);
    assert_memory_equal(at, expected, bytes);
}

static void tcp_over_ipv4(void **state)
{
    static const uint8_t addrs[] = {192, 0, 2, 1, 198, 51, 100, 7}, ports[] = {0x12, 0x34, 1, 0xbb};
    static const uint8_t ones[] = {255, 255, 255, 255, 255, 255, 255, 255};
    static const uint8_t mask[] = {255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    struct flow_key key = key4(IPPROTO_TCP);

    (void)state;
    dpdk_rule_build(&rule, &key, 0, 0, false);
    assert_int_equal(rule.pattern[0].type, RTE_FLOW_ITEM_TYPE_ETH);
    assert_null(rule.pattern[0].spec);
    assert_null(rule.pattern[0].mask);
    assert_int_equal(rule.pattern[1].type, RTE_FLOW_ITEM_TYPE_IPV4);
    assert_null(rule.pattern[1].last);
    assert_bytes(rule.pattern[1].spec, 20, 12, addrs, sizeof addrs);
    assert_bytes(rule.pattern[1].mask, 20, 12, ones, sizeof ones);
    assert_int_equal(rule.pattern[2].type, RTE_FLOW_ITEM_TYPE_TCP);
    assert_bytes(rule.pattern[2].spec, 20, 0, ports, sizeof ports);
    assert_bytes(rule.pattern[2].mask, 20, 0, mask, sizeof mask);
    assert_int_equal(rule.pattern[3].type, RTE_FLOW_ITEM_TYPE_END);
    assert_int_equal(rule.actions[0].type, RTE_FLOW_ACTION_TYPE_COUNT);
    assert_int_equal(rule.actions[1].type, RTE_FLOW_ACTION_TYPE_DROP);
    assert_int_equal(rule.actions[2].type, RTE_FLOW_ACTION_TYPE_END);
}

static void the_other_direction(void **state)
{
    static const uint8_t addrs[] = {198, 51, 100, 7, 192, 0, 2, 1}, ports[] = {1, 0xbb, 0x12, 0x34};
    struct flow_key key = key4(IPPROTO_UDP);

    (void)state;
    dpdk_rule_build(&rule, &key, 1, 0, false);
    assert_bytes(rule.pattern[1].spec, 20, 12, addrs, sizeof addrs);
    assert_int_equal(rule.pattern[2].type, RTE_FLOW_ITEM_TYPE_UDP);
    assert_bytes(rule.pattern[2].spec, 8, 0, ports, sizeof ports);
    assert_bytes(rule.pattern[2].mask, 8, 0, "\xff\xff\xff\xff", 4);
}

static void udp_over_ipv6_behind_tags(void **state)
{
    uint8_t addrs[32], ones[32];
    struct flow_key key;

    (void)state;
    flow_key_set(&key, &client6, 50000, &server6, 443, IPPROTO_UDP);
    memcpy(addrs, client6.b, 16);
    memcpy(addrs + 16, server6.b, 16);
    memset(ones, 0xff, sizeof ones);
    dpdk_rule_build(&rule, &key, 0, 2, true);
    assert_int_equal(rule.pattern[0].type, RTE_FLOW_ITEM_TYPE_ETH);
    assert_null(rule.pattern[0].spec);
    assert_int_equal(rule.pattern[1].type, RTE_FLOW_ITEM_TYPE_VLAN);
    assert_int_equal(rule.pattern[2].type, RTE_FLOW_ITEM_TYPE_VLAN);
    assert_null(rule.pattern[2].spec);
    assert_int_equal(rule.pattern[3].type, RTE_FLOW_ITEM_TYPE_IPV6);
    assert_bytes(rule.pattern[3].spec, 40, 8, addrs, 32);
    assert_bytes(rule.pattern[3].mask, 40, 8, ones, 32);
    assert_int_equal(rule.pattern[4].type, RTE_FLOW_ITEM_TYPE_UDP);
    assert_int_equal(rule.pattern[5].type, RTE_FLOW_ITEM_TYPE_END);
}

static void no_tag_is_said_where_it_can_be(void **state)
{
    struct flow_key key = key4(IPPROTO_TCP);
    const struct rte_flow_item_eth *mask, *spec;

    (void)state;
    dpdk_rule_build(&rule, &key, 0, 0, true);
    mask = rule.pattern[0].mask;
    spec = rule.pattern[0].spec;
    assert_int_equal(mask->has_vlan, 1);
    assert_int_equal(spec->has_vlan, 0);
    assert_int_equal(mask->hdr.ether_type, 0);
}

static void a_card_that_can_all(void **state)
{
    struct dpdk_ability can;

    (void)state;
    assert_true(dpdk_rule_probe(0, &can, why));
    for (unsigned i = 0; i < DPDK_RULE_KINDS; i++)
        assert_true(can.kind[i]);
    assert_true(can.knows_tags);
    assert_int_equal(dpdk_card_rules(), 0);
}

static void a_card_without_flags_has_no_rules_for_tcp(void **state)
{
    struct dpdk_ability can;

    (void)state;
    dpdk_card.no_flags = dpdk_card.no_tags = dpdk_card.no_ipv6 = true;
    assert_true(dpdk_rule_probe(0, &can, why));
    assert_false(can.kind[DPDK_RULE_TCP4] || can.kind[DPDK_RULE_TCP6] || can.kind[DPDK_RULE_UDP6]);
    assert_true(can.kind[DPDK_RULE_UDP4]);
    assert_false(can.knows_tags);
    assert_string_equal(why, "no flags of TCP");
}

static void a_card_that_counts_no_bytes_cannot(void **state)
{
    struct dpdk_ability can;

    (void)state;
    dpdk_card.no_bytes = true;
    assert_false(dpdk_rule_probe(0, &can, why));
    assert_string_equal(why, "it does not count packets and bytes");
    assert_int_equal(dpdk_card_rules(), 0);
    dpdk_card.no_counts = true;
    assert_false(dpdk_rule_probe(0, &can, why));
    assert_int_equal(dpdk_card_rules(), 0);
}

static void a_driver_without_a_word(void **state)
{
    struct dpdk_ability can;

    (void)state;
    dpdk_card.broken = EPERM;
    assert_false(dpdk_rule_probe(0, &can, why));
    assert_string_equal(why, strerror(EPERM));
}

static void a_full_card_says_so(void **state)
{
    struct flow_key key = key4(IPPROTO_TCP);
    struct rte_flow *flow;
    int error;

    (void)state;
    dpdk_card.room = 1;
    dpdk_rule_build(&rule, &key, 0, 0, false);
    flow = dpdk_rule_make(0, &rule, &error, why);
    assert_non_null(flow);
    assert_null(dpdk_rule_make(0, &rule, &error, why));
    assert_int_equal(error, ENOSPC);
    assert_string_equal(why, "no room");
    dpdk_rule_remove(0, flow);
    assert_int_equal(dpdk_card_rules(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(tcp_over_ipv4, set_up),
        cmocka_unit_test_setup(the_other_direction, set_up),
        cmocka_unit_test_setup(udp_over_ipv6_behind_tags, set_up),
        cmocka_unit_test_setup(no_tag_is_said_where_it_can_be, set_up),
        cmocka_unit_test_setup(a_card_that_can_all, set_up),
        cmocka_unit_test_setup(a_card_without_flags_has_no_rules_for_tcp, set_up),
        cmocka_unit_test_setup(a_card_that_counts_no_bytes_cannot, set_up),
        cmocka_unit_test_setup(a_driver_without_a_word, set_up),
        cmocka_unit_test_setup(a_full_card_says_so, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
