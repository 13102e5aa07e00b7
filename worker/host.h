/* SPDX-License-Identifier: BSD-3-Clause */
/* The host of analyzers: takes the ordered bytes of a flow, finds the analyzer that reads them,
 * calls it, and does what it asks for (records, oddities, hand-over to another one). The only place
 * that knows both flows and analyzers. */
#ifndef SPLIFF_WORKER_HOST_H
#define SPLIFF_WORKER_HOST_H

#include "common/ipc/owner.h"
#include "worker/worker.h"

/* Ordered bytes (TCP) or one datagram (UDP) that an end of the flow sent at ts_ns. */
void host_data(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, const uint8_t *data,
               size_t len);
void host_gap(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len);

/* TCP: len bytes went by that the analyzer was not given, and need not be. UDP: len datagrams; to
 * analyzers of UDP alone. */
void host_skip(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len);

/* analyzer_host's spare. */
void host_spare(struct analyzer_ctx *ctx, unsigned side, uint64_t len);

/* TCP: the end sends no more. */
void host_end(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns);

/* The flow is over: closes its analyzer, frees what detection held. */
void host_close(struct worker *w, struct flow *f);

/* Whether bytes of this end are still looked at. */
bool host_wants(const struct worker *w, const struct flow *f, unsigned end);

/* A packet is about to begin a flow, or a flow to end: asks memory for what looking for its name
 * begins with. */
void host_learn_prefetch_begin(struct worker *w, const struct packet *p);
void host_learn_prefetch_end(struct worker *w, struct flow *f);

/* A flow begins: which name led to it. It is over and logged: gives back what it held. */
void host_learn_begin(struct worker *w, struct flow *f);
void host_learn_end(struct worker *w, struct flow *f);
void host_oddities_free(struct worker *w, struct flow *f);

/* The name whose DNS answer led to the responder; empty if none is known. */
struct str host_resolved_name(struct worker *w, struct flow *f);

/* uid of the QUIC connection that this flow is a further path of; empty if it is none. */
struct str host_path_of(const struct worker *w, const struct flow *f);

/* Whether records of the flow's category are wanted. */
bool host_category_wanted(const struct worker *w, const struct flow *f);

/* Emits a record of a flow: fills uid and id.* where the record has them. */
void host_record(struct worker *w, struct flow *f, enum record_type type, void *rec);

/* Adds a static name to the flow's services, unless it is there. */
void host_service(struct worker *w, struct flow *f, const char *name);

/* Oddity of a flow, or (f NULL) of a packet with this key. source: stage or analyzer. */
__attribute__((cold)) void host_weird(struct worker *w, struct flow *f, enum weird name,
                                      const char *addl, const char *source);
__attribute__((cold)) void host_weird_packet(struct worker *w, const struct packet *p,
                                             enum weird name);

/* The same, and this end of the flow is to blame. */
__attribute__((cold)) void host_weird_from(struct worker *w, struct flow *f, unsigned end,
                                           enum weird name, const char *addl, const char *source);

/* A flow is over: if it is a connection that did not come about, the screen is told. */
void host_attempt(struct worker *w, const struct flow *f);

/* Raises the notice of an oddity, if it has one and it is due; f NULL: of a packet without flow.
 * from is the end of the key that is to blame. True if it has one: due, or told before. */
bool host_notice(struct worker *w, struct flow *f, const struct flow_key *key, unsigned from,
                 uint64_t ts_ns, enum weird name, const char *addl);

/* The same of a TLS flow of a local process that never showed plaintext, as the probe told. */
void host_notice_unhooked(struct worker *w, struct flow *f, const struct owner_answer *a);

/* Raises the notice that nothing was captured for this time: what happened, and how often so far.
 */
void host_notice_gap(struct worker *w, const char *what, uint64_t n, uint64_t ms);

/* Bytes of an object of w->children and of w->oddities. */
extern const size_t host_child_bytes;
extern const size_t host_oddities_bytes;

/* Name of a flow's service by its index + 1; NULL for 0. */
static inline const char *host_name(const struct worker *w, uint8_t index)
{
    return index ? w->names[index - 1] : NULL;
}

#endif
