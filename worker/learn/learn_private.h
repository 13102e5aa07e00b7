/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of learn share. Private to worker/learn. */
#ifndef SPLIFF_WORKER_LEARN_PRIVATE_H
#define SPLIFF_WORKER_LEARN_PRIVATE_H

#include "worker/learn/learn.h"

/* Between two messages of a part, unless one is full. */
#define LEARN_PACE_NS (50 * UINT64_C(1000000))

struct alt_svc;
struct names;
struct connections;
struct fence;

struct learn {
    const struct heritage *h;
    struct bus *bus; /* may be NULL */
    struct counters *c;
    bool due; /* a part is about to tell the others: each tells all that it has gathered, since many
                 messages at once wake no more processes than one */
    struct alt_svc *alt_svc;
    struct names *names;
    struct connections *connections;
    struct fence *fence; /* NULL: there are no others */
};

/* Each part: opened and closed with learn, told of its events (topic "event/<part>/<node>/", never
 * one of this worker's own) and of time. Returns of open: 0, -ENOMEM, or another -errno after
 * printing what is wrong. */
int alt_svc_open(struct learn *l);
void alt_svc_close(struct learn *l);
bool alt_svc_event(struct learn *l, const uint8_t *body, size_t len); /* false: cannot be read */
/* The manager's answer to a worker that has just begun. */
bool alt_svc_table_event(struct learn *l, const uint8_t *body, size_t len);
void alt_svc_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns);
uint64_t alt_svc_deadline_ns(const struct learn *l); /* mono: when to be run next; or UINT64_MAX */

int names_open(struct learn *l);
void names_close(struct learn *l);
bool names_event(struct learn *l, const uint8_t *body, size_t len);
void names_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns);
uint64_t names_deadline_ns(const struct learn *l);

int connections_open(struct learn *l);
void connections_close(struct learn *l);
bool connections_event(struct learn *l, const uint8_t *body, size_t len);
void connections_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns);
uint64_t connections_deadline_ns(const struct learn *l);
void connections_ask_again(struct learn *l); /* the others, all that is open, now */

int fence_open(struct learn *l);
void fence_close(struct learn *l); /* the last of what this worker publishes */
bool fence_event(struct learn *l, const uint8_t *body, size_t len);

/* Publishes an event of a part. Loss is the bus's to count. */
void learn_publish(struct learn *l, const char *part, const void *body, size_t len);

#endif
