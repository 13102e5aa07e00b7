/* SPDX-License-Identifier: BSD-3-Clause */
/* A session that says little costs little, and one that says much is not copied again and again:
 * each block is twice as large as the one before it. An event lies whole in one of them. */
#include "worker/probe/pending.h"

#include "common/base/check.h"

#include <string.h>

#define EVENT_ALIGN 8u

struct pending_block {
    struct pending_block *next;
    size_t bytes, used; /* with this head */
};

_Static_assert(sizeof(struct pending_block) % EVENT_ALIGN == 0 &&
                   sizeof(struct probe_event) % EVENT_ALIGN == 0,
               "events are aligned");

static size_t event_bytes(const struct probe_event *e)
{
    return sizeof *e + (e->len + EVENT_ALIGN - 1) / EVENT_ALIGN * EVENT_ALIGN;
}

/* As large as is wished for, or else as memory still has it. NULL: it is full. */
static struct pending_block *block_add(struct pending *p, struct bufpool *memory, size_t bytes)
{
    size_t least = sizeof(struct pending_block) + bytes, want = p->last ? 2 * p->last->bytes : 0;
    struct pending_block *b = NULL;
    size_t got = 0;

    for (want = want < BUFPOOL_MAX_BYTES ? want : BUFPOOL_MAX_BYTES; !b && want > least; want /= 2)
        b = bufpool_get(memory, want, &got);
    if (!b)
        b = bufpool_get(memory, least, &got);
    if (!b)
        return NULL;
    *b = (struct pending_block){.bytes = got, .used = sizeof *b};
    *(p->last ? &p->last->next : &p->first) = b;
    p->last = b;
    return b;
}

bool pending_add(struct pending *p, struct bufpool *memory, const struct probe_event *e)
{
    size_t bytes = event_bytes(e);
    struct pending_block *b = p->last;

    if (p->bytes + bytes > PENDING_SESSION_BYTES)
        return false;
    if (!b || b->bytes - b->used < bytes)
        b = block_add(p, memory, bytes);
    if (!b)
        return false;
    memcpy((uint8_t *)b + b->used, e, sizeof *e + e->len);
    b->used += bytes;
    if (p->bytes == 0)
        p->first_ns = e->ts_ns;
    p->bytes += (uint32_t)bytes;
    return true;
}

void pending_take(struct pending *p, struct bufpool *memory,
                  void (*take)(void *arg, const struct probe_event *e), void *arg)
{
    struct pending_block *b = p->first;

    while (b) {
        struct pending_block *next = b->next;

        for (size_t at = sizeof *b; at < b->used;) {
            const struct probe_event *e = (const void *)((const uint8_t *)b + at);

            take(arg, e);
            at += event_bytes(e);
        }
        bufpool_put(memory, b, b->bytes);
        b = next;
    }
    *p = (struct pending){0};
}
