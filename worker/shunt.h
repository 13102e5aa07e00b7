/* SPDX-License-Identifier: BSD-3-Clause */
/* Shunting: flows from which nothing more can be learned are only counted, where the frames come
 * from (capture.h); here it is decided which, and what was counted there joins the flow.
 *
 *   decide  each time that an end has sent another SHUNT_STEP_BYTES: flows that are over sooner are
 *           not worth the trouble, and those that go on are looked at again
 *   join    when something of the flow comes up that the stream does not lead up to (its FIN, the
 *           end of a body), when its deadline comes, when its line is logged, and at its end
 *
 * What joins is what is new since the last time, so it may be as often as is of use. */
#ifndef SPLIFF_WORKER_SHUNT_H
#define SPLIFF_WORKER_SHUNT_H

#include "worker/worker.h"

#define SHUNT_STEP_SHIFT 16
#define SHUNT_STEP_BYTES (1u << SHUNT_STEP_SHIFT)

/* Once the capture is open. 0 or -ENOMEM. */
int shunt_open(struct worker *w);
void shunt_close(struct worker *w);

/* Whether a flow is to be decided about: an end has come to `bytes` with the last `len` of them. */
static inline bool shunt_is_due(const struct worker *w, uint64_t bytes, uint32_t len)
{
    return ((bytes ^ (bytes - len)) >> w->shunt.step_shift) != 0;
}

/* Shunts the flow if there is a reason to. */
void shunt_decide(struct worker *w, struct flow *f);

/* TCP: the next len bytes of an end, from where its stream stands, need not be seen. Shunts the
 * flow until then, if they are many. */
void shunt_body(struct worker *w, struct flow *f, unsigned end, uint64_t len);

/* UDP: no datagram of the flow need be seen but those with a long header of QUIC. */
void shunt_datagrams(struct worker *w, struct flow *f);

/* Whether packets of the flow may have been counted without coming up. */
static inline bool shunt_covers(const struct worker *w, const struct flow *f)
{
    return __builtin_expect(w->shunt.covers, 0) && (f->shunt > 0 || w->shunt.covers_all);
}

/* A packet of a covered flow, before it is counted: joins what went before it, if its sequence
 * numbers tell that there is something. */
void shunt_before(struct worker *w, struct flow *f, const struct packet *p);

/* Joins what was counted of a covered flow; its last packet and seen_ns with it. */
void shunt_join(struct worker *w, struct flow *f);

/* The same for the last time: the flow is over. */
void shunt_end(struct worker *w, struct flow *f);

#endif
