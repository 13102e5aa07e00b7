/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/pool.h"

#include "common/base/check.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void *map_lazily(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

int pool_init(struct pool *p, size_t object_bytes, uint32_t capacity)
{
    CHECK(capacity > 0 && capacity < POOL_NONE);
    memset(p, 0, sizeof *p);
    p->object_bytes = (object_bytes + 7) & ~(size_t)7;
    p->capacity = capacity;
    p->free_head = POOL_NONE;
    p->base = map_lazily(p->object_bytes * capacity);
    return p->base ? 0 : -ENOMEM;
}

void pool_fini(struct pool *p)
{
    if (p->base)
        munmap(p->base, p->object_bytes * p->capacity);
    memset(p, 0, sizeof *p);
}

uint32_t pool_get(struct pool *p)
{
    uint32_t i = p->free_head;

    if (i != POOL_NONE) {
        memcpy(&p->free_head, pool_at(p, i), sizeof p->free_head);
    } else if (p->fresh < p->capacity) {
        i = p->fresh++;
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

/* A chunk of BUFPOOL_MAX_BYTES is cut into buffers of one class when that class runs dry and stays
 * with it: simple, and bounded by bound_bytes whatever the order of sizes. */
int bufpool_init(struct bufpool *p, size_t bound_bytes)
{
    memset(p, 0, sizeof *p);
    p->bound_bytes = (bound_bytes + BUFPOOL_MAX_BYTES - 1) / BUFPOOL_MAX_BYTES * BUFPOOL_MAX_BYTES;
    CHECK(p->bound_bytes > 0);
    p->base = map_lazily(p->bound_bytes);
    return p->base ? 0 : -ENOMEM;
}

void bufpool_fini(struct bufpool *p)
{
    if (p->base)
        munmap(p->base, p->bound_bytes);
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

static int bufpool_carve(struct bufpool *p, unsigned class)
{
    size_t size = (size_t)BUFPOOL_MIN_BYTES << class;
    uint8_t *chunk = p->base + p->carved_bytes;

    if (p->carved_bytes == p->bound_bytes)
        return -ENOBUFS;
    p->carved_bytes += BUFPOOL_MAX_BYTES;
    for (size_t off = BUFPOOL_MAX_BYTES; off >= size; off -= size) {
        uint8_t *buf = chunk + off - size;
        /* cppcheck-suppress pointerSize ; the link to the next free buffer is kept in the buffer */
        memcpy(buf, &p->free_list[class], sizeof(void *));
        p->free_list[class] = buf;
    }
    return 0;
}

void *bufpool_get(struct bufpool *p, size_t bytes, size_t *capacity)
{
    unsigned c;
    void *buf;

    if (bytes > BUFPOOL_MAX_BYTES) {
        p->failures++;
        return NULL;
    }
    c = bufpool_class(bytes);
    if (!p->free_list[c] && bufpool_carve(p, c) < 0) {
        p->failures++;
        return NULL;
    }
    buf = p->free_list[c];
    memcpy(&p->free_list[c], buf, sizeof(void *));
    *capacity = (size_t)BUFPOOL_MIN_BYTES << c;
    p->used_bytes += *capacity;
    return buf;
}

void bufpool_put(struct bufpool *p, void *buf, size_t capacity)
{
    unsigned c = bufpool_class(capacity);

    CHECK(capacity == (size_t)BUFPOOL_MIN_BYTES << c && p->used_bytes >= capacity);
    memcpy(buf, &p->free_list[c], sizeof(void *));
    p->free_list[c] = buf;
    p->used_bytes -= capacity;
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

void membuf_consume(struct membuf *b, size_t n)
{
    CHECK(n <= b->len);
    memmove(b->p, b->p + n, b->len - n);
    b->len -= (uint32_t)n;
}
