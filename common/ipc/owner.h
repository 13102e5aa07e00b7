/* SPDX-License-Identifier: BSD-3-Clause */
/* Which local process has a socket: asked by workers of the probe, over the bus.
 *
 *   event/owner/<worker>/   worker -> probe   [1, id, start_ns, proto, addr, port, addr, port]
 *   event/owned/<worker>/   probe -> worker   [1, id, found, end, [facts], missed, build_id]
 *
 * A question that finds nobody is answered, too, unless there is no probe, and so is one about a
 * flow that the probe could not have told the worker all of. Loss is harmless: a notice that does
 * not come. */
#ifndef SPLIFF_IPC_OWNER_H
#define SPLIFF_IPC_OWNER_H

#include "common/base/flow_key.h"
#include "common/ipc/plaintext.h"

#define OWNER_QUESTION_BYTES 128u
#define OWNER_ANSWER_BYTES   2048u

struct owner_question {
    uint64_t id;         /* the asker's own; comes back */
    uint64_t start_ns;   /* of the flow, by the wall clock */
    struct flow_key key; /* TCP or UDP */
};

struct owner_answer {
    uint64_t id;
    bool found;   /* a local process has, or had lately, a socket with this five-tuple, and what it
                     says there should have shown */
    unsigned end; /* of the key that is its own */
    struct process_facts process;
    struct str
        missed; /* path of a TLS library, or executable, that could not be hooked; or empty */
    struct str build_id; /* of it */
};

size_t owner_question_encode(uint8_t out[OWNER_QUESTION_BYTES], const struct owner_question *q);
int owner_question_decode(const uint8_t *body, size_t len,
                          struct owner_question *out); /* 0, -EBADMSG */
size_t owner_answer_encode(uint8_t out[OWNER_ANSWER_BYTES], const struct owner_answer *a);
int owner_answer_decode(const uint8_t *body, size_t len,
                        struct owner_answer *out); /* 0, -EBADMSG */

#endif
