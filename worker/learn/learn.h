/* SPDX-License-Identifier: BSD-3-Clause */
/* Learn: what one flow tells about others, kept within bounds and shared with the other workers.
 *
 *   alt_svc.c      services advertised by Alt-Svc: (address or host, port) -> ALPN, until it
 *                  expires
 *   names.c        addresses that DNS answers gave to a client -> name
 *   connections.c  QUIC connection ids -> the connection, on whatever path its packets come
 *   fence.c        whether the other workers have answered all that was asked
 *
 * What this worker learns is published on the bus as events (common/ipc/event.h), and what others
 * publish is taken as if it were learned here. Expiry goes by packet time. References returned are
 * held by the caller and given back: an entry that is held stays, whatever the table forgets. */
#ifndef SPLIFF_WORKER_LEARN_H
#define SPLIFF_WORKER_LEARN_H

#include "common/base/ipaddr.h"
#include "common/base/str.h"
#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/schema/category.h"
#include "common/schema/counters.h"
#include "common/schema/record.h"

#include <stdbool.h>
#include <stdint.h>

struct learn; /* heap handle, one per worker */

/* bus may be NULL: nothing is shared. Returns 0 or -errno after printing what failed. */
int learn_open(struct learn **out, const struct heritage *h, struct bus *bus, struct counters *c);
void learn_close(struct learn *l);

/* A message of the bus that begins with "event/": taken if it is good, counted if not. */
void learn_message(struct learn *l, const struct bus_message *m);

/* Called often: publishes what was gathered, forgets what has expired. packet_ns: the worker's
 * packet clock; mono_ns: clock_mono_ns(), for pacing. */
void learn_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns);

/* When learn_run wants to be called again at the latest, on the clock of mono_ns; UINT64_MAX never.
 */
uint64_t learn_deadline_ns(const struct learn *l);

/* --- alternative services (RFC 7838) --- */

/* Where an advertisement was seen. */
struct learn_origin {
    struct str host; /* as in Host or :authority, with its port if there is one; may be empty */
    struct ipaddr server;
    uint16_t port; /* of the server */
    struct str uid;
    uint64_t ts_ns;
};

/* Takes an Alt-Svc value; calls record for each line that alt_svc.log is to have (all but uid and
 * id.* filled in; borrowed for the call). Returns false if the value does not parse: what could be
 * read of it is taken. */
bool learn_alt_svc(struct learn *l, const struct learn_origin *from, struct str value,
                   void (*record)(void *arg, struct rec_alt_svc *r), void *arg);

/* Whether anything is known to speak QUIC at this port: most datagrams end here. */
bool learn_alpn_port(const struct learn *l, uint16_t port);

/* What a server is known to speak over QUIC: "h3", "h3-29" …, or NULL. resolved: the name that the
 * client knows the server by, or empty. */
const char *learn_alpn(struct learn *l, const struct ipaddr *server, uint16_t port,
                       struct str resolved, uint64_t now_ns);

/* --- names ---
 *
 * resolved_name is what the client of a flow asked DNS for when it got the responder's address: the
 * name before all aliases, from A, AAAA, HTTPS and SVCB answers and from multicast DNS. There is
 * none
 *   - where the client asked nobody (an address in its configuration) or asked in a way that cannot
 *     be read (DNS over TLS, QUIC or HTTPS), or before this worker was started;
 *   - where the answer is older than its TTL (at most a day) and an hour, or was displaced because
 *     more than names_table_size came after it (counter learn.names_evicted);
 *   - where the answer came unasked: anyone could have sent it;
 *   - in a replay with several workers, where the one that saw the answer reads the file later than
 *     the one that has the flow.
 * It may be another client's where this one's own question was not seen, and it is the last one
 * that was asked for where several names have one address. */

void learn_name_add(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                    struct str name, uint32_t ttl_s, uint64_t ts_ns);

/* Asks memory for what finding a name of addr begins with. */
void learn_name_prefetch(struct learn *l, const struct ipaddr *addr);

/* The name under which client came to know addr, at not_after_ns or before: a reference > 0, held
 * for the caller, or 0. Another client's answer will do if its own was not seen. */
uint32_t learn_name_find(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                         uint64_t not_after_ns);
struct str learn_name_text(const struct learn *l, uint32_t name); /* empty for 0 */
void learn_name_release(struct learn *l, uint32_t name);          /* 0: does nothing */

/* --- QUIC connections --- */

/* Packets to `side` of the connection may carry cid. connection: the reference that the flow holds,
 * or 0: a new one is made, with that uid. Returns the reference, 0 if there is no room. */
uint32_t learn_connection_id(struct learn *l, uint32_t connection, struct str uid, unsigned side,
                             const uint8_t *cid, size_t len);

/* The connection that a short-header datagram belongs to by its connection id: a reference, held
 * for the caller, and the side that it is sent to; 0 if unknown here. */
uint32_t learn_connection_find(struct learn *l, const uint8_t *datagram, size_t len,
                               unsigned *side);

/* Asks the other workers about a datagram that was not found; their answer makes it, and a later
 * one with its id, be found. question: what its flow has, or 0. Returns what it has then: the same
 * if nobody was asked, because there are too many questions or no other workers. */
uint32_t learn_connection_ask(struct learn *l, uint32_t question, unsigned end,
                              const uint8_t *datagram, size_t len);

/* The beginning of the first datagram of that end (0 or 1) that was asked about, as much as finding
 * takes: borrowed until another is. Empty if there was none, or its place was needed. */
struct str learn_question_datagram(const struct learn *l, uint32_t question, unsigned end);
void learn_question_close(struct learn *l, uint32_t question); /* 0: does nothing */

/* Whether this one's answer may still come: it was asked lately (a second or two ago), and what its
 * datagrams belong to is unknown. Not of 0. */
bool learn_question_is_open(const struct learn *l, uint32_t question);

/* Whether any that is not closed is open. */
bool learn_questions_open(const struct learn *l);

struct str learn_connection_uid(const struct learn *l, uint32_t connection);

/* What it is for, so that its further paths are for the same. */
void learn_connection_set_category(struct learn *l, uint32_t connection, enum category category);
enum category learn_connection_category(const struct learn *l, uint32_t connection);
void learn_connection_release(struct learn *l, uint32_t connection); /* 0: does nothing */

/* --- the end --- */

/* The last packet of this worker is through: in a replay it is only now of help to others that end.
 */
void learn_all_read(struct learn *l);

/* Asks the other workers what is still open, and for a sign that they have handled all that was
 * published before. */
void learn_fence_raise(struct learn *l);

/* Both again: one that has just begun does not hear everything. */
void learn_fence_ask(struct learn *l);

/* This worker needs no more answers. */
void learn_done(struct learn *l);

/* Whether another worker may still need answers of this one; in a replay they say when they do not.
 * One who was killed never says it, so wait with a bound. */
bool learn_is_wanted(const struct learn *l);

/* Whether the sign of any of them is still missing. One who was killed gives none, so wait with a
 * bound; in a replay those that have ended have said so. */
bool learn_fence_stands(const struct learn *l);

#endif
