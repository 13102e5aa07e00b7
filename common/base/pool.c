/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/pool.h"

#include "common/base/check.h"

#include <errno.h>
#include <string.h>

int pool_init(struct pool *p, size_t object_bytes, uint32_t capacity)
{
    return pool_init_on(p, object_bytes, capacity, MEMORY_SMALL);
}

int pool_init_on(struct pool *p, size_t object_bytes, uint32_t capacity, enum memory_pages pages)
{
    CHECK(capacity > 0 && capacity < POOL_NONE);
    memset(p, 0, sizeof *p);
    p->object_bytes = (object_bytes + 7) & ~(size_t)7;
    p->capacity = capacity;
    p->free_head = POOL_NONE;
    p->pages = pages;
    p->base = memory_map(p->object_bytes * capacity, &p->pages);
    return p->base ? 0 : -ENOMEM;
}

void pool_fini(struct pool *p)
{
    memory_unmap(p->base, p->object_bytes * p->capacity, p->pages);
    memset(p, 0, sizeof *p);
}

/* Touches the next stretch of bytes at p, before those up to `used` are; *touched says how far
 * that was done. */
static void touch_ahead(uint8_t *p, size_t *touched, size_t used, size_t end)
{
    size_t n = end - *touched < POOL_STRETCH ? end - *touched : POOL_STRETCH;

    memory_touch(p + *touched, n);
    *touched += n;
    if (*touched < used) /* an object longer than a stretch is touched as it is used */
        *touched = used & ~(size_t)(POOL_STRETCH - 1);
}

uint32_t pool_get(struct pool *p)
{
    uint32_t i = p->free_head;

    if (i != POOL_NONE) {
        memcpy(&p->free_head, pool_at(p, i), sizeof p->free_head);
        if (p->free_head != POOL_NONE) /* it is the next one: its link was not read for long */
            __builtin_prefetch(pool_at(p, p->free_head));
    } else if (p->fresh < p->capacity) {
        i = p->fresh++;
        if (p->pages == MEMORY_SMALL && p->fresh * p->object_bytes > p->touched)
            touch_ahead(p->base, &p->touched, p->fresh * p->object_bytes,
                        p->capacity * p->object_bytes);
    } else {
        p->failures++;
        return POOL_NONE;
    }
    p->used++;
    return i;
}

void pool_put(struct pool *p, uint32_t index)
{
    CHECK(index < p->fresh && p->used > 0);
    memcpy(pool_at(p, index), &p->free_head, sizeof p->free_head);
    p->free_head = index;
    p->used--;
}

/* A chunk of BUFPOOL_MAX_BYTES is cut into buffers of one class for as long as any of them is in
 * use. An empty one is for whatever class comes next, so that a burst of one size does not leave
 * the others without memory for good. */
struct bufpool_chunk {
    void *free;     /* buffers that were given back */
    uint32_t used;  /* buffers handed out */
    uint32_t fresh; /* buffers from here on were never handed out */
    uint32_t next, prev;
    uint32_t class;
    size_t touched; /* bytes, whatever the class was */
};

int bufpool_init(struct bufpool *p, size_t bound_bytes)
{
    size_t n = (bound_bytes + BUFPOOL_MAX_BYTES - 1) / BUFPOOL_MAX_BYTES;
    enum memory_pages pages = MEMORY_SMALL;

    memset(p, 0, sizeof *p);
    CHECK(n > 0 && n < POOL_NONE);
    p->bound_bytes = n * BUFPOOL_MAX_BYTES;
    p->empty = POOL_NONE;
    for (unsigned c = 0; c < BUFPOOL_CLASSES; c++)
        p->open[c] = POOL_NONE;
    p->chunks = memory_map(n * sizeof *p->chunks, &pages);
    if (p->chunks)
        p->base = memory_map(p->bound_bytes, &pages);
    if (p->base)
        return 0;
    bufpool_fini(p);
    return -ENOMEM;
}

void bufpool_fini(struct bufpool *p)
{
    memory_unmap(p->base, p->bound_bytes, MEMORY_SMALL);
    memory_unmap(p->chunks, p->bound_bytes / BUFPOOL_MAX_BYTES * sizeof *p->chunks, MEMORY_SMALL);
    memset(p, 0, sizeof *p);
}

static unsigned bufpool_class(size_t bytes)
{
    unsigned c = 0;

    while (((size_t)BUFPOOL_MIN_BYTES << c) < bytes)
        c++;
    CHECK(c < BUFPOOL_CLASSES);
    return c;
}

static uint32_t chunk_buffers(unsigned class)
{
    return (BUFPOOL_MAX_BYTES / BUFPOOL_MIN_BYTES) >> class;
}

static void chunk_link(struct bufpool *p, uint32_t *list, uint32_t i)
{
    p->chunks[i].prev = POOL_NONE;
    p->chunks[i].next = *list;
    if (*list != POOL_NONE)
        p->chunks[*list].prev = i;
    *list = i;
}

static void chunk_unlink(struct bufpool *p, uint32_t *list, uint32_t i)
{
    const struct bufpool_chunk *chunk = &p->chunks[i];

    if (chunk->prev == POOL_NONE)
        *list = chunk->next;
    else
        p->chunks[chunk->prev].next = chunk->next;
    if (chunk->next != POOL_NONE)
        p->chunks[chunk->next].prev = chunk->prev;
}

/* Gives an empty chunk to a class that has no room. False if all are in use. */
static bool bufpool_open(struct bufpool *p, unsigned class)
{
    uint32_t i = p->empty;

    if (i != POOL_NONE)
        chunk_unlink(p, &p->empty, i);
    else if ((size_t)p->fresh * BUFPOOL_MAX_BYTES < p->bound_bytes)
        i = p->fresh++;
    else
        return false;
    p->chunks[i] = (struct bufpool_chunk){.class = class, .touched = p->chunks[i].touched};
    chunk_link(p, &p->open[class], i);
    return true;
}

static void *buffer_fresh(const struct bufpool *p, uint32_t i, size_t capacity)
{
    struct bufpool_chunk *chunk = &p->chunks[i];
    uint8_t *base = p->base + (size_t)i * BUFPOOL_MAX_BYTES;
    size_t at = chunk->fresh++ * capacity;

    if (at + capacity > chunk->touched)
        touch_ahead(base, &chunk->touched, at + capacity, BUFPOOL_MAX_BYTES);
    return base + at;
}

void *bufpool_get(struct bufpool *p, size_t bytes, size_t *capacity)
{
    unsigned class = bytes > BUFPOOL_MAX_BYTES ? 0 : bufpool_class(bytes);
    struct bufpool_chunk *chunk;
    uint32_t i;
    void *buf;

    if (bytes > BUFPOOL_MAX_BYTES || (p->open[class] == POOL_NONE && !bufpool_open(p, class))) {
        p->failures++;
        return NULL;
    }
    i = p->open[class];
    chunk = &p->chunks[i];
    *capacity = (size_t)BUFPOOL_MIN_BYTES << class;
    buf = chunk->free;
    if (buf) {
        memcpy(&chunk->free, buf, sizeof(void *));
        __builtin_prefetch(chunk->free);
    } else {
        buf = buffer_fresh(p, i, *capacity);
    }
    if (++chunk->used == chunk_buffers(class))
        chunk_unlink(p, &p->open[class], i);
    p->used_bytes += *capacity;
    return buf;
}

void bufpool_put(struct bufpool *p, void *buf, size_t capacity)
{
    unsigned class = bufpool_class(capacity);
    uint32_t i = (uint32_t)((size_t)((uint8_t *)buf - p->base) / BUFPOOL_MAX_BYTES);
    struct bufpool_chunk *chunk = &p->chunks[i];

    CHECK(capacity == (size_t)BUFPOOL_MIN_BYTES << class && p->used_bytes >= capacity);
    CHECK(chunk->class == class && chunk->used > 0);
    memcpy(buf, &chunk->free, sizeof(void *));
    chunk->free = buf;
    p->used_bytes -= capacity;
    if (chunk->used-- == chunk_buffers(class))
        chunk_link(p, &p->open[class], i);
    if (chunk->used > 0)
        return;
    chunk_unlink(p, &p->open[class], i);
    chunk_link(p, &p->empty, i);
}

static int membuf_grow(struct membuf *b, struct bufpool *pool, size_t need)
{
    size_t capacity;
    uint8_t *p = bufpool_get(pool, need, &capacity);

    if (!p)
        return -ENOBUFS;
    if (b->p) {
        memcpy(p, b->p, b->len);
        bufpool_put(pool, b->p, b->capacity);
    }
    b->p = p;
    b->capacity = (uint32_t)capacity;
    return 0;
}

int membuf_append(struct membuf *b, struct bufpool *pool, const void *data, size_t n,
                  size_t max_bytes)
{
    if (n > max_bytes || b->len > max_bytes - n)
        return -ENOBUFS;
    if (b->len + n > b->capacity && membuf_grow(b, pool, b->len + n) < 0)
        return -ENOBUFS;
    if (n > 0)
        memcpy(b->p + b->len, data, n);
    b->len += (uint32_t)n;
    return 0;
}

void membuf_free(struct membuf *b, struct bufpool *pool)
{
    if (b->p)
        bufpool_put(pool, b->p, b->capacity);
    memset(b, 0, sizeof *b);
}
