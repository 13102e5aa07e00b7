/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment (EAL) in this process. */
#ifndef SPLIFF_WORKER_CAPTURE_DPDK_EAL_H
#define SPLIFF_WORKER_CAPTURE_DPDK_EAL_H

#include "worker/capture/dpdk_args.h"

/* Prints what failed, with the interface's name, and DPDK's word for r, a -errno. Returns r. */
int dpdk_fail(const struct heritage *h, const char *what, int r);

/* Begins it; owner_pid as dpdk_args_build. Needs the rights of root. 0 or -errno after printing. */
int dpdk_eal_begin(const struct heritage *h, enum dpdk_role role, pid_t owner_pid);

#endif
