/* SPDX-License-Identifier: BSD-3-Clause */
/* The host of analyzers: takes the ordered bytes of a flow, finds the analyzer that reads them,
 * calls it, and does what it asks for (records, oddities, hand-over to another one). The only place
 * that knows both flows and analyzers. */
#ifndef SPLIFF_WORKER_HOST_H
#define SPLIFF_WORKER_HOST_H

#include "worker/worker.h"

/* Ordered bytes (TCP) or one datagram (UDP) that an end of the flow sent at ts_ns. */
void host_data(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, const uint8_t *data,
               size_t len);
void host_gap(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len);

/* TCP: the end sends no more. */
void host_end(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns);

/* The flow is over: closes its analyzer, frees what detection held. */
void host_close(struct worker *w, struct flow *f);

/* Whether bytes of this end are still looked at. */
bool host_wants(const struct worker *w, const struct flow *f, unsigned end);

/* Emits a record of a flow: fills uid and id.* where the record has them. */
void host_record(struct worker *w, const struct flow *f, enum record_type type, void *rec);

/* Oddity of a flow, or (f NULL) of a packet with this key. source: stage or analyzer. */
void host_weird(struct worker *w, struct flow *f, enum weird name, const char *addl,
                const char *source);
void host_weird_packet(struct worker *w, const struct packet *p, enum weird name);

/* Name of a flow's service by its index + 1; NULL for 0. */
static inline const char *host_name(const struct worker *w, uint8_t index)
{
    return index ? w->names[index - 1] : NULL;
}

#endif
