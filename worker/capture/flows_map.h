/* SPDX-License-Identifier: BSD-3-Clause */
/* The flows that the kernel counts instead of sending their packets up (bpf/flows.h), as a capture
 * source reads them: found by five-tuple, the values of all CPUs as one. Worker process. */
#ifndef SPLIFF_WORKER_CAPTURE_FLOWS_MAP_H
#define SPLIFF_WORKER_CAPTURE_FLOWS_MAP_H

#include "bpf/flows.h"
#include "worker/capture/capture.h"

#include <stddef.h>

struct flows_map;

/* BPF maps as bpf/flows.h describes. */
struct flows_map_fds {
    int flows;
    int shunts;  /* what the worker wants of shunted flows; -1: it has no say */
    int shunted; /* how many those are; -1 with the one before */
};

/* Borrows the descriptors; worker: index of this one among those that share them; name is the
 * interface's, for messages. Returns 0 and *m, or -errno after printing what is wrong: -EPERM the
 * kernel lets only root use it, -EINVAL it is another map. */
int flows_map_open(struct flows_map **m, const struct flows_map_fds *fds, uint32_t worker,
                   const char *name);
void flows_map_close(struct flows_map *m);

/* What capture_ops.unseen does; nothing was counted of what another worker has shunted. */
bool flows_map_unseen(struct flows_map *m, const struct flow_key *key, bool end,
                      struct capture_unseen *out);

/* What capture_ops.shunt does. Returns 0, -ENOSPC if there is no room, -EPROTONOSUPPORT if
 * another worker has shunted the flow, else -errno. */
int flows_map_shunt(struct flows_map *m, const struct flow_key *key, struct capture_shunt *how);

/* Takes out what a process that is no more had put in as the same worker: nobody else would.
 * Returns how many. */
uint32_t flows_map_sweep(struct flows_map *m);

/* Pure: the values of n CPUs, each stride_bytes after the one before, as one. wall_ns: what to add
 * to CLOCK_MONOTONIC for the time since 1970. False if nothing was counted. */
bool flows_map_merge(const void *values, size_t stride_bytes, unsigned n, uint64_t wall_ns,
                     struct capture_unseen *out);

#endif
