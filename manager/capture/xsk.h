/* SPDX-License-Identifier: BSD-3-Clause */
/* One AF_XDP socket, ready for the worker that inherits it: memory for frames, rings, bound to a
 * queue. It lives as long as a descriptor of it does, whichever process has it, and so does what is
 * in its rings. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_XSK_H
#define SPLIFF_MANAGER_CAPTURE_XSK_H

#include "common/ipc/heritage.h"
#include "manager/capture/interface.h"

/* What the kernel leaves free in front of a frame, and what is left free besides. */
#define XSK_KERNEL_HEADROOM_BYTES 256u
uint32_t xsk_headroom_bytes(const struct options *o, bool zero_copy);

struct xsk_plan {
    const struct interface *interface;
    const struct options *options;
    uint32_t queue;
    uint32_t frame_bytes; /* 2048 or 4096 */
    bool long_frames;     /* some do not fit into frame_bytes */
};

/* Opens it. Fills fd, memory_fd and af_xdp of *out. Returns 0, or with a line in error: -EBUSY
 * another program has the queue, -EPERM, -ENOTSUP the kernel has no AF_XDP, -ENOMEM, else -errno.
 */
int xsk_open(struct heritage_capture *out, const struct xsk_plan *plan, char *error);

#endif
