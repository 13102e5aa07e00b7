/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernel's own account of programs that start, end, and map files to execute: perf events that
 * count nothing and sample nothing, one ring a CPU. The rings are read in the order of time, since
 * a process may start on one CPU and map on the next. */
#ifndef SPLIFF_PROBE_PERF_H
#define SPLIFF_PROBE_PERF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PERF_CPUS_MAX 1024u
#define PERF_PATH_MAX 4096u
#define PERF_NAME_MAX 16u

enum perf_kind { PERF_MAP, PERF_FORK, PERF_EXEC, PERF_EXIT, PERF_LOST };

struct perf_event {
    enum perf_kind kind;
    pid_t pid;
    pid_t parent;               /* FORK */
    char name[PERF_NAME_MAX];   /* EXEC: of the process now */
    uint64_t lost;              /* LOST: how many */
    uint64_t start, end, inode; /* MAP: addresses in the process */
    char path[PERF_PATH_MAX];   /* MAP */
};

struct perf;

/* 0, or -errno: what perf_event_open said of the first CPU, or no memory. */
int perf_open(struct perf **out);
void perf_close(struct perf *p);

/* Returns how many descriptors. */
int perf_fds(const struct perf *p, int *fds, unsigned max);

/* The next event with a time not after now_ns (CLOCK_MONOTONIC). False if there is none. */
bool perf_next(struct perf *p, uint64_t now_ns, struct perf_event *out);

#endif
