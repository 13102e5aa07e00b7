/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode af_xdp: what the program writes in front of a frame for the worker that gets it.
 *
 * It lies directly before the frame's first byte. A driver that leaves no room for it, or another
 * program behind the same dispatcher that moves the frame's beginning, is told by the mark, which
 * is then not there: no other frame was ever written at that place of the memory. It is small, so
 * that note and headers of most packets are in one line of the cache. */
#ifndef SPLIFF_BPF_AF_XDP_H
#define SPLIFF_BPF_AF_XDP_H

#define AF_XDP_MARK       0x73706c66u /* bit 0 is free: */
#define AF_XDP_HASHED     1u          /* there is a hash */
#define AF_XDP_TIME_SHIFT 6           /* from ns to the unit of time: it comes round after 275 s */

struct af_xdp_note {
    unsigned int time; /* CLOCK_MONOTONIC when the frame came, its lower bits */
    unsigned int hash; /* flow_hash of a TCP or UDP packet */
    unsigned int mark; /* AF_XDP_MARK or with AF_XDP_HASHED, exclusive-or the seed */
};

/* To ask the clock is half of what the program costs. While the worker is behind it is asked for
 * every so many frames in a row; those after the first get that time and a unit more each, so that
 * no two have the same, unless the kernel's tick comes between them. */
#define AF_XDP_CLOCK_FRAMES 8u

/* For so many frames at most after the worker has said so: one that stands still is not behind
 * because frames come fast. */
#define AF_XDP_BEHIND_FRAMES 256u

/* What a worker and the program share of a queue; one line of the cache. */
struct af_xdp_queue {
    unsigned int
        behind;        /* the worker's: more frames wait for it than it takes at once; the
                          program counts it down with each frame that the clock is not asked for */
    unsigned int left; /* the program's: so many more frames may follow upon `time`, */
    unsigned int time; /* as in the note, */
    unsigned int tick; /* in this tick */
    unsigned int pad[12];
};

#endif
