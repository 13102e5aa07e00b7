/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker says of itself in the logs: stats.log and capture_loss.log, by packet time. */
#ifndef SPLIFF_WORKER_STATS_H
#define SPLIFF_WORKER_STATS_H

#include "common/schema/counters.h"

#include <stdint.h>

struct worker;

/* The counters as they were at the last line of each log. */
struct stats {
    uint64_t stats_ns, loss_ns; /* when that was; 0 = not begun */
    struct counters stats_base, loss_base;
};

/* Writes the lines that are due at w->now_ns. */
void stats_run(struct worker *w);

#endif
