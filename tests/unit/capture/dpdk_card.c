/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/capture/dpdk_card.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_errno.h>
#include <string.h>

#define ETHERNET  14u
#define TAG       4u
#define TYPE_VLAN 0x8100u
#define TYPE_QINQ 0x88a8u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define FRAME_MIN 60u

struct dpdk_card dpdk_card = {.room = DPDK_CARD_RULES};

static size_t header_bytes(enum rte_flow_item_type type)
{
    switch (type) {
    case RTE_FLOW_ITEM_TYPE_IPV4:
        return sizeof(struct rte_ipv4_hdr);
    case RTE_FLOW_ITEM_TYPE_IPV6:
        return sizeof(struct rte_ipv6_hdr);
    case RTE_FLOW_ITEM_TYPE_TCP:
        return sizeof(struct rte_tcp_hdr);
    case RTE_FLOW_ITEM_TYPE_UDP:
        return sizeof(struct rte_udp_hdr);
    default:
        return 0;
    }
}

static int refuse(struct rte_flow_error *e, int error, const char *message)
{
    *e = (struct rte_flow_error){.type = RTE_FLOW_ERROR_TYPE_ITEM, .message = message};
    rte_errno = error;
    return -error;
}

/* --- rules --- */

static int check_item(const struct rte_flow_item *i, struct rte_flow_error *e)
{
    const struct rte_flow_item_tcp *tcp = i->mask;
    const struct rte_flow_item_eth *eth = i->mask;

    if (i->type == RTE_FLOW_ITEM_TYPE_IPV6 && dpdk_card.no_ipv6)
        return refuse(e, ENOTSUP, "no IPv6");
    if (i->type == RTE_FLOW_ITEM_TYPE_TCP && tcp->hdr.tcp_flags != 0 && dpdk_card.no_flags)
        return refuse(e, ENOTSUP, "no flags of TCP");
    if (i->type == RTE_FLOW_ITEM_TYPE_ETH && eth && eth->has_vlan && dpdk_card.no_tags)
        return refuse(e, ENOTSUP, "no tags");
    if (i->type != RTE_FLOW_ITEM_TYPE_ETH && i->type != RTE_FLOW_ITEM_TYPE_VLAN &&
        header_bytes(i->type) == 0)
        return refuse(e, ENOTSUP, "no such field");
    return 0;
}

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                      const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
                      struct rte_flow_error *e)
{
    int r = 0;

    (void)port;
    if (dpdk_card.broken)
        return refuse(e, dpdk_card.broken, NULL);
    if (!attr->ingress || attr->egress || actions[0].type != RTE_FLOW_ACTION_TYPE_COUNT ||
        actions[1].type != RTE_FLOW_ACTION_TYPE_DROP || actions[2].type != RTE_FLOW_ACTION_TYPE_END)
        return refuse(e, EINVAL, "it does nothing but count and drop");
    for (unsigned i = 0; r == 0 && pattern[i].type != RTE_FLOW_ITEM_TYPE_END; i++)
        r = i < DPDK_CARD_ITEMS ? check_item(&pattern[i], e) : refuse(e, E2BIG, "too long");
    return r;
}

static void copy_item(struct dpdk_card_item *to, const struct rte_flow_item *from)
{
    size_t bytes = header_bytes(from->type);

    to->type = from->type;
    if (from->type == RTE_FLOW_ITEM_TYPE_ETH && from->mask) {
        const struct rte_flow_item_eth *mask = from->mask, *spec = from->spec;

        to->no_tag = mask->has_vlan && !spec->has_vlan;
    }
    if (bytes > 0 && from->spec) {
        memcpy(to->spec, from->spec, bytes);
        memcpy(to->mask, from->mask, bytes);
    }
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                 const struct rte_flow_item pattern[],
                                 const struct rte_flow_action actions[], struct rte_flow_error *e)
{
    if (rte_flow_validate(port, attr, pattern, actions, e) < 0)
        return NULL;
    for (unsigned i = 0; i < dpdk_card.room && i < DPDK_CARD_RULES; i++) {
        struct dpdk_card_rule *rule = &dpdk_card.rule[i];

        if (rule->used)
            continue;
        *rule = (struct dpdk_card_rule){.used = true};
        while (pattern[rule->n_items].type != RTE_FLOW_ITEM_TYPE_END) {
            copy_item(&rule->item[rule->n_items], &pattern[rule->n_items]);
            rule->n_items++;
        }
        dpdk_card.made++;
        return (struct rte_flow *)(void *)rule;
    }
    (void)refuse(e, ENOSPC, "no room");
    return NULL;
}

int rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *e)
{
    struct dpdk_card_rule *rule = (struct dpdk_card_rule *)(void *)flow;

    (void)port;
    if (!rule->used)
        return refuse(e, EINVAL, "it is gone");
    rule->used = false;
    dpdk_card.removed++;
    return 0;
}

int rte_flow_flush(uint16_t port, struct rte_flow_error *e)
{
    (void)port;
    (void)e;
    for (unsigned i = 0; i < DPDK_CARD_RULES; i++)
        dpdk_card.rule[i].used = false;
    dpdk_card.flushed++;
    return 0;
}

int rte_flow_query(uint16_t port, struct rte_flow *flow, const struct rte_flow_action *action,
                   void *data, struct rte_flow_error *e)
{
    const struct dpdk_card_rule *rule = (const struct dpdk_card_rule *)(void *)flow;
    struct rte_flow_query_count *q = data;

    (void)port;
    if (!rule->used || action->type != RTE_FLOW_ACTION_TYPE_COUNT || dpdk_card.no_counts)
        return refuse(e, EINVAL, "it is not counted");
    q->hits_set = 1;
    q->bytes_set = !dpdk_card.no_bytes;
    q->hits = rule->packets;
    q->bytes = rule->bytes;
    dpdk_card.asked++;
    return 0;
}

/* --- frames --- */

static unsigned type_at(const uint8_t *frame, size_t len, size_t at)
{
    return at + 2 <= len ? (unsigned)frame[at] << 8 | frame[at + 1] : 0;
}

static bool is_tag(unsigned type)
{
    return type == TYPE_VLAN || type == TYPE_QINQ;
}

static bool header_fits(const struct dpdk_card_item *i, const uint8_t *at, size_t len)
{
    size_t bytes = header_bytes(i->type);

    if (len < bytes)
        return false;
    for (size_t b = 0; b < bytes; b++)
        if ((at[b] ^ i->spec[b]) & i->mask[b])
            return false;
    return true;
}

/* Where the IP header is, if the tags are as the rule has it; 0: they are not. */
static size_t ip_of(const struct dpdk_card_rule *r, unsigned *item, const uint8_t *frame,
                    size_t len)
{
    size_t at = ETHERNET - 2;
    unsigned tags = 0, wanted = 0;

    for (; is_tag(type_at(frame, len, at)); at += TAG)
        tags++;
    for (*item = 1; r->item[*item].type == RTE_FLOW_ITEM_TYPE_VLAN; ++*item)
        wanted++;
    if ((tags > 0 && r->item[0].no_tag) || (wanted > 0 && tags != wanted))
        return 0;
    return at + 2;
}

static bool rule_fits(const struct dpdk_card_rule *r, const uint8_t *frame, size_t len)
{
    unsigned item;
    size_t at = ip_of(r, &item, frame, len);
    bool v4 = at > 0 && type_at(frame, len, at - 2) == TYPE_IPV4;
    bool v6 = at > 0 && type_at(frame, len, at - 2) == TYPE_IPV6;
    unsigned proto;

    if (!(v4 && r->item[item].type == RTE_FLOW_ITEM_TYPE_IPV4) &&
        !(v6 && r->item[item].type == RTE_FLOW_ITEM_TYPE_IPV6))
        return false;
    if (len < at + sizeof(struct rte_ipv6_hdr) ||
        !header_fits(&r->item[item], frame + at, len - at))
        return false;
    proto = frame[at + (v4 ? 9 : 6)];
    at += v4 ? (frame[at] & 15u) * 4 : sizeof(struct rte_ipv6_hdr);
    item++;
    if (proto != (r->item[item].type == RTE_FLOW_ITEM_TYPE_TCP ? IPPROTO_TCP : IPPROTO_UDP))
        return false;
    return at < len && header_fits(&r->item[item], frame + at, len - at);
}

bool dpdk_card_takes(const uint8_t *frame, size_t len)
{
    for (unsigned i = 0; i < DPDK_CARD_RULES; i++) {
        struct dpdk_card_rule *r = &dpdk_card.rule[i];

        if (!r->used || !rule_fits(r, frame, len))
            continue;
        r->packets++;
        r->bytes += len < FRAME_MIN ? FRAME_MIN : len;
        return true;
    }
    return false;
}

unsigned dpdk_card_rules(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < DPDK_CARD_RULES; i++)
        n += dpdk_card.rule[i].used;
    return n;
}
