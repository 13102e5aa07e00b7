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

#define PIPELINE_EXPIRE_IDLE 64u /* a call, when no packets wait */

/* Packet time has come to w->now_ns: of the flows whose time is up, looks at `max` and as many as
 * have begun since the last call; ends those that fell silent, logs those that are due.
 * w->flows_due: it is to be called again before a sleep. No packet joins a flow that is due. */
void pipeline_expire(struct worker *w, uint32_t max);

/* Ends every flow, longest idle first. */
void pipeline_finish(struct worker *w);

/* Of the flows looks at `max`, longest idle first, and ends them but those that an answer of
 * another worker may still name: those come last from now on. */
void pipeline_finish_certain(struct worker *w, uint32_t max);

#endif
