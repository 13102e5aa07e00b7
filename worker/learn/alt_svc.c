/* SPDX-License-Identifier: BSD-3-Clause */
/* Alternative services: what this worker's flows advertise, and what the other workers' did.
 *
 * An advertisement goes its way once: the value is parsed, the table (common/base/alt_svc_table.h)
 * says how much of it is news, and by that it becomes lines of alt_svc.log and an event. Events of
 * others go into the table without a line: who saw the response has written it.
 *
 * A worker that starts asks the manager for all that is known, again and again until it is
 * answered, and once more when numbers tell that events were lost on the way. A replay asks nobody:
 * what it learns is of another time. */
#include "worker/learn/learn_private.h"

#include "common/base/alt_svc_table.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/event.h"
#include "worker/learn/alt_svc_value.h"

#include <errno.h>
#include <stdlib.h>

#define HELLO_PAUSE_NS     (10 * NS_PER_MS)
#define HELLO_PAUSE_MAX_NS (1 * NS_PER_SEC)
#define RESYNC_PAUSE_NS    (10 * NS_PER_SEC)
#define EVENTS_A_SECOND    1000u /* each is work for every other worker and the manager */
#define GATHERED_BYTES     (4u * EVENT_ALT_SVC_BYTES)
#define EXPIRE_STEPS       32u /* places of the table looked at in each call */

struct alt_svc {
    struct alt_svc_table *table;
    struct alt_svc_value value; /* being read */
    uint64_t seq;               /* of the last event published */
    uint64_t second_ns;         /* mono: since when so many may be published: */
    unsigned events_left;
    uint8_t gathered[GATHERED_BYTES]; /* events to be published together */
    size_t gathered_len;
    bool gathers;             /* one went a moment ago: */
    uint64_t run_ns, sent_ns; /* mono: now, and when that was */
    struct event_senders senders;
    bool wants_table;
    uint64_t hello_ns; /* mono: when to ask next */
    uint64_t hello_pause_ns;
};

static void send(struct learn *l)
{
    struct alt_svc *s = l->alt_svc;

    if (s->gathered_len > 0)
        learn_publish(l, "alt_svc", s->gathered, s->gathered_len);
    s->gathered_len = 0;
    s->sent_ns = s->run_ns;
    s->gathers = true;
}

int alt_svc_open(struct learn *l)
{
    const struct options *o = &l->h->options;
    int rc;

    if (o->no_learn_alt_svc)
        return 0;
    if (o->alt_svc_table_size < 1 || o->alt_svc_table_size > ALT_SVC_TABLE_MAX) {
        log_error("alt_svc_table_size is %llu: give 1 to %u",
                  (unsigned long long)o->alt_svc_table_size, ALT_SVC_TABLE_MAX);
        return -EINVAL;
    }
    l->alt_svc = calloc(1, sizeof *l->alt_svc);
    if (!l->alt_svc)
        return -ENOMEM;
    rc = alt_svc_table_new(&l->alt_svc->table, (uint32_t)o->alt_svc_table_size);
    l->alt_svc->wants_table = l->bus && l->h->live;
    l->alt_svc->hello_pause_ns = HELLO_PAUSE_NS;
    l->alt_svc->events_left = EVENTS_A_SECOND;
    return rc;
}

void alt_svc_close(struct learn *l)
{
    if (l->alt_svc && l->alt_svc->gathered_len > 0)
        send(l);
    if (l->alt_svc)
        alt_svc_table_free(l->alt_svc->table);
    free(l->alt_svc);
    l->alt_svc = NULL;
}

/* --- from and to others --- */

/* The first advert after a quiet while goes at once, since the connection that it is for comes
 * next; in busy times one message a pace carries what was gathered. */
static void publish(struct learn *l, const struct alt_svc_advert *a)
{
    struct alt_svc *s = l->alt_svc;

    if (s->events_left == 0) {
        l->c->learn_alt_svc_untold++;
        return;
    }
    s->events_left--;
    if (sizeof s->gathered - s->gathered_len < EVENT_ALT_SVC_BYTES)
        send(l);
    s->gathered_len += event_alt_svc_encode(s->gathered + s->gathered_len, ++s->seq, a);
    if (!s->gathers)
        send(l);
}

static void count_evicted(struct learn *l)
{
    l->c->learn_alt_svc_evicted = alt_svc_table_evicted(l->alt_svc->table);
}

static void take_advert(struct learn *l, uint64_t seq, const struct alt_svc_advert *a)
{
    struct alt_svc *s = l->alt_svc;
    uint64_t missing = event_senders_note(&s->senders, a->node, seq);

    l->c->learn_events_lost += missing;
    if (missing > 0 && l->h->live && !s->wants_table) {
        s->wants_table = true;
        s->hello_ns += RESYNC_PAUSE_NS;
    }
    (void)alt_svc_table_set(s->table, a, NULL, NULL);
    count_evicted(l);
}

bool alt_svc_event(struct learn *l, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len);
    struct alt_svc_advert a;
    uint64_t seq;

    while (l->alt_svc && cursor_left(&c) > 0) {
        if (event_alt_svc_decode(&c, &seq, &a) < 0)
            return false;
        take_advert(l, seq, &a);
    }
    return true;
}

/* An event that came since is later than the manager's word. */
static void take_known(void *arg, const struct alt_svc_advert *a)
{
    struct learn *l = arg;

    if (!alt_svc_table_has(l->alt_svc->table, a))
        (void)alt_svc_table_set(l->alt_svc->table, a, NULL, NULL);
}

bool alt_svc_table_event(struct learn *l, const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len);
    bool last;

    if (!l->alt_svc)
        return true;
    if (event_table_decode(&c, &last, take_known, l) < 0 || cursor_left(&c) > 0)
        return false;
    count_evicted(l);
    if (last)
        l->alt_svc->wants_table = false;
    return true;
}

static void ask(struct learn *l, uint64_t mono_ns)
{
    struct alt_svc *s = l->alt_svc;
    uint8_t body[EVENT_HELLO_BYTES];

    learn_publish(l, "hello", body, event_hello_encode(body));
    s->hello_ns = mono_ns + s->hello_pause_ns;
    if (s->hello_pause_ns < HELLO_PAUSE_MAX_NS)
        s->hello_pause_ns *= 2;
}

void alt_svc_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    struct alt_svc *s = l->alt_svc;

    if (!s)
        return;
    if (mono_ns - s->second_ns >= NS_PER_SEC) {
        s->second_ns = mono_ns;
        s->events_left = EVENTS_A_SECOND;
    }
    s->run_ns = mono_ns;
    if (mono_ns - s->sent_ns >= LEARN_PACE_NS)
        s->gathers = false;
    if (s->gathered_len > 0 && (l->due || !s->gathers))
        send(l);
    if (s->wants_table && mono_ns >= s->hello_ns)
        ask(l, mono_ns);
    alt_svc_table_expire(s->table, packet_ns, EXPIRE_STEPS);
}

uint64_t alt_svc_deadline_ns(const struct learn *l)
{
    const struct alt_svc *s = l->alt_svc;
    uint64_t hello_ns = s && s->wants_table ? s->hello_ns : UINT64_MAX;
    uint64_t send_ns = s && s->gathered_len > 0 ? s->sent_ns + LEARN_PACE_NS : UINT64_MAX;

    return send_ns < hello_ns ? send_ns : hello_ns;
}

/* --- from this worker's flows --- */

/* What a line of alt_svc.log is made of. */
struct line {
    struct learn *l;
    const struct learn_origin *from;
    void (*record)(void *arg, struct rec_alt_svc *r);
    void *arg;
};

static void write_line(void *arg, enum alt_svc_action action, const struct alt_svc_service *s)
{
    static const char *const actions[] = {"learn", "refresh", "clear"};
    const struct line *line = arg;
    struct rec_alt_svc r = {0};

    if (action == ALT_SVC_LEARN)
        line->l->c->learn_alt_svc++;
    RECORD_SET(alt_svc, &r, ts, line->from->ts_ns);
    if (line->from->host.len > 0)
        RECORD_SET(alt_svc, &r, origin, line->from->host);
    RECORD_SET(alt_svc, &r, action, str_of(actions[action]));
    RECORD_SET(alt_svc, &r, protocol, s->protocol);
    RECORD_SET(alt_svc, &r, host, s->host);
    RECORD_SET(alt_svc, &r, port, s->port);
    if (action != ALT_SVC_CLEAR) {
        RECORD_SET(alt_svc, &r, max_age, (int64_t)(s->max_age_s * NS_PER_SEC));
        RECORD_SET(alt_svc, &r, expires, alt_svc_expires_ns(line->from->ts_ns, s->max_age_s));
        RECORD_SET(alt_svc, &r, persist, s->persist);
    }
    line->record(line->arg, &r);
}

/* Names are the same in any case (RFC 3986 section 6.2.2.1). */
static struct str origin_key(struct str host, char room[ALT_SVC_HOST_MAX])
{
    uint32_t n = host.len < ALT_SVC_HOST_MAX ? host.len : ALT_SVC_HOST_MAX;

    for (uint32_t i = 0; i < n; i++)
        room[i] = (char)(host.p[i] >= 'A' && host.p[i] <= 'Z' ? host.p[i] | 0x20 : host.p[i]);
    return str_make(room, n);
}

bool learn_alt_svc(struct learn *l, const struct learn_origin *from, struct str value,
                   void (*record)(void *arg, struct rec_alt_svc *r), void *arg)
{
    struct line line = {l, from, record, arg};
    struct alt_svc *s = l->alt_svc;
    char room[ALT_SVC_HOST_MAX];
    struct alt_svc_advert a;

    if (!s)
        return true;
    alt_svc_value_parse(value, &s->value);
    /* Nothing but broken items: not a word about what had been advertised. */
    if (s->value.n == 0 && !s->value.clear)
        return false;
    a = (struct alt_svc_advert){
        .server = from->server,
        .server_port = from->port,
        .origin = origin_key(from->host, room),
        .uid = from->uid,
        .node = str_of(l->h->node),
        .learned_ns = from->ts_ns,
        .n = s->value.n,
    };
    for (unsigned i = 0; i < a.n; i++)
        a.services[i] = s->value.services[i];
    /* Until the manager has answered, others may know what is cleared here. */
    if (alt_svc_table_set(s->table, &a, write_line, &line) == ALT_SVC_NOTHING &&
        !(s->value.clear && s->wants_table))
        l->c->learn_alt_svc_same++;
    else
        publish(l, &a);
    count_evicted(l);
    return !s->value.bad;
}

bool learn_alpn_port(const struct learn *l, uint16_t port)
{
    return l->alt_svc && alt_svc_table_has_port(l->alt_svc->table, port);
}

const char *learn_alpn(struct learn *l, const struct ipaddr *server, uint16_t port,
                       struct str resolved, uint64_t now_ns)
{
    return l->alt_svc ? alt_svc_table_find(l->alt_svc->table, server, port, resolved, now_ns)
                      : NULL;
}
