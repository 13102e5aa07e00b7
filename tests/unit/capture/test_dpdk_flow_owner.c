/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows whose rules the owner of the port makes. It is this process too: it does its orders when
 * the worker waits for it, or between two runs. */
#include "worker/capture/dpdk_flow.h"

#include "tests/unit/capture/dpdk_traffic.h"
#include "worker/capture/dpdk_rule.h"
#include "worker/capture/dpdk_rules.h"

#include <errno.h>
#include <rte_errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FLOWS 8u

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static struct counters counters;
static struct dpdk_share share;
static void *memory;
static struct dpdk_flow *flows;
static struct dpdk_orders orders; /* as the owner sees them */
static struct dpdk_rules rules;
static bool answers; /* the owner does, where it is waited for */
static unsigned waits, rings;
static struct capture_unseen unseen;
static const struct capture_shunt untagged = {.link_bytes = 14};
static const struct dpdk_flow_setup setup = {
    .share = &share, .flows_max = FLOWS, .seed = 1, .interface = "card0", .counters = &counters};

static void owner_works(void)
{
    uint32_t number;

    while (dpdk_orders_take(&orders, &number)) {
        dpdk_rules_do(&rules, number, &orders.order[number]);
        dpdk_orders_answer(&orders, number);
    }
}

void dpdk_share_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
    (void)word;
    (void)value;
    (void)timeout_ms;
    waits++;
    if (answers)
        owner_works();
}

void dpdk_share_ring(struct dpdk_share *s)
{
    assert_ptr_equal(s, &share);
    rings++;
}

void *dpdk_share_orders(struct dpdk_share *s, uint32_t queue, uint32_t n)
{
    assert_ptr_equal(s, &share);
    assert_int_equal(queue, 0);
    assert_int_equal(n, FLOWS);
    return memory;
}

static int set_up(void **state)
{
    (void)state;
    dpdk_card = (struct dpdk_card){.room = DPDK_CARD_RULES};
    counters = (struct counters){0};
    share = (struct dpdk_share){0};
    answers = true;
    waits = rings = 0;
    memory = calloc(1, dpdk_orders_bytes(FLOWS));
    if (!memory || !dpdk_rule_probe(0, &share.can, share.can_not) ||
        dpdk_rules_init(&rules, 0, FLOWS, share.can.knows_tags) < 0)
        return -1;
    dpdk_orders_init(&orders, memory, FLOWS);
    dpdk_card.made = dpdk_card.removed = dpdk_card.asked = dpdk_card.flushed = 0;
    return dpdk_flow_open(&flows, &setup);
}

static int tear_down(void **state)
{
    (void)state;
    dpdk_flow_close(flows);
    assert_int_equal(dpdk_card.flushed, 0); /* the card is not the worker's */
    dpdk_rules_clear(&rules);
    assert_int_equal(dpdk_card_rules(), 0);
    dpdk_rules_fini(&rules);
    free(memory);
    return 0;
}

/* The flow is counted from here on. */
static void shunted(const struct flow_key *key)
{
    assert_int_equal(dpdk_flow_shunt(flows, key, &untagged), 0);
    dpdk_flow_run(flows, T0, true);
    owner_works();
    dpdk_flow_run(flows, T0, true);
}

static void a_flow_is_counted(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), 0);
    dpdk_flow_run(flows, T0, true);
    dpdk_flow_run(flows, T0, true); /* nothing is ordered twice */
    assert_int_equal(rings, 1);
    assert_int_equal(dpdk_card.made + waits, 0);
    owner_works();
    assert_int_equal(dpdk_card.made, 2);
    assert_true(tcp(DOWN, 40000, ACK, 1000, false));
    dpdk_flow_run(flows, T0, true);
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + NS_PER_SEC, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
    assert_int_equal(unseen.ip_bytes[DOWN], 1040);
    assert_int_equal(unseen.last_ns, T0 + NS_PER_SEC);
    assert_int_equal(counters.shunt_unanswered, 0);
}

static void the_end_has_the_last_packet(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    shunted(&key);
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
    tcp(UP, 40000, ACK, 0, false);
    dpdk_flow_run(flows, T0 + NS_PER_SEC, true);
    assert_int_equal(dpdk_card_rules(), 2); /* that is the owner's */
    owner_works();
    assert_int_equal(dpdk_card_rules(), 0);
    dpdk_flow_run(flows, T0 + NS_PER_SEC, true);
    assert_int_equal(counters.shunt_late, 1);
    shunted(&key); /* its place is free */
    assert_int_equal(dpdk_card_rules(), 2);
}

/* The same ports again, while the order to remove their rules is given. */
static void shunted_again_while_its_rules_leave(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    shunted(&key);
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    dpdk_flow_run(flows, T0 + 2, true);
    tcp(DOWN, 40000, ACK, 500, false); /* of the next connection */
    assert_int_equal(dpdk_flow_shunt(flows, &key, &untagged), 0);
    owner_works();
    dpdk_flow_run(flows, T0 + 3, true);
    owner_works();
    assert_int_equal(dpdk_card.made, 4);
    assert_true(tcp(DOWN, 40000, ACK, 600, false));
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 4, &unseen));
    assert_int_equal(unseen.packets[DOWN], 2);
    assert_int_equal(unseen.ip_bytes[DOWN], 540 + 640);
    assert_int_equal(counters.shunt_late, 0);
}

static void ended_while_its_rules_are_made(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    answers = false;
    dpdk_flow_shunt(flows, &key, &untagged);
    dpdk_flow_run(flows, T0, true);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    owner_works();
    assert_int_equal(dpdk_card_rules(), 2);
    dpdk_flow_run(flows, T0 + 2, true);
    owner_works();
    assert_int_equal(dpdk_card_rules(), 0);
}

/* Even if it ends in the moment before the refusal is looked at. */
static void refused_and_ended(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    dpdk_card.room = 1;
    dpdk_flow_shunt(flows, &key, &untagged);
    dpdk_flow_run(flows, T0, true);
    owner_works();
    assert_int_equal(dpdk_card_rules(), 0);
    assert_false(dpdk_flow_unseen(flows, &key, true, T0 + 1, &unseen));
    assert_int_equal(counters.shunt_refused, 1);
    dpdk_flow_run(flows, T0 + 2 * NS_PER_SEC, true);
    dpdk_card.room = DPDK_CARD_RULES;
    shunted(&key);
    assert_int_equal(dpdk_card_rules(), 2);
}

/* An owner that is dead or stands still costs a few milliseconds once, and no flow is lost. */
static void an_owner_that_does_not_answer(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);
    unsigned before;

    (void)state;
    shunted(&key);
    tcp(DOWN, 40000, ACK, 1000, false);
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + NS_PER_SEC, &unseen));
    tcp(DOWN, 40000, ACK, 1000, false);
    answers = false;
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + 2 * NS_PER_SEC, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1); /* what was known */
    assert_int_equal(counters.shunt_unanswered, 1);
    before = waits;
    assert_true(dpdk_flow_unseen(flows, &key, true, T0 + 3 * NS_PER_SEC, &unseen));
    assert_int_equal(waits, before);
    for (unsigned i = 0; i < 4; i++) {
        dpdk_flow_run(flows, T0 + (4 + i) * NS_PER_SEC, true);
        owner_works();
    }
    assert_int_equal(dpdk_card_rules(), 0);
    assert_int_equal(counters.shunt_late, 1);
}

/* A packet that would like to know does not wait, if another did a moment ago. */
static void waiting_has_a_pace(void **state)
{
    struct flow_key one = key_of(40000, IPPROTO_TCP), two = key_of(40001, IPPROTO_TCP);
    unsigned before;

    (void)state;
    shunted(&one);
    shunted(&two);
    (void)dpdk_flow_unseen(flows, &one, false, T0 + NS_PER_SEC, &unseen);
    before = waits;
    (void)dpdk_flow_unseen(flows, &two, false, T0 + NS_PER_SEC, &unseen);
    assert_int_equal(waits, before);
    (void)dpdk_flow_unseen(flows, &two, false, T0 + NS_PER_SEC + NS_PER_MS, &unseen);
    assert_int_equal(waits, before + 1);
}

static void flows_are_asked_in_turn(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    shunted(&key);
    tcp(DOWN, 40000, ACK, 1000, false);
    dpdk_flow_run(flows, T0 + NS_PER_SEC, false);
    owner_works();
    dpdk_flow_run(flows, T0 + NS_PER_SEC + NS_PER_MS, false);
    assert_int_equal(waits, 0);
    answers = false;
    assert_true(dpdk_flow_unseen(flows, &key, false, T0 + NS_PER_SEC + 2 * NS_PER_MS, &unseen));
    assert_int_equal(unseen.packets[DOWN], 1);
    assert_int_equal(unseen.last_ns, T0 + NS_PER_SEC + NS_PER_MS);
}

static void a_card_that_cannot(void **state)
{
    struct dpdk_flow *none = NULL;

    (void)state;
    share.can = (struct dpdk_ability){0};
    assert_int_equal(dpdk_flow_open(&none, &setup), -ENOTSUP);
    assert_null(none);
}

/* What a worker that was taken over may write there does not harm the owner. */
static void orders_without_sense(void **state)
{
    struct flow_key key = key_of(40000, IPPROTO_TCP);

    (void)state;
    orders.order[3].key = key;
    orders.order[3].kind = DPDK_ORDER_ASK;
    dpdk_rules_do(&rules, 3, &orders.order[3]);
    assert_int_equal(orders.order[3].count[0].packets, 0);
    orders.order[3].kind = DPDK_ORDER_MAKE;
    orders.order[3].tags = DPDK_RULE_TAGS_MAX + 1;
    dpdk_rules_do(&rules, 3, &orders.order[3]);
    assert_int_equal(orders.order[3].error, -EINVAL);
    orders.order[3].tags = 0;
    orders.order[3].key.proto = IPPROTO_ICMP;
    dpdk_rules_do(&rules, 3, &orders.order[3]);
    assert_int_equal(orders.order[3].error, -EINVAL);
    orders.order[3].key = key;
    dpdk_rules_do(&rules, 3, &orders.order[3]);
    assert_int_equal(dpdk_card_rules(), 2);
    dpdk_rules_do(&rules, 3, &orders.order[3]); /* twice: it has none then */
    assert_int_equal(orders.order[3].error, -EINVAL);
    assert_int_equal(dpdk_card_rules(), 0);
    orders.order[3].kind = 99;
    dpdk_rules_do(&rules, 3, &orders.order[3]);
    assert_int_equal(dpdk_card_rules(), 0);
}

static void rules_of_a_dead_worker_go(void **state)
{
    struct flow_key one = key_of(40000, IPPROTO_TCP), two = key_of(40001, IPPROTO_TCP);

    (void)state;
    shunted(&one);
    shunted(&two);
    assert_int_equal(dpdk_rules_clear(&rules), 2);
    assert_int_equal(dpdk_card_rules(), 0);
    assert_int_equal(dpdk_rules_clear(&rules), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flow_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_has_the_last_packet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shunted_again_while_its_rules_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ended_while_its_rules_are_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused_and_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_owner_that_does_not_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waiting_has_a_pace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flows_are_asked_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_card_that_cannot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders_without_sense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rules_of_a_dead_worker_go, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
