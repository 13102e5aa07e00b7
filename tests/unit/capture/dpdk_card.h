/* SPDX-License-Identifier: BSD-3-Clause */
/* A network card with rules, in front of whatever gives frames: rte_flow_create and the like are
 * defined here and found before those of DPDK. It looks at frames by the items of a rule, field by
 * field as the masks say, counts and drops what one matches. */
#ifndef SPLIFF_TESTS_DPDK_CARD_H
#define SPLIFF_TESTS_DPDK_CARD_H

#include <rte_config.h>
#include <rte_flow.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DPDK_CARD_RULES 64u
#define DPDK_CARD_ITEMS 8u
#define DPDK_CARD_PAGE  4096

struct dpdk_card_item {
    enum rte_flow_item_type type;
    uint8_t spec[40], mask[40]; /* as the header lies in the frame */
    bool no_tag;                /* Ethernet: there must be none */
};

struct dpdk_card_rule {
    bool used;
    struct dpdk_card_item item[DPDK_CARD_ITEMS];
    unsigned n_items;
    uint64_t packets, bytes;
};

struct dpdk_card {
    /* What it is like: */
    _Alignas(DPDK_CARD_PAGE) uint32_t room; /* rules, at most DPDK_CARD_RULES; in pages of its own,
                                               so that several processes can share it */
    bool no_flags;                          /* TCP's flags are no field of its */
    bool no_tags; /* nor is, whether there is a tag; a rule without one fits any number of them */
    bool no_ipv6;
    bool no_bytes;  /* it counts packets alone */
    bool no_counts; /* nor those */
    int broken;     /* every rule is refused with this errno */

    struct dpdk_card_rule rule[DPDK_CARD_RULES];
    unsigned made, removed, asked, flushed;
};

extern struct dpdk_card dpdk_card;

/* Whether a rule matches the frame: then it is counted there and comes up no more. */
bool dpdk_card_takes(const uint8_t *frame, size_t len);

/* Rules that are in it. */
unsigned dpdk_card_rules(void);

#endif
