/* SPDX-License-Identifier: BSD-3-Clause */
/* The environment of a worker that is alone is its own and leaves nothing on the disk: memory is
 * anonymous, and no configuration is shared by files. An owner and its guests share both. The main
 * thread is DPDK's lcore 0, of a guest one that no other process of the port has: frames' pools and
 * drivers know processes apart by it. */
#include "worker/capture/dpdk_args.h"

#include "common/base/check.h"

#include <stdarg.h>
#include <stdio.h>

#define NUMA_NODES_MAX 32 /* RTE_MAX_NUMA_NODES is not less */

__attribute__((format(printf, 2, 3))) static void add(struct dpdk_args *a, const char *fmt, ...)
{
    char *to = a->text + a->used;
    size_t room = sizeof a->text - a->used;
    va_list ap;
    int n;

    CHECK(a->argc < DPDK_ARGS_MAX);
    va_start(ap, fmt);
    n = vsnprintf(to, room, fmt, ap);
    va_end(ap);
    CHECK(n >= 0 && (size_t)n < room);
    a->used += (size_t)n + 1;
    a->argv[a->argc++] = to;
    a->argv[a->argc] = NULL;
}

/* "0@(2,5)": lcore 0 is any of these. */
static void add_cores(struct dpdk_args *a, uint32_t lcore, const cpu_set_t *cores)
{
    char list[8 * CPU_SETSIZE];
    size_t n = 0;

    for (unsigned i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, cores))
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%u", n > 0 ? "," : "", i);
        CHECK(n < sizeof list);
    }
    add(a, "--lcores");
    add(a, "%u@(%s)", (unsigned)lcore, list);
}

/* On the device's memory node, where that can be said: "0,0,128". */
static void add_memory(struct dpdk_args *a, const struct heritage_dpdk *d)
{
    char before[2 * NUMA_NODES_MAX + 1] = "";

    if (!d->huge_pages || d->numa_node <= 0 || d->numa_node >= NUMA_NODES_MAX) {
        add(a, "-m");
        add(a, "%u", (unsigned)(d->memory_bytes >> 20));
        return;
    }
    for (int i = 0; i < d->numa_node; i++)
        snprintf(before + 2 * i, sizeof before - 2 * (size_t)i, "0,");
    add(a, "--socket-mem");
    add(a, "%s%u", before, (unsigned)(d->memory_bytes >> 20));
}

/* Without huge pages EAL has no word for memory of no files, but for no shared files. */
static void add_sharing(struct dpdk_args *a, const struct heritage *h, enum dpdk_role role,
                        pid_t owner_pid)
{
    if (role == DPDK_ALONE) {
        add(a, h->capture.dpdk.huge_pages ? "--in-memory" : "--no-huge");
        add(a, "--no-shconf");
    } else {
        add(a, "--proc-type=%s", role == DPDK_OWNER ? "primary" : "secondary");
    }
    if (role != DPDK_GUEST)
        add_memory(a, &h->capture.dpdk);
    add(a, "--file-prefix");
    if (role == DPDK_ALONE)
        add(a, "spliff-%ld-%s", (long)h->manager_pid, h->node);
    else
        add(a, "spliff-%ld-%ld", (long)h->manager_pid, (long)owner_pid);
}

void dpdk_args_build(struct dpdk_args *a, const struct heritage *h, enum dpdk_role role,
                     pid_t owner_pid, const cpu_set_t *cores)
{
    const struct heritage_dpdk *d = &h->capture.dpdk;

    a->argc = 0;
    a->used = 0;
    add(a, "%s", h->node);
    add_cores(a, role == DPDK_GUEST ? d->queue + 1 : 0, cores);
    add_sharing(a, h, role, owner_pid);
    add(a, "--no-telemetry");
    add(a, "--log-level=error");
    if (d->vdev)
        add(a, "--no-pci");
    if (d->vdev && role == DPDK_GUEST)
        return; /* it hears of it from the owner */
    add(a, d->vdev ? "--vdev" : "-a");
    add(a, "%s", d->device);
}
