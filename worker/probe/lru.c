/* SPDX-License-Identifier: BSD-3-Clause */
/* Buckets with chains, and a list in the order of use through the same places. The numbers are
 * given by the kernel, not by who sends traffic, so a plain hash will do. */
#include "worker/probe/lru.h"

#include "common/base/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MAX (1u << 24)

struct lru_place {
    uint64_t key;
    uint32_t next; /* of the bucket, or of the free ones */
    uint32_t newer, older;
};

int lru_init(struct lru *l, uint32_t capacity)
{
    uint32_t buckets = 16;

    CHECK(capacity > 0 && capacity <= CAPACITY_MAX);
    while (buckets < capacity)
        buckets *= 2;
    *l = (struct lru){.capacity = capacity,
                      .mask = buckets - 1,
                      .free = LRU_NONE,
                      .newest = LRU_NONE,
                      .oldest = LRU_NONE};
    l->places = calloc(capacity, sizeof *l->places);
    l->buckets = malloc(buckets * sizeof *l->buckets);
    if (!l->places || !l->buckets) {
        lru_fini(l);
        return -ENOMEM;
    }
    memset(l->buckets, 0xff, buckets * sizeof *l->buckets); /* LRU_NONE */
    return 0;
}

void lru_fini(struct lru *l)
{
    free(l->places);
    free(l->buckets);
    *l = (struct lru){0};
}

static uint32_t *bucket_of(const struct lru *l, uint64_t key)
{
    return &l->buckets[(uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & l->mask];
}

static void list_remove(struct lru *l, uint32_t i)
{
    const struct lru_place *p = &l->places[i];

    if (p->newer != LRU_NONE)
        l->places[p->newer].older = p->older;
    else
        l->newest = p->older;
    if (p->older != LRU_NONE)
        l->places[p->older].newer = p->newer;
    else
        l->oldest = p->newer;
}

static void list_add(struct lru *l, uint32_t i)
{
    l->places[i].newer = LRU_NONE;
    l->places[i].older = l->newest;
    if (l->newest != LRU_NONE)
        l->places[l->newest].newer = i;
    else
        l->oldest = i;
    l->newest = i;
}

uint32_t lru_find(struct lru *l, uint64_t key)
{
    uint32_t i = *bucket_of(l, key);

    while (i != LRU_NONE && l->places[i].key != key)
        i = l->places[i].next;
    if (i != LRU_NONE && i != l->newest) {
        list_remove(l, i);
        list_add(l, i);
    }
    return i;
}

uint32_t lru_insert(struct lru *l, uint64_t key)
{
    uint32_t *bucket = bucket_of(l, key), i = l->free;

    if (i != LRU_NONE)
        l->free = l->places[i].next;
    else if (l->fresh < l->capacity)
        i = l->fresh++;
    else
        return LRU_NONE;
    l->places[i].key = key;
    l->places[i].next = *bucket;
    *bucket = i;
    list_add(l, i);
    l->n++;
    return i;
}

void lru_remove(struct lru *l, uint32_t place)
{
    uint32_t *at = bucket_of(l, l->places[place].key);

    while (*at != place) {
        CHECK(*at != LRU_NONE);
        at = &l->places[*at].next;
    }
    *at = l->places[place].next;
    list_remove(l, place);
    l->places[place].next = l->free;
    l->free = place;
    l->n--;
}

uint32_t lru_oldest(const struct lru *l)
{
    return l->oldest;
}

uint64_t lru_key(const struct lru *l, uint32_t place)
{
    return l->places[place].key;
}
