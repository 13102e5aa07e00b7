/* SPDX-License-Identifier: BSD-3-Clause */
/* A rule in a network card: packets of one direction of a flow are counted and dropped there
 * (DPDK's rte_flow). In the process that set the port up. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_RULE_H
#define SPLIFF_WORKER_CAPTURE_DPDK_RULE_H

#include "common/ipc/dpdk_orders.h"

#include <rte_config.h>
#include <rte_flow.h>
#include <stdbool.h>
#include <stdint.h>

#define DPDK_RULE_TAGS_MAX 2u
#define DPDK_RULE_ITEMS    (3 + DPDK_RULE_TAGS_MAX + 1) /* Ethernet, IP, ports; tags; the end */
#define DPDK_RULE_ACTIONS  3

/* What a rule says: `pattern` and `actions` point into it, so it stays where it was built. */
struct dpdk_rule {
    struct rte_flow_item pattern[DPDK_RULE_ITEMS];
    struct rte_flow_action actions[DPDK_RULE_ACTIONS];
    struct rte_flow_action_count count;
    struct rte_flow_item_eth eth, eth_mask;
    union {
        struct rte_flow_item_ipv4 v4;
        struct rte_flow_item_ipv6 v6;
    } ip, ip_mask;
    union {
        struct rte_flow_item_tcp tcp;
        struct rte_flow_item_udp udp;
    } ports, ports_mask;
};

/* Kinds of flows for which a card may have rules or not. */
enum dpdk_rule_kind { DPDK_RULE_TCP4, DPDK_RULE_TCP6, DPDK_RULE_UDP4, DPDK_RULE_UDP6 };
_Static_assert(DPDK_RULE_UDP6 + 1 == DPDK_RULE_KINDS, "one flag of struct dpdk_ability each");

/* Of a flow over TCP or UDP. */
enum dpdk_rule_kind dpdk_rule_kind(const struct flow_key *key);

/* The packets that end `from` of the key sends, behind so many VLAN tags (up to
 * DPDK_RULE_TAGS_MAX); those with FIN, SYN or RST are none of them. says_no_tags: without a tag the
 * rule is to say so. */
void dpdk_rule_build(struct dpdk_rule *r, const struct flow_key *key, unsigned from, unsigned tags,
                     bool says_no_tags);

/* Makes it. NULL: the card refuses, *error (a positive errno) and why, of DPDK_RULE_WHY_BYTES, are
 * set. */
struct rte_flow *dpdk_rule_make(uint16_t port, const struct dpdk_rule *r, int *error, char *why);

/* 0; -ENOTSUP if it does not count both packets and bytes; or what the driver says. */
int dpdk_rule_ask(uint16_t port, struct rte_flow *flow, struct dpdk_order_count *out);

/* Nothing can be done about a rule that does not go. */
void dpdk_rule_remove(uint16_t port, struct rte_flow *flow);

/* Takes all rules of the port away. */
void dpdk_rule_remove_all(uint16_t port);

/* Finds out what the card can do, by making rules for addresses that nobody has, asking and
 * removing them. False: nothing, and why, of DPDK_RULE_WHY_BYTES, says what was refused first. */
bool dpdk_rule_probe(uint16_t port, struct dpdk_ability *out, char *why);

#endif
