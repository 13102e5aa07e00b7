/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow has two rules, one a direction, and an entry here from when it is to be shunted until its
 * rules are gone:
 *
 *   WAITS    for its rules to be ordered, or made
 *   COUNTED  the card counts it
 *   REFUSED  the card would not; its packets come up
 *   OVER     the flow has ended, its rules wait to be removed
 *
 * Entries for which there is something to do stand in one queue, in which each is at most once. Its
 * pace is bounded by time, whatever the traffic asks for. When nothing waits, the rules are asked
 * in turn: a card does not tell when it saw a packet, only that there were some since it was asked.
 *
 * What the card is to do is ordered (common/ipc/dpdk_orders.h). A worker that is alone with its
 * port does it at once. A port with an owner is the owner's, which does it in its own time: then a
 * flow stands in the queue until it is answered. Only where a count is needed to go on, before a
 * packet that leads on behind it or at the flow's end, the answer is waited for, and not for long.
 * An owner that did not answer in time is not waited for again for a while: what it counted last is
 * told.
 *
 * A card drops what it counts, so a packet is either counted by it or comes up, never both; packets
 * that were in the ring when their rule was made come up and are counted there.
 *
 * A rule that is not removed yet goes on counting. If the same addresses and ports are shunted
 * again before that, it is used again, and what it counted meanwhile belongs to the new flow. Else
 * nobody is told of it but a counter. */
#include "worker/capture/dpdk_flow.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pool.h"
#include "common/ipc/dpdk_orders.h"
#include "worker/capture/dpdk_rule.h"
#include "worker/capture/dpdk_rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PACE_NS       NS_PER_MS        /* between two flows of the queue while frames come */
#define IDLE_FLOWS    8u               /* at once when none do */
#define REFUSED_NS    NS_PER_SEC       /* after a refusal nothing is asked of the card */
#define ASKED_NS      (10 * NS_PER_MS) /* a count is not asked again sooner, */
#define IN_TURN_NS    NS_PER_SEC       /* and in turn no sooner than that */
#define ETHERNET      14u
#define TAG           4u
#define ANSWER_NS     (5 * NS_PER_MS) /* at most, for an owner */
#define MUTE_NS       NS_PER_SEC      /* it is not waited for, after one that was later */
#define FRAME_MIN     60u /* without the checksum; a tag that was put in later makes it longer */
#define HEADERS_MIN   40u /* of IPv4 and TCP */
#define BUCKETS_SHIFT 1   /* twice as many as entries */

enum state { NONE, WAITS, COUNTED, REFUSED, OVER };

struct entry {
    struct flow_key key;
    uint32_t next; /* in its bucket */
    uint8_t state; /* enum state */
    uint8_t tags;
    bool queued;
    bool ordered; /* and the answer is not taken yet */
    bool has_rules;
    struct dpdk_order_count count[2]; /* as it was asked last, */
    struct dpdk_order_count gone[2];  /* of it, what rules counted that are gone, */
    struct dpdk_order_count old[2];   /* and what belongs to a flow that ended before */
    uint64_t asked_ns;
    uint64_t last_ns; /* asked then, it had counted more */
};

struct dpdk_flow {
    struct dpdk_ability can;
    struct dpdk_share *share; /* with the port's owner; NULL: this process may do it itself, */
    struct dpdk_rules rules;  /* here */
    struct dpdk_orders orders;
    void *own_orders; /* their memory, of who is alone */
    struct pool entries;
    uint32_t *buckets; /* first entry, or POOL_NONE */
    uint32_t bucket_mask, seed;
    uint32_t *queue;
    uint32_t queue_mask, queue_head, queue_n;
    uint32_t turn; /* entry that is asked next */
    uint64_t done_ns, refused_ns, waited_ns;
    uint64_t mute_ns; /* by the monotonic clock: until then the owner is not waited for */
    bool refuses;     /* since refused_ns */
    const char *interface;
    struct counters *counters;
};

static void say_ability(const struct dpdk_flow *f, const char *why)
{
    const bool *kind = f->can.kind;
    bool tcp = kind[DPDK_RULE_TCP4] || kind[DPDK_RULE_TCP6];
    bool udp = kind[DPDK_RULE_UDP4] || kind[DPDK_RULE_UDP6];

    if (tcp)
        log_info("interface %s: its device counts and drops shunted flows of TCP%s", f->interface,
                 udp ? " and UDP" : ", not of UDP");
    else
        log_info("interface %s: its device counts and drops shunted flows of UDP, not of TCP: %s",
                 f->interface, why);
}

static int make_tables(struct dpdk_flow *f, uint32_t flows_max)
{
    uint32_t queue = 1;
    int r = pool_init(&f->entries, sizeof(struct entry), flows_max);

    if (r < 0)
        return r;
    while (queue < flows_max)
        queue *= 2;
    f->queue_mask = queue - 1;
    f->bucket_mask = (queue << BUCKETS_SHIFT) - 1;
    f->queue = calloc(queue, sizeof *f->queue);
    f->buckets = malloc(((size_t)f->bucket_mask + 1) * sizeof *f->buckets);
    if (!f->queue || !f->buckets)
        return -ENOMEM;
    memset(f->buckets, 0xff, ((size_t)f->bucket_mask + 1) * sizeof *f->buckets);
    return 0;
}

static void free_tables(struct dpdk_flow *f)
{
    dpdk_rules_fini(&f->rules);
    free(f->own_orders);
    pool_fini(&f->entries);
    free(f->queue);
    free(f->buckets);
    free(f);
}

/* The rules are this process's own. */
static int open_rules(struct dpdk_flow *f, const struct dpdk_flow_setup *s, char *why)
{
    int r = dpdk_rules_init(&f->rules, s->port, s->flows_max, false);

    f->own_orders = calloc(1, dpdk_orders_bytes(s->flows_max));
    if (r < 0 || !f->own_orders)
        return -ENOMEM;
    dpdk_orders_init(&f->orders, f->own_orders, s->flows_max);
    dpdk_rule_remove_all(s->port); /* of who had it before, if the driver has kept them */
    r = dpdk_rule_probe(s->port, &f->can, why) ? 0 : -ENOTSUP;
    f->rules.knows_tags = f->can.knows_tags;
    return r;
}

/* They are the owner's, which has found out what the card can do. */
static int open_orders(struct dpdk_flow *f, const struct dpdk_flow_setup *s, char *why)
{
    bool any = false;

    f->share = s->share;
    f->can = s->share->can;
    memcpy(why, s->share->can_not, DPDK_RULE_WHY_BYTES);
    dpdk_orders_init(&f->orders, dpdk_share_orders(s->share, s->queue, s->flows_max), s->flows_max);
    for (unsigned kind = 0; kind < DPDK_RULE_KINDS; kind++)
        any |= f->can.kind[kind];
    return any ? 0 : -ENOTSUP;
}

int dpdk_flow_open(struct dpdk_flow **out, const struct dpdk_flow_setup *s)
{
    char why[DPDK_RULE_WHY_BYTES] = "";
    struct dpdk_flow *f = calloc(1, sizeof *f);
    int r;

    if (!f)
        return -ENOMEM;
    f->seed = s->seed;
    f->interface = s->interface;
    f->counters = s->counters;
    r = make_tables(f, s->flows_max);
    if (r == 0)
        r = (s->share ? open_orders : open_rules)(f, s, why);
    if (r == -ENOTSUP)
        log_info("interface %s: flows are not shunted, its device has no rules that count and drop "
                 "them: %s",
                 f->interface, why);
    if (r < 0) {
        free_tables(f);
        return r;
    }
    say_ability(f, why);
    *out = f;
    return 0;
}

void dpdk_flow_close(struct dpdk_flow *f)
{
    if (!f)
        return;
    if (!f->share)
        dpdk_rule_remove_all(f->rules.port);
    free_tables(f);
}

/* --- entries --- */

static struct entry *entry_at(const struct dpdk_flow *f, uint32_t index)
{
    return pool_at(&f->entries, index);
}

static uint32_t *bucket_of(struct dpdk_flow *f, const struct flow_key *key)
{
    return &f->buckets[flow_key_hash(key, f->seed) & f->bucket_mask];
}

/* What leads to the entry, or to POOL_NONE at the end of its bucket. */
static uint32_t *find(struct dpdk_flow *f, const struct flow_key *key)
{
    uint32_t *at = bucket_of(f, key);

    while (*at != POOL_NONE && !flow_key_equal(&entry_at(f, *at)->key, key))
        at = &entry_at(f, *at)->next;
    return at;
}

static void queue_put(struct dpdk_flow *f, struct entry *e)
{
    if (e->queued)
        return;
    CHECK(f->queue_n <= f->queue_mask);
    f->queue[(f->queue_head + f->queue_n++) & f->queue_mask] = pool_index(&f->entries, e);
    e->queued = true;
}

static void forget(struct dpdk_flow *f, struct entry *e)
{
    uint32_t *at = find(f, &e->key), index = *at;

    CHECK(entry_at(f, index) == e && !e->queued);
    *at = e->next;
    e->state = NONE;
    pool_put(&f->entries, index);
}

/* --- orders --- */

static void give_order(struct dpdk_flow *f, struct entry *e, enum dpdk_order_kind kind)
{
    uint32_t number = pool_index(&f->entries, e);
    struct dpdk_order *o = &f->orders.order[number];

    CHECK(!e->ordered);
    o->key = e->key;
    o->tags = e->tags;
    o->kind = kind;
    e->ordered = true;
    if (f->share) {
        dpdk_orders_give(&f->orders, number);
        dpdk_share_ring(f->share);
    } else {
        dpdk_rules_do(&f->rules, number, o);
    }
}

static void refused(struct dpdk_flow *f, uint64_t now_ns)
{
    f->counters->shunt_refused++;
    f->refuses = true;
    f->refused_ns = now_ns;
}

static void take_counts(struct entry *e, const struct dpdk_order_count count[2], uint64_t now_ns)
{
    for (unsigned end = 0; end < 2; end++) {
        struct dpdk_order_count now = count[end];

        now.packets += e->gone[end].packets;
        now.frame_bytes += e->gone[end].frame_bytes;
        if (now.packets <= e->count[end].packets)
            continue;
        e->last_ns = now_ns;
        e->count[end] = now;
    }
    e->asked_ns = now_ns;
}

/* Takes the answer, if one is due. False: there is none yet. */
static bool settle(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    struct dpdk_order *o = &f->orders.order[pool_index(&f->entries, e)];
    bool makes = o->kind == DPDK_ORDER_MAKE;

    if (!e->ordered)
        return true;
    if (atomic_load_explicit(&o->open, memory_order_acquire))
        return false;
    e->ordered = false;
    e->has_rules = o->error == 0 && o->kind != DPDK_ORDER_REMOVE;
    if (!makes || !e->has_rules)
        take_counts(e, o->count, now_ns);
    if (!e->has_rules)
        memcpy(e->gone, e->count, sizeof e->gone);
    if (makes && !e->has_rules)
        refused(f, now_ns);
    if (makes && e->state == WAITS)
        e->state = e->has_rules ? COUNTED : REFUSED;
    return true;
}

/* Waits for the answer. False: there is none in time. */
static bool await(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    struct dpdk_order *o = &f->orders.order[pool_index(&f->entries, e)];
    uint64_t mono_ns, until_ns = 0;

    while (!settle(f, e, now_ns)) {
        mono_ns = clock_mono_ns();
        if (until_ns == 0)
            until_ns = mono_ns + ANSWER_NS;
        if (mono_ns < f->mute_ns)
            return false;
        if (mono_ns >= until_ns) {
            f->mute_ns = mono_ns + MUTE_NS;
            f->counters->shunt_unanswered++;
            return false;
        }
        dpdk_share_wait(&o->open, 1, (unsigned)(ANSWER_NS / NS_PER_MS));
    }
    return true;
}

/* --- counts --- */

static void ask(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    e->asked_ns = f->waited_ns = now_ns;
    if (!await(f, e, now_ns) || !e->has_rules)
        return;
    give_order(f, e, DPDK_ORDER_ASK);
    (void)await(f, e, now_ns);
}

/* With an owner not for each packet that would like to know. */
static bool may_ask(const struct dpdk_flow *f, const struct entry *e, uint64_t now_ns)
{
    return now_ns - e->asked_ns >= ASKED_NS && (!f->share || now_ns - f->waited_ns >= PACE_NS);
}

/* Of whole frames. If all were as short as frames can be, they were filled up: they are
 * acknowledgements, which have nothing but headers. */
static uint64_t ip_bytes_of(const struct entry *e, uint64_t packets, uint64_t frame_bytes)
{
    uint64_t tags = e->tags * TAG, link_bytes = packets * (ETHERNET + tags);
    bool shortest =
        frame_bytes == packets * FRAME_MIN || frame_bytes == packets * (FRAME_MIN + tags);

    if (shortest && dpdk_rule_kind(&e->key) == DPDK_RULE_TCP4)
        return packets * HEADERS_MIN;
    return frame_bytes > link_bytes ? frame_bytes - link_bytes : 0;
}

static bool tell(const struct entry *e, struct capture_unseen *out)
{
    *out = (struct capture_unseen){.last_ns = e->last_ns};
    for (unsigned end = 0; end < 2; end++) {
        out->packets[end] = e->count[end].packets - e->old[end].packets;
        out->ip_bytes[end] =
            ip_bytes_of(e, out->packets[end], e->count[end].frame_bytes - e->old[end].frame_bytes);
    }
    return out->packets[0] + out->packets[1] > 0;
}

/* The flow has ended, and what it was told is not for the next. */
static void end_flow(struct dpdk_flow *f, struct entry *e)
{
    memcpy(e->old, e->count, sizeof e->old);
    if (e->state == REFUSED && !e->queued) {
        forget(f, e);
        return;
    }
    e->state = OVER;
    queue_put(f, e);
}

bool dpdk_flow_unseen(struct dpdk_flow *f, const struct flow_key *key, bool end, uint64_t now_ns,
                      struct capture_unseen *out)
{
    uint32_t index = *find(f, key);
    struct entry *e;
    bool any;

    if (index == POOL_NONE || entry_at(f, index)->state == OVER)
        return false;
    e = entry_at(f, index);
    if (end || may_ask(f, e, now_ns))
        ask(f, e, now_ns);
    any = tell(e, out);
    if (end)
        end_flow(f, e);
    return any;
}

/* --- what is wanted --- */

static bool is_leaving(const struct dpdk_flow *f, const struct entry *e)
{
    return e->ordered && f->orders.order[pool_index(&f->entries, e)].kind == DPDK_ORDER_REMOVE;
}

static int shunt_again(struct dpdk_flow *f, struct entry *e)
{
    if (e->state == REFUSED) {
        if (f->refuses)
            return -ENOSPC;
        e->state = WAITS;
        queue_put(f, e);
    } else if (e->state == OVER) {
        e->state = e->has_rules && !is_leaving(f, e) ? COUNTED : WAITS;
    }
    return 0;
}

int dpdk_flow_shunt(struct dpdk_flow *f, const struct flow_key *key,
                    const struct capture_shunt *how)
{
    uint32_t *at, index;
    struct entry *e;

    if (!how)
        return 0;
    if (!f->can.kind[dpdk_rule_kind(key)] || how->link_bytes < ETHERNET ||
        how->link_bytes > ETHERNET + DPDK_RULE_TAGS_MAX * TAG ||
        (how->link_bytes - ETHERNET) % TAG > 0)
        return -EPROTONOSUPPORT;
    at = find(f, key);
    if (*at != POOL_NONE)
        return shunt_again(f, entry_at(f, *at));
    if (f->refuses || (index = pool_get(&f->entries)) == POOL_NONE)
        return -ENOSPC;
    e = entry_at(f, index);
    *e = (struct entry){.key = *key,
                        .next = POOL_NONE,
                        .state = WAITS,
                        .tags = (uint8_t)((how->link_bytes - ETHERNET) / TAG)};
    *at = index;
    queue_put(f, e);
    return 0;
}

/* --- what is done --- */

/* Has it done; the flow stands in the queue while there is no answer. */
static bool have_done(struct dpdk_flow *f, struct entry *e, enum dpdk_order_kind kind,
                      uint64_t now_ns)
{
    give_order(f, e, kind);
    if (settle(f, e, now_ns))
        return true;
    queue_put(f, e);
    return false;
}

/* Packets that came since the flow's end are nobody's. */
static void finish(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    if (e->has_rules && !have_done(f, e, DPDK_ORDER_REMOVE, now_ns))
        return;
    for (unsigned end = 0; end < 2; end++)
        f->counters->shunt_late += e->count[end].packets - e->old[end].packets;
    forget(f, e);
}

static void run_next(struct dpdk_flow *f, uint64_t now_ns)
{
    struct entry *e = entry_at(f, f->queue[f->queue_head++ & f->queue_mask]);

    f->queue_n--;
    e->queued = false;
    if (!settle(f, e, now_ns))
        queue_put(f, e);
    else if (e->state == OVER)
        finish(f, e, now_ns);
    else if (e->state == WAITS && f->refuses)
        e->state = REFUSED;
    else if (e->state == WAITS)
        (void)have_done(f, e, DPDK_ORDER_MAKE, now_ns);
}

static void ask_in_turn(struct dpdk_flow *f, uint64_t now_ns)
{
    struct entry *e;

    if (f->entries.fresh == 0)
        return;
    if (f->turn >= f->entries.fresh)
        f->turn = 0;
    e = entry_at(f, f->turn++);
    if (e->state == COUNTED && settle(f, e, now_ns) && now_ns - e->asked_ns >= IN_TURN_NS)
        (void)have_done(f, e, DPDK_ORDER_ASK, now_ns);
}

void dpdk_flow_run(struct dpdk_flow *f, uint64_t now_ns, bool idle)
{
    if (f->entries.used == 0 && !f->refuses)
        return;
    if (!idle && now_ns - f->done_ns < PACE_NS)
        return;
    f->done_ns = now_ns;
    if (f->refuses && now_ns - f->refused_ns >= REFUSED_NS)
        f->refuses = false;
    for (unsigned i = 0; i < (idle ? IDLE_FLOWS : 1); i++) {
        if (f->queue_n > 0)
            run_next(f, now_ns);
        else
            ask_in_turn(f, now_ns);
    }
}
