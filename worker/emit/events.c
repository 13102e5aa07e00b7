/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/emit/events.h"

#include <stdlib.h>

struct event_waiting {
    struct event_waiting *next;
    struct bus_held *held;
    struct bus_message message; /* of held */
};

static void let_go(struct event_waiting *w)
{
    bus_let_go(w->held);
    free(w);
}

static struct event_waiting *pop(struct events *e)
{
    struct event_waiting *w = e->first;

    e->first = w->next;
    e->n--;
    return w;
}

void events_put(struct events *e, struct bus *b, struct bus_message *m)
{
    struct event_waiting *w;

    if (!e->take)
        return;
    w = e->n < EVENTS_MAX ? calloc(1, sizeof *w) : NULL;
    if (w)
        w->held = bus_hold(b, m);
    if (!w || !w->held) {
        free(w);
        ++*e->lost;
        return;
    }
    w->message = *m;
    if (e->n++ == 0)
        e->first = w;
    else
        e->last->next = w;
    e->last = w;
    events_run(e);
}

void events_run(struct events *e)
{
    while (events_due(e)) {
        struct event_waiting *w = pop(e);

        e->holds++;
        e->take(e->arg, &w->message);
        e->holds--;
        let_go(w);
    }
}

void events_close(struct events *e)
{
    while (e->n > 0)
        let_go(pop(e));
}
