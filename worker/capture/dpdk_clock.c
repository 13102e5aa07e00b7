/* SPDX-License-Identifier: BSD-3-Clause */
/* Each sample moves the base to now, so that an error of the rate has no time to add up, and takes
 * as the rate what passed since the sample before. */
#include "worker/capture/dpdk_clock.h"

#include "common/base/clock.h"

#define SAMPLE_NS (10 * NS_PER_MS)

void dpdk_clock_init_fixed(struct dpdk_clock *c, uint64_t tick_ns)
{
    *c = (struct dpdk_clock){.rate = tick_ns << 32};
}

void dpdk_clock_sample(struct dpdk_clock *c, uint64_t ticks, uint64_t now_ns)
{
    uint64_t ticks_passed = ticks - c->base_ticks;

    if (c->base_ns != 0 && now_ns >= c->base_ns && now_ns - c->base_ns < SAMPLE_NS)
        return;
    /* A clock that was set back begins anew; one that stands still has no rate. */
    if (c->base_ns != 0 && now_ns > c->base_ns && ticks_passed > 0 && ticks_passed <= INT64_MAX)
        c->rate = (uint64_t)(((unsigned __int128)(now_ns - c->base_ns) << 32) / ticks_passed);
    c->base_ticks = ticks;
    c->base_ns = now_ns;
}
