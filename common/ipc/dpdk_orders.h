/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker wants of the rules of its port (worker/capture/dpdk_rule.h), which only the process
 * that set the port up may make: of each of its flows at most one order at a time, to make the two
 * rules of the flow, to ask what they have counted, or to remove them.
 *
 * Where a port has an owner, orders lie in memory that both have (dpdk_share.h), and those that
 * were given and not taken yet stand in a ring: one worker gives, the owner takes. Since a flow is
 * in it once, it is never full. The owner believes nothing in there: a number that is none is
 * passed over, and an order is copied before it is looked at. */
#ifndef SPLIFF_IPC_DPDK_ORDERS_H
#define SPLIFF_IPC_DPDK_ORDERS_H

#include "common/base/flow_key.h"
#include "common/schema/options.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DPDK_RULE_KINDS     4u
#define DPDK_RULE_WHY_BYTES 128u

/* What a card can do, as who may try has found out. */
struct dpdk_ability {
    bool kind[DPDK_RULE_KINDS]; /* enum dpdk_rule_kind */
    bool knows_tags;            /* a rule can say that there is no VLAN tag */
};

enum dpdk_order_kind { DPDK_ORDER_MAKE, DPDK_ORDER_ASK, DPDK_ORDER_REMOVE };

/* What a rule has counted since it was made: whole frames, as the card sees them. */
struct dpdk_order_count {
    uint64_t packets;
    uint64_t frame_bytes;
};

/* Of one flow, by the worker's number of it. */
struct dpdk_order {
    _Atomic uint32_t open; /* given, and not answered yet: then it is the other side's */
    uint32_t kind;         /* enum dpdk_order_kind */
    struct flow_key key;
    uint32_t tags;                    /* VLAN tags of its frames */
    int32_t error;                    /* the answer to MAKE: 0, or -errno and there are no rules */
    struct dpdk_order_count count[2]; /* the answer, by the ends of the key; REMOVE: the last */
};

struct dpdk_orders_ring {
    _Atomic uint32_t given; /* how many, ever */
    uint32_t number[];      /* of flows; its length is a power of two */
};

/* One side's view of them. */
struct dpdk_orders {
    struct dpdk_order *order; /* by number */
    struct dpdk_orders_ring *ring;
    uint32_t flows, mask;
    uint32_t taken; /* of those given */
};

/* At most so many flows of a worker have rules. */
static inline uint32_t dpdk_orders_flows(const struct options *o)
{
    const uint64_t bound = UINT32_C(1) << 20;
    uint64_t n =
        o->dpdk_shunt_flows < o->shunt_table_size ? o->dpdk_shunt_flows : o->shunt_table_size;

    return (uint32_t)(n < bound ? n : bound);
}

/* Memory for the orders of so many flows. */
size_t dpdk_orders_bytes(uint32_t flows);

/* Those that lie in zeroed memory of dpdk_orders_bytes(flows), borrowed. */
void dpdk_orders_init(struct dpdk_orders *o, void *memory, uint32_t flows);
/* None is given, and none was. The worker does nothing meanwhile. */
void dpdk_orders_reset(struct dpdk_orders *o);

/* Worker: order[number] is filled in, and not open. */
void dpdk_orders_give(struct dpdk_orders *o, uint32_t number);

/* Owner: the number of the next one. False: there is none. */
bool dpdk_orders_take(struct dpdk_orders *o, uint32_t *number);
/* It is done, the answer is filled in. */
void dpdk_orders_answer(struct dpdk_orders *o, uint32_t number);

#endif
