/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's environment is its own and leaves nothing on the disk: memory is anonymous, and no
 * configuration is shared by files. The main thread is DPDK's lcore 0, whichever core it runs on.
 */
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
static void add_cores(struct dpdk_args *a, const cpu_set_t *cores)
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
    add(a, "0@(%s)", list);
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

void dpdk_args_build(struct dpdk_args *a, const struct heritage *h, const cpu_set_t *cores)
{
    const struct heritage_dpdk *d = &h->capture.dpdk;

    a->argc = 0;
    a->used = 0;
    add(a, "%s", h->node);
    add_cores(a, cores);
    /* Without huge pages EAL has no word for memory of no files, but for no shared files. */
    if (d->huge_pages)
        add(a, "--in-memory");
    else
        add(a, "--no-huge");
    add(a, "--no-shconf");
    add_memory(a, d);
    add(a, "--file-prefix");
    add(a, "spliff-%ld-%s", (long)h->manager_pid, h->node);
    add(a, "--no-telemetry");
    add(a, "--log-level=error");
    if (d->vdev) {
        add(a, "--no-pci");
        add(a, "--vdev");
    } else {
        add(a, "-a");
    }
    add(a, "%s", d->device);
}
