/* SPDX-License-Identifier: BSD-3-Clause */
/* One call into an analyzer. Private to host*.c.
 *
 *   host.c        who reads a flow: detection, hand-over, end
 *   host_call.c   what an analyzer may ask for while it is called
 *   host_child.c  analyzers inside analyzers
 *   host_plain.c  what processes read and wrote, as a content of flows
 *   host_claim.c  which flows are this worker's, told to the probe
 *   host_learn.c  what flows tell about other flows
 *   host_record.c records and oddities of flows */
#ifndef SPLIFF_WORKER_HOST_CALL_H
#define SPLIFF_WORKER_HOST_CALL_H

#include "worker/host.h"

#define HAND_OVERS_MAX       8u /* in one piece of data: a tunnel in a tunnel in … */
#define HOST_FACTS_BYTES_MAX (64u * 1024)
#define HOST_LEFT_BYTES_MAX  (64u * 1024)

#define HOST_PLAIN (-1) /* parent of what reads plaintext from processes */

/* An analyzer that reads what another one has unwrapped; its handle is its index + 1. */
struct host_child {
    uint32_t state;   /* in the pool of its analyzer or of detections; POOL_NONE: nothing reads */
    int parent;       /* handle of the child that opened it, 0: the flow's analyzer, HOST_PLAIN */
    uint8_t analyzer; /* the last one; UINT8_MAX: none yet */
    bool detecting;   /* state is a detection's */
    bool done;        /* nothing is read for it any more */
    bool swapped;     /* the client of its analyzer is side 1 to the parent (detection only) */
    bool plain;       /* it, or what encloses it, reads plaintext from processes */
    bool midstream;   /* the beginning of what it reads was not there */
};

static inline struct host_child *host_child_at(const struct worker *w, int child)
{
    return pool_at(&w->children, (uint32_t)child - 1);
}

/* Whether it has an analyzer. */
static inline bool host_child_reads(const struct host_child *h)
{
    return h->state != POOL_NONE && !h->detecting;
}

/* What the analyzer sees, and what it asked for meanwhile. */
struct host_call {
    struct analyzer_ctx ctx;
    struct worker *w;
    struct flow *f;
    int child; /* handle of the analyzer that is called; 0: the flow's own */
    bool handed_over;
    const char *successor;
    unsigned rest_side;
    const uint8_t *rest;
    size_t rest_len;
    struct membuf left[2]; /* by side: for the successor, before the rest */
    struct membuf facts;   /* for the successor: fact, length, text */
};

void host_call_init(struct host_call *c, struct worker *w, struct flow *f, uint64_t ts_ns,
                    int child);

/* Gives back what the call has gathered for a successor. */
void host_call_fini(struct host_call *c);

/* The call around a context that an analyzer gives back. */
struct host_call *host_call_of(struct analyzer_ctx *ctx);

/* Index in analyzers[] of a name; -1 if there is none. */
int host_analyzer_find(const char *name);

/* The analyzer that a handle names (0: the flow's own), and its state. */
const struct analyzer *host_reader(const struct worker *w, const struct flow *f, int child,
                                   void **state);

/* Calls told() of an analyzer that is open. */
void host_tell(struct worker *w, struct flow *f, uint64_t ts_ns, int child, enum analyzer_fact fact,
               struct str text);

/* Tells a new analyzer what its predecessor has left for it. */
void host_tell_facts(struct host_call *predecessor, int child);

/* The children's part of analyzer_host (analyzer.h). */
int host_child_open(struct analyzer_ctx *ctx, const char *analyzer);
void host_child_data(struct analyzer_ctx *ctx, int child, unsigned side, const uint8_t *data,
                     size_t len);
void host_child_gap(struct analyzer_ctx *ctx, int child, unsigned side, uint64_t len);
void host_child_end(struct analyzer_ctx *ctx, int child, unsigned side);
void host_child_close(struct analyzer_ctx *ctx, int child);

/* A child of nobody, which reads the plaintext of a flow: detection finds its analyzer. The calls
 * above serve it as well, with a context of the flow's own (host_call_init with child 0). Handle,
 * or 0: no room, counted. */
int host_child_open_plain(struct worker *w, struct flow *f, bool midstream);

/* Name of the analyzer that has read for a child last; NULL: none, or child is 0. */
const char *host_child_name(const struct worker *w, int child);

/* Whether a child (0: the flow's own analyzer) reads plaintext, at any depth. */
static inline bool host_child_is_plain(const struct worker *w, int child)
{
    return child > 0 && host_child_at(w, child)->plain;
}

/* What a child's analyzer calls `side`, as host_plain.c calls it. */
unsigned host_child_plain_side(const struct worker *w, int child, unsigned side);

/* analyzer_host's wire_time. */
uint64_t host_wire_time(struct analyzer_ctx *ctx, unsigned side, uint64_t ts_ns);

/* What is learned, of analyzer_host. */
void host_alt_svc(struct analyzer_ctx *ctx, struct str origin, struct str value);
void host_resolved(struct analyzer_ctx *ctx, const struct ipaddr *addr, struct str name,
                   uint32_t ttl_s);
void host_connection_id(struct analyzer_ctx *ctx, unsigned side, const uint8_t *cid, size_t len);

/* What was learned elsewhere about a flow. */
struct host_learned {
    uint8_t analyzer; /* that reads it */
    uint8_t sender;   /* side of the end that sent the datagram */
    enum analyzer_fact fact;
    struct str text; /* of the fact; valid until something else is learned */
};

/* A UDP datagram that no analyzer knows: what was learned elsewhere may tell. False: nothing. */
bool host_learned(struct worker *w, struct flow *f, unsigned end, const uint8_t *data, size_t len,
                  struct host_learned *out);

/* The flow is over: whether other workers have answered since what they were asked about it.
 * *datagram is the beginning of the one that they were asked about, which *end sent. */
bool host_answered(struct worker *w, struct flow *f, unsigned *end, struct str *datagram,
                   struct host_learned *out);

#endif
