/* SPDX-License-Identifier: BSD-3-Clause */
/* The BPF side of the probe: loads the programs, attaches hooks, reads the ring. The one home of
 * libbpf in this process. */
#ifndef SPLIFF_PROBE_KERNEL_H
#define SPLIFF_PROBE_KERNEL_H

#include "bpf/probe.h"
#include "common/base/flow_key.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "worker/probe/plan.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct kernel;

/* Loads and starts what watches sockets. 0; -errno with one line in error that names what the
 * kernel lacks or forbids and what to do. processes_fd: the map of bpf/processes.h, which is the
 * caller's, or -1. c is borrowed until close. For tests:
 * SPLIFF_PROBE_FALLBACK in the environment makes a kernel pass for an old one. */
int kernel_open(struct kernel **out, const struct probe_config *config, uint64_t ring_bytes,
                uint32_t sessions, int processes_fd, struct counters *c, char *error,
                size_t error_bytes);
/* Detaches all; waits for that no more than a few seconds, the process's end does the rest. */
void kernel_close(struct kernel *k);

/* How hooks are attached here: "uprobe_multi" or "uprobe". */
const char *kernel_attach_name(const struct kernel *k);

/* Attaches all hooks of a plan to the file at path (kept open by nobody). Returns a handle >= 0 or
 * -errno, with nothing attached; -ENOSPC: more than KERNEL_HOOKS_IMAGES. */
int kernel_attach(struct kernel *k, const char *path, uint16_t image, const struct plan *p);
/* Detaches, in the background: it may take long and nobody waits. */
void kernel_detach(struct kernel *k, int handle);

/* A process that has a TLS library: its threads' receives are worth remembering. */
void kernel_watch(struct kernel *k, pid_t pid);
void kernel_unwatch(struct kernel *k, pid_t pid);

/* Readable when there are events. */
int kernel_fd(const struct kernel *k);
/* Gives up to max events to take(), borrowed for the call, and counts them. Returns how many. */
int kernel_poll(struct kernel *k, void (*take)(void *arg, const struct probe_event *e), void *arg,
                int max);

/* Copies the kernel side's counters to the process's page. */
void kernel_count(struct kernel *k);

/* The process that has, or had lately, the socket at this end of the key; of UDP and of loopbacks
 * in the probe's network namespace alone. 0: none known. */
pid_t kernel_owner(struct kernel *k, const struct flow_key *key, unsigned end);

#endif
