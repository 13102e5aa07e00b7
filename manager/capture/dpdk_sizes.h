/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode dpdk: how long the queues of a device's workers are, and how much memory each takes, by what
 * there is at the start. */
#ifndef SPLIFF_MANAGER_CAPTURE_DPDK_SIZES_H
#define SPLIFF_MANAGER_CAPTURE_DPDK_SIZES_H

#include "common/ipc/heritage.h"
#include "common/schema/options.h"

#include <stdbool.h>
#include <stdint.h>

/* Memory that is free. */
struct dpdk_sizes_free {
    uint64_t huge_bytes; /* of huge pages of 2 MB */
    uint64_t bytes;
};

struct dpdk_sizes {
    bool huge_pages;
    uint32_t descriptors;
    uint64_t memory_bytes;             /* of a worker */
    char why[HERITAGE_DPDK_WHY_BYTES]; /* in words, for the line that tells of it */
};

/* On memory node `node`, -1 for the whole machine. root: in front of /sys and /proc, "" for this
 * machine. What cannot be read is 0. */
void dpdk_sizes_look(struct dpdk_sizes_free *f, const char *root, int node);

/* Pure. For so many workers of one device; af_xdp: it is one of DPDK's driver net_af_xdp. Options
 * that say something are kept to. 0; -ENOMEM: huge_pages is "reserved" and too few are free:
 * out->memory_bytes is what a worker needs at least. */
int dpdk_sizes_choose(struct dpdk_sizes *out, const struct options *o, uint32_t workers,
                      bool af_xdp, const struct dpdk_sizes_free *f);

#endif
