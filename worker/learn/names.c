/* SPDX-License-Identifier: BSD-3-Clause */
/* Which name led a client to an address.
 *
 * An entry is (client, address) -> name, and beside it there is one (any client, address) -> the
 * name that was told last, whoever asked: many hosts behind one resolver's cache, or a client whose
 * question went by another way, are served by that. One address has many names (a CDN), so the
 * client's own answer comes first. Looking up begins with the entry for any client: where that is
 * missing, and it mostly is, the other one is missing too. It is kept at least as long, because
 * whatever touches the client's entry touches it afterwards.
 *
 * How long an answer is believed: its TTL (at most TTL_MAX_S) and GRACE_S more, by packet time.
 * Programs hold on to addresses longer than they are told: browsers and language runtimes keep
 * caches of their own, pools of connections dial again what they resolved at their start. An
 * address that was given away within the hour to somebody else is rare beside that, and the new
 * owner's clients ask for it and so replace the name.
 *
 * Bounds: names_table_size (client, address) pairs and as many addresses, 64 bytes each; that many
 * texts of 264 bytes, shared by all entries with the same name; and two indexes: about 410 bytes
 * for each of names_table_size, 26 MiB by default, touched only as it is used. The entry that was
 * used longest ago makes room. A flow holds the text, not the entry, so what is held outlives both
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

struct pair {
    struct ipaddr addr;
    struct ipaddr client; /* all zero: any */
};

/* Indexes are + 1, 0 is none. */
struct entry {
    struct pair key;
    uint64_t since_ns, until_ns;
    uint32_t name;
    uint32_t next; /* of the same bucket */
    uint32_t newer, older;
};
_Static_assert(sizeof(struct entry) == 64, "a cache line");

struct text {
    uint32_t refs; /* entries and flows */
    uint32_t next; /* of the same bucket */
    uint8_t len;
    char p[NAMES_TEXT_MAX];
};

/* A hash index: heads of chains. */
struct index {
    struct pool memory; /* one object */
    uint32_t *heads;
    uint32_t mask;
};

struct names {
    struct siphash_key key;
    struct counters *c;
    struct pool entries, texts;
    struct index by_pair, by_text;
    uint32_t newest, oldest;
    bool share;
    struct names_event event;
    uint64_t sent_ns; /* monotonic */
};

static const struct ipaddr any_client;

static int index_init(struct index *x, uint64_t capacity)
{
    uint32_t n = 64;
    int rc;

    while (n < capacity)
        n *= 2;
    rc = pool_init(&x->memory, sizeof(uint32_t) * n, 1);
    if (rc == 0)
        x->heads = pool_at(&x->memory, pool_get(&x->memory)); /* fresh from the kernel: zero */
    x->mask = n - 1;
    return rc;
}

static int memory_open(struct names *n, uint64_t capacity)
{
    int rc;

    if ((rc = pool_init(&n->entries, sizeof(struct entry), (uint32_t)(2 * capacity))) < 0 ||
        (rc = pool_init(&n->texts, sizeof(struct text), (uint32_t)capacity)) < 0 ||
        (rc = index_init(&n->by_pair, 2 * capacity)) < 0)
        return rc;
    return index_init(&n->by_text, capacity);
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
    if (getrandom(&n->key, sizeof n->key, 0) != (ssize_t)sizeof n->key) {
        log_error("cannot get random bytes from the kernel: %s", strerror(errno));
        return -EIO;
    }
    return memory_open(n, capacity);
}

void names_close(struct learn *l)
{
    struct names *n = l->names;

    if (!n)
        return;
    pool_fini(&n->entries);
    pool_fini(&n->texts);
    pool_fini(&n->by_pair.memory);
    pool_fini(&n->by_text.memory);
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
    return &n->by_text.heads[siphash(&n->key, s.p, s.len) & n->by_text.mask];
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

static void entry_evict(struct names *n);

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
    for (unsigned tries = 0; index == POOL_NONE && n->oldest && tries < MAKE_ROOM_MAX; tries++) {
        entry_evict(n);
        index = pool_get(&n->texts);
    }
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

static uint32_t *entry_head(const struct names *n, const struct pair *key)
{
    return &n->by_pair.heads[siphash(&n->key, key, sizeof *key) & n->by_pair.mask];
}

static uint32_t entry_find(const struct names *n, const struct pair *key)
{
    uint32_t i = *entry_head(n, key);

    while (i && memcmp(&entry_at(n, i)->key, key, sizeof *key) != 0)
        i = entry_at(n, i)->next;
    return i;
}

static void lru_unlink(struct names *n, const struct entry *e)
{
    *(e->newer ? &entry_at(n, e->newer)->older : &n->newest) = e->older;
    *(e->older ? &entry_at(n, e->older)->newer : &n->oldest) = e->newer;
}

static void lru_link(struct names *n, uint32_t entry)
{
    struct entry *e = entry_at(n, entry);

    e->newer = 0;
    e->older = n->newest;
    *(n->newest ? &entry_at(n, n->newest)->newer : &n->oldest) = entry;
    n->newest = entry;
}

static void entry_touch(struct names *n, uint32_t entry)
{
    if (n->newest == entry)
        return;
    lru_unlink(n, entry_at(n, entry));
    lru_link(n, entry);
}

/* Forgets the entry that was used longest ago. */
static void entry_evict(struct names *n)
{
    uint32_t entry = n->oldest, *link;
    struct entry *e = entry_at(n, entry);

    for (link = entry_head(n, &e->key); *link != entry; link = &entry_at(n, *link)->next)
        CHECK(*link != 0);
    *link = e->next;
    lru_unlink(n, e);
    text_release(n, e->name);
    pool_put(&n->entries, entry - 1);
    n->c->learn_names_evicted++;
}

static struct entry *entry_new(struct names *n, const struct pair *key, uint32_t text)
{
    uint32_t *head = entry_head(n, key), index = pool_get(&n->entries);
    struct entry *e;

    if (index == POOL_NONE) {
        entry_evict(n);
        index = pool_get(&n->entries);
    }
    e = pool_at(&n->entries, index);
    *e = (struct entry){.key = *key, .name = text, .next = *head};
    *head = index + 1;
    text_at(n, text)->refs++;
    lru_link(n, index + 1);
    return e;
}

/* Takes an answer into one entry. Returns whether that is news. */
static bool entry_learn(struct names *n, const struct pair *key, uint32_t text, uint64_t ts_ns,
                        uint64_t until_ns)
{
    uint32_t found = entry_find(n, key);
    struct entry *e = found ? entry_at(n, found) : entry_new(n, key, text);

    if (found) {
        entry_touch(n, found);
        if (e->name == text && ts_ns <= e->until_ns && until_ns >= e->since_ns) {
            bool longer = until_ns > e->until_ns + REFRESH_NS;

            e->since_ns = ts_ns < e->since_ns ? ts_ns : e->since_ns;
            e->until_ns = longer ? until_ns : e->until_ns;
            return longer;
        }
        if (ts_ns < e->since_ns) /* another worker's, older than what is known */
            return false;
        text_at(n, text)->refs++;
        text_release(n, e->name);
        e->name = text;
    }
    e->since_ns = ts_ns;
    e->until_ns = until_ns;
    return true;
}

static bool believed(const struct entry *e, uint64_t at_ns)
{
    return e->since_ns <= at_ns && at_ns <= e->until_ns;
}

/* --- what learn.h promises --- */

/* Returns whether it was news. */
static bool learn_answer(struct names *n, const struct names_answer *a)
{
    uint64_t ttl_s = a->ttl_s < TTL_MAX_S ? a->ttl_s : TTL_MAX_S;
    uint64_t until_ns = a->ts_ns + (ttl_s + GRACE_S) * NS_PER_SEC;
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
    news = entry_learn(n, &key, text, a->ts_ns, until_ns);
    key.client = any_client;
    (void)entry_learn(n, &key, text, a->ts_ns, until_ns);
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

    if (!n || !learn_answer(n, &a))
        return;
    n->c->learn_names++;
    if (!n->share || names_event_add(&n->event, &a))
        return;
    send(l);
    CHECK(names_event_add(&n->event, &a));
}

uint32_t learn_name_find(struct learn *l, const struct ipaddr *client, const struct ipaddr *addr,
                         uint64_t not_after_ns)
{
    struct pair key = {.addr = *addr};
    struct names *n = l->names;
    uint32_t any, own, found;

    if (!n || n->entries.used == 0 || (any = entry_find(n, &key)) == 0)
        return 0;
    key.client = *client;
    own = entry_find(n, &key);
    if (own && believed(entry_at(n, own), not_after_ns))
        found = own;
    else if (believed(entry_at(n, any), not_after_ns))
        found = any;
    else
        return 0;
    if (own)
        entry_touch(n, own);
    entry_touch(n, any);
    found = entry_at(n, found)->name;
    text_at(n, found)->refs++;
    return found;
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

    if (learn_answer(l->names, a))
        l->c->learn_names++;
}

bool names_event(struct learn *l, const uint8_t *body, size_t len)
{
    return !l->names || names_event_read(body, len, take, l);
}

/* The first answer after a quiet while goes at once, since the connection that it is for comes
 * next; in busy times one message a pace carries what was gathered. */
void names_run(struct learn *l, uint64_t packet_ns, uint64_t mono_ns)
{
    (void)packet_ns;
    if (mono_ns < names_deadline_ns(l))
        return;
    send(l);
    l->names->sent_ns = mono_ns;
}

uint64_t names_deadline_ns(const struct learn *l)
{
    const struct names *n = l->names;

    return n && n->event.n > 0 ? n->sent_ns + NAMES_EVENT_PACE_NS : UINT64_MAX;
}
