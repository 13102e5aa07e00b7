/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers workers that ask whose a socket is (common/ipc/owner.h). */
#ifndef SPLIFF_PROBE_OWNERS_H
#define SPLIFF_PROBE_OWNERS_H

#include "common/ipc/bus.h"
#include "common/ipc/heritage.h"
#include "common/schema/process_filter.h"
#include "worker/probe/images.h"
#include "worker/probe/kernel.h"
#include "worker/probe/process.h"

#define OWNERS_TOPIC "event/owner/"

struct owners {
    const struct heritage *heritage; /* of it options, n_workers, workers */
    struct bus *bus;
    struct kernel *kernel;
    struct images *images;
    struct process_table *processes;
    struct process_filter filter;
    uint64_t hooked_ns; /* since then all that runs is hooked, by the wall clock; 0: not yet */
    uint64_t worker_ns[HERITAGE_WORKERS_MAX]; /* when it came back; 0: it never went */
};

/* m is a message under OWNERS_TOPIC; what cannot be read is passed over. */
void owners_answer(struct owners *o, const struct bus_message *m);

#endif
