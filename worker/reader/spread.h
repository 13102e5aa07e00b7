/* SPDX-License-Identifier: BSD-3-Clause */
/* From a capture file into a ring of frames (common/ipc/frame_ring.h): what a reader does, be it
 * the process of that name or a worker whose turn it is. */
#ifndef SPLIFF_WORKER_SPREAD_H
#define SPLIFF_WORKER_SPREAD_H

#include "common/ipc/frame_ring.h"
#include "common/schema/counters.h"
#include "worker/capture/pcap_file.h"
#include "worker/decode/early_hash.h"

struct spread {
    const struct heritage *h;
    struct counters *counters;
    struct frame_ring *ring;
    struct early_hash early;
    struct capture *file;
    const uint8_t *window; /* of the block that is filled */
    bool starved;          /* the last block was none: none is free */
    uint8_t *header;       /* in turn: the window while it opens the file, when it has no block */
};

/* Opens the file of h, which the ring's user borrows. 0 or, after printing what is wrong, -errno as
 * the file's source has it; spread_close either way. */
int spread_open(struct spread *s, const struct heritage *h, struct frame_ring *ring,
                struct counters *counters);
void spread_close(struct spread *s);

/* Reads a block's worth of frames into the block that frame_ring_take gives; to pass it on is the
 * caller's. 0, also if there is no more now (a pipe, or `starved`); or the source's end. */
int spread_block(struct spread *s);

#endif
