/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of learn know nothing of each other. Here each gets the events that are its own, by
 * topic, and the manager's answer to a worker that has just begun. */
#include "worker/learn/learn_private.h"

#include "common/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOPIC_BYTES 128

/* What the manager knows, for this worker alone. */
static const char table_part[] = "table";

struct part {
    const char *name;
    int (*open)(struct learn *l);
    void (*close)(struct learn *l);
    bool (*event)(struct learn *l, const uint8_t *body, size_t len);
    void (*run)(struct learn *l, uint64_t packet_ns, uint64_t mono_ns); /* NULL: nothing to do */
    uint64_t (*deadline_ns)(const struct learn *l);                     /* NULL: none */
};

static const struct part parts[] = {
    {"alt_svc", alt_svc_open, alt_svc_close, alt_svc_event, alt_svc_run, alt_svc_deadline_ns},
    {"names", names_open, names_close, names_event, names_run, names_deadline_ns},
    {"connections", connections_open, connections_close, connections_event, connections_run,
     connections_deadline_ns},
    {"fence", fence_open, fence_close, fence_event, NULL, NULL},
};
#define PARTS (sizeof parts / sizeof parts[0])

static int topic_make(char out[TOPIC_BYTES], const char *part, const char *node)
{
    return snprintf(out, TOPIC_BYTES, "event/%s/%s%s", part, node, *node ? "/" : "");
}

/* A worker alone would hear nobody but itself. */
static int subscribe(struct learn *l)
{
    bool alone = l->h->n_workers == 1;
    char topic[TOPIC_BYTES];
    int rc;

    topic_make(topic, table_part, l->h->node);
    rc = bus_subscribe(l->bus, topic);
    for (size_t i = 0; !alone && rc == 0 && i < PARTS; i++) {
        topic_make(topic, parts[i].name, "");
        rc = bus_subscribe(l->bus, topic);
    }
    return rc;
}

int learn_open(struct learn **out, const struct heritage *h, struct bus *bus, struct counters *c)
{
    struct learn *l = calloc(1, sizeof *l);
    int rc = l ? 0 : -ENOMEM;

    *out = l;
    if (l)
        *l = (struct learn){.h = h, .bus = bus, .c = c};
    for (size_t i = 0; rc == 0 && i < PARTS; i++)
        rc = parts[i].open(l);
    if (rc == -ENOMEM)
        log_error("cannot map memory for what is learned: lower alt_svc_table_size, "
                  "names_table_size or quic_table_size");
    else if (rc == 0 && bus)
        rc = subscribe(l);
    return rc;
}

void learn_close(struct learn *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < PARTS; i++)
        parts[i].close(l);
    free(l);
}

void learn_publish(struct learn *l, const char *part, const void *body, size_t len)
{
    char topic[TOPIC_BYTES];

    if (!l->bus)
        return;
    topic_make(topic, part, l->h->node);
    if (bus_publish(l->bus, topic, body, len) < 0)
        l->c->learn_events_lost++;
}

/* "event/<part>/<node>/": the part, or NULL if it is not known or the event is this worker's own.
 */
static const struct part *part_of(const struct learn *l, const struct bus_message *m)
{
    char own[TOPIC_BYTES];

    for (size_t i = 0; i < PARTS; i++) {
        int n = topic_make(own, parts[i].name, l->h->node);
        size_t prefix = strlen("event/") + strlen(parts[i].name) + 1;

        if (m->topic_len < prefix || memcmp(m->topic, own, prefix) != 0)
            continue;
        return m->topic_len == (size_t)n && memcmp(m->topic, own, (size_t)n) == 0 ? NULL
                                                                                  : &parts[i];
    }
    return NULL;
}

static bool is_table(const struct learn *l, const struct bus_message *m)
{
    char topic[TOPIC_BYTES];
    int n = topic_make(topic, table_part, l->h->node);

    return m->topic_len == (size_t)n && memcmp(m->topic, topic, (size_t)n) == 0;
}

void learn_message(struct learn *l, const struct bus_message *m)
{
    const struct part *part = part_of(l, m);
    bool table = is_table(l, m);

    if (!part && !table)
        return;
    if (table ? alt_svc_table_event(l, m->body, m->body_len) : part->event(l, m->body, m->body_len))
        l->c->learn_events++;
    else
        l->c->learn_events_bad++;
}

void learn_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    l->due = mono_ns >= learn_deadline_ns(l);
    for (size_t i = 0; i < PARTS; i++)
        if (parts[i].run)
            parts[i].run(l, packet_ns, mono_ns);
}

uint64_t learn_deadline_ns(const struct learn *l)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < PARTS; i++) {
        uint64_t deadline = parts[i].deadline_ns ? parts[i].deadline_ns(l) : UINT64_MAX;

        first = deadline < first ? deadline : first;
    }
    return first;
}
