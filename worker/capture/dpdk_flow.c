/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow has two rules, one a direction, and an entry here from when it is to be shunted until its
 * rules are gone:
 *
 *   WAITS    for its rules to be made
 *   COUNTED  the card counts it
 *   REFUSED  the card would not; its packets come up
 *   OVER     the flow has ended, its rules wait to be removed
 *
 * Entries for which there is something to do stand in one queue, in which each is at most once. Its
 * pace is bounded by time, whatever the traffic asks for. When nothing waits, the rules are asked
 * in turn: a card does not tell when it saw a packet, only that there were some since it was asked.
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
#include "worker/capture/dpdk_rule.h"

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
    struct rte_flow *rule[2];
    struct dpdk_rule_count count[2]; /* as it was asked last, */
    struct dpdk_rule_count gone[2];  /* of it, what rules counted that are gone, */
    struct dpdk_rule_count old[2];   /* and what belongs to a flow that ended before */
    uint64_t asked_ns;
    uint64_t last_ns; /* asked then, it had counted more */
};

struct dpdk_flow {
    uint16_t port;
    struct dpdk_rule_ability can;
    struct pool entries;
    uint32_t *buckets; /* first entry, or POOL_NONE */
    uint32_t bucket_mask, seed;
    uint32_t *queue;
    uint32_t queue_mask, queue_head, queue_n;
    uint32_t turn; /* entry that is asked next */
    uint64_t done_ns, refused_ns;
    bool refuses; /* since refused_ns */
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
    pool_fini(&f->entries);
    free(f->queue);
    free(f->buckets);
    free(f);
}

int dpdk_flow_open(struct dpdk_flow **out, uint16_t port, uint32_t flows_max, uint32_t seed,
                   const char *interface, struct counters *counters)
{
    char why[DPDK_RULE_WHY_BYTES] = "";
    struct dpdk_flow *f = calloc(1, sizeof *f);
    int r;

    if (!f)
        return -ENOMEM;
    f->port = port;
    f->seed = seed;
    f->interface = interface;
    f->counters = counters;
    r = make_tables(f, flows_max);
    dpdk_rule_remove_all(port); /* of who had it before, if the driver has kept them */
    if (r == 0 && !dpdk_rule_probe(port, &f->can, why)) {
        log_info("interface %s: flows are not shunted, its device has no rules that count and drop "
                 "them: %s",
                 interface, why);
        r = -ENOTSUP;
    }
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
    dpdk_rule_remove_all(f->port);
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

/* --- counts --- */

static void ask(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    for (unsigned end = 0; end < 2; end++) {
        struct dpdk_rule_count now;

        if (!e->rule[end] || dpdk_rule_ask(f->port, e->rule[end], &now) < 0)
            continue;
        now.packets += e->gone[end].packets;
        now.frame_bytes += e->gone[end].frame_bytes;
        if (now.packets > e->count[end].packets)
            e->last_ns = now_ns;
        e->count[end] = now;
    }
    e->asked_ns = now_ns;
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
    if (e->state == REFUSED) {
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
    if (end || now_ns - e->asked_ns >= ASKED_NS)
        ask(f, e, now_ns);
    any = tell(e, out);
    if (end)
        end_flow(f, e);
    return any;
}

/* --- what is wanted --- */

static int shunt_again(struct dpdk_flow *f, struct entry *e)
{
    if (e->state == REFUSED) {
        if (f->refuses)
            return -ENOSPC;
        e->state = WAITS;
        queue_put(f, e);
    } else if (e->state == OVER) {
        e->state = e->rule[0] ? COUNTED : WAITS;
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

static void remove_rules(struct dpdk_flow *f, struct entry *e)
{
    for (unsigned end = 0; end < 2; end++) {
        if (e->rule[end])
            dpdk_rule_remove(f->port, e->rule[end]);
        e->rule[end] = NULL;
        e->gone[end] = e->count[end];
    }
}

/* Both or none: what comes up of a flow is to lead on in both its streams. */
static void make_rules(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    char why[DPDK_RULE_WHY_BYTES];
    struct dpdk_rule rule;
    int error = 0;

    for (unsigned end = 0; end < 2 && error == 0; end++) {
        dpdk_rule_build(&rule, &e->key, end, e->tags, f->can.knows_tags);
        e->rule[end] = dpdk_rule_make(f->port, &rule, &error, why);
    }
    e->state = error == 0 ? COUNTED : REFUSED;
    if (error == 0)
        return;
    ask(f, e, now_ns);
    remove_rules(f, e);
    f->counters->shunt_refused++;
    f->refuses = true;
    f->refused_ns = now_ns;
}

/* Packets that came since the flow's end are nobody's. */
static void finish(struct dpdk_flow *f, struct entry *e, uint64_t now_ns)
{
    ask(f, e, now_ns);
    for (unsigned end = 0; end < 2; end++)
        f->counters->shunt_late += e->count[end].packets - e->old[end].packets;
    remove_rules(f, e);
    forget(f, e);
}

static void run_next(struct dpdk_flow *f, uint64_t now_ns)
{
    struct entry *e = entry_at(f, f->queue[f->queue_head++ & f->queue_mask]);

    f->queue_n--;
    e->queued = false;
    if (e->state == OVER)
        finish(f, e, now_ns);
    else if (e->state == WAITS && f->refuses)
        e->state = REFUSED;
    else if (e->state == WAITS)
        make_rules(f, e, now_ns);
}

static void ask_in_turn(struct dpdk_flow *f, uint64_t now_ns)
{
    struct entry *e;

    if (f->entries.fresh == 0)
        return;
    if (f->turn >= f->entries.fresh)
        f->turn = 0;
    e = entry_at(f, f->turn++);
    if (e->state == COUNTED && now_ns - e->asked_ns >= IN_TURN_NS)
        ask(f, e, now_ns);
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
