/* SPDX-License-Identifier: BSD-3-Clause */
/* Two views of one connection, joined: its packets, and the plaintext that the processes at its
 * ends read and wrote. Knows flows by their five-tuple's key and index, never an analyzer:
 * host_plain.c feeds those.
 *
 *   joint    what belongs to one flow: up to two sessions (its client's process, its server's), the
 *            arrival times of its last packets, and which session is the one that is read: a
 *            transaction is told once, also when both processes are watched
 *   session  what one process's TLS session did: facts, offsets, latencies
 *
 * A joint begins with the first session of its flow and ends with the flow. All memory is in pools
 * with bounds (plaintext_table_size), a full one is counted (plain.bound). */
#ifndef SPLIFF_WORKER_CORRELATE_H
#define SPLIFF_WORKER_CORRELATE_H

#include "common/ipc/plaintext.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "common/schema/record.h"
#include "worker/correlate/latency.h"
#include "worker/flow/flow.h"

#include <stdbool.h>
#include <stdint.h>

#define CORRELATE_ARRIVALS   32u
#define CORRELATE_TEXT_BYTES 1024u

struct correlate;

/* One TLS session of one process. */
struct correlate_session {
    uint64_t number;   /* the probe's; 0: this place is free */
    uint64_t first_ns; /* wall clock */
    uint64_t last_ns;
    uint64_t offset[2]; /* next expected: 0 read, 1 written */
    uint64_t bytes[2];  /* plaintext that came */
    uint64_t missed[2]; /* that did not */
    uint64_t calls[2];
    uint32_t flow; /* index + 1 in the flow table; 0: its flow is over */
    uint8_t end;   /* of the flow's key: where the process is */
    bool closed;
    bool foreign;
    struct latency latency;         /* packet arrival to plaintext read */
    struct plaintext_session facts; /* texts lie in text[] */
    char alpn[32];
    char text[CORRELATE_TEXT_BYTES];
};

struct correlate_joint {
    struct correlate_session *session[2]; /* by end of the flow's key; NULL: not watched */
    int8_t reader;                        /* end whose session is read; -1: none yet */
    int child;                            /* handle of the analyzer that reads (host_call.h); 0 */
    uint32_t detection;                   /* in the worker's pool while the protocol is unknown */
    bool refused;                         /* nobody knows the protocol */
    struct {
        uint64_t ns[CORRELATE_ARRIVALS]; /* ring of times of packets with payload */
        uint32_t n;                      /* ever */
    } arrivals[2];                       /* by end that sent */
};

/* 0 or -errno. */
int correlate_open(struct correlate **out, const struct options *o, struct counters *c);
void correlate_close(struct correlate *c);

/* A session that was announced, by its number; NULL: unknown. */
struct correlate_session *correlate_find(struct correlate *c, uint64_t number);

/* Remembers a new session of a flow (an end of its key) and joins it. NULL: no room, or that end
 * has one that is not closed. */
struct correlate_session *correlate_join(struct correlate *c, struct flow *f, uint32_t flow_index,
                                         unsigned end, const struct plaintext_item *open);

/* What a flow is joined with; NULL if nothing. */
struct correlate_joint *correlate_of(const struct correlate *c, const struct flow *f);

/* A packet with payload of a flow that has a joint. */
void correlate_arrival(struct correlate *c, const struct flow *f, unsigned end, uint64_t ts_ns);

/* When the packets came by that carried what an end sent and the other view saw at ts_ns: the last
 * arrival at or before it, for bytes that were read (written: false), the first at or after it for
 * bytes that were written. 0: not known. */
uint64_t correlate_wire_ns(const struct correlate *c, const struct flow *f, unsigned end,
                           uint64_t ts_ns, bool written);

/* The tls_plain record of a session: sets every field but the flow's own; *text keeps what it
 * refers to. */
void correlate_record(const struct correlate_session *s, struct rec_tls_plain *r);

/* The flow is over and its sessions are logged: forgets the joint, and sessions that are closed. */
void correlate_end(struct correlate *c, struct flow *f);

#endif
