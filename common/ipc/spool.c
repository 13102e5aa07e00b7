/* SPDX-License-Identifier: BSD-3-Clause */
/* The spool in shared memory, and why a kill at any instruction neither loses nor repeats a record.
 *
 *   | head | slot 0 | slot 1 | …        slot: | state type seq commit | records … |
 *
 * Each change is one store that decides, after stores that no reader looks at before it:
 *
 *   step     prepares                    decides               after a kill in between
 *   open     n_used, type, commit = 0    state = OPEN          slot is still FREE
 *   put      bytes after the last        commit                record never was there
 *   seal     seq = last_seq + 1          state = SEALED        slot is OPEN: sealed by attach; its
 *                                                              first number was never published
 *            (then)                      last_seq              attach takes the highest it finds
 *   ack      –                           acked                 attach frees slots up to it
 *   evict    –                           evicted               attach frees slots up to it
 *
 * A process that dies leaves all that it stored, in its own order, so a release store (which keeps
 * the compiler from reordering) is all that this takes. What can be derived is not shared: free
 * slots, the open slot of each type and the order of sealed ones live in the handle and are found
 * anew by spool_attach().
 *
 * The reader is another process, and copies what it is to check: so each byte is read once. A slot
 * is free to be overwritten once its batch is evicted, so its `seq` goes before the first byte of
 * the next batch comes, and the reader looks at it after the copy: if it is still that of the
 * batch, so were the bytes.
 *
 * Sealed sequence numbers always form one run, floor + 1 … last_seq: batches leave only at its low
 * end. So a ring of slot numbers, indexed by seq modulo the number of slots, finds any of them. */
#include "common/ipc/spool.h"

#include "common/base/check.h"
#include "common/base/memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SPOOL_MAGIC      UINT64_C(0x53504c53504f4f31) /* "SPLSPOO1" */
#define SPOOL_HEAD_BYTES 4096u
#define SPOOL_SLOTS_MIN  2u
#define NO_SLOT          UINT32_MAX
#define STRETCH_BYTES    (32u * 1024) /* of a slot that are touched together, */
#define STRETCH_AHEAD    (4u * 1024)  /* so much before they are needed; most records take less */

enum slot_state { SLOT_FREE, SLOT_OPEN, SLOT_SEALED };

struct spool_head {
    _Atomic uint64_t magic; /* stored last: a head without it is no head yet */
    uint32_t n_slots;
    uint32_t slot_bytes;
    _Atomic uint64_t n_used; /* slots ever opened: those behind them were never touched */
    _Atomic uint64_t last_seq;
    _Atomic uint64_t acked;
    _Atomic uint64_t evicted;
};

struct spool_slot {
    _Atomic uint32_t state; /* enum slot_state */
    uint32_t type;          /* enum record_type */
    _Atomic uint64_t seq;
    _Atomic uint64_t commit; /* bytes << 32 | count */
    uint8_t unused[40];
    uint8_t records[];
};

#define SLOT_CAPACITY (SPOOL_SLOT_BYTES - sizeof(struct spool_slot))

_Static_assert(sizeof(struct spool_head) <= SPOOL_HEAD_BYTES, "the head fits its page");
_Static_assert(SPOOL_SLOT_BYTES % STRETCH_BYTES == 0, "a slot is touched as a whole");
_Static_assert(sizeof(struct spool_slot) == 64, "records begin on a cache line");
_Static_assert(SPOOL_SEAL_BYTES + RECORD_BYTES_MAX <= SLOT_CAPACITY, "a record always fits");

struct spool {
    struct spool_head *head;
    uint8_t *slots;
    uint32_t n_slots;
    uint32_t open_records;
    uint32_t open[RECORD_TYPES]; /* slot or NO_SLOT */
    uint32_t n_free;
    uint32_t *free;    /* stack of slots, the last freed on top */
    uint32_t *sealed;  /* sealed[seq % n_slots]: slot of that batch */
    uint32_t *touched; /* bytes of each slot, by this handle */
};

static size_t slots_of(size_t spool_bytes)
{
    return spool_bytes < SPOOL_HEAD_BYTES ? 0 : (spool_bytes - SPOOL_HEAD_BYTES) / SPOOL_SLOT_BYTES;
}

static struct spool_slot *slot_at(const struct spool *s, uint32_t i)
{
    return (struct spool_slot *)(void *)(s->slots + (size_t)i * SPOOL_SLOT_BYTES);
}

static uint64_t load(const _Atomic uint64_t *v)
{
    return atomic_load_explicit(v, memory_order_relaxed);
}

static void decide(_Atomic uint64_t *v, uint64_t value)
{
    atomic_store_explicit(v, value, memory_order_release);
}

static enum slot_state slot_state(const struct spool_slot *slot)
{
    return (enum slot_state)atomic_load_explicit(&slot->state, memory_order_relaxed);
}

static void slot_become(struct spool_slot *slot, enum slot_state state)
{
    atomic_store_explicit(&slot->state, state, memory_order_release);
}

static size_t slot_used_bytes(const struct spool_slot *slot)
{
    return (size_t)(load(&slot->commit) >> 32);
}

static uint32_t slot_count(const struct spool_slot *slot)
{
    return (uint32_t)load(&slot->commit);
}

static struct spool_slot *sealed_slot(const struct spool *s, uint64_t seq)
{
    return slot_at(s, s->sealed[seq % s->n_slots]);
}

static void slot_release(struct spool *s, uint32_t i)
{
    slot_become(slot_at(s, i), SLOT_FREE);
    s->free[s->n_free++] = i;
}

uint64_t spool_acked(const struct spool *s)
{
    return load(&s->head->acked);
}

uint64_t spool_last_seq(const struct spool *s)
{
    return load(&s->head->last_seq);
}

uint64_t spool_floor(const struct spool *s)
{
    uint64_t acked = load(&s->head->acked), evicted = load(&s->head->evicted);

    return acked > evicted ? acked : evicted;
}

uint32_t spool_batches(const struct spool *s)
{
    return (uint32_t)(spool_last_seq(s) - spool_floor(s));
}

uint32_t spool_open_records(const struct spool *s)
{
    return s->open_records;
}

/* In the order that the table above relies on. */
static void seal(struct spool *s, uint32_t i)
{
    struct spool_slot *slot = slot_at(s, i);
    uint64_t seq = spool_last_seq(s) + 1;

    decide(&slot->seq, seq);
    slot_become(slot, SLOT_SEALED);
    decide(&s->head->last_seq, seq);
    s->sealed[seq % s->n_slots] = i;
}

static void seal_type(struct spool *s, unsigned type)
{
    uint32_t i = s->open[type];

    s->open[type] = NO_SLOT;
    s->open_records -= slot_count(slot_at(s, i));
    seal(s, i);
}

/* Attach, first pass: frees what is acknowledged or evicted and finds the newest number.
 * False if a slot holds what no spool would. */
static bool attach_numbers(struct spool *s)
{
    uint64_t floor = spool_floor(s), last = spool_last_seq(s);

    if (load(&s->head->n_used) > s->n_slots)
        return false;
    for (uint32_t i = 0; i < load(&s->head->n_used); i++) {
        struct spool_slot *slot = slot_at(s, i);
        enum slot_state state = slot_state(slot);

        if (state == SLOT_FREE)
            continue;
        if (state > SLOT_SEALED || slot->type >= RECORD_TYPES ||
            slot_used_bytes(slot) > SLOT_CAPACITY)
            return false;
        if (state == SLOT_SEALED && load(&slot->seq) <= floor)
            slot_become(slot, SLOT_FREE);
        else if (state == SLOT_SEALED && load(&slot->seq) > last)
            last = load(&slot->seq);
    }
    if (last < floor || last - floor > s->n_slots)
        return false;
    decide(&s->head->last_seq, last);
    return true;
}

/* Second pass: the sealed slots must be one run of numbers; free slots are stacked. */
static bool attach_sealed(struct spool *s)
{
    uint64_t floor = spool_floor(s);
    uint32_t found = 0, expected = spool_batches(s), n_used = (uint32_t)load(&s->head->n_used);

    for (uint32_t i = 0; i < s->n_slots; i++)
        s->sealed[i] = NO_SLOT;
    for (uint32_t i = s->n_slots; i-- > 0;) {
        const struct spool_slot *slot = slot_at(s, i);
        uint64_t seq;
        uint32_t *place;

        if (i >= n_used || slot_state(slot) == SLOT_FREE)
            s->free[s->n_free++] = i;
        if (i >= n_used || slot_state(slot) != SLOT_SEALED)
            continue;
        seq = load(&slot->seq);
        place = &s->sealed[seq % s->n_slots];
        if (seq <= floor || *place != NO_SLOT)
            return false;
        *place = i;
        found++;
    }
    return found == expected;
}

/* Third pass: what the predecessor had open goes out as it is. */
static void attach_open(struct spool *s)
{
    for (uint32_t i = 0; i < load(&s->head->n_used); i++) {
        struct spool_slot *slot = slot_at(s, i);

        if (slot_state(slot) != SLOT_OPEN)
            continue;
        if (slot_count(slot) > 0)
            seal(s, i);
        else
            slot_release(s, i);
    }
}

/* A size other than the predecessor's would move every slot, so it is refused, not adapted to. */
static int attach_head(struct spool_head *head, uint32_t n_slots)
{
    if (load(&head->magic) == 0) {
        head->n_slots = n_slots;
        head->slot_bytes = SPOOL_SLOT_BYTES;
        decide(&head->magic, SPOOL_MAGIC);
    }
    if (load(&head->magic) != SPOOL_MAGIC || head->n_slots != n_slots ||
        head->slot_bytes != SPOOL_SLOT_BYTES)
        return -EINVAL;
    return 0;
}

struct spool *spool_attach(void *mem, size_t bytes)
{
    size_t n = slots_of(bytes);
    struct spool *s;

    if (n < SPOOL_SLOTS_MIN || n >= NO_SLOT || attach_head(mem, (uint32_t)n) < 0) {
        errno = EINVAL;
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->head = mem;
    s->slots = (uint8_t *)mem + SPOOL_HEAD_BYTES;
    s->n_slots = (uint32_t)n;
    for (unsigned t = 0; t < RECORD_TYPES; t++)
        s->open[t] = NO_SLOT;
    s->free = calloc(n, sizeof *s->free);
    s->sealed = calloc(n, sizeof *s->sealed);
    s->touched = calloc(n, sizeof *s->touched);
    if (!s->free || !s->sealed || !s->touched) {
        errno = ENOMEM;
        goto fail;
    }
    if (!attach_numbers(s) || !attach_sealed(s)) {
        errno = EINVAL;
        goto fail;
    }
    attach_open(s);
    return s;

fail:
    spool_detach(s);
    return NULL;
}

void spool_detach(struct spool *s)
{
    int err = errno;

    if (!s)
        return;
    free(s->free);
    free(s->sealed);
    free(s->touched);
    free(s);
    errno = err;
}

/* The last freed slot first: it is most likely still in cache. */
static bool open_slot(struct spool *s, enum record_type type)
{
    struct spool_slot *slot;
    uint32_t i;

    if (s->n_free == 0)
        return false;
    i = s->free[--s->n_free];
    slot = slot_at(s, i);
    if (i >= load(&s->head->n_used))
        decide(&s->head->n_used, i + 1);
    slot->type = type;
    decide(&slot->seq, 0);
    atomic_thread_fence(memory_order_release); /* before any byte of the new batch */
    decide(&slot->commit, 0);
    slot_become(slot, SLOT_OPEN);
    s->open[type] = i;
    return true;
}

/* The memory of a slot is new when the slot is first used, and only then. */
static void touch_ahead(struct spool *s, uint32_t i)
{
    memory_touch((uint8_t *)slot_at(s, i) + s->touched[i], STRETCH_BYTES);
    s->touched[i] += STRETCH_BYTES;
}

int spool_put(struct spool *s, enum record_type type, const void *rec, uint64_t *cut_fields)
{
    struct spool_slot *slot;
    size_t used, n;

    if (s->open[type] == NO_SLOT && !open_slot(s, type))
        return -ENOBUFS;
    slot = slot_at(s, s->open[type]);
    used = slot_used_bytes(slot);
    if (used + STRETCH_AHEAD > s->touched[s->open[type]])
        touch_ahead(s, s->open[type]);
    n = record_pack(type, rec, slot->records + used, SLOT_CAPACITY - used, cut_fields);
    CHECK(n > 0);
    used += n;
    decide(&slot->commit, (uint64_t)used << 32 | (slot_count(slot) + 1));
    s->open_records++;
    if (used >= SPOOL_SEAL_BYTES)
        seal_type(s, type);
    return 0;
}

void spool_seal_all(struct spool *s)
{
    if (s->open_records == 0)
        return;
    for (unsigned t = 0; t < RECORD_TYPES; t++)
        if (s->open[t] != NO_SLOT)
            seal_type(s, t);
}

bool spool_next(const struct spool *s, uint64_t after, struct spool_batch *out)
{
    uint64_t floor = spool_floor(s), seq = (after > floor ? after : floor) + 1;
    const struct spool_slot *slot;

    if (seq > spool_last_seq(s))
        return false;
    slot = sealed_slot(s, seq);
    CHECK(load(&slot->seq) == seq && slot_state(slot) == SLOT_SEALED);
    *out = (struct spool_batch){
        .type = (enum record_type)slot->type,
        .slot = s->sealed[seq % s->n_slots],
        .seq = seq,
        .count = slot_count(slot),
        .records = slot->records,
        .bytes = slot_used_bytes(slot),
    };
    return true;
}

void spool_ack(struct spool *s, uint64_t seq)
{
    uint64_t floor = spool_floor(s);

    /* Acknowledgements may come twice, late, or (from a confused sender) too early. */
    if (seq <= spool_acked(s) || seq > spool_last_seq(s))
        return;
    decide(&s->head->acked, seq);
    for (uint64_t gone = floor + 1; gone <= seq; gone++)
        slot_release(s, s->sealed[gone % s->n_slots]);
}

uint32_t spool_evict(struct spool *s)
{
    struct spool_batch oldest;

    if (spool_batches(s) == 0)
        spool_seal_all(s);
    if (!spool_next(s, 0, &oldest))
        return 0;
    decide(&s->head->evicted, oldest.seq);
    slot_release(s, s->sealed[oldest.seq % s->n_slots]);
    return oldest.count;
}

int spool_read(const void *mem, size_t spool_bytes, struct spool_batch *b, uint8_t *out)
{
    const struct spool_slot *slot;

    if (b->slot >= slots_of(spool_bytes) || b->bytes > SLOT_CAPACITY)
        return -EBADMSG;
    slot = (const struct spool_slot *)(const void *)((const uint8_t *)mem + SPOOL_HEAD_BYTES +
                                                     (size_t)b->slot * SPOOL_SLOT_BYTES);
    memcpy(out, slot->records, b->bytes);
    atomic_thread_fence(memory_order_acquire); /* after every byte of it */
    b->records = out;
    return load(&slot->seq) == b->seq ? 0 : -ESTALE;
}
