/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows that a network card counts and drops instead of sending their packets up: shunting in mode
 * dpdk, by rules of the card (dpdk_rule.h). Worker process.
 *
 * A rule takes tens of microseconds to make, ask or remove, so what is wanted is only noted, and
 * done a little at a time between batches, by this process or the owner of its port. Until then
 * packets come up as before. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_FLOW_H
#define SPLIFF_WORKER_CAPTURE_DPDK_FLOW_H

#include "common/ipc/dpdk_share.h"
#include "common/schema/counters.h"
#include "worker/capture/capture.h"

#include <stdint.h>

struct dpdk_flow;

/* Whether any flows are to be shunted. */
static inline bool dpdk_flow_wanted(const struct options *o)
{
    return (o->shunt_tls || o->shunt_unknown || o->shunt_plaintext || o->shunt_elephant) &&
           o->format != OUTPUT_PCAP;
}

struct dpdk_flow_setup {
    uint16_t port, queue;
    struct dpdk_share *share; /* with the port's owner, which has given the queue; NULL: the port
                                 is this process's own, and started */
    uint32_t flows_max;       /* as dpdk_orders_flows where there is an owner */
    uint32_t seed;            /* of the hash by which flows are found */
    const char *interface;    /* for messages; borrowed, as all that is pointed to */
    struct counters *counters;
};

/* Where this process may have no more rights than later: finds out what the card can do, by itself
 * or from the owner, and says so in one line. 0; -ENOTSUP: the card cannot, and it was said why;
 * -ENOMEM. */
int dpdk_flow_open(struct dpdk_flow **out, const struct dpdk_flow_setup *setup);
/* Takes all rules away; those of a port with an owner that one does. f may be NULL. */
void dpdk_flow_close(struct dpdk_flow *f);

/* What capture_ops.shunt does. 0: it is noted, or done; -EPROTONOSUPPORT: the card has no rules for
 * such a flow; -ENOSPC: there is no room, or the card has refused the flow, now or lately. how
 * NULL: 0, and nothing is done, because who shunts here does so for good. */
int dpdk_flow_shunt(struct dpdk_flow *f, const struct flow_key *key,
                    const struct capture_shunt *how);

/* What capture_ops.unseen does, as of now_ns (since 1970), or of a moment ago if the card was asked
 * then. */
bool dpdk_flow_unseen(struct dpdk_flow *f, const struct flow_key *key, bool end, uint64_t now_ns,
                      struct capture_unseen *out);

/* After each batch: does some of what is to be done, and more if there was no frame. */
void dpdk_flow_run(struct dpdk_flow *f, uint64_t now_ns, bool idle);

#endif
