/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SPLIFF_WORKER_PIPELINE_H
#define SPLIFF_WORKER_PIPELINE_H

#include "worker/worker.h"

/* Takes one batch of frames from the capture source through every stage to the spool. Returns the
 * number of frames, 0 if there were none, or the source's -errno (capture.h). */
int pipeline_run(struct worker *w);

/* The flow that a packet would belong to that nobody has seen: p needs key, hash, from and ts_ns. A
 * new flow begins at ts_ns, has no packets and is in no conn.log unless some come; whoever wants it
 * sees to its `joint`, or ends it. */
struct flow *pipeline_flow(struct worker *w, const struct packet *p);

/* Logs a flow and forgets it. */
void pipeline_flow_end(struct worker *w, struct flow *f);

/* Packet time has come to w->now_ns: ends the flows that fell silent, logs those that are due. */
void pipeline_expire(struct worker *w);

/* Ends every flow, longest idle first. */
void pipeline_finish(struct worker *w);

#endif
