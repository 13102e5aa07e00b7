/* SPDX-License-Identifier: BSD-3-Clause */
/* Origins in a list by when they advertised, each with the list of its services; how a service is
 * found by address or name is in alt_svc_index.c.
 *
 * A site answers every request with the same advertisement. So the table judges what of it is news:
 * a line in the log each time that half of the age has passed, a message to the others each time
 * that a small part of it has. In between only the expiry moves.
 *
 * What expires is known by its time and found again by a hand that goes round the places of the
 * table, a few at each call; a lookup never believes what has expired, swept or not. */
#include "common/base/alt_svc_private.h"

#include "common/base/check.h"
#include "common/base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define TELL_PARTS 64u /* of its age that an expiry may have moved before others are told */

/* --- memory --- */

int alt_svc_table_new(struct alt_svc_table **out, uint32_t capacity)
{
    struct alt_svc_table *t = calloc(1, sizeof *t);
    uint32_t buckets = 1;
    bool room;

    CHECK(capacity > 0 && capacity <= ALT_SVC_TABLE_MAX);
    *out = NULL;
    if (!t)
        return -ENOMEM;
    while (buckets < capacity)
        buckets *= 2;
    t->mask = buckets - 1;
    if (getrandom(&t->key, sizeof t->key, 0) != sizeof t->key)
        t->key.k[0] = clock_wall_ns();
    room = pool_init(&t->origins, sizeof(struct alt_svc_origin), capacity) == 0 &&
           pool_init(&t->services, sizeof(struct alt_svc_entry), capacity) == 0;
    t->origin_heads = calloc(buckets, sizeof *t->origin_heads);
    for (unsigned i = 0; i < ALT_SVC_INDEXES; i++) {
        t->heads[i] = calloc(buckets, sizeof *t->heads[i]);
        room = room && t->heads[i];
    }
    if (!room || !t->origin_heads) {
        alt_svc_table_free(t);
        return -ENOMEM;
    }
    *out = t;
    return 0;
}

void alt_svc_table_free(struct alt_svc_table *t)
{
    if (!t)
        return;
    for (unsigned i = 0; i < ALT_SVC_INDEXES; i++)
        free(t->heads[i]);
    free(t->origin_heads);
    pool_fini(&t->services);
    pool_fini(&t->origins);
    free(t);
}

/* --- origins and their services --- */

static void origin_name_link(struct alt_svc_table *t, struct alt_svc_origin *o)
{
    uint32_t *head = &t->origin_heads[o->bucket];

    o->next = *head;
    o->prev = ALT_SVC_NONE;
    if (*head != ALT_SVC_NONE)
        alt_svc_origin_at(t, *head)->prev = alt_svc_origin_link(t, o);
    *head = alt_svc_origin_link(t, o);
}

static void origin_name_unlink(struct alt_svc_table *t, struct alt_svc_origin *o)
{
    if (o->prev != ALT_SVC_NONE)
        alt_svc_origin_at(t, o->prev)->next = o->next;
    else
        t->origin_heads[o->bucket] = o->next;
    if (o->next != ALT_SVC_NONE)
        alt_svc_origin_at(t, o->next)->prev = o->prev;
}

static void age_link(struct alt_svc_table *t, struct alt_svc_origin *o)
{
    o->older = t->newest;
    o->newer = ALT_SVC_NONE;
    if (t->newest != ALT_SVC_NONE)
        alt_svc_origin_at(t, t->newest)->newer = alt_svc_origin_link(t, o);
    else
        t->oldest = alt_svc_origin_link(t, o);
    t->newest = alt_svc_origin_link(t, o);
}

static void age_unlink(struct alt_svc_table *t, struct alt_svc_origin *o)
{
    *(o->older != ALT_SVC_NONE ? &alt_svc_origin_at(t, o->older)->newer : &t->oldest) = o->newer;
    *(o->newer != ALT_SVC_NONE ? &alt_svc_origin_at(t, o->newer)->older : &t->newest) = o->older;
}

static void origin_remove(struct alt_svc_table *t, struct alt_svc_origin *o)
{
    age_unlink(t, o);
    origin_name_unlink(t, o);
    pool_put(&t->origins, pool_index(&t->origins, o));
}

/* Takes one service away; its origin stays, if need be empty. */
static void service_remove(struct alt_svc_table *t, struct alt_svc_entry *s)
{
    struct alt_svc_origin *o = pool_at(&t->origins, s->origin);
    uint32_t *at = &o->services;

    while (*at != alt_svc_entry_link(t, s))
        at = &alt_svc_entry_at(t, *at)->next;
    *at = s->next;
    alt_svc_index_remove(t, s);
    s->expires_ns = 0;
    pool_put(&t->services, pool_index(&t->services, s));
}

static void service_expired(struct alt_svc_table *t, struct alt_svc_entry *s)
{
    struct alt_svc_origin *o = pool_at(&t->origins, s->origin);

    service_remove(t, s);
    if (o->services == ALT_SVC_NONE)
        origin_remove(t, o);
}

/* Makes room by the origin that advertised longest ago, but not by `keep`. False if there is none.
 */
static bool evict(struct alt_svc_table *t, const struct alt_svc_origin *keep)
{
    uint32_t victim = t->oldest;

    if (victim != ALT_SVC_NONE && alt_svc_origin_at(t, victim) == keep)
        victim = alt_svc_origin_at(t, victim)->newer;
    if (victim == ALT_SVC_NONE)
        return false;
    while (alt_svc_origin_at(t, victim)->services != ALT_SVC_NONE) {
        service_remove(t, alt_svc_entry_at(t, alt_svc_origin_at(t, victim)->services));
        t->evicted++;
    }
    origin_remove(t, alt_svc_origin_at(t, victim));
    return true;
}

static struct str text_max(struct str s, uint32_t max)
{
    return s.len > max ? (struct str){s.p, max} : s;
}

static uint32_t bucket_of_origin(const struct alt_svc_table *t, const struct alt_svc_advert *a)
{
    return alt_svc_bucket(t, &a->server, a->server_port, text_max(a->origin, ALT_SVC_HOST_MAX));
}

static struct alt_svc_origin *origin_find(const struct alt_svc_table *t,
                                          const struct alt_svc_advert *a)
{
    struct str name = text_max(a->origin, ALT_SVC_HOST_MAX);

    for (uint32_t at = t->origin_heads[bucket_of_origin(t, a)]; at != ALT_SVC_NONE;) {
        struct alt_svc_origin *o = alt_svc_origin_at(t, at);

        if (o->server_port == a->server_port &&
            memcmp(&o->server, &a->server, sizeof o->server) == 0 &&
            str_equal(str_make(o->name, o->name_len), name))
            return o;
        at = o->next;
    }
    return NULL;
}

static struct alt_svc_origin *origin_new(struct alt_svc_table *t, const struct alt_svc_advert *a)
{
    struct str name = text_max(a->origin, ALT_SVC_HOST_MAX);
    struct alt_svc_origin *o;

    /* As many origins as services fit, and none is without one: evicting makes room for both. */
    while (t->origins.used == t->origins.capacity)
        CHECK(evict(t, NULL));
    o = pool_at(&t->origins, pool_get(&t->origins));
    memset(o, 0, sizeof *o);
    o->server = a->server;
    o->server_port = a->server_port;
    o->name_len = (uint8_t)name.len;
    if (name.len > 0)
        memcpy(o->name, name.p, name.len);
    o->bucket = bucket_of_origin(t, a);
    origin_name_link(t, o);
    age_link(t, o);
    return o;
}

/* --- advertisements --- */

static void service_give(const struct alt_svc_entry *s, struct alt_svc_service *out)
{
    *out = (struct alt_svc_service){
        .protocol = str_make(s->protocol, s->protocol_len),
        .host = str_make(s->host, s->host_len),
        .max_age_s = s->max_age_s,
        .port = s->port,
        .persist = s->persist,
    };
}

static bool service_is(const struct alt_svc_entry *s, const struct alt_svc_service *want)
{
    return s->port == want->port &&
           str_equal(str_make(s->protocol, s->protocol_len), want->protocol) &&
           str_equal(str_make(s->host, s->host_len), want->host);
}

static struct alt_svc_entry *service_find(const struct alt_svc_table *t,
                                          const struct alt_svc_origin *o,
                                          const struct alt_svc_service *want)
{
    for (uint32_t at = o->services; at != ALT_SVC_NONE; at = alt_svc_entry_at(t, at)->next)
        if (service_is(alt_svc_entry_at(t, at), want))
            return alt_svc_entry_at(t, at);
    return NULL;
}

static bool can_be_kept(const struct alt_svc_service *s)
{
    return s->max_age_s > 0 && s->port > 0 && s->protocol.len > 0 &&
           s->protocol.len <= ALT_SVC_PROTOCOL_MAX && s->host.len <= ALT_SVC_HOST_MAX;
}

static struct alt_svc_entry *service_new(struct alt_svc_table *t, struct alt_svc_origin *o,
                                         const struct alt_svc_service *from)
{
    struct alt_svc_entry *s;
    uint32_t *last;

    while (t->services.used == t->services.capacity)
        if (!evict(t, o))
            return NULL;
    s = pool_at(&t->services, pool_get(&t->services));
    memset(s, 0, sizeof *s);
    s->origin = pool_index(&t->origins, o);
    for (last = &o->services; *last != ALT_SVC_NONE;) /* a few at most */
        last = &alt_svc_entry_at(t, *last)->next;
    *last = alt_svc_entry_link(t, s);
    s->port = from->port;
    s->protocol_len = (uint8_t)from->protocol.len;
    s->host_len = (uint8_t)from->host.len;
    memcpy(s->protocol, from->protocol.p, from->protocol.len);
    if (from->host.len > 0)
        memcpy(s->host, from->host.p, from->host.len);
    alt_svc_index_add(t, s);
    return s;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

struct setting {
    struct alt_svc_table *t;
    struct alt_svc_origin *o;
    const struct alt_svc_advert *a;
    void (*change)(void *arg, enum alt_svc_action action, const struct alt_svc_service *s);
    void *arg;
    enum alt_svc_news news;
};

static void tell(const struct setting *set, enum alt_svc_action action,
                 const struct alt_svc_service *s)
{
    if (set->change)
        set->change(set->arg, action, s);
}

/* What the origin names no more is gone. What has run out is gone by itself, without a word. */
static void drop_others(struct setting *set)
{
    uint32_t next;

    for (uint32_t at = set->o->services; at != ALT_SVC_NONE; at = next) {
        struct alt_svc_entry *s = alt_svc_entry_at(set->t, at);
        bool expired = s->expires_ns <= set->a->learned_ns, named = false;
        struct alt_svc_service given;

        next = s->next;
        for (unsigned i = 0; i < set->a->n; i++)
            named |= service_is(s, &set->a->services[i]) && can_be_kept(&set->a->services[i]);
        if (named && !expired)
            continue;
        service_give(s, &given);
        if (!expired) {
            tell(set, ALT_SVC_CLEAR, &given);
            set->news = ALT_SVC_CHANGED;
        }
        service_remove(set->t, s);
    }
}

static void take(struct setting *set, const struct alt_svc_service *from)
{
    uint64_t expires_ns = alt_svc_expires_ns(set->a->learned_ns, from->max_age_s);
    struct alt_svc_entry *s = service_find(set->t, set->o, from);
    bool fresh = !s, worth_a_line;

    if (fresh)
        s = service_new(set->t, set->o, from);
    if (!s) {
        set->t->evicted++;
        return;
    }
    if (fresh || set->a->learned_ns < s->since_ns)
        s->since_ns = set->a->learned_ns;
    worth_a_line = distance(expires_ns, s->logged_expires_ns) >= from->max_age_s * NS_PER_SEC / 2 ||
                   s->persist != from->persist;
    s->expires_ns = expires_ns;
    s->max_age_s = from->max_age_s;
    s->persist = from->persist;
    alt_svc_index_mirror(set->t, s, expires_ns);
    if (!fresh && !worth_a_line)
        return;
    s->logged_expires_ns = expires_ns;
    set->news = ALT_SVC_CHANGED;
    tell(set, fresh ? ALT_SVC_LEARN : ALT_SVC_REFRESH, from);
}

/* Others follow a moving expiry at a distance that is small beside the age. */
static bool others_want_to_know(const struct setting *set)
{
    uint64_t moved = distance(set->a->learned_ns, set->o->told_ns);

    for (unsigned i = 0; i < set->a->n; i++)
        if (moved >= NS_PER_SEC && moved >= set->a->services[i].max_age_s * NS_PER_SEC / TELL_PARTS)
            return true;
    return false;
}

static void text_copy(char *to, uint8_t *len, struct str from, uint32_t max)
{
    from = text_max(from, max);
    *len = (uint8_t)from.len;
    if (from.len > 0)
        memcpy(to, from.p, from.len);
}

static void origin_told(struct setting *set)
{
    struct alt_svc_origin *o = set->o;

    o->told_ns = set->a->learned_ns;
    text_copy(o->uid, &o->uid_len, set->a->uid, ALT_SVC_UID_MAX);
    text_copy(o->node, &o->node_len, set->a->node, ALT_SVC_NODE_MAX);
}

enum alt_svc_news alt_svc_table_set(struct alt_svc_table *t, const struct alt_svc_advert *a,
                                    void (*change)(void *arg, enum alt_svc_action action,
                                                   const struct alt_svc_service *s),
                                    void *arg)
{
    struct setting set = {t, origin_find(t, a), a, change, arg, ALT_SVC_NOTHING};
    unsigned kept = 0;

    for (unsigned i = 0; i < a->n; i++)
        kept += can_be_kept(&a->services[i]);
    if (set.o)
        drop_others(&set);
    else if (kept > 0)
        set.o = origin_new(t, a);
    else
        return ALT_SVC_NOTHING;
    for (unsigned i = 0; i < a->n; i++)
        if (can_be_kept(&a->services[i]))
            take(&set, &a->services[i]);
    if (set.news == ALT_SVC_NOTHING && kept > 0 && others_want_to_know(&set))
        set.news = ALT_SVC_LATER;
    set.o->learned_ns = a->learned_ns;
    if (set.news != ALT_SVC_NOTHING)
        origin_told(&set);
    age_unlink(t, set.o);
    age_link(t, set.o);
    if (set.o->services == ALT_SVC_NONE)
        origin_remove(t, set.o);
    return set.news;
}

bool alt_svc_table_has(const struct alt_svc_table *t, const struct alt_svc_advert *a)
{
    const struct alt_svc_origin *o = origin_find(t, a);

    return o && o->learned_ns >= a->learned_ns;
}

void alt_svc_table_expire(struct alt_svc_table *t, uint64_t now_ns, uint32_t steps)
{
    if (steps > t->services.fresh)
        steps = t->services.fresh;
    for (; steps > 0; steps--) {
        struct alt_svc_entry *s;

        t->hand = t->hand + 1 < t->services.fresh ? t->hand + 1 : 0;
        s = pool_at(&t->services, t->hand);
        if (s->expires_ns > 0 && s->expires_ns <= now_ns)
            service_expired(t, s);
    }
}

bool alt_svc_table_next(const struct alt_svc_table *t, uint32_t *position,
                        struct alt_svc_advert *out)
{
    uint32_t link = *position == 0 ? t->oldest : alt_svc_origin_at(t, *position)->newer;
    const struct alt_svc_origin *o;

    if (link == ALT_SVC_NONE)
        return false;
    *position = link;
    o = alt_svc_origin_at(t, link);
    *out = (struct alt_svc_advert){
        .server = o->server,
        .server_port = o->server_port,
        .origin = str_make(o->name, o->name_len),
        .uid = str_make(o->uid, o->uid_len),
        .node = str_make(o->node, o->node_len),
        .learned_ns = o->learned_ns,
    };
    for (uint32_t at = o->services; at != ALT_SVC_NONE; at = alt_svc_entry_at(t, at)->next) {
        CHECK(out->n < ALT_SVC_SERVICES_MAX);
        service_give(alt_svc_entry_at(t, at), &out->services[out->n++]);
    }
    return true;
}

uint32_t alt_svc_table_used(const struct alt_svc_table *t)
{
    return t->services.used;
}

uint64_t alt_svc_table_evicted(const struct alt_svc_table *t)
{
    return t->evicted;
}
