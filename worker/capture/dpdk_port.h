/* SPDX-License-Identifier: BSD-3-Clause */
/* A port of DPDK: set up, started, its queues and their frames. In the process that owns it: the
 * worker that is alone with it, or the owner of one that several workers read. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_PORT_H
#define SPLIFF_WORKER_CAPTURE_DPDK_PORT_H

#include "common/ipc/heritage.h"

#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

struct dpdk_port {
    uint16_t id;
    uint16_t queues;
    bool guests; /* the queues are read by other processes */
    struct rte_mempool *pool[HERITAGE_WORKERS_MAX];
};

/* The port that EAL has found. 0, or -ENODEV after printing. */
int dpdk_port_find(struct dpdk_port *p, const struct heritage *h);

/* Sets up p->queues queues, and starts the port. 0 or -errno after printing. */
int dpdk_port_start(struct dpdk_port *p, const struct heritage *h);

/* Whoever read the queue is dead: has the driver begin it anew, and takes back all its frames. How
 * many of them were lost with that process; -ENOTSUP if the driver cannot, or -errno. */
int dpdk_port_renew(struct dpdk_port *p, uint16_t queue);

#endif
