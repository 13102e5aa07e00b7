/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does when its source had nothing: asks again at once, lets others run, or sleeps.
 * Decides by counting batches, and never looks at a clock itself. */
#ifndef SPLIFF_WORKER_WAIT_H
#define SPLIFF_WORKER_WAIT_H

#include "common/base/clock.h"
#include "common/ipc/heritage.h"
#include "common/schema/counters.h"
#include "worker/capture/capture.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* A sleep that ends when there is something to do. */
#define WAIT_FOREVER UINT64_MAX

struct wait {
    struct counters *counters;
    const struct options *options;
    struct capture_waiting source;
    enum rx_mode mode; /* in effect */
    bool yield;        /* others are to have the core before the next batch */
    uint64_t spins;  /* empty batches in a row followed by the next at once; UINT64_MAX: for ever */
    uint64_t yields; /* and so many after others had the core; then it sleeps */
    uint64_t resume_threshold; /* frames in a batch after which it spins again */
    uint64_t sleep_max_ns;     /* WAIT_FOREVER: the descriptor ends it */
    uint64_t gather_ns;        /* with a descriptor: how long frames gather before it may wake */
    uint64_t empty;            /* batches in a row */
    uint64_t sleep_ns;         /* the next one */
    bool idle;                 /* it sleeps between two batches */
    bool slept;                /* and no frames have come since */
    bool gathering;            /* this sleep is not to be ended by the descriptor */
    uint64_t busy_since_ns;    /* monotonic, up to which it is counted; 0: there are no frames */
};

/* By the options, which are borrowed. The mode is to be set next. */
void wait_init(struct wait *w, const struct options *o, const struct capture_waiting *source,
               struct counters *counters);

/* From now on this mode; of a file, RX_MODE_INTERRUPT whatever is asked for. False: the source has
 * no descriptor, and RX_MODE_ADAPTIVE is in effect instead of RX_MODE_INTERRUPT. */
bool wait_set_mode(struct wait *w, enum rx_mode mode);

/* A batch had so many frames, at least one. */
void wait_busy(struct wait *w, uint32_t frames);

/* A batch had none. How long to sleep, at most, before the next: 0 is not at all. Sets w->gathering
 * for that sleep. */
uint64_t wait_empty(struct wait *w);

/* The time that the worker is busy is that from the first batch with frames to the next without, so
 * that a clock is looked at only where the one follows the other. */
static inline bool wait_is_busy(const struct wait *w)
{
    return w->busy_since_ns > 0;
}

/* Frames are there, which were not before; now_ns is clock_mono_ns, here and below. */
static inline void wait_busy_begin(struct wait *w, uint64_t now_ns)
{
    w->busy_since_ns = now_ns;
}

/* Counts the time until now if it is busy. In between, so that who reads the counter of one that is
 * never idle sees it grow. */
void wait_busy_count(struct wait *w, uint64_t now_ns);
void wait_busy_end(struct wait *w, uint64_t now_ns);

/* Sleeps until one of n descriptors (-1 is none) is ready, at most ns, or until a signal. */
void wait_poll(struct wait *w, struct pollfd *fds, unsigned n, uint64_t ns);

#endif
