/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/numa.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES_MAX 1024 /* CONFIG_NODES_SHIFT is at most 10 */
#define WORD_BITS (8 * (int)sizeof(unsigned long))

int numa_node_of(const char *sysfs, const char *interface)
{
    char path[512];
    int node = -1;
    FILE *f;

    if ((size_t)snprintf(path, sizeof path, "%s/class/net/%s/device/numa_node", sysfs, interface) >=
        sizeof path)
        return -1;
    f = fopen(path, "re");
    if (!f)
        return -1;
    if (fscanf(f, "%d", &node) != 1 || node >= NODES_MAX)
        node = -1;
    fclose(f);
    return node < 0 ? -1 : node;
}

int numa_prefer(int node)
{
    unsigned long nodes[NODES_MAX / WORD_BITS] = {0};
    long r;

    if (node >= NODES_MAX)
        return -EINVAL;
    if (node >= 0)
        nodes[node / WORD_BITS] = 1UL << node % WORD_BITS;
    r = syscall(SYS_set_mempolicy, node < 0 ? MPOL_DEFAULT : MPOL_PREFERRED,
                node < 0 ? NULL : nodes, node < 0 ? 0UL : NODES_MAX + 1UL);
    return r < 0 ? -errno : 0;
}
