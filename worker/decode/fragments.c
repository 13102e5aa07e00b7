/* SPDX-License-Identifier: BSD-3-Clause */
/* A datagram in the making is a sparse buffer: pages of PAGE_BYTES where fragments have come, and a
 * bitmap with one bit for every 8 bytes, the unit in which IP counts fragment offsets. The bitmap
 * makes "which bytes are new" a matter of units, without lists of holes that a sender could grow.
 *
 * All memory is mapped at start. Pages are of one size, so no mix of fragment sizes can make the
 * memory unusable for others; when it runs out the oldest datagram goes. Datagrams stand in a list
 * in the order in which they began, which is the order in which they time out.
 *
 * A complete datagram is copied into one buffer, which the next one takes over: whoever gets it
 * uses it before it adds another fragment. */
#include "worker/decode/fragments.h"

#include "common/base/flow_hash.h"
#include "common/base/pool.h"

#include <stdlib.h>
#include <string.h>

#define DATAGRAM_MAX   65535u
#define UNIT_BYTES     8u
#define PAGE_BYTES     2048u
#define DATAGRAM_PAGES (65536u / PAGE_BYTES)
#define DATAGRAM_UNITS (65536u / UNIT_BYTES)

struct datagram {
    struct ipaddr src, dst;
    uint32_t id;
    uint8_t proto; /* of the first fragment, once it has come */
    uint64_t began_ns;
    uint32_t chain;        /* next in the hash bucket */
    uint32_t older, newer; /* list in order of began_ns */
    uint32_t fragments;
    uint32_t ip_len;
    uint32_t total; /* bytes, known when the last fragment has come; else 0 */
    uint32_t end;   /* of the furthest fragment */
    uint32_t units; /* received */
    uint32_t page[DATAGRAM_PAGES];
    uint64_t received[DATAGRAM_UNITS / 64];
};

struct fragments {
    struct pool datagrams;
    struct pool pages;
    uint32_t *bucket;
    uint32_t bucket_mask;
    uint32_t oldest, newest;
    uint64_t timeout_ns;
    uint32_t seed;
    struct counters *counters;
    uint8_t whole[DATAGRAM_PAGES * PAGE_BYTES]; /* the last complete datagram */
};

/* A quarter of the memory is for what datagrams are known by, the rest for their bytes. */
struct fragments *fragments_new(uint64_t memory_bytes, uint64_t timeout_ns, struct counters *c)
{
    uint64_t n_datagrams = memory_bytes / 4 / sizeof(struct datagram);
    uint64_t n_pages = memory_bytes / 4 * 3 / PAGE_BYTES;
    uint32_t buckets = 64;
    struct fragments *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    n_datagrams = n_datagrams < 1 ? 1 : n_datagrams > 1u << 20 ? 1u << 20 : n_datagrams;
    n_pages = n_pages < DATAGRAM_PAGES ? DATAGRAM_PAGES : n_pages > 1u << 24 ? 1u << 24 : n_pages;
    while (buckets < n_datagrams * 2)
        buckets *= 2;
    f->bucket = malloc(buckets * sizeof *f->bucket);
    if (!f->bucket ||
        pool_init(&f->datagrams, sizeof(struct datagram), (uint32_t)n_datagrams) < 0 ||
        pool_init(&f->pages, PAGE_BYTES, (uint32_t)n_pages) < 0) {
        fragments_free(f);
        return NULL;
    }
    memset(f->bucket, 0xff, buckets * sizeof *f->bucket); /* POOL_NONE */
    f->bucket_mask = buckets - 1;
    f->oldest = f->newest = POOL_NONE;
    f->timeout_ns = timeout_ns;
    f->counters = c;
    /* Where the heap lies is secret to a sender who wants collisions, and changes no result. */
    f->seed = (uint32_t)((uintptr_t)f >> 4);
    return f;
}

void fragments_free(struct fragments *f)
{
    if (!f)
        return;
    pool_fini(&f->datagrams);
    pool_fini(&f->pages);
    free(f->bucket);
    free(f);
}

static struct datagram *datagram_at(const struct fragments *f, uint32_t index)
{
    return pool_at(&f->datagrams, index);
}

static uint32_t *bucket_of(const struct fragments *f, const struct ipaddr *src,
                           const struct ipaddr *dst, uint32_t id)
{
    uint32_t a[4], b[4];

    memcpy(a, src, sizeof a);
    memcpy(b, dst, sizeof b);
    return &f->bucket[flow_hash_combine(flow_hash_endpoint_v6(a, id, f->seed),
                                        flow_hash_endpoint_v6(b, id, f->seed), id) &
                      f->bucket_mask];
}

/* Datagrams are told apart by protocol too in IPv4 (RFC 791 section 3.2), not in IPv6 (RFC 8200
 * section 4.5). */
static bool same_datagram(const struct datagram *d, const struct fragment *frag)
{
    return d->id == frag->id && memcmp(&d->src, &frag->src, sizeof d->src) == 0 &&
           memcmp(&d->dst, &frag->dst, sizeof d->dst) == 0 &&
           (d->proto == frag->proto || !ipaddr_is_v4(&d->src));
}

static void count_bytes(struct fragments *f)
{
    f->counters->fragment_bytes = (uint64_t)f->pages.used * PAGE_BYTES;
}

static void remove_datagram(struct fragments *f, uint32_t index)
{
    struct datagram *d = datagram_at(f, index);
    uint32_t *link = bucket_of(f, &d->src, &d->dst, d->id);

    while (*link != index)
        link = &datagram_at(f, *link)->chain;
    *link = d->chain;
    if (d->older != POOL_NONE)
        datagram_at(f, d->older)->newer = d->newer;
    else
        f->oldest = d->newer;
    if (d->newer != POOL_NONE)
        datagram_at(f, d->newer)->older = d->older;
    else
        f->newest = d->older;
    for (unsigned i = 0; i < DATAGRAM_PAGES; i++)
        if (d->page[i] != POOL_NONE)
            pool_put(&f->pages, d->page[i]);
    pool_put(&f->datagrams, index);
    count_bytes(f);
}

static void drop_datagram(struct fragments *f, uint32_t index)
{
    f->counters->fragments_lost += datagram_at(f, index)->fragments;
    remove_datagram(f, index);
}

/* A clock that jumps back by more than the timeout ends datagrams too, else one fragment from the
 * future would keep those behind it. */
static void expire(struct fragments *f, uint64_t now_ns)
{
    while (f->oldest != POOL_NONE) {
        uint64_t began_ns = datagram_at(f, f->oldest)->began_ns;
        uint64_t age_ns = now_ns > began_ns ? now_ns - began_ns : began_ns - now_ns;

        if (age_ns <= f->timeout_ns)
            return;
        drop_datagram(f, f->oldest);
    }
}

static uint32_t new_datagram(struct fragments *f, const struct fragment *frag, uint32_t *bucket)
{
    uint32_t index = pool_get(&f->datagrams);
    struct datagram *d;

    if (index == POOL_NONE) {
        drop_datagram(f, f->oldest);
        index = pool_get(&f->datagrams);
    }
    d = datagram_at(f, index);
    memset(d, 0, sizeof *d);
    memset(d->page, 0xff, sizeof d->page); /* POOL_NONE */
    d->src = frag->src;
    d->dst = frag->dst;
    d->id = frag->id;
    d->proto = frag->proto;
    d->began_ns = frag->ts_ns;
    d->chain = *bucket;
    *bucket = index;
    d->older = f->newest;
    d->newer = POOL_NONE;
    if (f->newest != POOL_NONE)
        datagram_at(f, f->newest)->newer = index;
    else
        f->oldest = index;
    f->newest = index;
    return index;
}

static uint32_t find_datagram(struct fragments *f, const struct fragment *frag)
{
    uint32_t *bucket = bucket_of(f, &frag->src, &frag->dst, frag->id);
    uint32_t index = *bucket;

    while (index != POOL_NONE && !same_datagram(datagram_at(f, index), frag))
        index = datagram_at(f, index)->chain;
    return index != POOL_NONE ? index : new_datagram(f, frag, bucket);
}

/* Whether the fragment's place contradicts its size, the fragments before it or the limit. */
static bool place_is_wrong(const struct datagram *d, const struct fragment *frag)
{
    uint32_t end = frag->offset + frag->len;

    if (frag->len > DATAGRAM_MAX || frag->offset > DATAGRAM_MAX || end > DATAGRAM_MAX)
        return true;
    if (frag->len == 0 || (frag->more && frag->len % UNIT_BYTES != 0))
        return true;
    if (frag->more)
        return d->total > 0 && end > d->total;
    return d->end > end || (d->total > 0 && d->total != end);
}

/* The page for an offset, from other datagrams' memory if need be. NULL if this one has it all. */
static uint8_t *page_for(struct fragments *f, uint32_t index, uint32_t offset)
{
    uint32_t *page = &datagram_at(f, index)->page[offset / PAGE_BYTES];

    while (*page == POOL_NONE && (*page = pool_get(&f->pages)) == POOL_NONE) {
        uint32_t victim = f->oldest != index ? f->oldest : datagram_at(f, index)->newer;
        if (victim == POOL_NONE)
            return NULL;
        drop_datagram(f, victim);
    }
    return pool_at(&f->pages, *page);
}

/* Copies what is new of a fragment. False if memory is out. */
static bool store(struct fragments *f, uint32_t index, const struct fragment *frag,
                  enum weird *weird)
{
    struct datagram *d = datagram_at(f, index);
    bool overlap = false, differs = false;

    for (uint32_t done = 0; done < frag->len; done += UNIT_BYTES) {
        uint32_t offset = frag->offset + done;
        uint32_t unit = offset / UNIT_BYTES;
        uint32_t n = frag->len - done < UNIT_BYTES ? frag->len - done : UNIT_BYTES;
        uint64_t bit = UINT64_C(1) << unit % 64;
        uint8_t *page = page_for(f, index, offset);

        if (!page)
            return false;
        if (d->received[unit / 64] & bit) {
            overlap = true;
            differs |= memcmp(page + offset % PAGE_BYTES, frag->data + done, n) != 0;
            continue;
        }
        memcpy(page + offset % PAGE_BYTES, frag->data + done, n);
        d->received[unit / 64] |= bit;
        d->units++;
    }
    if (overlap)
        *weird = differs ? WEIRD_FRAGMENT_INCONSISTENT : WEIRD_FRAGMENT_OVERLAP;
    return true;
}

static void hand_out(struct fragments *f, uint32_t index, struct fragment_whole *whole)
{
    const struct datagram *d = datagram_at(f, index);

    for (uint32_t offset = 0; offset < d->total; offset += PAGE_BYTES) {
        uint32_t n = d->total - offset < PAGE_BYTES ? d->total - offset : PAGE_BYTES;
        memcpy(f->whole + offset, pool_at(&f->pages, d->page[offset / PAGE_BYTES]), n);
    }
    *whole = (struct fragment_whole){f->whole, d->total, d->proto, d->ip_len, d->fragments};
    f->counters->fragments_reassembled++;
    remove_datagram(f, index);
}

bool fragments_add(struct fragments *f, const struct fragment *frag, struct fragment_whole *whole,
                   enum weird *weird)
{
    struct datagram *d;
    uint32_t index;

    f->counters->fragments++;
    expire(f, frag->ts_ns);
    index = find_datagram(f, frag);
    d = datagram_at(f, index);
    d->fragments++;
    d->ip_len += frag->ip_len;
    if (place_is_wrong(d, frag)) {
        *weird = WEIRD_FRAGMENT_OVERSIZE;
        d->fragments--;
        d->ip_len -= frag->ip_len;
        f->counters->fragments_lost++;
        if (d->fragments == 0)
            remove_datagram(f, index);
        return false;
    }
    if (!store(f, index, frag, weird)) {
        drop_datagram(f, index);
        return false;
    }
    if (frag->offset == 0)
        d->proto = frag->proto;
    if (d->end < frag->offset + frag->len)
        d->end = frag->offset + frag->len;
    if (!frag->more)
        d->total = d->end;
    count_bytes(f);
    if (d->total == 0 || d->units < (d->total + UNIT_BYTES - 1) / UNIT_BYTES)
        return false;
    hand_out(f, index, whole);
    return true;
}
