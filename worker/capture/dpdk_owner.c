/* SPDX-License-Identifier: BSD-3-Clause */
/* The owner of a port whose queues several workers read. It sets the port up, and then only keeps
 * it: no frame passes through it, and it sleeps until a worker asks for its queue, or orders rules
 * for flows that are to be shunted, which drivers take from no other process.
 *
 * A worker that was killed leaves its queue in the middle of something, and frames in its hands.
 * Its successor asks, the rules of its flows are taken away, and the driver begins the queue anew.
 * A driver that cannot do that ends the owner, and the manager starts it again together with its
 * workers. */
#include "common/base/log.h"
#include "common/ipc/dpdk_share.h"
#include "worker/capture/dpdk_eal.h"
#include "worker/capture/dpdk_flow.h"
#include "worker/capture/dpdk_port.h"
#include "worker/capture/dpdk_rule.h"
#include "worker/capture/dpdk_rules.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LOOK_MS     500 /* at least so often, whether it is to end */
#define ORDERS_TURN 16u /* of one worker, before the next one's */

static struct dpdk_port port;
static struct dpdk_share *share;
static bool has_rules; /* the card can; then, by queue: */
static struct dpdk_orders orders[HERITAGE_WORKERS_MAX];
static struct dpdk_rules rules[HERITAGE_WORKERS_MAX];

int dpdk_owner_begin(const struct heritage *h)
{
    uint32_t queues = h->capture.dpdk.queues;
    int r;

    share = heritage_map(h->capture.memory_fd,
                         dpdk_share_bytes(queues, dpdk_orders_flows(&h->options)));
    if (!share)
        return dpdk_fail(h, "cannot map what it shares with the workers", -errno);
    port.queues = (uint16_t)queues;
    port.guests = true;
    r = dpdk_eal_begin(h, DPDK_OWNER, getpid());
    if (r == 0)
        r = dpdk_port_find(&port, h);
    if (r == 0)
        r = dpdk_port_start(&port, h);
    return r;
}

/* With the rights that it has from now on. 0 or -ENOMEM. */
static int begin_rules(const struct heritage *h)
{
    uint32_t flows = dpdk_orders_flows(&h->options);
    int r = 0;

    if (!dpdk_flow_wanted(&h->options))
        return 0;
    dpdk_rule_remove_all(port.id);
    has_rules = dpdk_rule_probe(port.id, &share->can, share->can_not);
    for (uint16_t q = 0; q < port.queues && has_rules && r == 0; q++) {
        dpdk_orders_init(&orders[q], dpdk_share_orders(share, q, flows), flows);
        r = dpdk_rules_init(&rules[q], port.id, flows, share->can.knows_tags);
    }
    return r < 0 ? dpdk_fail(h, "cannot have room for the rules of flows", r) : 0;
}

static void publish(void)
{
    share->owner_pid = getpid();
    share->port = port.id;
    share->queues = port.queues;
    atomic_store(&share->state, DPDK_SHARE_RUNS);
    dpdk_share_wake(&share->state);
}

/* Gives the queue to who asks for it, if somebody does. 0 or -errno. */
static int serve(const struct heritage *h, uint16_t number)
{
    struct dpdk_share_queue *q = &share->queue[number];
    uint32_t asked = atomic_load(&q->asked), given = atomic_load(&q->given);
    int lost = 0;

    if (asked == given)
        return 0;
    if (given > 0)
        lost = dpdk_port_renew(&port, number);
    if (lost < 0) {
        log_warn("interface %s: its driver cannot begin a queue anew (%s): all of its workers are "
                 "started again",
                 h->capture.name, strerror(-lost));
        return lost;
    }
    q->abandoned = (uint32_t)lost;
    if (has_rules) {
        q->unshunted = dpdk_rules_clear(&rules[number]);
        dpdk_orders_reset(&orders[number]);
    }
    atomic_store(&q->given, asked);
    dpdk_share_wake(&q->given);
    return 0;
}

/* Does what a worker has ordered, but no more than is its turn. Whether there may be more. */
static bool do_orders(uint16_t q)
{
    uint32_t number, n;

    for (n = 0; n < ORDERS_TURN && dpdk_orders_take(&orders[q], &number); n++) {
        struct dpdk_order *o = &orders[q].order[number];

        dpdk_rules_do(&rules[q], number, o);
        dpdk_orders_answer(&orders[q], number);
        dpdk_share_wake(&o->open);
    }
    return n == ORDERS_TURN;
}

int dpdk_owner_keep(const struct heritage *h, const volatile int *stop)
{
    if (begin_rules(h) < 0)
        return EX_OSERR;
    publish();
    while (!*stop && !heritage_orphaned(h)) {
        uint32_t bell = atomic_load(&share->bell);
        bool more = false;

        for (uint16_t q = 0; q < port.queues; q++) {
            if (serve(h, q) < 0)
                return EX_TEMPFAIL;
            if (has_rules)
                more |= do_orders(q);
        }
        if (!more)
            dpdk_share_wait(&share->bell, bell, LOOK_MS);
    }
    if (has_rules)
        dpdk_rule_remove_all(port.id);
    return 0;
}
