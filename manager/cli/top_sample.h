/* SPDX-License-Identifier: BSD-3-Clause */
/* The nodes of a running cluster at one moment: what the manager reads in their counters, and what
 * the kernel says of their processes. Two of them make rates (top_view.h). */
#ifndef SPLIFF_MANAGER_CLI_TOP_SAMPLE_H
#define SPLIFF_MANAGER_CLI_TOP_SAMPLE_H

#include "common/schema/counters.h"
#include "manager/topology.h"

#include <stdint.h>
#include <sys/types.h>

struct top_node {
    char name[HERITAGE_NODE_MAX], type[16], host[64], interface[TOPOLOGY_NAME_MAX], mode[16];
    char rx_mode[16]; /* of a worker: how it waits for frames */
    pid_t pid;        /* 0: its process does not run */
    struct counters counters;
    /* Of the process; all 0 if it has gone. */
    char command[17];
    uint64_t vsize_bytes, rss_bytes;
    uint64_t cpu_ticks;     /* used since its start, in _SC_CLK_TCK a second */
    uint64_t frequency_khz; /* of the core that it ran on last; 0: not told */
};

/* Plain data, about 400 KB: on the heap or static. */
struct top_sample {
    uint64_t at_ns; /* clock_mono_ns, set by the caller */
    unsigned n;
    struct top_node nodes[TOPOLOGY_NODES_MAX];
};

/* Fills nodes from the manager's answer to `print counters`: lines "NODE KEY VALUE". What is
 * unknown, of a manager of another build, is passed over. */
void top_sample_read(struct top_sample *s, const char *answer);

/* Adds what proc and sys below root ("" for this machine's) say of the processes. */
void top_sample_measure(struct top_sample *s, const char *root);

/* The node of that name, or NULL. */
const struct top_node *top_sample_find(const struct top_sample *s, const char *name);

#endif
