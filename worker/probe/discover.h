/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds what processes execute: once by /proc, then by the kernel's perf events of executable
 * mappings, in all namespaces, also files that are deleted. Reports each image (file) once, by
 * device and inode, and each process that maps one. */
#ifndef SPLIFF_PROBE_DISCOVER_H
#define SPLIFF_PROBE_DISCOVER_H

#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define DISCOVER_FDS_MAX 1024

struct discover;

/* A file that a process has mapped to execute. */
struct discovered {
    pid_t pid;
    uint64_t device, inode; /* as stat(2) tells them */
    const char *path;       /* as the process sees it; for messages */
    bool executable;        /* it is the process's own program */
    bool first;             /* this file was not reported before, or longer ago than the table of
                               files reaches; also one that has an earlier one's inode, or other
                               content */
    int fd;                 /* open for reading if first, else -1; borrowed for the call */
    const char *open_path;  /* a path through which it can be opened for attaching, whatever becomes
                               of the process: borrowed for the call, if first; else NULL */
};

/* Each may be NULL. */
struct discover_ops {
    void (*image)(void *user, const struct discovered *d);
    /* A process is a copy of another: it has mapped what that one has. */
    void (*fork)(void *user, pid_t parent, pid_t pid);
    void (*exec)(void *user, pid_t pid); /* a process has a new program: facts of it are stale */
    /* What that program is, told by the kernel at the time: its name, and its path as it was found.
     * Serves for processes that are over before /proc can be asked. Both borrowed for the call. */
    void (*program)(void *user, pid_t pid, const char *name, const char *path);
    void (*exit)(void *user, pid_t pid);
};

/* 0 or -errno after printing what failed; without perf events it goes on with scans of /proc every
 * few seconds, and says so. */
int discover_open(struct discover **out, const struct discover_ops *ops, void *user,
                  struct counters *c);
void discover_close(struct discover *d);

/* Reports a file as one that was not reported before when it is mapped next. */
void discover_forget(struct discover *d, uint64_t device, uint64_t inode);

/* Descriptors to poll for reading. Returns how many. Call discover_run every second all the same.
 */
int discover_fds(const struct discover *d, int fds[DISCOVER_FDS_MAX]);

/* Takes what has come; rescans where events were lost. Bounded work a call: call again while it
 * says true. now_ns: CLOCK_MONOTONIC, read after polling, since what is newer waits. */
bool discover_run(struct discover *d, uint64_t now_ns);

#endif
