/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices of the PCI bus, as sysfs shows them, before DPDK is begun: whether the device is there
 * and bound to a driver that lets DPDK have it. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_DPDK_PCI_H
#define SPLIFF_MANAGER_CAPTURE_DPDK_PCI_H

#include <stddef.h>

#define DPDK_PCI_SYSFS "/sys"

/* The device at this address (with its domain) below the folder `sysfs`: into *numa_node the memory
 * node that it belongs to, -1 if there is but one. 0; -ENODEV there is none, or -EBUSY the kernel
 * has it, with what to do in why[why_bytes], to follow "interface NAME: ". */
int dpdk_pci_check(const char *sysfs, const char *address, int *numa_node, char *why,
                   size_t why_bytes);

#endif
