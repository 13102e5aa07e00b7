/* SPDX-License-Identifier: BSD-3-Clause */
/* What conn.log says of a flow: endpoint states, history and counts, with Zeek's meanings, from the
 * headers of its packets alone. */
#ifndef SPLIFF_WORKER_CONN_H
#define SPLIFF_WORKER_CONN_H

#include "common/schema/options.h"
#include "worker/decode/decode.h"
#include "worker/flow/flow.h"

/* Events of a packet that the pipeline acts on. */
enum {
    CONN_CLOSING = 1,        /* the flow's timeout has become shorter */
    CONN_DATA_AFTER_RST = 2, /* payload of a side that has reset */
    CONN_SYN_INSIDE = 4,     /* SYN with another sequence number in a live connection */
    CONN_BEGUN = 8,          /* the first packet: now the flow has a timeout */
};

/* The first packet of a new flow: who is the originator. */
void conn_begin(struct flow *f, const struct packet *p);

/* True if p begins a new connection on a tuple whose old one is over. */
bool conn_is_reused(const struct flow *f, const struct packet *p);

/* Every packet: counts, states, history. Returns CONN_ events. */
unsigned conn_packet(struct flow *f, const struct packet *p, unsigned side);

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

/* Silence after which the flow is over. */
uint64_t conn_timeout_ns(const struct flow *f, const struct options *o);

/* S0, SF, … */
const char *conn_state_name(const struct flow *f);

#endif
