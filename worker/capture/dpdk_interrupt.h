/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive interrupts of a DPDK port's queue, or the sockets that its driver reads, as a descriptor
 * to poll. Worker process; open needs the rights that the port was started with, the rest none. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_INTERRUPT_H
#define SPLIFF_WORKER_CAPTURE_DPDK_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

struct dpdk_interrupt {
    int fd; /* epoll; -1: the driver has no interrupts */
    uint16_t port, queue;
    bool armed;
    uint32_t
        socket_frames; /* the driver reads a socket, which holds at least so many; 0: it does not */
};

/* Of a port that was configured with intr_conf.rxq and started, and by this process alone if its
 * driver reads sockets. 0; -ENOTSUP if it has neither, which is no error and not printed; or
 * -errno. After an error fd is -1. */
int dpdk_interrupt_open(struct dpdk_interrupt *i, uint16_t port, uint16_t queue);
void dpdk_interrupt_close(struct dpdk_interrupt *i);

/* Frames that come from now on make fd ready. True if that was not so before, or some have come
 * since: the queue must be looked at once more before fd is polled. */
bool dpdk_interrupt_arm(struct dpdk_interrupt *i);

/* Frames are read and need not interrupt. */
void dpdk_interrupt_disarm(struct dpdk_interrupt *i);

#endif
