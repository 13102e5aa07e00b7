/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow table: open addressing over cache lines of eight {hash, index} pairs, flows in a pool,
 * a timer wheel for their deadlines and a list in order of idleness. All its memory is mapped at
 * start, and touched as flows come. */
#ifndef SPLIFF_WORKER_FLOW_TABLE_H
#define SPLIFF_WORKER_FLOW_TABLE_H

#include "worker/flow/flow.h"
#include "worker/flow/wheel.h"

struct flow_slot {
    uint32_t hash;
    uint32_t index; /* of the flow + 1; 0 = empty */
};

struct flow_table {
    struct flow_slot *slots; /* mask + 1 of them */
    uint32_t mask;
    uint32_t mix; /* odd, not known outside: which slot a hash stands for */
    uint8_t shift;
    enum memory_pages pages;
    struct flow_slot *slots_memory;
    uint32_t slots_first, slots_max; /* as many at first, and at most */
    struct pool flows;
    struct wheel wheel;
    uint32_t idle_head, idle_tail; /* longest idle first, to the second */
};

/* Room for capacity flows (1 … 2^30). 0 or -ENOMEM. Memory is touched only as it is used. */
int flow_table_init(struct flow_table *t, uint32_t capacity, enum memory_pages pages);
void flow_table_fini(struct flow_table *t);

/* Whether it lies in reserved pages, as was asked for. */
static inline bool flow_table_is_reserved(const struct flow_table *t)
{
    return t->pages == MEMORY_RESERVED && t->flows.pages == MEMORY_RESERVED;
}

/* The slot at which a flow of this hash is looked for first. */
static inline uint32_t flow_table_home(const struct flow_table *t, uint32_t hash)
{
    return (hash * t->mix) >> t->shift;
}

/* Ask memory for the slot, and then for the flow, that a lookup of hash will read. */
static inline void flow_table_prefetch_slot(const struct flow_table *t, uint32_t hash)
{
    __builtin_prefetch(&t->slots[flow_table_home(t, hash)]);
}

/* … and false if there is no flow of that hash. */
bool flow_table_prefetch_flow(const struct flow_table *t, uint32_t hash);

struct flow *flow_table_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash);

/* A flow to be ended before one of this hash is inserted: the longest idle one of a full table, or
 * one of too many in the same place. NULL if there is room; ask until then. */
struct flow *flow_table_surplus(const struct flow_table *t, uint32_t hash);

/* A new zeroed flow with key and hash, linked as just seen at now_ns. There must be room, and the
 * key must not be in the table. */
struct flow *flow_table_insert(struct flow_table *t, const struct flow_key *key, uint32_t hash,
                               uint64_t now_ns);
void flow_table_remove(struct flow_table *t, struct flow *f);

/* f is going to be removed, and likely after it the one that was to expire next, or was idle for as
 * long: asks memory for what that will touch. */
void flow_table_prefetch_removal(const struct flow_table *t, const struct flow *f);

/* A packet came: keeps the order of idleness, sets seen_ns. */
void flow_table_touch(struct flow_table *t, struct flow *f, uint64_t now_ns);

/* Puts it last in the order of idleness, whatever its seen_ns: others end before it. */
void flow_table_defer(struct flow_table *t, struct flow *f);

/* The flow that was silent longest (to the second), NULL if there is none. */
struct flow *flow_table_longest_idle(const struct flow_table *t);

/* From the flow that a packet came for last (to the second) to the one silent longest: the flow
 * before f in that order, of NULL the last one. NULL if there is none. */
static inline struct flow *flow_table_before(const struct flow_table *t, const struct flow *f)
{
    uint32_t index = f ? f->idle_prev : t->idle_tail;

    return index == POOL_NONE ? NULL : pool_at(&t->flows, index);
}

/* Sets when flow_table_expired gives this flow; an earlier one replaces, also while armed. */
void flow_table_arm(struct flow_table *t, struct flow *f, uint64_t deadline_ns);

/* The next flow whose deadline is <= now_ns, disarmed: end it or arm it again. NULL if none. */
struct flow *flow_table_expired(struct flow_table *t, uint64_t now_ns);

static inline struct flow *flow_table_at(const struct flow_table *t, uint32_t index)
{
    return (struct flow *)(void *)t->flows.base + index;
}

static inline uint32_t flow_table_index(const struct flow_table *t, const struct flow *f)
{
    return (uint32_t)(f - (const struct flow *)(const void *)t->flows.base);
}

#endif
