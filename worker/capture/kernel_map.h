/* SPDX-License-Identifier: BSD-3-Clause */
/* BPF maps, by descriptors that were inherited, as a worker uses them: by system calls and not
 * libbpf, since a few commands are all that is used of it. A process without rights may do this
 * from Linux 5.19 on, before only if the sysctl kernel.unprivileged_bpf_disabled is 0.
 *
 * A value of a per-CPU map is one for each CPU that kernel_map_cpus counts, each rounded up to
 * eight bytes. All return 0 or -errno. */
#ifndef SPLIFF_WORKER_CAPTURE_KERNEL_MAP_H
#define SPLIFF_WORKER_CAPTURE_KERNEL_MAP_H

#include <linux/bpf.h>
#include <stdint.h>

/* How many CPUs the kernel keeps values for, or more; 0 if /sys does not tell. */
unsigned kernel_map_cpus(void);

int kernel_map_info(int fd, struct bpf_map_info *info);
int kernel_map_get(int fd, const void *key, void *value);

/* Gets the value and takes it out; of per-CPU maps in one step from Linux 5.14 on. */
int kernel_map_take(int fd, const void *key, void *value);

/* flags: BPF_ANY, BPF_NOEXIST (or -EEXIST), BPF_EXIST (or -ENOENT). -ENOSPC if there is no room. */
int kernel_map_put(int fd, const void *key, const void *value, uint64_t flags);
int kernel_map_remove(int fd, const void *key);

/* The key after this one, the first if key is NULL; of any if this one was taken out. -ENOENT:
 * there is none. */
int kernel_map_next(int fd, const void *key, void *next);

#endif
