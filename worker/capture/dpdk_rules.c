/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/dpdk_rules.h"

#include "common/base/check.h"
#include "worker/capture/dpdk_rule.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

int dpdk_rules_init(struct dpdk_rules *r, uint16_t port, uint32_t flows, bool knows_tags)
{
    *r = (struct dpdk_rules){.port = port, .flows = flows, .knows_tags = knows_tags};
    r->rule = calloc(flows > 0 ? flows : 1, sizeof *r->rule);
    return r->rule ? 0 : -ENOMEM;
}

void dpdk_rules_fini(struct dpdk_rules *r)
{
    free(r->rule);
    r->rule = NULL;
}

static void count(const struct dpdk_rules *r, struct rte_flow *const rule[2],
                  struct dpdk_order_count out[2])
{
    for (unsigned end = 0; end < 2; end++)
        if (rule[end])
            (void)dpdk_rule_ask(r->port, rule[end], &out[end]);
}

static void take_away(const struct dpdk_rules *r, struct rte_flow *rule[2])
{
    for (unsigned end = 0; end < 2; end++) {
        if (rule[end])
            dpdk_rule_remove(r->port, rule[end]);
        rule[end] = NULL;
    }
}

/* Both or none: what comes up of a flow is to lead on in both its streams. */
static int make(const struct dpdk_rules *r, struct rte_flow *rule[2], const struct flow_key *key,
                uint32_t tags)
{
    char why[DPDK_RULE_WHY_BYTES];
    struct dpdk_rule say;
    int error = 0;

    if (rule[0] || rule[1])
        return -EINVAL;
    for (unsigned end = 0; end < 2 && error == 0; end++) {
        dpdk_rule_build(&say, key, end, tags, r->knows_tags);
        rule[end] = dpdk_rule_make(r->port, &say, &error, why);
    }
    return -error;
}

void dpdk_rules_do(struct dpdk_rules *r, uint32_t number, struct dpdk_order *o)
{
    struct flow_key key = o->key; /* who gave it may write to it at any time */
    uint32_t kind = o->kind, tags = o->tags;
    struct dpdk_order_count counted[2] = {0};
    struct rte_flow **rule;
    int error = 0;
    bool sane;

    CHECK(number < r->flows);
    __asm__ volatile("" ::: "memory"); /* the copies are what is checked, and not read again */
    rule = r->rule[number];
    sane = (key.proto == IPPROTO_TCP || key.proto == IPPROTO_UDP) && tags <= DPDK_RULE_TAGS_MAX;
    if (kind == DPDK_ORDER_MAKE)
        error = sane ? make(r, rule, &key, tags) : -EINVAL;
    if (kind != DPDK_ORDER_MAKE || error < 0)
        count(r, rule, counted);
    if (kind == DPDK_ORDER_REMOVE || error < 0)
        take_away(r, rule);
    o->error = error;
    memcpy(o->count, counted, sizeof o->count);
}

uint32_t dpdk_rules_clear(struct dpdk_rules *r)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < r->flows; i++) {
        n += r->rule[i][0] || r->rule[i][1];
        take_away(r, r->rule[i]);
    }
    return n;
}
