/* SPDX-License-Identifier: BSD-3-Clause */
/* Events of a session that wait until it is known where they go: in order, in blocks of a memory
 * that all sessions share. */
#ifndef SPLIFF_PROBE_PENDING_H
#define SPLIFF_PROBE_PENDING_H

#include "bpf/probe.h"
#include "common/base/pool.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one session, so that it leaves room for others. */
#define PENDING_SESSION_BYTES (4u * 1024 * 1024)

struct pending_block;

/* Zeroed is empty. */
struct pending {
    struct pending_block *first, *last;
    uint32_t bytes;    /* of the events */
    uint64_t first_ns; /* when the first one happened: its ts_ns */
};

/* Copies an event. False, and nothing done: its session has too many, or memory is full. */
bool pending_add(struct pending *p, struct bufpool *memory, const struct probe_event *e);

/* Calls take for each event, the first one first, and forgets all of them. */
void pending_take(struct pending *p, struct bufpool *memory,
                  void (*take)(void *arg, const struct probe_event *e), void *arg);

#endif
