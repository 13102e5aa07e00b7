/* SPDX-License-Identifier: BSD-3-Clause */
/* From a file that a process executes to hooks in it: reads it, plans, attaches, remembers. */
#ifndef SPLIFF_PROBE_HOOKING_H
#define SPLIFF_PROBE_HOOKING_H

#include "common/base/clock.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "worker/probe/discover.h"
#include "worker/probe/images.h"
#include "worker/probe/kernel.h"

struct hooking {
    struct images *images;
    struct kernel *kernel;
    struct discover *discover;
    const struct options *options;
    struct counters *c;
    double lines; /* that may be printed now */
    uint64_t lines_ns;
};

void hooking_init(struct hooking *h, struct images *images, struct kernel *k, struct discover *d,
                  const struct options *o, struct counters *c);

/* A process has mapped a file. True: the first one of this process that is hooked. */
bool hooking_image(struct hooking *h, const struct discovered *d);

/* To be called every HOOKING_SWEEP_NS: takes hooks out of files of containers and of deleted ones
 * that no process has had for some sweeps. */
#define HOOKING_SWEEP_NS (60 * NS_PER_SEC)
void hooking_sweep(struct hooking *h);

#endif
