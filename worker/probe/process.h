/* SPDX-License-Identifier: BSD-3-Clause */
/* Facts of processes from /proc, cached and bounded: least recently asked goes first. */
#ifndef SPLIFF_PROBE_PROCESS_H
#define SPLIFF_PROBE_PROCESS_H

#include "common/ipc/plaintext.h"

#include <sys/types.h>

struct process_table;

struct process_table *process_table_new(uint32_t capacity); /* NULL: no memory */
void process_table_free(struct process_table *t);

/* Facts of a process, borrowed until the next call. What /proc does not tell any more is empty; of
 * a process that is known they stay after its end. */
const struct process_facts *process_table_get(struct process_table *t, pid_t pid);

/* It has a new program: look again at the next get. */
void process_table_stale(struct process_table *t, pid_t pid);

/* What another source knows of a process that may be over before /proc is asked: its name and
 * program; or that it is a copy of a process that is known. */
void process_table_program(struct process_table *t, pid_t pid, const char *name, const char *exe);
void process_table_fork(struct process_table *t, pid_t parent, pid_t pid);

/* The id of a container in a cgroup path of Docker, containerd, CRI-O, Podman, LXC or
 * systemd-nspawn; empty if it shows none. Borrows from path. */
struct str process_container(struct str path);

#endif
