/* SPDX-License-Identifier: BSD-3-Clause */
/* Open addressing with linear probing at a load of at most one half; a slot holds the whole 32-bit
 * hash, so a probe touches a flow only when the hashes are equal. Removal shifts later slots back,
 * hence no tombstones.
 *
 * The slots begin as few as one huge page holds, and double whenever half of them are in use: how
 * many flows there may be says little about how many there are, and a look-up among few is to find
 * them in a cache. Homes are the upper bits of the hash, so all moves are upwards and in order, and
 * a doubling is one walk over memory: a few milliseconds for half a million flows, a dozen times in
 * a worker's life at most.
 *
 * Someone who knows the seed, with which a file is read, can make hashes lie as they like. Which
 * slot a hash stands for is therefore secret; and of one and the same hash there are at most
 * PROBES_MAX flows, more than chance ever brings together at that load.
 *
 * Idleness is a list in order of the last packet, moved at most once a second a flow: the memory of
 * a flow's neighbours is touched that rarely, and the head is right to the second. */
#include "worker/flow/flow_table.h"

#include "common/base/check.h"
#include "common/base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define PROBES_MAX       256u
#define LOOKS_MAX        (PROBES_MAX + 32u) /* each doubling may move a slot one further from home */
#define CACHE_LINE_BYTES 64u
#define IDLE_SHIFT       30 /* 2^30 ns are a second, so to speak */
#define SLOTS_MIN        64u
#define SLOTS_AT_FIRST   (1u << 18) /* at most: 2 MiB */

/* Slots for each number of them, from slots_first to slots_max, lie one after the other. */
static size_t slots_bytes(const struct flow_table *t)
{
    return sizeof(struct flow_slot) * (2 * (size_t)t->slots_max - t->slots_first);
}

static void slots_use(struct flow_table *t, uint32_t n)
{
    t->slots = t->slots_memory + (n - t->slots_first);
    t->mask = n - 1;
    t->shift = (uint8_t)(32 - __builtin_ctz(n));
}

int flow_table_init(struct flow_table *t, uint32_t capacity, enum memory_pages pages)
{
    int rc;

    CHECK(capacity > 0 && capacity <= UINT32_C(1) << 30);
    memset(t, 0, sizeof *t);
    t->slots_max = SLOTS_MIN;
    while (t->slots_max / 2 < capacity)
        t->slots_max *= 2;
    /* Reserved pages are taken whether they are used or not. */
    t->slots_first =
        t->slots_max < SLOTS_AT_FIRST || pages == MEMORY_RESERVED ? t->slots_max : SLOTS_AT_FIRST;
    t->pages = pages;
    t->slots_memory = memory_map(slots_bytes(t), &t->pages);
    if (!t->slots_memory)
        return -ENOMEM;
    slots_use(t, t->slots_first);
    /* Where memory lies is secret, and changes no result. */
    t->mix = (uint32_t)((uintptr_t)t->slots >> 12) * 0x9e3779b1u | 1;
    rc = pool_init_on(&t->flows, sizeof(struct flow), capacity, pages);
    if (rc < 0) {
        flow_table_fini(t);
        return rc;
    }
    wheel_init(&t->wheel, &t->flows, offsetof(struct flow, wheel));
    t->idle_head = t->idle_tail = POOL_NONE;
    return 0;
}

void flow_table_fini(struct flow_table *t)
{
    memory_unmap(t->slots_memory, slots_bytes(t), t->pages);
    pool_fini(&t->flows);
    memset(t, 0, sizeof *t);
}

bool flow_table_prefetch_flow(const struct flow_table *t, uint32_t hash)
{
    uint32_t home = flow_table_home(t, hash);

    for (uint32_t n = 0; n <= LOOKS_MAX; n++) {
        uint32_t i = (home + n) & t->mask;

        if (t->slots[i].index == 0)
            break;
        if (t->slots[i].hash == hash) {
            const char *f = (const char *)flow_table_at(t, t->slots[i].index - 1);

            for (unsigned at = 0; at < FLOW_HOT_BYTES; at += CACHE_LINE_BYTES)
                __builtin_prefetch(f + at);
            return true;
        }
    }
    return false;
}

struct flow *flow_table_find(const struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
    uint32_t home = flow_table_home(t, hash);

    for (uint32_t n = 0; n <= LOOKS_MAX; n++) {
        uint32_t i = (home + n) & t->mask;
        struct flow *f;

        if (t->slots[i].index == 0)
            break;
        if (t->slots[i].hash != hash)
            continue;
        f = flow_table_at(t, t->slots[i].index - 1);
        if (flow_key_equal(&f->key, key))
            return f;
    }
    return NULL;
}

static void idle_unlink(struct flow_table *t, struct flow *f)
{
    if (f->idle_prev == POOL_NONE)
        t->idle_head = f->idle_next;
    else
        flow_table_at(t, f->idle_prev)->idle_next = f->idle_next;
    if (f->idle_next == POOL_NONE)
        t->idle_tail = f->idle_prev;
    else
        flow_table_at(t, f->idle_next)->idle_prev = f->idle_prev;
}

static void idle_append(struct flow_table *t, struct flow *f)
{
    uint32_t index = flow_table_index(t, f);

    f->idle_next = POOL_NONE;
    f->idle_prev = t->idle_tail;
    if (t->idle_tail == POOL_NONE)
        t->idle_head = index;
    else
        flow_table_at(t, t->idle_tail)->idle_next = index;
    t->idle_tail = index;
}

struct flow *flow_table_surplus(const struct flow_table *t, uint32_t hash)
{
    uint32_t home = flow_table_home(t, hash), i = home;

    if (t->flows.used == t->flows.capacity)
        return flow_table_longest_idle(t);
    while (t->slots[i].index != 0 && ((i - home) & t->mask) < PROBES_MAX)
        i = (i + 1) & t->mask;
    return t->slots[i].index == 0 ? NULL : flow_table_at(t, t->slots[home].index - 1);
}

static void slot_put(struct flow_table *t, struct flow_slot slot)
{
    uint32_t i = flow_table_home(t, slot.hash);

    while (t->slots[i].index != 0)
        i = (i + 1) & t->mask;
    t->slots[i] = slot;
}

/* In their order, from behind a free one on: then what lies before a slot in its new place lay
 * between its home and it before, too, and it is at most one further away. */
static void slots_double(struct flow_table *t)
{
    struct flow_slot *before = t->slots;
    uint32_t mask = t->mask, free = 0;

    while (before[free].index != 0)
        free++;
    slots_use(t, 2 * (mask + 1));
    for (uint32_t n = 1; n <= mask; n++)
        if (before[(free + n) & mask].index != 0)
            slot_put(t, before[(free + n) & mask]);
    memory_forget(before, sizeof *before * ((size_t)mask + 1));
}

struct flow *flow_table_insert(struct flow_table *t, const struct flow_key *key, uint32_t hash,
                               uint64_t now_ns)
{
    uint32_t index = pool_get(&t->flows);
    struct flow *f;

    CHECK(index != POOL_NONE);
    if (__builtin_expect(t->flows.used > (t->mask + 1) / 2, 0))
        slots_double(t);
    wheel_start(&t->wheel, now_ns);
    f = flow_table_at(t, index);
    memset(f, 0, sizeof *f);
    f->key = *key;
    f->hash = hash;
    f->seen_ns = f->interim_ns = now_ns;
    f->state = f->frames_head = POOL_NONE;
    f->end[0].stream.held_head = f->end[1].stream.held_head = POOL_NONE;
    slot_put(t, (struct flow_slot){hash, index + 1});
    idle_append(t, f);
    return f;
}

/* Closes the hole at slot i: every later slot of the run that may move nearer to its home does. */
static void slot_remove(struct flow_table *t, uint32_t i)
{
    uint32_t j = i;

    for (;;) {
        uint32_t home;

        j = (j + 1) & t->mask;
        if (t->slots[j].index == 0 || ((j - i) & t->mask) > LOOKS_MAX)
            break;
        home = flow_table_home(t, t->slots[j].hash);
        if (((j - home) & t->mask) >= ((j - i) & t->mask)) {
            t->slots[i] = t->slots[j];
            i = j;
        }
    }
    t->slots[i].index = 0;
}

static void flow_prefetch(const struct flow_table *t, uint32_t index, size_t from, size_t to)
{
    const char *f;

    if (index == POOL_NONE)
        return;
    f = (const char *)flow_table_at(t, index);
    for (; from < to; from += CACHE_LINE_BYTES)
        __builtin_prefetch(f + from);
}

void flow_table_prefetch_removal(const struct flow_table *t, const struct flow *f)
{
    flow_table_prefetch_slot(t, f->hash);
    flow_prefetch(t, f->idle_prev, offsetof(struct flow, idle_next),
                  offsetof(struct flow, idle_prev));
    flow_prefetch(t, f->idle_next, 0, sizeof *f);
    flow_prefetch(t, f->wheel.next, 0, sizeof *f);
}

void flow_table_remove(struct flow_table *t, struct flow *f)
{
    uint32_t index = flow_table_index(t, f);
    uint32_t i = flow_table_home(t, f->hash);

    while (t->slots[i].index != index + 1) {
        CHECK(t->slots[i].index != 0);
        i = (i + 1) & t->mask;
    }
    slot_remove(t, i);
    wheel_disarm(&t->wheel, index);
    idle_unlink(t, f);
    pool_put(&t->flows, index);
}

void flow_table_touch(struct flow_table *t, struct flow *f, uint64_t now_ns)
{
    if (__builtin_expect((now_ns ^ f->seen_ns) >> IDLE_SHIFT != 0, 0))
        flow_table_defer(t, f);
    f->seen_ns = now_ns;
}

void flow_table_defer(struct flow_table *t, struct flow *f)
{
    idle_unlink(t, f);
    idle_append(t, f);
}

struct flow *flow_table_longest_idle(const struct flow_table *t)
{
    return t->idle_head == POOL_NONE ? NULL : flow_table_at(t, t->idle_head);
}

void flow_table_arm(struct flow_table *t, struct flow *f, uint64_t deadline_ns)
{
    wheel_arm(&t->wheel, flow_table_index(t, f), deadline_ns);
}

struct flow *flow_table_expired(struct flow_table *t, uint64_t now_ns)
{
    uint32_t index = wheel_expire(&t->wheel, now_ns);

    return index == POOL_NONE ? NULL : flow_table_at(t, index);
}
