/* SPDX-License-Identifier: BSD-3-Clause */
/* Time, always in nanoseconds. Packet time (of the frame) drives flows and timers;
 * these two clocks serve only processes: logs of start and stop, restarts, flush intervals. */
#ifndef SPLIFF_BASE_CLOCK_H
#define SPLIFF_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define NS_PER_SEC UINT64_C(1000000000)
#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_US  UINT64_C(1000)

static inline uint64_t clock_read_ns(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * NS_PER_SEC + (uint64_t)t.tv_nsec;
}

/* Since 1970-01-01 UTC. */
static inline uint64_t clock_wall_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

/* Never goes back; comparable between processes of one host. */
static inline uint64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

#endif
