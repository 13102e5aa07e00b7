/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/flow/wheel.h"

#include "common/base/check.h"

#define WHEEL_MASK (WHEEL_SLOTS - 1)

static struct wheel_link *wheel_link_at(const struct wheel *w, uint32_t index)
{
    return (struct wheel_link *)(void *)((uint8_t *)pool_at(w->pool, index) + w->link_offset);
}

void wheel_init(struct wheel *w, struct pool *pool, size_t link_offset)
{
    w->pool = pool;
    w->link_offset = link_offset;
    w->tick = 0; /* wheel_start */
    w->armed = 0;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        w->head[i] = POOL_NONE;
}

void wheel_start(struct wheel *w, uint64_t now_ns)
{
    if (w->armed == 0)
        w->tick = now_ns >> WHEEL_TICK_SHIFT;
}

void wheel_disarm(struct wheel *w, uint32_t index)
{
    struct wheel_link *l = wheel_link_at(w, index);

    if (l->filed == 0)
        return;
    if (l->prev == POOL_NONE)
        w->head[l->filed - 1] = l->next;
    else
        wheel_link_at(w, l->prev)->next = l->next;
    if (l->next != POOL_NONE)
        wheel_link_at(w, l->next)->prev = l->prev;
    l->filed = 0;
    w->armed--;
}

void wheel_arm(struct wheel *w, uint32_t index, uint64_t deadline_ns)
{
    struct wheel_link *l = wheel_link_at(w, index);
    uint64_t tick = (deadline_ns >> WHEEL_TICK_SHIFT) + 1; /* rounded up: never early */
    uint32_t slot;

    wheel_disarm(w, index);
    if (tick < w->tick)
        tick = w->tick;
    if (tick - w->tick >= WHEEL_SLOTS)
        tick = w->tick + WHEEL_SLOTS - 1;
    slot = (uint32_t)(tick & WHEEL_MASK);
    l->filed = slot + 1;
    l->prev = POOL_NONE;
    l->next = w->head[slot];
    if (l->next != POOL_NONE)
        wheel_link_at(w, l->next)->prev = index;
    w->head[slot] = index;
    w->armed++;
}

uint32_t wheel_expire(struct wheel *w, uint64_t now_ns)
{
    uint64_t now = now_ns >> WHEEL_TICK_SHIFT;

    /* After a jump over the whole span everything filed is due: one lap empties it. */
    if (now > w->tick && now - w->tick >= WHEEL_SLOTS)
        w->tick = now - WHEEL_SLOTS + 1;
    while (w->tick <= now) {
        uint32_t index = w->head[w->tick & WHEEL_MASK];

        if (index != POOL_NONE) {
            CHECK(wheel_link_at(w, index)->filed == (w->tick & WHEEL_MASK) + 1);
            wheel_disarm(w, index);
            return index;
        }
        if (w->tick == now)
            break; /* this tick's slot may still get deadlines that are already due */
        w->tick = w->armed == 0 ? now : w->tick + 1; /* over an empty wheel time may jump */
    }
    return POOL_NONE;
}
