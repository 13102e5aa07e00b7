/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of a worker's flows in the card, two for each: does what is ordered of them
 * (common/ipc/dpdk_orders.h). In the process that set the port up: the worker that is alone with
 * it, or its owner, for each of its workers. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_RULES_H
#define SPLIFF_WORKER_CAPTURE_DPDK_RULES_H

#include "common/ipc/dpdk_orders.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_flow;

struct dpdk_rules {
    uint16_t port;
    bool knows_tags; /* as struct dpdk_ability */
    uint32_t flows;
    struct rte_flow *(*rule)[2]; /* by the flow's number and its end; NULL: there is none */
};

/* Of numbers below `flows`. 0 or -ENOMEM. */
int dpdk_rules_init(struct dpdk_rules *r, uint16_t port, uint32_t flows, bool knows_tags);
/* Forgets them; takes none away. */
void dpdk_rules_fini(struct dpdk_rules *r);

/* Does it, and puts the answer into it. An order that makes no sense is answered with -EINVAL. */
void dpdk_rules_do(struct dpdk_rules *r, uint32_t number, struct dpdk_order *o);

/* Takes all of them away, of a worker that is no more. How many flows had some. */
uint32_t dpdk_rules_clear(struct dpdk_rules *r);

#endif
