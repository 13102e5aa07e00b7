/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels: what encloses flows. Decode says which packets a packet came in (its hops); here they
 * become flows of their own, lines of tunnel.log, and the tunnel_parents of the flows inside.
 *
 * An outer five-tuple is an ordinary flow of the table. One over UDP is in conn.log like any other,
 * with the tunnel's name as its service; one over IP (GRE, IP in IP) is in tunnel.log only, as in
 * Zeek, and lives longer than a flow.
 *
 * Who logs a tunnel: of several workers that read one file, the one that owns the outer five-tuple.
 * All of them follow it, so that they agree on its uid. Live, the packets of one tunnel are shared
 * out by the flows inside: each worker logs the tunnels that its flows came in, with its share of
 * the packets and a uid of its own. */
#ifndef SPLIFF_WORKER_TUNNEL_H
#define SPLIFF_WORKER_TUNNEL_H

#include "worker/flow/uid.h"
#include "worker/worker.h"

#define TUNNEL_PARENTS_MAX 8u

/* 96 bits of the uid of an outer flow. */
struct tunnel_uid {
    uint64_t lo;
    uint32_t hi;
};

/* What a conn record borrows. */
struct tunnel_text {
    struct str items[TUNNEL_PARENTS_MAX];
    char uids[TUNNEL_PARENTS_MAX][UID_MAX];
};

/* Bytes of an object of w->tunnels and of w->tunnel_parents. */
extern const size_t tunnel_bytes;
extern const size_t tunnel_parents_bytes;

/* The packet that hop number `hop` of p was, as if it had been decoded alone and without content.
 */
struct packet tunnel_outer(const struct packet *p, unsigned hop);

/* The first packet of a flow over UDP: who sends from the tunnel's port is the responder. */
void tunnel_orient(struct flow *f);

/* f, whose hop of p was just counted, carries the rest of p. The first time this begins a tunnel.
 */
void tunnel_carry(struct worker *w, struct flow *f, const struct packet *p, unsigned hop);

struct tunnel_uid tunnel_uid_of(const struct worker *w, const struct flow *f);

/* A packet of f came inside the outer flow `parent`. */
void tunnel_enclose(struct worker *w, struct flow *f, const struct tunnel_uid *parent);

/* Sets tunnel_parents, if there are any. */
void tunnel_conn_fill(const struct worker *w, const struct flow *f, struct rec_conn *r,
                      struct tunnel_text *text);

/* The flow is over, and logged: ends its tunnel, gives back what it held. */
void tunnel_end(struct worker *w, struct flow *f);

#endif
