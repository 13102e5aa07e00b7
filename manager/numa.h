/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory nodes. An interface's card writes into memory of its own node at full speed, and a core
 * there reads it so; what the manager has allocated for it, rings and buffers, should lie there. */
#ifndef SPLIFF_MANAGER_NUMA_H
#define SPLIFF_MANAGER_NUMA_H

/* The node of an interface's card. -1: it has none (virtual, or a machine with one node). sysfs:
 * where that file system is, "/sys". */
int numa_node_of(const char *sysfs, const char *interface);

/* From now on this process is given memory of that node first, of others when it is full; -1: of
 * whichever core asks, as at start. Returns 0 or -errno: -EINVAL no such node, -ENOSYS a kernel
 * without nodes. */
int numa_prefer(int node);

#endif
