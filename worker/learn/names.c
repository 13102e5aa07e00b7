/* SPDX-License-Identifier: BSD-3-Clause */
/* Which name led a client to an address.
 *
 * An entry is (client, address) -> name, and beside it there is one (any client, address) -> the
 * name that was told last, whoever asked: many hosts behind one resolver's cache, or a client whose
 * question went by another way, are served by that. One address has many names (a CDN), so the
 * client's own answer comes first. Looking up begins with the entry for any client, because where
 * that is missing, as it mostly is, the other one is missing too. Every flow asks at its begin, so
 * that a miss costs one look at memory: each bucket says with a bit which hashes are in its chain.
 *
 * How long an answer is believed: its TTL (at most TTL_MAX_S) and GRACE_S more, by packet time.
 * Programs hold on to addresses longer than they are told: browsers and language runtimes keep
 * caches of their own, pools of connections dial again what they resolved at their start. An
 * address that was given away within the hour to somebody else is rare beside that, and the new
 * owner's clients ask for it and so replace the name.
 *
 * Bounds: names_table_size (client, address) pairs and as many addresses, 64 bytes each; that many
 * texts of 264 bytes, shared by all entries with the same name; and two indexes: about 420 bytes
 * for each of names_table_size, 26 MiB by default, touched only as it is used.
 *
 * Room is made by a hand that goes round the entries and takes the first that was not used since it
 * came by last: nearly the one unused longest, without a list whose upkeep would touch four other
 * entries at each flow's begin. A flow holds the text, not the entry, so what is held outlives both
 * eviction and expiry.
 *
 * What other workers learn is taken as if it were seen here; what is news here is gathered and
 * published (names_event.c). */
#include "worker/learn/names.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pool.h"
#include "common/base/siphash.h"
#include "worker/learn/learn_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NAMES_MAX     (UINT64_C(1) << 26)
#define TTL_MAX_S     86400u
#define GRACE_S       3600u
#define REFRESH_NS    (60 * NS_PER_SEC) /* an answer that adds less to an entry is no news */
#define MAKE_ROOM_MAX 8u                /* entries evicted for one text, that may all be held */
#define SPARED_MAX    64u  /* used entries that the hand passes by before it takes one */
#define STEPS_MAX     256u /* of the hand for one eviction, over places that are mostly free */

struct pair {
    struct ipaddr addr;   /* first: all that is hashed for any client */
    struct ipaddr client; /* all zero: any */
};

/* Indexes are + 1, 0 is none. */
struct entry {
    struct pair key;
    uint64_t since_ns, until_ns;
    uint32_t name; /* 0: no entry */
    uint32_t next; /* of the same bucket */
    uint32_t hash; /* upper half */
    bool used;     /* since the hand was here */
};
_Static_assert(sizeof(struct entry) == 64, "a cache line");

struct text {
    uint32_t refs; /* entries and flows */
    uint32_t next; /* of the same bucket */
    uint8_t len;
    char p[NAMES_TEXT_MAX];
};

struct bucket {
    uint32_t head;
    uint32_t bits; /* of the chain's hashes */
};

struct names {
    struct siphash_key key;
    struct counters *c;
    struct pool entries, texts;
    struct pool bucket_memory, head_memory; /* one object each */
    struct bucket *buckets;                 /* of entries */
    uint32_t *heads;                        /* of texts */
    uint32_t bucket_mask, head_mask;
    uint32_t hand;       /* entry at which room is made next */
    struct ipaddr ahead; /* prefetched last */
    uint64_t ahead_hash;
    bool share;
    struct names_event event;
    uint64_t sent_ns; /* monotonic */
    uint64_t pace_ns; /* monotonic: since when so many full messages may go: */
    unsigned full_left;
};

static const struct ipaddr any_client;

static bool addr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static uint64_t pair_hash(const struct names *n, const struct pair *key)
{
    if (!addr_equal(&key->client, &any_client))
        return siphash(&n->key, key, sizeof *key);
    return addr_equal(&key->addr, &n->ahead) ? n->ahead_hash
                                             : siphash(&n->key, &key->addr, sizeof key->addr);
}

static void look_ahead(struct names *n, const struct ipaddr *addr)
{
    n->ahead = *addr;
    n->ahead_hash = siphash(&n->key, addr, sizeof *addr);
}

/* Zeroed buckets of a hash index in one object. Returns their mask, 0 if there is no memory. */
static uint32_t index_open(struct pool *memory, size_t bucket_bytes, uint64_t capacity)
{
    uint32_t n = 64;

    while (n < capacity)
        n *= 2;
    if (pool_init(memory, bucket_bytes * n, 1) < 0)
        return 0;
    (void)pool_get(memory); /* fresh from the kernel: zero */
    return n - 1;
}

static int memory_open(struct names *n, uint64_t capacity)
{
    if (pool_init(&n->entries, sizeof(struct entry), (uint32_t)(2 * capacity)) < 0 ||
        pool_init(&n->texts, sizeof(struct text), (uint32_t)capacity) < 0)
        return -ENOMEM;
    n->bucket_mask = index_open(&n->bucket_memory, sizeof *n->buckets, 2 * capacity);
    n->head_mask = index_open(&n->head_memory, sizeof *n->heads, capacity);
    if (n->bucket_mask == 0 || n->head_mask == 0)
        return -ENOMEM;
    n->buckets = pool_at(&n->bucket_memory, 0);
    n->heads = pool_at(&n->head_memory, 0);
    return 0;
}

int names_open(struct learn *l)
{
    uint64_t capacity = l->h->options.names_table_size;
    struct names *n;

    if (capacity == 0)
        return 0;
    if (capacity > NAMES_MAX) {
        log_error("names_table_size is %llu: give at most %llu", (unsigned long long)capacity,
                  (unsigned long long)NAMES_MAX);
        return -EINVAL;
    }
    n = l->names = calloc(1, sizeof *n);
    if (!n)
        return -ENOMEM;
    n->c = l->c;
    n->share = l->bus && l->h->n_workers > 1;
    n->full_left = NAMES_EVENTS_FULL_MAX;
    if (getrandom(&n->key, sizeof n->key, 0) != (ssize_t)sizeof n->key) {
        log_error("cannot get random bytes from the kernel: %s", strerror(errno));
        return -EIO;
    }
    look_ahead(n, &any_client);
    return memory_open(n, capacity);
}

void names_close(struct learn *l)
{
    struct names *n = l->names;

    if (!n)
        return;
    pool_fini(&n->entries);
    pool_fini(&n->texts);
    pool_fini(&n->bucket_memory);
    pool_fini(&n->head_memory);
    free(n);
    l->names = NULL;
}

/* --- texts --- */

static struct text *text_at(const struct names *n, uint32_t text)
{
    return pool_at(&n->texts, text - 1);
}

static struct str text_str(const struct text *t)
{
    return str_make(t->p, t->len);
}

static uint32_t *text_head(const struct names *n, struct str s)
{
    return &n->heads[siphash(&n->key, s.p, s.len) & n->head_mask];
}

static void text_release(struct names *n, uint32_t text)
{
    struct text *t = text_at(n, text);
    uint32_t *link;

    CHECK(t->refs > 0);
    if (--t->refs > 0)
        return;
    for (link = text_head(n, text_str(t)); *link != text; link = &text_at(n, *link)->next)
        CHECK(*link != 0);
    *link = t->next;
    pool_put(&n->texts, text - 1);
}

static bool entry_evict(struct names *n);

/* A reference for the caller; 0 if there is no room. */
static uint32_t text_hold(struct names *n, struct str s)
{
    uint32_t *head = text_head(n, s), index;
    struct text *t;

    for (uint32_t i = *head; i; i = text_at(n, i)->next)
        if (str_equal(text_str(text_at(n, i)), s)) {
            text_at(n, i)->refs++;
            return i;
        }
    index = pool_get(&n->texts);
    for (unsigned tries = 0; index == POOL_NONE && tries < MAKE_ROOM_MAX && entry_evict(n); tries++)
        index = pool_get(&n->texts);
    if (index == POOL_NONE)
        return 0;
    t = pool_at(&n->texts, index);
    *t = (struct text){.refs = 1, .next = *head, .len = (uint8_t)s.len};
    memcpy(t->p, s.p, s.len);
    return *head = index + 1;
}

/* --- entries --- */

static struct entry *entry_at(const struct names *n, uint32_t entry)
{
    return pool_at(&n->entries, entry - 1);
}

static uint32_t hash_bit(uint32_t upper_half)
{
    return UINT32_C(1) << (upper_half >> 27);
}

/* The entry, or NULL. Marked as used. */
static struct entry *entry_find(const struct names *n, const struct pair *key)
{
    uint64_t hash = pair_hash(n, key);
    const struct bucket *b = &n->buckets[hash & n->bucket_mask];
    struct entry *e;

    if (!(b->bits & hash_bit((uint32_t)(hash >> 32))))
        return NULL;
    for (uint32_t i = b->head; i; i = e->next) {
        e = entry_at(n, i);
        if (e->hash != (uint32_t)(hash >> 32) || memcmp(&e->key, key, sizeof *key) != 0)
            continue;
        if (!e->used) /* a line that is only read stays clean */
            e->used = true;
        return e;
    }
    return NULL;
}

static void entry_remove(struct names *n, uint32_t entry)
{
    struct entry *e = entry_at(n, entry);
    struct bucket *b = &n->buckets[pair_hash(n, &e->key) & n->bucket_mask];
    uint32_t *link;

    for (link = &b->head; *link != entry; link = &entry_at(n, *link)->next)
        CHECK(*link != 0);
    *link = e->next;
    b->bits = 0;
    for (uint32_t i = b->head; i; i = entry_at(n, i)->next)
        b->bits |= hash_bit(entry_at(n, i)->hash);
    text_release(n, e->name);
    e->name = 0;
    pool_put(&n->entries, entry - 1);
}

/* Forgets one entry. False if there is none where the hand is, which cannot be in a full table:
 * when flows hold all texts, entries are few and far between, and whoever sends answers and flows
 * would choose how long the search takes. */
static bool entry_evict(struct names *n)
{
    unsigned spared = 0;

    for (unsigned steps = 0; n->entries.used > 0 && steps < STEPS_MAX; steps++) {
        struct entry *e = pool_at(&n->entries, n->hand);
        uint32_t entry = n->hand + 1;

        n->hand = entry < n->entries.fresh ? entry : 0;
        if (e->name == 0)
            continue;
        if (!e->used || spared++ == SPARED_MAX) {
            entry_remove(n, entry);
            n->c->learn_names_evicted++;
            return true;
        }
        e->used = false;
    }
    return false;
}

static struct entry *entry_new(struct names *n, const struct pair *key, uint32_t text)
{
    uint64_t hash = pair_hash(n, key);
    struct bucket *b = &n->buckets[hash & n->bucket_mask];
    uint32_t index = pool_get(&n->entries);
    struct entry *e;

    if (index == POOL_NONE) {
        CHECK(entry_evict(n));
        index = pool_get(&n->entries);
    }
    e = pool_at(&n->entries, index);
    *e = (struct entry){.key = *key, .name = text, .next = b->head, .hash = (uint32_t)(hash >> 32)};
    text_at(n, text)->refs++;
    b->head = index + 1;
    b->bits |= hash_bit(e->hash);
    return e;
}

/* When an answer came, how long it is believed, and who saw it. */
struct answer_time {
    uint64_t since_ns, until_ns;
    bool own; /* this worker, just now */
};

/* Takes an answer into one entry. Returns whether that is news. */
static bool entry_learn(struct names *n, const struct pair *key, uint32_t text,
                        const struct answer_time *t)
{
    struct entry *e = entry_find(n, key);

    if (!e) {
        e = entry_new(n, key, text);
    } else {
        if (e->name == text && t->since_ns <= e->until_ns && t->until_ns >= e->since_ns) {
            bool longer = t->until_ns > e->until_ns + REFRESH_NS;

            e->since_ns = t->since_ns < e->since_ns ? t->since_ns : e->since_ns;
            e->until_ns = longer ? t->until_ns : e->until_ns;
            return longer;
        }
        /* Another worker's may be older than what is known. If one's own is, time went back. */
        if (t->since_ns < e->since_ns && !t->own)
            return false;
        text_at(n, text)->refs++;
        text_release(n, e->name);
        e->name = text;
    }
    e->since_ns = t->since_ns;
    e->until_ns = t->until_ns;
    return true;
}

static bool believed(const struct entry *e, uint64_t at_ns)
{
    return e->since_ns <= at_ns && at_ns <= e->until_ns;
}

/* --- what learn.h promises --- */

/* Returns whether it was news. */
static bool learn_answer(struct names *n, const struct names_answer *a, bool own)
{
    uint64_t ttl_s = a->ttl_s < TTL_MAX_S ? a->ttl_s : TTL_MAX_S;
    struct answer_time t = {a->ts_ns, a->ts_ns + (ttl_s + GRACE_S) * NS_PER_SEC, own};
    struct pair key = {.addr = a->addr, .client = a->client};
    uint32_t text;
    bool news;

    if (a->name.len == 0 || a->name.len > NAMES_TEXT_MAX)
        return false;
    text = text_hold(n, a->name);
    if (text == 0) {
        n->c->learn_names_evicted++;
        return false;
    }
    news = entry_learn(n, &key, text, &t);
    key.client = any_client;
    (void)entry_learn(n, &key, text, &t);
    text_release(n, text);
    return news;
}

static void send(struct learn *l)
{
    size_t len;
    const uint8_t *body = names_event_take(&l->names->event, &len);

    if (body)
        learn_publish(l, "names", body, len);
}

void learn_name_add(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                    struct str name, uint32_t ttl_s, uint64_t ts_ns)
{
    struct names_answer a = {*client, *addr, name, ttl_s, ts_ns};
    struct names *n = l->names;

    if (!n || !learn_answer(n, &a, true))
        return;
    n->c->learn_names++;
    if (!n->share || names_event_add(&n->event, &a))
        return;
    if (n->full_left == 0) {
        n->c->learn_names_untold++;
        return;
    }
    n->full_left--;
    send(l);
    CHECK(names_event_add(&n->event, &a));
}

void learn_name_prefetch(struct learn *l, const struct ipaddr *addr)
{
    struct names *n = l->names;

    if (!n || n->entries.used == 0)
        return;
    look_ahead(n, addr);
    __builtin_prefetch(&n->buckets[n->ahead_hash & n->bucket_mask]);
}

uint32_t learn_name_find(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                         uint64_t not_after_ns)
{
    struct pair key = {.addr = *addr};
    const struct entry *any, *own, *found;
    struct names *n = l->names;

    if (!n || n->entries.used == 0 || !(any = entry_find(n, &key)))
        return 0;
    key.client = *client;
    own = entry_find(n, &key);
    found = own && believed(own, not_after_ns) ? own : any;
    if (!believed(found, not_after_ns))
        return 0;
    text_at(n, found->name)->refs++;
    return found->name;
}

struct str learn_name_text(const struct learn *l, uint32_t name)
{
    return name ? text_str(text_at(l->names, name)) : STR_LIT("");
}

void learn_name_release(struct learn *l, uint32_t name)
{
    if (name)
        text_release(l->names, name);
}

/* --- to and from the other workers --- */

static void take(void *arg, const struct names_answer *a)
{
    struct learn *l = arg;

    if (learn_answer(l->names, a, false))
        l->c->learn_names++;
}

bool names_event(struct learn *l, const uint8_t *body, size_t len)
{
    return !l->names || names_event_read(body, len, take, l);
}

/* The first answer after a quiet while goes at once, since the connection that it is for comes
 * next; in busy times one message a pace carries what was gathered, and some more go when they are
 * full. What is beyond that is not told: each answer is work for every other worker. */
void names_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    (void)packet_ns;
    if (!l->names)
        return;
    if (mono_ns - l->names->pace_ns >= LEARN_PACE_NS) {
        l->names->pace_ns = mono_ns;
        l->names->full_left = NAMES_EVENTS_FULL_MAX;
    }
    if (l->names->event.n == 0 || (!l->due && mono_ns < names_deadline_ns(l)))
        return;
    send(l);
    l->names->sent_ns = mono_ns;
}

uint64_t names_deadline_ns(const struct learn *l)
{
    const struct names *n = l->names;

    return n && n->event.n > 0 ? n->sent_ns + LEARN_PACE_NS : UINT64_MAX;
}
