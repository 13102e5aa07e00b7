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
    w->base_ns = 0; /* wheel_start */
    w->tick = 1;
    w->armed = 0;
    for (unsigned i = 0; i < WHEEL_SLOTS; i++)
        w->head[i] = POOL_NONE;
}

void wheel_start(struct wheel *w, uint64_t now_ns)
{
    if (w->base_ns == 0)
        w->base_ns = now_ns ? now_ns : 1;
}

/* Ticks count from 1, so that 0 can say "not armed". Bogus times far ahead saturate. */
static uint32_t wheel_tick_of(const struct wheel *w, uint64_t ns)
{
    uint64_t t;

    if (ns < w->base_ns)
        return 1;
    t = ((ns - w->base_ns) >> WHEEL_TICK_SHIFT) + 1;
    return t < UINT32_MAX / 2 ? (uint32_t)t : UINT32_MAX / 2;
}

void wheel_disarm(struct wheel *w, uint32_t index)
{
    struct wheel_link *l = wheel_link_at(w, index);

    if (l->tick == 0)
        return;
    if (l->prev == POOL_NONE)
        w->head[l->tick & WHEEL_MASK] = l->next;
    else
        wheel_link_at(w, l->prev)->next = l->next;
    if (l->next != POOL_NONE)
        wheel_link_at(w, l->next)->prev = l->prev;
    l->tick = 0;
    w->armed--;
}

void wheel_arm(struct wheel *w, uint32_t index, uint64_t deadline_ns)
{
    struct wheel_link *l = wheel_link_at(w, index);
    uint32_t tick = wheel_tick_of(w, deadline_ns) + 1; /* rounded up: never early */

    wheel_disarm(w, index);
    if (tick < w->tick)
        tick = w->tick;
    if (tick - w->tick >= WHEEL_SLOTS)
        tick = w->tick + WHEEL_SLOTS - 1;
    l->tick = tick;
    l->prev = POOL_NONE;
    l->next = w->head[tick & WHEEL_MASK];
    if (l->next != POOL_NONE)
        wheel_link_at(w, l->next)->prev = index;
    w->head[tick & WHEEL_MASK] = index;
    w->armed++;
}

uint32_t wheel_expire(struct wheel *w, uint64_t now_ns)
{
    uint32_t now = wheel_tick_of(w, now_ns);

    /* After a jump over the whole span everything filed is due: one lap empties it. */
    if (now > w->tick && now - w->tick >= WHEEL_SLOTS)
        w->tick = now - WHEEL_SLOTS + 1;
    while (w->tick <= now) {
        uint32_t index = w->head[w->tick & WHEEL_MASK];

        if (index != POOL_NONE) {
            CHECK(((wheel_link_at(w, index)->tick ^ w->tick) & WHEEL_MASK) == 0);
            wheel_disarm(w, index);
            return index;
        }
        if (w->tick == now)
            break; /* this tick's slot may still get deadlines that are already due */
        w->tick = w->armed == 0 ? now : w->tick + 1; /* over an empty wheel time may jump */
    }
    return POOL_NONE;
}
