/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: memory for the packet path, mapped once at start with a stated bound.
 *
 * struct pool     objects of one size, addressed by 32-bit index or pointer; last freed, first used
 * struct bufpool  byte buffers in power-of-two classes, for what waits on more input
 *
 * Both map their whole bound lazily, so memory is used only as it is touched, up to POOL_STRETCH
 * ahead; neither calls malloc after init. Not thread-safe: each belongs to one process and one
 * thread. */
#ifndef SPLIFF_BASE_POOL_H
#define SPLIFF_BASE_POOL_H

#include "common/base/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_NONE    UINT32_MAX   /* no object */
#define POOL_STRETCH (64u * 1024) /* bytes that are touched together */

struct pool {
    uint8_t *base;
    size_t object_bytes;
    uint32_t capacity; /* objects */
    uint32_t fresh;    /* objects from here on were never handed out */
    size_t touched;    /* bytes from here on were not touched together */
    uint32_t free_head;
    uint32_t used;
    enum memory_pages pages;
    uint64_t failures; /* pool_get refused because the bound was reached */
};

/* Maps room for capacity objects. Returns 0 or -ENOMEM. object_bytes is rounded up to 8. */
int pool_init(struct pool *p, size_t object_bytes, uint32_t capacity);
/* The same, on pages of that kind, or of that which p->pages then says. */
int pool_init_on(struct pool *p, size_t object_bytes, uint32_t capacity, enum memory_pages pages);
void pool_fini(struct pool *p);

/* Index of an object, contents undefined; POOL_NONE (and a failure counted) when all are in use. */
uint32_t pool_get(struct pool *p);
void pool_put(struct pool *p, uint32_t index);

static inline void *pool_at(const struct pool *p, uint32_t index)
{
    return p->base + (size_t)index * p->object_bytes;
}

static inline uint32_t pool_index(const struct pool *p, const void *object)
{
    return (uint32_t)((size_t)((const uint8_t *)object - p->base) / p->object_bytes);
}

#define BUFPOOL_MIN_BYTES 128u
#define BUFPOOL_MAX_BYTES (256u * 1024)
#define BUFPOOL_CLASSES   12 /* 128, 256, … 256 KiB */

struct bufpool {
    uint8_t *base;
    struct bufpool_chunk *chunks;   /* what is known of each BUFPOOL_MAX_BYTES from base on */
    size_t bound_bytes;             /* of all chunks */
    uint32_t fresh;                 /* chunks from here on were never used */
    uint32_t empty;                 /* list of chunks that were, and have no class now */
    uint32_t open[BUFPOOL_CLASSES]; /* lists of chunks of a class that have room */
    size_t used_bytes;
    uint64_t failures;
};

/* Bound rounded up to 256 KiB. Returns 0 or -ENOMEM. */
int bufpool_init(struct bufpool *p, size_t bound_bytes);
void bufpool_fini(struct bufpool *p);

/* A buffer of at least bytes (at most BUFPOOL_MAX_BYTES), contents undefined. *capacity is its real
 * size, to be given back with it. NULL (and a failure counted) when the bound is reached. */
void *bufpool_get(struct bufpool *p, size_t bytes, size_t *capacity);
void bufpool_put(struct bufpool *p, void *buf, size_t capacity);

/* Whether three quarters are in use: what peers can make wait for long takes no more, so that they
 * do not keep others from reading what comes in order. */
static inline bool bufpool_is_tight(const struct bufpool *p)
{
    return p->used_bytes >= p->bound_bytes / 4 * 3;
}

/* A growing run of bytes in a bufpool. Zeroed is empty. */
struct membuf {
    uint8_t *p;
    uint32_t len;
    uint32_t capacity;
};

/* Appends n bytes; grows by doubling up to max_bytes. Returns 0, or -ENOBUFS (nothing appended)
 * when len + n would pass max_bytes or the pool's bound. */
int membuf_append(struct membuf *b, struct bufpool *pool, const void *data, size_t n,
                  size_t max_bytes);
/* Gives the memory back and empties b. */
void membuf_free(struct membuf *b, struct bufpool *pool);

#endif
