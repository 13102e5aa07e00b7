/* SPDX-License-Identifier: BSD-3-Clause */
/* Cards differ in what they can match and count, and a driver that finds a rule valid may still not
 * count its bytes: what a port can do is told by making the very rules that will be wanted. A card
 * that cannot leave out segments with FIN, SYN and RST gets no rules for TCP, since connections
 * would not end.
 *
 * Some cards take a pattern without a tag for any number of tags. Frames with one are longer, so
 * the rule says that there is none where the card understands it. */
#include "worker/capture/dpdk_rule.h"

#include "common/base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <rte_errno.h>
#include <stdio.h>
#include <string.h>

#define RISING_FLAGS (RTE_TCP_FIN_FLAG | RTE_TCP_SYN_FLAG | RTE_TCP_RST_FLAG)
#define DISCARD_PORT 9

static const struct rte_flow_attr ingress = {.ingress = 1};

enum dpdk_rule_kind dpdk_rule_kind(const struct flow_key *key)
{
    bool v4 = ipaddr_is_v4(&key->addr[0]);

    CHECK(key->proto == IPPROTO_TCP || key->proto == IPPROTO_UDP);
    if (key->proto == IPPROTO_TCP)
        return v4 ? DPDK_RULE_TCP4 : DPDK_RULE_TCP6;
    return v4 ? DPDK_RULE_UDP4 : DPDK_RULE_UDP6;
}

static struct rte_flow_item *add_ethernet(struct dpdk_rule *r, struct rte_flow_item *to,
                                          unsigned tags, bool says_no_tags)
{
    *to = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_ETH};
    if (tags == 0 && says_no_tags) {
        r->eth_mask.has_vlan = 1;
        to->spec = &r->eth;
        to->mask = &r->eth_mask;
    }
    to++;
    for (unsigned i = 0; i < tags; i++)
        *to++ = (struct rte_flow_item){.type = RTE_FLOW_ITEM_TYPE_VLAN};
    return to;
}

static struct rte_flow_item *add_ip(struct dpdk_rule *r, struct rte_flow_item *to,
                                    const struct ipaddr *src, const struct ipaddr *dst)
{
    *to = (struct rte_flow_item){.spec = &r->ip, .mask = &r->ip_mask};
    if (ipaddr_is_v4(src)) {
        to->type = RTE_FLOW_ITEM_TYPE_IPV4;
        memcpy(&r->ip.v4.hdr.src_addr, src->b + 12, 4);
        memcpy(&r->ip.v4.hdr.dst_addr, dst->b + 12, 4);
        memset(&r->ip_mask.v4.hdr.src_addr, 0xff, 4);
        memset(&r->ip_mask.v4.hdr.dst_addr, 0xff, 4);
    } else {
        to->type = RTE_FLOW_ITEM_TYPE_IPV6;
        memcpy(r->ip.v6.hdr.src_addr, src->b, 16);
        memcpy(r->ip.v6.hdr.dst_addr, dst->b, 16);
        memset(r->ip_mask.v6.hdr.src_addr, 0xff, 16);
        memset(r->ip_mask.v6.hdr.dst_addr, 0xff, 16);
    }
    return to + 1;
}

static struct rte_flow_item *add_ports(struct dpdk_rule *r, struct rte_flow_item *to, uint8_t proto,
                                       uint16_t src, uint16_t dst)
{
    *to = (struct rte_flow_item){.spec = &r->ports, .mask = &r->ports_mask};
    if (proto == IPPROTO_TCP) {
        to->type = RTE_FLOW_ITEM_TYPE_TCP;
        r->ports.tcp.hdr.src_port = htons(src);
        r->ports.tcp.hdr.dst_port = htons(dst);
        r->ports_mask.tcp.hdr.src_port = r->ports_mask.tcp.hdr.dst_port = UINT16_MAX;
        r->ports_mask.tcp.hdr.tcp_flags = RISING_FLAGS;
    } else {
        to->type = RTE_FLOW_ITEM_TYPE_UDP;
        r->ports.udp.hdr.src_port = htons(src);
        r->ports.udp.hdr.dst_port = htons(dst);
        r->ports_mask.udp.hdr.src_port = r->ports_mask.udp.hdr.dst_port = UINT16_MAX;
    }
    return to + 1;
}

void dpdk_rule_build(struct dpdk_rule *r, const struct flow_key *key, unsigned from, unsigned tags,
                     bool says_no_tags)
{
    struct rte_flow_item *to = r->pattern;

    CHECK(tags <= DPDK_RULE_TAGS_MAX);
    memset(r, 0, sizeof *r);
    to = add_ethernet(r, to, tags, says_no_tags);
    to = add_ip(r, to, &key->addr[from], &key->addr[!from]);
    to = add_ports(r, to, key->proto, key->port[from], key->port[!from]);
    to->type = RTE_FLOW_ITEM_TYPE_END;
    r->actions[0] = (struct rte_flow_action){.type = RTE_FLOW_ACTION_TYPE_COUNT, .conf = &r->count};
    r->actions[1].type = RTE_FLOW_ACTION_TYPE_DROP;
    r->actions[2].type = RTE_FLOW_ACTION_TYPE_END;
}

/* Some drivers say no more than that they refuse. */
static void explain(char *why, const struct rte_flow_error *e, int error)
{
    snprintf(why, DPDK_RULE_WHY_BYTES, "%s", e->message ? e->message : strerror(error));
}

struct rte_flow *dpdk_rule_make(uint16_t port, const struct dpdk_rule *r, int *error, char *why)
{
    struct rte_flow_error e = {0};
    int err = rte_flow_validate(port, &ingress, r->pattern, r->actions, &e);
    struct rte_flow *flow = NULL;

    if (err == 0) {
        rte_errno = 0;
        flow = rte_flow_create(port, &ingress, r->pattern, r->actions, &e);
        err = flow ? 0 : -rte_errno;
    }
    if (flow)
        return flow;
    *error = err < 0 ? -err : EIO;
    explain(why, &e, *error);
    return NULL;
}

int dpdk_rule_ask(uint16_t port, struct rte_flow *flow, struct dpdk_order_count *out)
{
    const struct rte_flow_action_count conf = {0};
    const struct rte_flow_action what[] = {{.type = RTE_FLOW_ACTION_TYPE_COUNT, .conf = &conf},
                                           {.type = RTE_FLOW_ACTION_TYPE_END}};
    struct rte_flow_query_count q = {0};
    struct rte_flow_error e = {0};
    int r = rte_flow_query(port, flow, what, &q, &e);

    if (r < 0)
        return r;
    if (!q.hits_set || !q.bytes_set)
        return -ENOTSUP;
    *out = (struct dpdk_order_count){.packets = q.hits, .frame_bytes = q.bytes};
    return 0;
}

void dpdk_rule_remove(uint16_t port, struct rte_flow *flow)
{
    struct rte_flow_error e = {0};

    (void)rte_flow_destroy(port, flow, &e);
}

void dpdk_rule_remove_all(uint16_t port)
{
    struct rte_flow_error e = {0};

    (void)rte_flow_flush(port, &e);
}

/* Addresses and a port that are set aside for examples (RFC 5737, 3849) and for nothing (863). */
static void example_key(struct flow_key *key, enum dpdk_rule_kind kind)
{
    static const uint8_t v4[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
    struct ipaddr addr[2] = {{{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
                             {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}}};
    bool tcp = kind == DPDK_RULE_TCP4 || kind == DPDK_RULE_TCP6;

    for (unsigned i = 0; i < 2 && (kind == DPDK_RULE_TCP4 || kind == DPDK_RULE_UDP4); i++)
        ipaddr_set_v4(&addr[i], v4[i]);
    flow_key_set(key, &addr[0], DISCARD_PORT, &addr[1], DISCARD_PORT,
                 tcp ? IPPROTO_TCP : IPPROTO_UDP);
}

static bool can(uint16_t port, enum dpdk_rule_kind kind, bool says_no_tags, char *why)
{
    struct dpdk_order_count count;
    struct dpdk_rule rule;
    struct rte_flow *flow;
    struct flow_key key;
    int r;

    example_key(&key, kind);
    dpdk_rule_build(&rule, &key, 0, 0, says_no_tags);
    flow = dpdk_rule_make(port, &rule, &r, why);
    if (!flow)
        return false;
    r = dpdk_rule_ask(port, flow, &count);
    if (r < 0)
        snprintf(why, DPDK_RULE_WHY_BYTES, "%s",
                 r == -ENOTSUP ? "it does not count packets and bytes" : strerror(-r));
    dpdk_rule_remove(port, flow);
    return r == 0;
}

bool dpdk_rule_probe(uint16_t port, struct dpdk_ability *out, char *why)
{
    char other[DPDK_RULE_WHY_BYTES];
    bool any = false;

    *out = (struct dpdk_ability){0};
    for (unsigned kind = 0; kind < DPDK_RULE_KINDS; kind++) {
        out->kind[kind] = can(port, kind, false, kind == 0 ? why : other);
        if (out->kind[kind] && !any)
            out->knows_tags = can(port, kind, true, other);
        any |= out->kind[kind];
    }
    return any;
}
