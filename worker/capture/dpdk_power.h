/* SPDX-License-Identifier: BSD-3-Clause */
/* The frequency of a worker's core, high while frames come and low while none do: option
 * dpdk_power. Worker process. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_POWER_H
#define SPLIFF_WORKER_CAPTURE_DPDK_POWER_H

#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>

struct dpdk_power {
    bool on; /* the frequency is ours to set */
    bool high;
    unsigned core;
    uint64_t threshold;    /* so many frames at once are work for a fast core */
    uint64_t frames_ns;    /* when some came last */
    const char *interface; /* borrowed, for messages */
    const struct heritage_cpufreq *before;
    int fds[HERITAGE_CPUFREQ_FILES]; /* to set back what was changed; -1: cannot be */
};

/* Takes the core over, if the options say so; before rights are given up, since the files of its
 * frequency are opened here. Where it cannot, prints why, once, and everything else does nothing.
 * root: before /sys, "" for this machine. h is borrowed. */
void dpdk_power_open(struct dpdk_power *p, const struct heritage *h, const char *root);
/* The core is governed again as it was. */
void dpdk_power_close(struct dpdk_power *p);

/* The driver gave so many frames at now_ns. Makes system calls only when the frequency changes, and
 * counts that. */
void dpdk_power_follow(struct dpdk_power *p, uint32_t frames, uint64_t now_ns, struct counters *c);

#endif
