/* SPDX-License-Identifier: BSD-3-Clause */
/* Which place of a table of fixed size a number has (a process, a session), and which place was not
 * asked for longest. The caller keeps what is at a place in an array of its own. */
#ifndef SPLIFF_PROBE_LRU_H
#define SPLIFF_PROBE_LRU_H

#include <stdint.h>

#define LRU_NONE UINT32_MAX

struct lru_place;

struct lru {
    struct lru_place *places;
    uint32_t *buckets;
    uint32_t mask, capacity, n;
    uint32_t fresh; /* places from here on were never used */
    uint32_t free;  /* list of those that were and are not */
    uint32_t newest, oldest;
};

/* capacity: 1 to 2^24 places. 0 or -ENOMEM. */
int lru_init(struct lru *l, uint32_t capacity);
void lru_fini(struct lru *l);

/* The place of a number, which is the newest now; LRU_NONE if it has none. */
uint32_t lru_find(struct lru *l, uint64_t key);

/* A place for a number that has none, as the newest. LRU_NONE if all are taken. */
uint32_t lru_insert(struct lru *l, uint64_t key);
void lru_remove(struct lru *l, uint32_t place);

/* The place that was not asked for longest; LRU_NONE if none is taken. */
uint32_t lru_oldest(const struct lru *l);
uint64_t lru_key(const struct lru *l, uint32_t place);

#endif
