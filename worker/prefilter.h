/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are left out by their addresses, where no program of the kernel has done so: files,
 * DPDK, kernels without BPF, and frames that a program does not read to their IP header. The lists
 * are the manager's, in shared memory, and may change between two packets. */
#ifndef SPLIFF_WORKER_PREFILTER_H
#define SPLIFF_WORKER_PREFILTER_H

#include "worker/worker.h"

/* 0, also where there is nothing to look for, or -errno after printing. */
int prefilter_open(struct worker *w);
void prefilter_close(struct worker *w);

/* Whether what was decoded is left out, which is counted if it is this worker's. Its outermost IP
 * header decides, also where nothing behind that could be read; without one it goes on. */
bool prefilter_judges(struct worker *w, const struct packet *p, bool mine);

/* The same, and nothing is done where there are no lists. */
static inline bool prefilter_leaves_out(struct worker *w, const struct packet *p, bool mine)
{
    return __builtin_expect(w->prefilter != NULL, 0) && prefilter_judges(w, p, mine);
}

#endif
