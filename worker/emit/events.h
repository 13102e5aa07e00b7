/* SPDX-License-Identifier: BSD-3-Clause */
/* What came by the bus and is not emit's own, on its way to who takes it. A record may be emitted
 * in the middle of anything, also while an event is taken, and emit may have to ask the bus then:
 * what comes meanwhile waits until that is over. */
#ifndef SPLIFF_WORKER_EMIT_EVENTS_H
#define SPLIFF_WORKER_EMIT_EVENTS_H

#include "common/ipc/bus.h"

#include <stdint.h>

#define EVENTS_MAX 1024u /* that wait; others are lost, and counted */

struct events {
    void (*take)(void *arg, const struct bus_message *m); /* NULL: nobody does */
    void *arg;
    uint64_t *lost;
    struct event_waiting *first, *last;
    uint32_t n;
    uint32_t holds; /* nothing is taken now */
};

/* The message that bus_receive has just told of: is taken now, or waits. Borrowed m is changed. */
void events_put(struct events *e, struct bus *b, struct bus_message *m);

/* Has all that waits taken, if nothing holds it up. */
void events_run(struct events *e);

static inline bool events_due(const struct events *e)
{
    return e->n > 0 && e->holds == 0;
}

void events_close(struct events *e);

#endif
