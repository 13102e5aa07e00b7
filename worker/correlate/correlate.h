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
 * A joint begins when the flow is found to be TLS, or with its first session, and ends with the
 * flow. A session may outlive its flow, and goes on with the next one of its five-tuple. All memory
 * is in pools with bounds (plaintext_table_size), a full one is counted (plain.bound). */
#ifndef SPLIFF_WORKER_CORRELATE_H
#define SPLIFF_WORKER_CORRELATE_H

#include "common/ipc/plaintext.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "common/schema/record.h"
#include "worker/capture/capture.h"
#include "worker/correlate/latency.h"
#include "worker/flow/flow.h"

#include <stdbool.h>
#include <stdint.h>

#define CORRELATE_ARRIVALS   32u
#define CORRELATE_TEXT_BYTES 1024u
#define CORRELATE_ALPN_BYTES 32u

struct correlate;

/* One TLS session of one process. */
struct correlate_session {
    uint64_t number;
    uint64_t first_ns; /* wall clock: of the first plaintext; until then, when it was announced */
    uint64_t last_ns;
    uint64_t offset[2]; /* next expected: 0 read, 1 written */
    uint64_t bytes[2];  /* plaintext that came */
    uint64_t missed[2]; /* that did not */
    uint64_t calls[2];
    uint32_t flow;         /* index + 1 in the flow table; 0: its flow is over */
    uint32_t newer, older; /* among those without a flow */
    uint8_t end;           /* of the flow's key: where the process is */
    uint8_t alpn_len;
    bool closed;
    bool displaced;                 /* a newer one has its place: it finds no flow any more */
    struct latency latency;         /* packet arrival to plaintext read */
    struct plaintext_session facts; /* texts lie in text[] */
    char alpn[CORRELATE_ALPN_BYTES];
    char text[CORRELATE_TEXT_BYTES];
};

struct correlate_joint {
    struct correlate_session *session[2]; /* by end of the flow's key; NULL: not watched */
    int child;                            /* handle of what reads the plaintext (host_call.h); 0 */
    int reader;                           /* end whose session is read; -1: none yet */
    uint8_t zero;                         /* end that is side 0 to the child */
    uint8_t client;                       /* end that is the client, as far as is known */
    bool refused;                         /* it is not to be read: no room, or not TLS at all */
    bool watched;                         /* there has been a session */
    bool asked;                           /* whose socket it is */
    bool went_on;                         /* with packets after the handshake */
    struct {
        uint64_t ns[CORRELATE_ARRIVALS]; /* ring of times of packets with payload */
        uint32_t n;                      /* ever */
    } arrivals[2];                       /* by end that sent */
    struct frame_process process[2];     /* by end: as the kernel told with packets */
};

/* 0 or -errno. */
int correlate_open(struct correlate **out, const struct options *o, struct counters *c);
void correlate_close(struct correlate *c); /* NULL: does nothing */

/* A session that was announced, by its number; NULL: unknown. */
struct correlate_session *correlate_find(struct correlate *c, uint64_t number);

/* The flow's packets may have plaintext some day: notes their times from now on, if there is room
 * beside the flows that do have. */
void correlate_watch(struct correlate *c, struct flow *f);

/* The kernel has told with a packet of the flow which processes have its ends; what is known stays
 * where a pid is 0. Nothing is kept if there is no room. */
void correlate_processes(struct correlate *c, struct flow *f, const struct frame_process told[2]);

/* The process at an end of the flow: a session's, else what the kernel told. False: none is known.
 * *name is borrowed until the flow's joint changes. */
bool correlate_process(const struct correlate *c, const struct flow *f, unsigned end, uint32_t *pid,
                       struct str *name);

/* Remembers a new session of a flow (an end of its key, whose place is free) and joins it. NULL: no
 * room, counted. */
struct correlate_session *correlate_join(struct correlate *c, struct flow *f, uint32_t flow_index,
                                         unsigned end, const struct plaintext_item *open);

/* A session whose flow is over goes on with another one, if its place there is free. False: it
 * stays without; no room is counted. */
bool correlate_rejoin(struct correlate *c, struct flow *f, uint32_t flow_index,
                      struct correlate_session *s);

/* What a flow is joined with; NULL if nothing. */
struct correlate_joint *correlate_of(const struct correlate *c, const struct flow *f);

/* A packet with payload of a flow that has a joint. */
void correlate_arrival(struct correlate *c, const struct flow *f, unsigned end, uint64_t ts_ns);

/* When the packets came by that carried what an end sent and the other view saw at ts_ns: the last
 * arrival at or before it, for bytes that were read (written: false), the first at or after it for
 * bytes that were written. 0: not known. */
uint64_t correlate_wire_ns(const struct correlate *c, const struct flow *f, unsigned end,
                           uint64_t ts_ns, bool written);

/* A session of the flow has read bytes at ts_ns: how long after their packets, if those were seen.
 */
void correlate_read(struct correlate *c, const struct flow *f, struct correlate_session *s,
                    uint64_t ts_ns);

/* Puts the latencies of all sessions into the counters. */
void correlate_count(struct correlate *c);

/* The session has said its last word. */
void correlate_close_session(struct correlate *c, struct correlate_session *s);

/* Takes a session from its flow, after it was logged: forgets it if it is closed, else keeps it
 * until there is no room; its counts begin anew. */
void correlate_detach(struct correlate *c, struct flow *f, struct correlate_session *s);

/* The tls_plain record of a session: sets every field but the flow's own, protocol, process_side
 * and the bytes by side. */
void correlate_record(const struct correlate_session *s, struct rec_tls_plain *r);

/* The flow is over and its sessions are detached: forgets the joint. */
void correlate_end(struct correlate *c, struct flow *f);

/* Nothing is left of any flow. For tests. */
bool correlate_is_empty(const struct correlate *c);

#endif
