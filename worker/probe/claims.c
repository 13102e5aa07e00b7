/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow whose two directions come to different workers is claimed by both, within moments: the
 * first one has it, so that both ends' sessions go to the same worker. A claim that comes later
 * than that is of another connection with the same five-tuple, or of a worker that the flow has
 * moved to, and counts.
 *
 * Claims are not taken back: a connection may have one session after the other, and most that
 * shares out packets does it by five-tuple, so that the next connection has the same worker. A
 * worker that dies keeps its claims, for its successor reads on from the same ring.
 *
 * Five-tuples are chosen by whoever sends traffic, therefore the hash that they are known by is one
 * that nobody can find collisions of. */
#include "worker/probe/claims.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/siphash.h"
#include "common/base/str.h"
#include "common/ipc/claim.h"
#include "worker/probe/lru.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Both directions of a flow have begun by then, even if a SYN had to be sent twice. */
#define SAME_FLOW_NS (2 * NS_PER_SEC)

struct entry {
    struct flow_key key;
    uint64_t claimed_ns;
    uint32_t worker;
};

struct claims {
    const struct heritage *heritage;
    struct counters *c;
    struct siphash_key secret;
    struct lru lru;
    struct entry *entries;
};

struct claims *claims_new(uint32_t capacity, const struct heritage *h, struct counters *c)
{
    struct claims *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->heritage = h;
    t->c = c;
    t->entries = calloc(capacity, sizeof *t->entries);
    if (!t->entries || lru_init(&t->lru, capacity) < 0 ||
        getrandom(&t->secret, sizeof t->secret, 0) != (ssize_t)sizeof t->secret) {
        claims_free(t);
        return NULL;
    }
    return t;
}

void claims_free(struct claims *t)
{
    if (!t)
        return;
    lru_fini(&t->lru);
    free(t->entries);
    free(t);
}

static uint64_t hash_of(const struct claims *t, const struct flow_key *key)
{
    return siphash(&t->secret, key, sizeof *key);
}

/* NULL: not claimed. */
static struct entry *entry_find(struct claims *t, const struct flow_key *key)
{
    uint32_t i = lru_find(&t->lru, hash_of(t, key));

    return i != LRU_NONE && flow_key_equal(&t->entries[i].key, key) ? &t->entries[i] : NULL;
}

static struct entry *entry_new(struct claims *t, const struct flow_key *key)
{
    uint64_t hash = hash_of(t, key);
    uint32_t i = lru_find(&t->lru, hash); /* of another flow, as chance never has it */

    if (i == LRU_NONE && t->lru.n == t->lru.capacity) {
        lru_remove(&t->lru, lru_oldest(&t->lru));
        t->c->probe_claims_evicted++;
    }
    if (i == LRU_NONE)
        i = lru_insert(&t->lru, hash);
    t->entries[i].key = *key;
    return &t->entries[i];
}

void claims_add(struct claims *t, const struct flow_key *key, unsigned worker, uint64_t mono_ns)
{
    struct entry *e = entry_find(t, key);

    CHECK(worker < HERITAGE_WORKERS_MAX);
    if (!e)
        e = entry_new(t, key);
    else if (e->worker != worker && mono_ns - e->claimed_ns < SAME_FLOW_NS)
        return;
    e->worker = worker;
    e->claimed_ns = mono_ns;
}

unsigned claims_find(struct claims *t, const struct flow_key *key)
{
    const struct entry *e = entry_find(t, key);

    return e ? e->worker : CLAIMS_NONE;
}

/* Of a message. */
struct claimer {
    struct claims *t;
    unsigned worker;
    uint64_t mono_ns;
};

static void take(void *arg, const struct flow_key *key)
{
    const struct claimer *c = arg;

    claims_add(c->t, key, c->worker, c->mono_ns);
    c->t->c->probe_claims++;
}

/* Index of the worker whose topic it is; n_workers if it is nobody's. */
static unsigned worker_of(const struct claims *t, const struct bus_message *m)
{
    size_t prefix = strlen(CLAIM_TOPIC);
    unsigned i = 0;

    if (m->topic_len <= prefix || m->topic[m->topic_len - 1] != '/')
        return t->heritage->n_workers;
    while (i < t->heritage->n_workers &&
           !str_equal(str_of(t->heritage->workers[i]),
                      str_make(m->topic + prefix, m->topic_len - 1 - prefix)))
        i++;
    return i;
}

void claims_message(struct claims *t, const struct bus_message *m, uint64_t mono_ns)
{
    struct claimer c = {t, worker_of(t, m), mono_ns};

    if (c.worker == t->heritage->n_workers || claim_read(m->body, m->body_len, take, &c) < 0)
        t->c->probe_claims_bad++;
}
