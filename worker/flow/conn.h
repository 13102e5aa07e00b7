/* SPDX-License-Identifier: BSD-3-Clause */
/* What conn.log says of a flow: endpoint states, history and counts, with Zeek's meanings, from the
 * headers of its packets alone. */
#ifndef SPLIFF_WORKER_CONN_H
#define SPLIFF_WORKER_CONN_H

#include "common/schema/options.h"
#include "common/schema/weird.h"
#include "worker/decode/decode.h"
#include "worker/flow/flow.h"

/* Events of a packet that the pipeline acts on. From CONN_ODDITIES on, a bit is an oddity. */
enum {
    CONN_CLOSING = 1,     /* the flow's timeout has become shorter */
    CONN_BEGUN = 2,       /* the first packet: now the flow has a timeout */
    CONN_RST_IGNORED = 4, /* a reset that its receiver would not believe */
    CONN_ODDITIES = 3     /* number of the first bit that is one */
};

/* The name of oddity n: of bit CONN_ODDITIES + n. */
enum weird conn_oddity(unsigned n);

/* The first packet of a new flow: who is the originator. */
void conn_begin(struct flow *f, const struct packet *p);

/* True if p begins a new connection on a tuple whose old one is over. */
bool conn_is_reused(const struct flow *f, const struct packet *p);

/* Every packet: counts, states, history. Returns CONN_ events. */
unsigned conn_packet(struct flow *f, const struct packet *p, unsigned side);

/* Packets that came after those seen and were only counted: counts, state, history, time. */
void conn_unseen(struct flow *f, const struct capture_unseen *u);

/* History letters that come from elsewhere than headers. */
enum {
    CONN_CHECKSUM = SCALED_CHECKSUM,
    CONN_GAP = SCALED_GAP,
    CONN_RETRANSMIT = SCALED_RETRANSMIT
};
void conn_history_scaled(struct flow *f, unsigned side, unsigned event);
void conn_history_inconsistent(struct flow *f, unsigned side);

/* The originator is the other side after all (content or a SYN-ACK says so). */
void conn_flip(struct flow *f);

/* What became of a TCP connection's handshake. */
enum conn_attempt {
    CONN_ATTEMPT_NONE, /* it is no TCP connection, its beginning was not seen, or it came about */
    CONN_ATTEMPT_REJECTED,  /* the responder reset it */
    CONN_ATTEMPT_HALF_OPEN, /* nobody answered, or the originator took no notice of the answer */
};
enum conn_attempt conn_attempt(const struct flow *f);

/* Silence after which the flow is over. */
uint64_t conn_timeout_ns(const struct flow *f, const struct options *o);

/* The shortest that conn_timeout_ns gives for any flow. */
uint64_t conn_timeout_min_ns(const struct options *o);

/* S0, SF, … */
const char *conn_state_name(const struct flow *f);

#endif
