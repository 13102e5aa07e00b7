/* SPDX-License-Identifier: BSD-3-Clause */
/* The one capture source of spliff-worker-dpdk, a program of its own so that no other worker needs
 * DPDK's libraries. */
#include "worker/capture/sources.h"

const struct capture_ops *capture_find(enum capture_kind kind)
{
    return kind == CAPTURE_DPDK ? &capture_dpdk : NULL;
}
