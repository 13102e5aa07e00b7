/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of flows that a card counts, with a card that matches frames (dpdk_card.h). */
#include "worker/capture/dpdk_flow.h"

#include "tests/unit/capture/dpdk_traffic.h"

#include <errno.h>
#include <rte_errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FLOWS 8u

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static struct counters counters;
static struct dpdk_flow *flows;
static struct capture_unseen unseen;
static const struct dpdk_flow_setup alone = {
    .flows_max = FLOWS, .seed = 1, .interface = "card0", .counters = &counters};
static const struct capture_shunt untagged = {.link_bytes = 14}, tagged = {.link_bytes = 18};

static int set_up(void **state)
{
    (void)state;
    dpdk_card = (struct dpdk_card){.room = DPDK_CARD_RULES};
    counters = (struct counters){0};
    flows = NULL;
    return 0;
}

static void open_flows(void)
{
    assert_int_equal(dpdk_flow_open(&flows, &alone), 0);
    dpdk_card.made = dpdk_card.removed = dpdk_card.asked = dpdk_card.flushed = 0;
}

static int tear_down(void **state)
{
    (void)state;
    dpdk_flow_close(flows);
    assert_int_equal(dpdk_card_rules(), 0);
    return 0;
}

/* A card, and a flow whose rules it has. */
static struct flow_key open_counted(const struct capture_shunt *how)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    open_flows();
    assert_int_equal(dpdk_flow_shunt(flows, &key, how), 0);
    dpdk_flow_run(flows, T0, false);
    return key;
}

static void a_flow_is_counted(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    open_flows();
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), 0);
    assert_false(tcp(DOWN, 40000, ACK, 1000, false)); /* only noted yet */
    assert_false(dpdk_flow_unseen(flows, &key, false, T0, &unseen));
    dpdk_flow_run(flows, T0, false);
    assert_int_equal(dpdk_card.made, 2);
    assert_true(tcp(DOWN, 40000, ACK, 1000, false));
    assert_true(tcp(DOWN, 40000, ACK, 500, false));
    assert_true(tcp(UP, 40000, ACK, 0, false)); /* a frame that is filled up */
    assert_false(tcp(UP, 40001, ACK, 0, false));
    assert_false(tcp(DOWN, 40000, FIN, 0, false));
    assert_false(tcp(DOWN, 40000, 0x12, 0, false));
    assert_false(tcp(UP, 40000, 0x04, 0, false));
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + NS_PER_SEC, &unseen));
    assert_int_equal(unseen.packets[DOWN], 2);
    assert_int_equal(unseen.ip_bytes[DOWN], 1040 + 540);
    assert_int_equal(unseen.packets[UP], 1);
    assert_int_equal(unseen.ip_bytes[UP], 40);
    assert_int_equal(unseen.last_ns, T0 + NS_PER_SEC);
    assert_false(unseen.has_seq[DOWN] || unseen.has_ack[UP]);
}

static void its_end_takes_the_rules_away(void **state)
{
    struct flow_key key = open_counted(&untagged);

    (void)state;
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
    assert_int_equal(dpdk_card_rules(), 2); /* not in the packet path */
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0 + 2, &unseen));
    dpdk_flow_run(flows, T0 + NS_PER_SEC, false);
    assert_int_equal(dpdk_card_rules(), 0);
    assert_int_equal(counters.shunt_late, 1);
    assert_false(tcp(DOWN, 40000, ACK, 1000, false));
}

static void rules_serve_again(void **state)
{
    struct flow_key key = open_counted(&untagged);

    (void)state;
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    tcp(DOWN, 40000, ACK, 700, false); /* of the next connection */
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), 0);
    dpdk_flow_run(flows, T0 + NS_PER_SEC, true);
    assert_int_equal(dpdk_card.made, 2);
    assert_int_equal(dpdk_card.removed, 0);
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 2 * NS_PER_SEC, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
    assert_int_equal(unseen.ip_bytes[DOWN], 740);
    dpdk_flow_run(flows, T0 + 3 * NS_PER_SEC, true);
    assert_int_equal(dpdk_card_rules(), 0);
    assert_int_equal(counters.shunt_late, 0);
}

static void an_end_before_its_rules(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    open_flows();
    dpdk_flow_shunt(flows, &key, &untagged);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0, &unseen));
    dpdk_flow_run(flows, T0, true);
    assert_int_equal(dpdk_card.made, 0);
    dpdk_flow_shunt(flows, &key, &untagged);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0, &unseen));
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), 0); /* and once more in between */
    dpdk_flow_run(flows, T0 + 1, true);
    assert_int_equal(dpdk_card_rules(), 2);
}

static void tags_are_no_bytes_of_ip(void **state)
{
    struct flow_key key = open_counted(&tagged);

    (void)state;
    assert_true(tcp(DOWN, 40000, ACK, 1000, true));
    assert_false(tcp(DOWN, 40000, ACK, 1000, false));
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + NS_PER_SEC, &unseen));
    assert_int_equal(unseen.ip_bytes[DOWN], 1040);
}

static void other_links_are_not_shunted(void **state)
{
    static const uint32_t link_bytes[] = {0, 13, 15, 26, 34};
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    open_flows();
    for (size_t i = 0; i < sizeof link_bytes / sizeof link_bytes[0]; i++) {
        struct capture_shunt how = {.link_bytes = link_bytes[i]};

        assert_int_equal(dpdk_flow_shunt(flows, &key, &how), -EPROTONOSUPPORT);
    }
}

static void without_flags_only_udp(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP), udp = key_of(40000, IPPROTO_UDP);

    (void)state;
    dpdk_card.no_flags = true;
    open_flows();
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), -EPROTONOSUPPORT);
    assert_int_equal(dpdk_flow_shunt(flows, &udp, &untagged), 0);
    dpdk_flow_run(flows, T0, false);
    assert_int_equal(dpdk_card_rules(), 2);
    assert_false(tcp(DOWN, 40000, ACK, 1000, false));
}

static void a_card_that_cannot(void **state)
{
    (void)state;
    dpdk_card.broken = ENOSYS;
    assert_int_equal(dpdk_flow_open(&flows, &alone), -ENOTSUP);
    assert_null(flows);
}

static void rules_of_a_predecessor_go(void **state)
{
    struct dpdk_flow *killed;

    (void)state;
    (void)open_counted(&untagged);
    assert_int_equal(dpdk_card_rules(), 2);
    killed = flows;
    assert_int_equal(dpdk_flow_open(&flows, &alone), 0);
    assert_int_equal(dpdk_card_rules(), 0);
    dpdk_flow_close(killed);
}

static void no_room_here(void **state)
{
    (void)state;
    open_flows();
    for (uint16_t i = 0; i <= FLOWS; i++) {
        struct flow_key key = key_of((uint16_t)(40000 + i), IPPROTO_TCP);

        assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), i < FLOWS ? 0 : -ENOSPC);
    }
}

/* Room for one direction of the second flow: neither is kept, and what comes up comes up. */
static void no_room_in_the_card(void **state)
{
    struct flow_key one = key_of(40000, IPPROTO_TCP), two = key_of(40001, IPPROTO_TCP);
    struct flow_key three = key_of(40002, IPPROTO_TCP);

    (void)state;
    open_flows();
    dpdk_card.room = 3;
    dpdk_flow_shunt(flows, &one, &untagged);
    dpdk_flow_shunt(flows, &two, &untagged);
    dpdk_flow_run(flows, T0, true);
    assert_int_equal(dpdk_card_rules(), 2);
    assert_int_equal(counters.shunt_refused, 1);
    assert_false(tcp(DOWN, 40001, ACK, 1000, false));
    assert_int_equal(dpdk_flow_shunt(flows, &two, &untagged), -ENOSPC);
    assert_int_equal(dpdk_flow_shunt(flows, &three, &untagged), -ENOSPC); /* a while */
    assert_true(!dpdk_flow_unseen(flows, &one, true, T0 + 1, &unseen));
    dpdk_flow_run(flows, T0 + 2 * NS_PER_SEC, true);
    assert_int_equal(dpdk_flow_shunt(flows, &two, &untagged), 0);
    dpdk_flow_run(flows, T0 + 3 * NS_PER_SEC, true);
    assert_int_equal(dpdk_card_rules(), 2);
    assert_true(tcp(DOWN, 40001, ACK, 1000, false));
    assert_true(dpdk_flow_unseen(flows, &two, true, T0 + 4 * NS_PER_SEC, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
}

static void the_end_of_a_refused_one(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    open_flows();
    dpdk_card.broken = EIO;
    dpdk_flow_shunt(flows, &key, &untagged);
    dpdk_flow_run(flows, T0, true);
    assert_int_equal(counters.shunt_refused, 1);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0, &unseen));
    dpdk_card.broken = 0;
    dpdk_flow_run(flows, T0 + NS_PER_SEC, true);
    for (uint16_t i = 0; i < FLOWS; i++) { /* its place is free again */
        struct flow_key other = key_of((uint16_t)(41000 + i), IPPROTO_TCP);

        assert_int_equal(dpdk_flow_shunt(flows, &other, &untagged), 0);
    }
}

static void the_card_is_asked_at_a_pace(void **state)
{
    (void)state;
    open_flows();
    for (uint16_t i = 0; i < FLOWS; i++) {
        struct flow_key key = key_of((uint16_t)(40000 + i), IPPROTO_TCP);

        dpdk_flow_shunt(flows, &key, &untagged);
    }
    for (unsigned i = 0; i < 10; i++)
        dpdk_flow_run(flows, T0 + i, false);
    assert_int_equal(dpdk_card.made, 2);
    dpdk_flow_run(flows, T0 + NS_PER_MS, false);
    assert_int_equal(dpdk_card.made, 4);
    dpdk_flow_run(flows, T0 + NS_PER_MS + 1, true);
    assert_int_equal(dpdk_card.made, 2 * FLOWS);
}

static void a_count_is_not_asked_for_all_the_time(void **state)
{
    struct flow_key key = open_counted(&untagged);

    (void)state;
    for (unsigned i = 0; i < 100; i++)
        dpdk_flow_unseen(flows, &key, false, T0 + i, &unseen);
    assert_int_equal(dpdk_card.asked, 2);
    dpdk_flow_unseen(flows, &key, true, T0 + 200, &unseen); /* the last time it is */
    assert_int_equal(dpdk_card.asked, 4);
}

/* When a packet was last seen is known as well as the card is asked. */
static void flows_are_asked_in_turn(void **state)
{
    struct flow_key key = open_counted(&untagged);

    (void)state;
    tcp(DOWN, 40000, ACK, 1000, false);
    dpdk_flow_run(flows, T0 + NS_PER_SEC, false);
    for (unsigned i = 2; i < 100; i++)
        dpdk_flow_run(flows, T0 + i * NS_PER_SEC, false);
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + 200 * NS_PER_SEC, &unseen));
    assert_int_equal(unseen.last_ns, T0 + NS_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flow_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_end_takes_the_rules_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_serve_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_before_its_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tags_are_no_bytes_of_ip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_links_are_not_shunted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_flags_only_udp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_card_that_cannot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_of_a_predecessor_go, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_room_in_the_card, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_refused_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_card_is_asked_at_a_pace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_count_is_not_asked_for_all_the_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flows_are_asked_in_turn, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
