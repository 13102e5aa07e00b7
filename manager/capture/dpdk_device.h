/* SPDX-License-Identifier: BSD-3-Clause */
/* What an interface of mode dpdk names: a device on the PCI bus, or one of DPDK's virtual devices
 * (vdev) with its arguments; and what of it each worker gets. Pure. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_DPDK_DEVICE_H
#define SPLIFF_MANAGER_CAPTURE_DPDK_DEVICE_H

#include "common/ipc/heritage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the device is one of the PCI bus: [DOMAIN:]BUS:DEVICE.FUNCTION. */
bool dpdk_device_is_pci(const char *device);

/* The domain that a PCI address lacks: "0000:" or "". */
const char *dpdk_device_domain(const char *device);

/* What was given as an address (vdev: as a virtual device) into out[bytes], an address with its
 * domain. 0, or -EINVAL with what would be right in why[why_bytes]. */
int dpdk_device_name(const char *given, bool vdev, char *out, size_t bytes, char *why,
                     size_t why_bytes);

/* The value of the argument `key` of a vdev into out[bytes]. False if it is not given, or does not
 * fit. */
bool dpdk_device_argument(const char *device, const char *key, char *out, size_t bytes);

/* The kernel's interface that the device reads, into name[bytes]. False if there is none, or the
 * driver makes it, and so it comes and goes with the worker; or it does not fit. */
bool dpdk_device_link(const char *device, char *name, size_t bytes);

/* Whether a process of its own opens the device for its workers: if one of them cannot open a part
 * of it, or `always`. */
bool dpdk_device_is_owned(const char *device, uint32_t n_workers, bool always);

/* Workers that one port can have: DPDK's processes are told apart by a number. */
#define DPDK_DEVICE_QUEUES_MAX 120u

/* What worker `number` of n_workers opens of the device: into out->device and out->vdev, of one
 * that is owned out->queues and out->queue too. Returns 0,
 * or -EINVAL with what is wrong and what would be right in why[why_bytes], to follow
 * "interface NAME: ". */
int dpdk_device_share(const char *device, uint32_t number, uint32_t n_workers, bool always,
                      struct heritage_dpdk *out, char *why, size_t why_bytes);

#endif
