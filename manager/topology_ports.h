/* SPDX-License-Identifier: BSD-3-Clause */
/* Nodes that own the DPDK ports which several workers read. */
#ifndef SPLIFF_MANAGER_TOPOLOGY_PORTS_H
#define SPLIFF_MANAGER_TOPOLOGY_PORTS_H

#include "manager/topology.h"

/* Adds a node "port-1" … for each device that needs one; `always`: for each of DPDK's. 0, or
 * -ENOSPC: there are too many nodes. */
int topology_add_ports(struct topology *t, bool always);

#endif
