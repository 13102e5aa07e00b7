/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments with which DPDK's environment (EAL) is begun in a worker. Pure; worker process. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_ARGS_H
#define SPLIFF_WORKER_CAPTURE_DPDK_ARGS_H

#include "common/ipc/heritage.h"

#include <sched.h>
#include <sys/types.h>

#define DPDK_ARGS_MAX   20
#define DPDK_ARGS_BYTES 16384

/* For rte_eal_init, which may reorder argv and keeps pointers into text: lives as long as it. */
struct dpdk_args {
    int argc;
    char *argv[DPDK_ARGS_MAX + 1]; /* ends with NULL */
    char text[DPDK_ARGS_BYTES];
    size_t used;
};

enum dpdk_role {
    DPDK_ALONE, /* a worker that has the device for itself */
    DPDK_OWNER, /* of a port that workers read (DPDK: primary process) */
    DPDK_GUEST, /* a worker that reads an owner's port (secondary process) */
};

/* For a process that may run on these cores. owner_pid: of the port's owner; DPDK_ALONE: 0. */
void dpdk_args_build(struct dpdk_args *a, const struct heritage *h, enum dpdk_role role,
                     pid_t owner_pid, const cpu_set_t *cores);

#endif
