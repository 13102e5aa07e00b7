/* SPDX-License-Identifier: BSD-3-Clause */
/* How many frames a queue of mode dpdk needs, and how much memory: the manager reserves it, the
 * process that sets the port up makes the frames. Pure. */
#ifndef SPLIFF_IPC_DPDK_FRAMES_H
#define SPLIFF_IPC_DPDK_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

/* Each process that takes frames from a pool keeps some by itself, up to half more than this. */
#define DPDK_FRAMES_CACHE 256u
/* At once in other hands than the queue's: a batch that is lent, one found before a sleep, and what
 * drivers take at a time to fill the queue up. */
#define DPDK_FRAMES_HELD 256u
/* net_af_xdp keeps so many in its own rings, however long the queue. */
#define DPDK_FRAMES_AF_XDP 8192u
#define DPDK_FRAMES_TX     512u /* descriptors of the queue for sending, which drivers want */

/* A frame's buffer, what is said of it in front, and what the library puts between them. */
#define DPDK_FRAME_BYTES UINT64_C(2560)
/* Descriptors, tables of drivers, the library's own. */
#define DPDK_FRAMES_BESIDE_BYTES (UINT64_C(32) << 20)

/* All descriptors filled, and no one waits for a frame of another. */
static inline uint32_t dpdk_frames(uint32_t descriptors, bool af_xdp)
{
    return descriptors + DPDK_FRAMES_HELD + DPDK_FRAMES_CACHE * 3 / 2 +
           (af_xdp ? DPDK_FRAMES_AF_XDP + DPDK_FRAMES_TX : 0);
}

/* Of a queue, in whole huge pages. */
static inline uint64_t dpdk_frames_memory_bytes(uint32_t descriptors, bool af_xdp)
{
    const uint64_t page = UINT64_C(2) << 20;
    uint64_t bytes = DPDK_FRAMES_BESIDE_BYTES + dpdk_frames(descriptors, af_xdp) * DPDK_FRAME_BYTES;

    return (bytes + page - 1) / page * page;
}

#endif
