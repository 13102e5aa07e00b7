/* SPDX-License-Identifier: BSD-3-Clause */
/* Which worker has a flow, as the workers themselves say it (common/ipc/claim.h): for interfaces
 * whose flows are not shared out by our hash. The flows that were claimed or asked for last. */
#ifndef SPLIFF_PROBE_CLAIMS_H
#define SPLIFF_PROBE_CLAIMS_H

#include "common/base/flow_key.h"
#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#define CLAIMS_NONE UINT32_MAX

struct claims;

/* Heritage: n_workers and workers. NULL: no memory. */
struct claims *claims_new(uint32_t capacity, const struct heritage *h, struct counters *c);
void claims_free(struct claims *t); /* NULL: does nothing */

/* A message under CLAIM_TOPIC: takes its claims; one that cannot be read is counted. */
void claims_message(struct claims *t, const struct bus_message *m, uint64_t mono_ns);

/* One claim. Where several workers have packets of a flow, the first one to say so has it. */
void claims_add(struct claims *t, const struct flow_key *key, unsigned worker, uint64_t mono_ns);

/* Index of the worker that has the flow; CLAIMS_NONE: not known. */
unsigned claims_find(struct claims *t, const struct flow_key *key);

#endif
