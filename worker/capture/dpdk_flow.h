/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows that a network card counts and drops instead of sending their packets up: shunting in mode
 * dpdk, by rules of the card (dpdk_rule.h). Worker process, of one that is alone with its port.
 *
 * A rule takes tens of microseconds to make, ask or remove, so what is wanted is only noted, and
 * done a little at a time between batches. Until then packets come up as before. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_FLOW_H
#define SPLIFF_WORKER_CAPTURE_DPDK_FLOW_H

#include "common/schema/counters.h"
#include "worker/capture/capture.h"

#include <stdint.h>

struct dpdk_flow;

/* Of a port that was started, where this process may have no more rights than later: finds out what
 * the card can do, and says so in one line. At most flows_max flows; interface is for messages;
 * both that and the counters are borrowed. seed is of the hash by which flows are found. 0;
 * -ENOTSUP: the card cannot, and it was said why; -ENOMEM. */
int dpdk_flow_open(struct dpdk_flow **out, uint16_t port, uint32_t flows_max, uint32_t seed,
                   const char *interface, struct counters *counters);
/* Takes all rules away. f may be NULL. */
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
