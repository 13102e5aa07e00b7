/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker does when its source had nothing: asks again at once, lets others run, or sleeps.
 * Decides by counting batches, and never looks at a clock itself. */
#ifndef SPLIFF_WORKER_WAIT_H
#define SPLIFF_WORKER_WAIT_H

#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

/* A sleep that ends when there is something to do. */
#define WAIT_FOREVER UINT64_MAX

struct wait {
    struct counters *counters;
    bool yield;      /* others are to have the core before the next batch */
    uint64_t spins;  /* empty batches in a row followed by the next at once; UINT64_MAX: for ever */
    uint64_t yields; /* and so many after others had the core; then it sleeps */
    uint64_t resume_threshold; /* frames in a batch after which it sleeps no more */
    uint64_t sleep_max_ns;     /* WAIT_FOREVER: the source has a descriptor that wakes */
    uint64_t gather_ns;        /* with a descriptor: how long frames gather before it may wake */
    uint64_t empty;            /* batches in a row */
    uint64_t sleep_ns;         /* the next one */
    bool idle;                 /* it sleeps between two batches */
    bool gathering;            /* this sleep is not to be ended by the descriptor */
};

/* For a source of this kind, by the options. */
void wait_init(struct wait *w, const struct options *o, enum capture_kind kind,
               struct counters *counters);

/* A batch had so many frames, at least one. */
void wait_busy(struct wait *w, uint32_t frames);

/* A batch had none. How long to sleep, at most, before the next: 0 is not at all. Sets w->gathering
 * for that sleep. */
uint64_t wait_empty(struct wait *w);

/* Sleeps until one of n descriptors (-1 is none) is ready, at most ns, or until a signal. */
void wait_poll(struct wait *w, struct pollfd *fds, unsigned n, uint64_t ns);

#endif
