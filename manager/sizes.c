/* SPDX-License-Identifier: BSD-3-Clause */
/* All workers together may fill an eighth of the memory with flows and with bytes that wait: the
 * rest is for the page cache, rings, the spool and whatever else the machine is for. More than
 * FLOWS_MAX is only made for who asks for it: what a table does not need is what its look-ups have
 * to find in a larger cache. */
#include "manager/sizes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define FLOWS_MIN        16384u
#define FLOWS_MAX        (UINT64_C(1) << 20)
#define REASSEMBLY_MIN   (UINT64_C(16) << 20)
#define REASSEMBLY_MAX   (UINT64_C(256) << 20)
#define MEMORY_PARTS     16u /* flows have one of them, reassembly another */
#define CGROUP_LIMIT     "/sys/fs/cgroup/memory.max"
#define BYTES_A_MEGABYTE (UINT64_C(1) << 20)

/* What a worker of mode dpdk is given at most if dpdk_memory does not say it. */
#define DPDK_BYTES (128 * BYTES_A_MEGABYTE)

uint64_t sizes_memory_bytes(void)
{
    uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), limit;
    FILE *f = fopen(CGROUP_LIMIT, "re");

    /* It says "max" where there is none. */
    if (f && fscanf(f, "%" SCNu64, &limit) == 1 && limit < bytes)
        bytes = limit;
    if (f)
        fclose(f);
    return bytes;
}

static uint64_t between(uint64_t v, uint64_t min, uint64_t max)
{
    return v < min ? min : v > max ? max : v;
}

void sizes_choose(struct options *o, unsigned n_workers, uint64_t memory_bytes)
{
    uint64_t share = memory_bytes / MEMORY_PARTS / (n_workers > 0 ? n_workers : 1);

    if (o->flow_table_size == 0)
        o->flow_table_size = between(share / SIZES_FLOW_BYTES, FLOWS_MIN, FLOWS_MAX);
    if (o->reassembly_memory == 0)
        o->reassembly_memory = between(share, REASSEMBLY_MIN, REASSEMBLY_MAX);
}

uint64_t sizes_capture_bytes(const struct options *o, enum mode mode)
{
    switch (mode) {
    case MODE_XDP:
        return o->xdp_ring_size;
    case MODE_AF_XDP:
        return o->af_xdp_buffer_size;
    case MODE_DPDK:
        return o->dpdk_memory > 0 ? o->dpdk_memory : DPDK_BYTES;
    default:
        return o->ring_size;
    }
}

static const char *capture_option(enum mode mode)
{
    switch (mode) {
    case MODE_XDP:
        return "xdp_ring_size";
    case MODE_AF_XDP:
        return "af_xdp_buffer_size";
    case MODE_DPDK:
        return "dpdk_memory";
    default:
        return "af_packet_buffer_size";
    }
}

int sizes_check(const struct options *o, const struct topology *t, uint64_t memory_bytes,
                char *error)
{
    const struct topology_node *largest = NULL;
    uint64_t bytes = 0, most = 0;

    for (const struct topology_node *n = t->nodes; n < t->nodes + t->n; n++) {
        uint64_t own = n->kind == TOPOLOGY_WORKER ? sizes_capture_bytes(o, n->mode) : 0;

        bytes += own;
        if (own > most) {
            most = own;
            largest = n;
        }
    }
    if (!largest || bytes / 3 <= memory_bytes / 4)
        return 0;
    snprintf(error, INI_ERROR_BYTES,
             "the workers' rings and buffers would take %" PRIu64 " of %" PRIu64
             " MB of memory: smaller %s, or fewer workers",
             bytes / BYTES_A_MEGABYTE, memory_bytes / BYTES_A_MEGABYTE,
             capture_option(largest->mode));
    return -ENOMEM;
}

void sizes_describe(const struct options *o, char *out, size_t bytes)
{
    snprintf(out, bytes,
             "each worker has room for %" PRIu64 " flows (%" PRIu64 " MB when full), and %" PRIu64
             " MB for bytes that wait",
             o->flow_table_size, o->flow_table_size * SIZES_FLOW_BYTES / BYTES_A_MEGABYTE,
             o->reassembly_memory / BYTES_A_MEGABYTE);
}
