/* SPDX-License-Identifier: BSD-3-Clause */
/* What `run` says of itself on stderr: how far a replay is, and a summary at the end. */
#ifndef SPLIFF_MANAGER_CLI_PROGRESS_H
#define SPLIFF_MANAGER_CLI_PROGRESS_H

#include "manager/manager.h"

#include <stdint.h>

#define PROGRESS_TICK_MS 250u

struct progress {
    const struct manager *manager;
    uint64_t last_ns, last_packets; /* of the tick before */
    bool shown;                     /* a line stands on the terminal */
};

/* Writes the line anew: percent of the input, packets a second since the last tick. A
 * manager_plan.tick, with struct progress as user. */
void progress_tick(void *user);

/* Takes the line off the terminal. */
void progress_clear(struct progress *p);

/* One line: packets, flows, records, time, and what was lost by cause. */
void progress_summary(const struct manager *m);

#endif
