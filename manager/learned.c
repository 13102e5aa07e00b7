/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager is one more subscriber of the workers' events. What it adds is a longer memory: it
 * outlives its workers, and its file outlives it. The file is written a moment after the table has
 * changed, so that a burst of news is one write.
 *
 * A worker that asks gets the whole table on its own topic. It is answered at most once a moment,
 * however often it asks, and answering all of them takes at most half of the manager's time: names
 * are what the askers say they are, and who is not answered asks again. */
#include "manager/learned.h"

#include "common/base/alt_svc_table.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/bus.h"
#include "common/ipc/event.h"
#include "manager/learned_file.h"
#include "manager/learned_print.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS         500u
#define ANSWER_PAUSE_NS (100 * NS_PER_MS)
#define EXPIRE_STEPS    32768u /* places of the table looked at in a tick */
#define SAVE_SHARE      20u    /* writing takes at most this part of the manager's time */
#define HELPING         256u   /* messages taken before others of the loop get their turn */
#define LINGER_MS       0

struct learned {
    struct learned_plan plan;
    struct alt_svc_table *table;
    struct bus *bus;
    char *path;         /* of the file, or NULL */
    bool dirty;         /* the file says something else */
    bool failed;        /* to write it: said once */
    uint64_t save_ns;   /* mono: not before */
    uint64_t answer_ns; /* the same */
    struct event_senders senders;
    struct event_senders answered; /* seq: when, mono */
    uv_poll_t polls[3];
    uv_timer_t timer;
    uv_idle_t idle;
    uint8_t body[EVENT_TABLE_BYTES];
};

static void count(struct learned *l)
{
    l->plan.counters->manager_alt_svc = alt_svc_table_used(l->table);
    l->plan.counters->manager_alt_svc_evicted = alt_svc_table_evicted(l->table);
}

/* --- events --- */

static void take_event(struct learned *l, const struct bus_message *m)
{
    struct counters *c = l->plan.counters;
    struct cursor body = cursor_init(m->body, m->body_len);
    struct alt_svc_advert a;
    uint64_t seq;

    while (cursor_left(&body) > 0) {
        if (event_alt_svc_decode(&body, &seq, &a) < 0) {
            c->manager_events_bad++;
            break;
        }
        c->manager_events++;
        c->manager_events_lost += event_senders_note(&l->senders, a.node, seq);
        if (alt_svc_table_set(l->table, &a, NULL, NULL) != ALT_SVC_NOTHING)
            l->dirty = true;
    }
    count(l);
}

/* Whether this node was not answered a moment ago. */
static bool answer_is_due(struct learned *l, struct str node)
{
    uint64_t now = clock_mono_ns();

    if (now < l->answer_ns)
        return false;
    for (unsigned i = 0; i < l->answered.n; i++)
        if (str_equal(str_of(l->answered.sender[i].node), node) &&
            now - l->answered.sender[i].seq < ANSWER_PAUSE_NS)
            return false;
    (void)event_senders_note(&l->answered, node, now);
    return true;
}

static void answer(struct learned *l, struct str node)
{
    uint64_t begun = clock_mono_ns(), now;
    char topic[EVENT_TOPIC_BYTES];
    uint32_t position = 0;
    bool last = false;

    snprintf(topic, sizeof topic, "event/table/%.*s/", (int)node.len, node.p);
    while (!last) {
        size_t n = event_table_encode(l->body, l->table, &position, &last);

        if (bus_publish(l->bus, topic, l->body, n) < 0)
            l->plan.counters->manager_events_lost++;
    }
    now = clock_mono_ns();
    l->answer_ns = now + (now - begun);
}

/* Topic "event/hello/<node>/". */
static void take_hello(struct learned *l, const struct bus_message *m, size_t prefix)
{
    struct str node = str_make(m->topic + prefix, m->topic_len - prefix);

    if (node.len < 2 || node.len > ALT_SVC_NODE_MAX + 1 || node.p[--node.len] != '/' ||
        event_hello_decode(m->body, m->body_len) < 0) {
        l->plan.counters->manager_events_bad++;
        return;
    }
    l->plan.counters->manager_events++;
    if (answer_is_due(l, node))
        answer(l, node);
}

static bool topic_begins(const struct bus_message *m, const char *prefix)
{
    return m->topic_len > strlen(prefix) && memcmp(m->topic, prefix, strlen(prefix)) == 0;
}

static void take_message(struct learned *l, const struct bus_message *m)
{
    static const char hello[] = "event/hello/";

    if (m->kind != BUS_MESSAGE)
        return;
    if (topic_begins(m, hello))
        take_hello(l, m, strlen(hello));
    else
        take_event(l, m);
}

/* --- the loop --- */

static void on_idle(uv_idle_t *idle);

static void help(struct learned *l)
{
    struct bus_message m;
    uint32_t n = 0;

    while (n < HELPING && bus_receive(l->bus, &m)) {
        take_message(l, &m);
        n++;
    }
    /* More is waiting, but the descriptors are edge-triggered and will not say so again. */
    if (n == HELPING && !uv_is_closing((uv_handle_t *)&l->idle))
        uv_idle_start(&l->idle, on_idle);
}

static void on_idle(uv_idle_t *idle)
{
    uv_idle_stop(idle);
    help(idle->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    help(poll->data);
}

static void save(struct learned *l)
{
    uint64_t begun = clock_mono_ns(), now;
    int err;

    if (!l->dirty || !l->path)
        return;
    err = learned_file_save(l->table, l->path);
    now = clock_mono_ns();
    l->save_ns = now + (now - begun) * SAVE_SHARE;
    if (err < 0 && !l->failed)
        log_error("cannot write %s: %s; what was learned will not survive a restart", l->path,
                  strerror(-err));
    l->failed = err < 0;
    l->dirty = err < 0;
}

static void on_tick(uv_timer_t *timer)
{
    struct learned *l = timer->data;

    alt_svc_table_expire(l->table, clock_wall_ns(), EXPIRE_STEPS);
    count(l);
    if (clock_mono_ns() >= l->save_ns)
        save(l);
}

static void watch(struct learned *l)
{
    int fds[3], n = bus_fds(l->bus, fds);

    uv_idle_init(l->plan.loop, &l->idle);
    l->idle.data = l;
    for (int i = 0; i < n; i++) {
        uv_poll_init(l->plan.loop, &l->polls[i], fds[i]);
        l->polls[i].data = l;
        uv_poll_start(&l->polls[i], UV_READABLE, on_readable);
    }
    uv_timer_init(l->plan.loop, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, on_tick, TICK_MS, TICK_MS);
    help(l);
}

/* --- life --- */

static void load(struct learned *l)
{
    int err;

    if (!l->path)
        return;
    err = learned_file_load(l->table, l->path, clock_wall_ns());
    if (err == -EBADMSG || err == -EPROTO)
        log_warn("%s is %s: it is now %s.bad, and learning begins anew", l->path,
                 err == -EPROTO ? "of another version" : "broken", l->path);
    else if (err < 0)
        log_warn("cannot read %s: %s; learning begins anew", l->path, strerror(-err));
    count(l);
}

static int open_bus(struct learned *l)
{
    int err = bus_open_client(&l->bus, l->plan.run_dir);

    if (err == 0)
        err = bus_subscribe(l->bus, "event/alt_svc/");
    if (err == 0)
        err = bus_subscribe(l->bus, "event/hello/");
    return err;
}

int learned_open(struct learned **out, const struct learned_plan *plan)
{
    uint64_t size = plan->options->alt_svc_table_size;
    struct learned *l;
    int err;

    if (size < 1 || size > ALT_SVC_TABLE_MAX) {
        log_error("alt_svc_table_size is %llu: give 1 to %u", (unsigned long long)size,
                  ALT_SVC_TABLE_MAX);
        return -EINVAL;
    }
    l = calloc(1, sizeof *l);
    if (!l)
        return -ENOMEM;
    l->plan = *plan;
    err = alt_svc_table_new(&l->table, (uint32_t)size);
    if (err == 0 && plan->state_dir && asprintf(&l->path, "%s/alt_svc.table", plan->state_dir) < 0)
        err = -ENOMEM;
    if (err == -ENOMEM)
        log_error("cannot map memory for alternative services: lower alt_svc_table_size");
    if (err == 0)
        err = open_bus(l);
    if (err < 0) {
        learned_close(l);
        return err;
    }
    alt_svc_table_mirror(l->table, &plan->mirror);
    load(l);
    watch(l);
    *out = l;
    return 0;
}

void learned_close(struct learned *l)
{
    struct bus_message m;

    if (!l)
        return;
    while (l->bus && bus_receive(l->bus, &m))
        take_message(l, &m);
    save(l);
    if (l->bus)
        bus_close(l->bus, LINGER_MS);
    alt_svc_table_free(l->table);
    free(l->path);
    free(l);
}

void learned_print(const struct learned *l, bool json, struct text *out)
{
    learned_print_table(l ? l->table : NULL, clock_wall_ns(), json, out);
}
