/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the owner of a DPDK port and the workers that read its queues: a page of shared memory
 * that the manager makes and sets back when the owner is gone, and memory for the workers' orders
 * (dpdk_orders.h), which the owner sets back when it gives a queue.
 *
 * The owner says in `state` that the port runs. A worker that begins asks for its queue and waits
 * until it is given: if a predecessor had it, the owner has first taken back what that one held. */
#ifndef SPLIFF_IPC_DPDK_SHARE_H
#define SPLIFF_IPC_DPDK_SHARE_H

#include "common/ipc/dpdk_orders.h"
#include "common/ipc/heritage.h"

#include <stdatomic.h>
#include <stdint.h>

enum dpdk_share_state { DPDK_SHARE_NOBODY, DPDK_SHARE_RUNS };

struct dpdk_share_queue {
    _Atomic uint32_t asked; /* how often, by workers */
    _Atomic uint32_t given; /* the owner has answered so many */
    uint32_t abandoned;     /* frames that the predecessor held, */
    uint32_t unshunted;     /* and its flows that had rules of the card */
};

struct dpdk_share {
    _Atomic uint32_t state; /* enum dpdk_share_state */
    _Atomic uint32_t bell;  /* counts what was asked of the owner */
    int32_t owner_pid;      /* names the files of its environment */
    uint16_t port;          /* DPDK's number of the port, */
    uint16_t queues;        /* and how many queues it has */
    /* What its first queue's worker has counted of the port's losses: its successor goes on. */
    uint64_t missed, broken, no_buffer;
    struct dpdk_share_queue queue[HERITAGE_WORKERS_MAX];
    struct dpdk_ability can;           /* with rules, where flows may be shunted, */
    char can_not[DPDK_RULE_WHY_BYTES]; /* and what was refused first */
};

/* Where DPDK makes the folder for its files, in the folder "dpdk". */
#define DPDK_SHARE_RUNTIME "/run/spliff"

/* Of that page, and of orders for the flows of each queue behind it. */
size_t dpdk_share_bytes(uint32_t queues, uint32_t flows);
/* Those of one queue, of so many flows. */
void *dpdk_share_orders(struct dpdk_share *s, uint32_t queue, uint32_t flows);

/* Wakes the owner: something was asked or ordered. */
void dpdk_share_ring(struct dpdk_share *s);

/* Sleeps until *word is no longer `value`, somebody wakes its sleepers, a signal comes, or
 * timeout_ms have passed. The caller looks again which it was. */
void dpdk_share_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms);
void dpdk_share_wake(_Atomic uint32_t *word);

/* Manager: the owner is gone, and all that it had given. 0 or -errno. */
int dpdk_share_reset(int fd);

#endif
