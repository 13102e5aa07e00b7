/* SPDX-License-Identifier: BSD-3-Clause */
/* What somebody writes who has taken a worker over, into the memory that it has with the owner of
 * its port: orders that are none, in turns that are none, other ones while the driver is at work on
 * one, and at any time, by a thread. The owner never asks the driver for what is no rule of a flow,
 * knows each rule that there is, both of a flow or none, and asks for none that is gone. When a
 * successor begins, all are, and its orders are done as if nothing had been.
 *
 * First a byte of options. Then steps: a byte that says what and a byte that says of which flow or
 * how many bytes; for what is written, where (two bytes) and the bytes. */
#include "common/base/check.h"
#include "common/base/cursor.h"
#include "worker/capture/dpdk_rule.h"
#include "worker/capture/dpdk_rules.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <rte_errno.h>
#include <sched.h>
#include <stdlib.h>

#define FLOWS 5u  /* no power of two */
#define TURN  16u /* orders that the owner does before it looks at something else */

enum {                     /* options */
       AT_WORK = 0x01,     /* the next step comes while the driver is at work */
       BY_A_THREAD = 0x02, /* all that is written is written all the time: may go either way */
       FULL = 0x04,        /* the card has no room for all rules */
};

enum step { WRITE, GIVE, WORK, BEGIN, STEPS };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

RTE_DEFINE_PER_LCORE(int, _rte_errno);

static struct dpdk_orders worker, owner;
static struct dpdk_rules rules;
static uint8_t *memory; /* dpdk_orders_bytes(FLOWS) */
static struct cursor script;
static unsigned how;

/* --- the worker --- */

static void write_bytes(unsigned at, struct cursor bytes)
{
    size_t room = dpdk_orders_bytes(FLOWS);

    while (cursor_left(&bytes) > 0) {
        volatile uint8_t *to = memory + at++ % room;

        *to = cursor_u8(&bytes);
    }
}

/* As a worker does that nobody has taken over, whatever is there. */
static void give(uint32_t number, uint32_t kind, unsigned tags)
{
    uint32_t given = atomic_load(&worker.ring->given);
    struct dpdk_order *o = &worker.order[number];
    struct ipaddr addr[2] = {{{0x20, 0x01, [15] = 1}}, {{0x20, 0x01, [15] = 2}}};

    if (number % 2)
        for (unsigned i = 0; i < 2; i++)
            ipaddr_set_v4(&addr[i], addr[i].b + 12);
    o->kind = kind;
    o->tags = tags;
    flow_key_set(&o->key, &addr[0], (uint16_t)number, &addr[1], 443,
                 tags % 2 ? IPPROTO_UDP : IPPROTO_TCP);
    atomic_store(&o->open, 1);
    worker.ring->number[given & worker.mask] = number;
    atomic_store(&worker.ring->given, given + 1);
}

/* A step of its, of which `more` is the second byte. */
static void worker_step(unsigned step, unsigned more)
{
    size_t left;

    if (step == GIVE) {
        give(more % FLOWS, more / FLOWS % 3, more / FLOWS / 3 % (DPDK_RULE_TAGS_MAX + 1));
    } else if (step == WRITE) {
        unsigned at = cursor_be16(&script);

        left = cursor_left(&script);
        write_bytes(at, cursor_sub(&script, more < left ? more : left));
    }
}

/* --- the driver --- */

static bool there[FLOWS * 2]; /* rules */

static void at_work(void)
{
    struct cursor next = script;
    unsigned step = cursor_u8(&next) % STEPS, more = cursor_u8(&next);

    if (!(how & AT_WORK) || cursor_left(&next) == 0 || step > GIVE)
        return;
    script = next;
    worker_step(step, more);
}

static bool *rule_of(struct rte_flow *flow)
{
    bool *rule = (bool *)(void *)flow;

    CHECK(rule >= there && rule < there + FLOWS * 2 && *rule);
    return rule;
}

static void check_pattern(const struct rte_flow_item *i)
{
    const struct rte_flow_item_tcp *mask;
    unsigned tags;

    CHECK(i++->type == RTE_FLOW_ITEM_TYPE_ETH);
    for (tags = 0; i->type == RTE_FLOW_ITEM_TYPE_VLAN; i++)
        tags++;
    CHECK(tags <= DPDK_RULE_TAGS_MAX);
    CHECK(i->type == RTE_FLOW_ITEM_TYPE_IPV4 || i->type == RTE_FLOW_ITEM_TYPE_IPV6);
    i++;
    CHECK(i->type == RTE_FLOW_ITEM_TYPE_TCP || i->type == RTE_FLOW_ITEM_TYPE_UDP);
    mask = i->mask;
    CHECK(i->type == RTE_FLOW_ITEM_TYPE_UDP || mask->hdr.tcp_flags != 0);
    CHECK(i[1].type == RTE_FLOW_ITEM_TYPE_END);
}

int rte_flow_validate(uint16_t port, const struct rte_flow_attr *attr,
                      const struct rte_flow_item pattern[], const struct rte_flow_action actions[],
                      struct rte_flow_error *e)
{
    (void)port;
    (void)e;
    at_work();
    CHECK(attr->ingress && !attr->egress);
    check_pattern(pattern);
    CHECK(actions[0].type == RTE_FLOW_ACTION_TYPE_COUNT &&
          actions[1].type == RTE_FLOW_ACTION_TYPE_DROP &&
          actions[2].type == RTE_FLOW_ACTION_TYPE_END);
    return 0;
}

struct rte_flow *rte_flow_create(uint16_t port, const struct rte_flow_attr *attr,
                                 const struct rte_flow_item pattern[],
                                 const struct rte_flow_action actions[], struct rte_flow_error *e)
{
    unsigned room = how & FULL ? FLOWS : FLOWS * 2;

    CHECK(rte_flow_validate(port, attr, pattern, actions, e) == 0);
    for (unsigned i = 0; i < room; i++) {
        if (there[i])
            continue;
        there[i] = true;
        return (struct rte_flow *)(void *)&there[i];
    }
    rte_errno = ENOSPC;
    return NULL;
}

int rte_flow_destroy(uint16_t port, struct rte_flow *flow, struct rte_flow_error *e)
{
    (void)port;
    (void)e;
    at_work();
    *rule_of(flow) = false;
    return 0;
}

int rte_flow_flush(uint16_t port, struct rte_flow_error *e)
{
    (void)port;
    (void)e;
    memset(there, 0, sizeof there);
    return 0;
}

int rte_flow_query(uint16_t port, struct rte_flow *flow, const struct rte_flow_action *action,
                   void *data, struct rte_flow_error *e)
{
    struct rte_flow_query_count *q = data;

    (void)port;
    (void)e;
    at_work();
    CHECK(rule_of(flow) && action->type == RTE_FLOW_ACTION_TYPE_COUNT);
    q->hits_set = q->bytes_set = 1;
    q->hits = q->bytes = 7;
    return 0;
}

static unsigned rules_there(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < FLOWS * 2; i++)
        n += there[i];
    return n;
}

/* --- the owner --- */

static void owner_works(void)
{
    uint32_t number;

    for (unsigned n = 0; n < TURN && dpdk_orders_take(&owner, &number); n++) {
        unsigned known = 0;

        CHECK(number < FLOWS);
        dpdk_rules_do(&rules, number, &owner.order[number]);
        dpdk_orders_answer(&owner, number);
        for (unsigned i = 0; i < FLOWS; i++) {
            CHECK(!rules.rule[i][0] == !rules.rule[i][1]);
            known += rules.rule[i][0] ? 2 : 0;
        }
        CHECK(known == rules_there());
    }
}

static void successor_begins(void)
{
    (void)dpdk_rules_clear(&rules);
    CHECK(rules_there() == 0);
    dpdk_orders_reset(&owner);
    dpdk_orders_init(&worker, memory, FLOWS);
}

static void order_all(uint32_t kind, unsigned rules_left)
{
    for (uint32_t i = 0; i < FLOWS; i++) {
        give(i, kind, i % 2);
        owner_works();
        CHECK(worker.order[i].open == 0 && worker.order[i].error == 0);
        CHECK(kind == DPDK_ORDER_MAKE || worker.order[i].count[1].packets == 7);
    }
    CHECK(rules_there() == rules_left);
}

static void successor_is_served(void)
{
    successor_begins();
    order_all(DPDK_ORDER_MAKE, FLOWS * 2);
    order_all(DPDK_ORDER_ASK, FLOWS * 2);
    order_all(DPDK_ORDER_REMOVE, 0);
}

/* --- both --- */

static _Atomic bool over, begun;

static void *write_all_the_time(void *arg)
{
    const struct cursor *all = arg;

    for (unsigned at = 0; !atomic_load_explicit(&over, memory_order_relaxed); at++) {
        write_bytes(at, *all);
        atomic_store_explicit(&begun, true, memory_order_relaxed);
    }
    return NULL;
}

static void play(void)
{
    while (cursor_left(&script) >= 2) {
        unsigned step = cursor_u8(&script) % STEPS, more = cursor_u8(&script);

        if (step == WORK)
            owner_works();
        else if (step == BEGIN)
            successor_begins();
        else
            worker_step(step, more);
    }
    owner_works();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor all;
    pthread_t thread;

    script = cursor_init(data, size);
    how = cursor_u8(&script);
    all = script;
    memory = calloc(1, dpdk_orders_bytes(FLOWS));
    CHECK(memory && dpdk_rules_init(&rules, 0, FLOWS, true) == 0);
    dpdk_orders_init(&worker, memory, FLOWS);
    dpdk_orders_init(&owner, memory, FLOWS);
    if (how & BY_A_THREAD) {
        over = begun = false;
        CHECK(pthread_create(&thread, NULL, write_all_the_time, &all) == 0);
        while (!begun)
            sched_yield();
    }
    play();
    if (how & BY_A_THREAD) {
        over = true;
        pthread_join(thread, NULL);
    }
    how = 0;
    successor_is_served();
    dpdk_rules_fini(&rules);
    free(memory);
    return 0;
}
