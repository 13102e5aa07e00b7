/* SPDX-License-Identifier: BSD-3-Clause */
/* A SYN with a new sequence number inside a connection. Either the end of the connection was not
 * seen, and its client begins another one from the same port; or the SYN is stray or forged, and
 * the connection goes on. The server knows: if it answers with a SYN-ACK for that SYN there is a
 * new connection, else with an ACK of the old one (RFC 9293 section 3.10.7.4).
 *
 * Such SYNs are kept until then, of the last few connections that had one. */
#ifndef SPLIFF_WORKER_REOPEN_H
#define SPLIFF_WORKER_REOPEN_H

#include "worker/decode/decode.h"
#include "worker/flow/flow.h"

#define REOPEN_SYNS 64u

struct reopen_syn {
    struct packet packet;       /* without what it borrows */
    uint64_t packets, ip_bytes; /* of the SYN and those sent again, counted in the flow */
};

struct reopen {
    struct reopen_syn syns[REOPEN_SYNS]; /* by hash of the flow */
};

/* p was counted in f, and has a SYN: keeps it if it may begin another connection. */
void reopen_note(struct reopen *r, const struct flow *f, const struct packet *p);

/* Whether p answers a SYN that was kept of f, whose connection is over then. *out is that SYN, and
 * its counts are taken back from f. */
bool reopen_answered(struct reopen *r, struct flow *f, const struct packet *p,
                     struct reopen_syn *out);

#endif
