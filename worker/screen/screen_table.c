/* SPDX-License-Identifier: BSD-3-Clause */
/* An entry is found, or made, by looking at the eight of its set and no others: nothing that a
 * sender chooses makes that longer, and there is nothing to sweep, since what is old is taken over
 * when its place is wanted. Who is told apart is a matter of the key alone; keys are hashed with a
 * secret, so that nobody can fill the set that somebody else is counted in. */
#include "worker/screen/screen_table.h"

#include "common/base/flow_hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SET_ENTRIES 8u

_Static_assert(sizeof(struct screen_key) == 40, "compared whole, so it has no holes");

int screen_table_init(struct screen_table *t, uint32_t capacity, uint32_t secret, uint64_t *evicted)
{
    uint32_t sets = 1;

    memset(t, 0, sizeof *t);
    while (sets < UINT32_C(1) << 24 && sets * SET_ENTRIES < capacity)
        sets *= 2;
    /* Zeroed memory of this size is mapped, not touched: it is used as sources come. */
    t->entries = calloc((size_t)sets * SET_ENTRIES, sizeof *t->entries);
    t->in_use = calloc(sets, sizeof *t->in_use);
    if (!t->entries || !t->in_use) {
        screen_table_fini(t);
        return -ENOMEM;
    }
    t->set_mask = sets - 1;
    t->secret = secret;
    t->evicted = evicted;
    return 0;
}

void screen_table_fini(struct screen_table *t)
{
    free(t->entries);
    free(t->in_use);
    memset(t, 0, sizeof *t);
}

static uint32_t hash(const struct ipaddr *a, uint32_t with, uint32_t secret)
{
    uint32_t w[4];

    memcpy(w, a, sizeof w);
    return flow_hash_endpoint_v6(w, with, secret);
}

static uint32_t set_of(const struct screen_table *t, const struct screen_key *key)
{
    uint32_t h = flow_hash_combine(hash(&key->a, key->port, t->secret),
                                   hash(&key->b, key->kind, ~t->secret), key->kind);

    return h & t->set_mask;
}

/* Captures are not always in order: time that goes back a little is no time. */
static bool is_old(const struct screen_entry *e, uint64_t now_ns, uint64_t lifetime_ns)
{
    return now_ns > e->since_ns && now_ns - e->since_ns > lifetime_ns;
}

static void begin(struct screen_entry *e, const struct screen_key *key, uint64_t now_ns)
{
    memset(e, 0, sizeof *e);
    e->key = *key;
    e->since_ns = now_ns;
}

struct screen_entry *screen_table_entry(struct screen_table *t, const struct screen_key *key,
                                        uint64_t now_ns, uint64_t lifetime_ns)
{
    uint32_t at = set_of(t, key);
    struct screen_entry *set = t->entries + (size_t)at * SET_ENTRIES, *victim = set;

    for (struct screen_entry *e = set; e < set + t->in_use[at]; e++) {
        if (memcmp(&e->key, key, sizeof *key) == 0)
            return e;
        if (e->n < victim->n || (e->n == victim->n && e->since_ns < victim->since_ns))
            victim = e;
    }
    if (t->in_use[at] < SET_ENTRIES)
        victim = &set[t->in_use[at]++];
    else if (!is_old(victim, now_ns, lifetime_ns))
        ++*t->evicted;
    begin(victim, key, now_ns);
    return victim;
}

void screen_table_renew(struct screen_entry *e, uint64_t now_ns, uint64_t lifetime_ns)
{
    const struct screen_key key = e->key;

    if (is_old(e, now_ns, lifetime_ns))
        begin(e, &key, now_ns);
}

bool screen_table_distinct(const struct screen_table *t, struct screen_entry *e,
                           const struct ipaddr *addr, uint16_t port)
{
    uint32_t bit = flow_hash_combine(hash(addr, port, t->secret), t->secret, port);
    uint64_t *word = &e->sketch[bit / 64 % (SCREEN_SKETCH_BITS / 64)];
    uint64_t mask = UINT64_C(1) << bit % 64;

    if (*word & mask)
        return false;
    *word |= mask;
    e->n++;
    return true;
}
