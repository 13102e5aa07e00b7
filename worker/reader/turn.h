/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker as the reader of a file that all workers read in turn: of classic pcap, a regular file
 * and not compressed, so that whoever has the turn goes on from an offset. */
#ifndef SPLIFF_WORKER_TURN_H
#define SPLIFF_WORKER_TURN_H

#include "worker/reader/spread.h"

struct turn {
    struct spread spread;
    struct pcap_place start; /* behind the file's header */
    uint32_t worker;
    int ended; /* the file's end, if this worker came to it: as the source's recv; else 0 */
};

/* 0 or -errno after printing what is wrong; turn_close either way. */
int turn_open(struct turn *t, const struct heritage *h, struct frame_ring *ring,
              struct counters *counters);
void turn_close(struct turn *t);

/* Fills the ring's next block. False: it is another one's turn, no block is free, or the file is at
 * its end. */
bool turn_fill(struct turn *t);

#endif
