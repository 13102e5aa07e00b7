/* SPDX-License-Identifier: BSD-3-Clause */
/* Items on their way to workers: gathered into messages, one open message a worker. */
#ifndef SPLIFF_PROBE_OUTBOX_H
#define SPLIFF_PROBE_OUTBOX_H

#include "common/ipc/heritage.h"
#include "common/ipc/plaintext.h"
#include "common/schema/counters.h"

struct outbox {
    const struct heritage *heritage;
    struct counters *c;
    /* Sends a message: 0, -EAGAIN or -ENOENT (plaintext_socket_send). */
    int (*send)(void *user, const char *node, const void *body, size_t len);
    void *user;
    struct outbox_message {
        uint8_t *body; /* allocated when the worker has its first item */
        size_t len;
        uint64_t data_bytes; /* plaintext in it */
        bool met;            /* the worker has been there */
    } message[HERITAGE_WORKERS_MAX];
};

/* Heritage: n_workers and workers. Zeroed but for the fields before message. */
void outbox_fini(struct outbox *o);

/* Adds an item. False: there is no room and the message cannot go now, or no memory. */
bool outbox_add(struct outbox *o, unsigned worker, const struct plaintext_item *item);

/* Sends what is there. A message that a full queue refuses stays, and one for a worker that has yet
 * to come; one that nobody listens to any more is dropped and counted. True: try again soon. */
bool outbox_flush(struct outbox *o);

/* A worker has come. True, and its index: it has come back, and knows no session; what was meant
 * for its predecessor is dropped and counted. */
bool outbox_arrival(struct outbox *o, const char *node, unsigned *worker);

#endif
