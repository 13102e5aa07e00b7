/* SPDX-License-Identifier: BSD-3-Clause */
/* What host_plain*.c, host_claim.c and host_unhooked.c share. */
#ifndef SPLIFF_WORKER_HOST_PLAIN_PRIVATE_H
#define SPLIFF_WORKER_HOST_PLAIN_PRIVATE_H

#include "common/ipc/claim.h"
#include "worker/correlate/correlate.h"
#include "worker/host_plain.h"
#include "worker/plaintext/plaintext.h"

#define HOST_QUESTIONS 64u /* that wait for an answer at once */

/* Whose socket is it? The flow may be over when the answer comes. */
struct host_question {
    uint64_t id; /* 0: free */
    uint64_t asked_ns;
    struct flow flow; /* as it was */
};

struct host_plain {
    struct plaintext_input *input;
    struct correlate *correlate;
    uint8_t tls;                 /* index of the analyzer */
    struct claim_message claims; /* to be sent */
    uint64_t last_question;
    struct host_question questions[HOST_QUESTIONS]; /* at id % HOST_QUESTIONS */
};

/* What a flow is joined with; NULL if nothing. */
static inline struct correlate_joint *host_plain_joint(const struct worker *w, const struct flow *f)
{
    return correlate_of(w->plain->correlate, f);
}

/* Emits the tls_plain record of a session of the flow; protocol: what reads its plaintext, or NULL.
 */
void host_plain_log(struct worker *w, struct flow *f, const struct correlate_joint *j,
                    const struct correlate_session *s, const char *protocol);

/* A packet of a TLS flow came, or the flow is over: asks whose it is if it never showed plaintext.
 */
void host_unhooked_packet(struct worker *w, struct flow *f, struct correlate_joint *j,
                          uint64_t ts_ns);
void host_unhooked_end(struct worker *w, struct flow *f, struct correlate_joint *j);

/* Claims a flow that is TLS, if this worker is to; claims that were gathered are sent. */
void host_claim(struct worker *w, const struct flow *f);
void host_claim_send(struct worker *w);

#endif
