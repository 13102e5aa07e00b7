/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/dpdk_orders.h"

#include "common/base/check.h"

#include <string.h>

#define LINE 64u

static uint32_t ring_length(uint32_t flows)
{
    uint32_t n = 1;

    while (n < flows)
        n *= 2;
    return n;
}

static size_t lines(size_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

static size_t ring_bytes(uint32_t flows)
{
    return lines(sizeof(struct dpdk_orders_ring) + ring_length(flows) * sizeof(uint32_t));
}

size_t dpdk_orders_bytes(uint32_t flows)
{
    return ring_bytes(flows) + lines(flows * sizeof(struct dpdk_order));
}

void dpdk_orders_init(struct dpdk_orders *o, void *memory, uint32_t flows)
{
    *o = (struct dpdk_orders){.ring = memory,
                              .order = (void *)((uint8_t *)memory + ring_bytes(flows)),
                              .flows = flows,
                              .mask = ring_length(flows) - 1};
}

void dpdk_orders_reset(struct dpdk_orders *o)
{
    memset(o->ring, 0, dpdk_orders_bytes(o->flows));
    o->taken = 0;
}

void dpdk_orders_give(struct dpdk_orders *o, uint32_t number)
{
    uint32_t given = atomic_load_explicit(&o->ring->given, memory_order_relaxed);

    CHECK(number < o->flows && !atomic_load(&o->order[number].open));
    atomic_store(&o->order[number].open, 1);
    o->ring->number[given & o->mask] = number;
    atomic_store_explicit(&o->ring->given, given + 1, memory_order_release);
}

bool dpdk_orders_take(struct dpdk_orders *o, uint32_t *number)
{
    uint32_t given = atomic_load_explicit(&o->ring->given, memory_order_acquire);

    if (given - o->taken > o->mask + 1)
        o->taken = given; /* no worker of ours has written that */
    while (o->taken != given) {
        *number = *(const volatile uint32_t *)&o->ring->number[o->taken++ & o->mask];
        if (*number < o->flows)
            return true;
    }
    return false;
}

void dpdk_orders_answer(struct dpdk_orders *o, uint32_t number)
{
    CHECK(number < o->flows);
    atomic_store_explicit(&o->order[number].open, 0, memory_order_release);
}
