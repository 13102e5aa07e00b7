/* SPDX-License-Identifier: BSD-3-Clause */
/* Time stamps that a device gives its frames, as times since 1970. A device counts ticks of its own
 * clock, whose beginning and rate are found out by reading it beside ours. Pure; worker process. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_CLOCK_H
#define SPLIFF_WORKER_CAPTURE_DPDK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct dpdk_clock {
    uint64_t base_ticks, base_ns; /* the same moment */
    uint64_t rate;                /* nanoseconds a tick, in 2^-32; 0: not known yet */
};

/* One that counts units of so many nanoseconds since 1970. */
void dpdk_clock_init_fixed(struct dpdk_clock *c, uint64_t tick_ns);

/* It read `ticks` when our clock was at now_ns. The first time this is the beginning; later ones
 * find the rate, which follows the device's if that changes, once 10 ms have passed. */
void dpdk_clock_sample(struct dpdk_clock *c, uint64_t ticks, uint64_t now_ns);

/* When the device counted `ticks`. The rate is known. */
static inline uint64_t dpdk_clock_ns(const struct dpdk_clock *c, uint64_t ticks)
{
    __int128 since = (__int128)(int64_t)(ticks - c->base_ticks) * (__int128)c->rate;

    return c->base_ns + (uint64_t)(int64_t)(since >> 32);
}

#endif
