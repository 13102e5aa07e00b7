/* SPDX-License-Identifier: BSD-3-Clause */
/* Of which processes and connections plaintext is wanted: options pid, ppid, comm, address and
 * cgroup, read. The manager checks them with it before anything starts, the probe gives them to the
 * kernel.
 */
#ifndef SPLIFF_SCHEMA_PROCESS_FILTER_H
#define SPLIFF_SCHEMA_PROCESS_FILTER_H

#include "common/base/local_nets.h"
#include "common/schema/options.h"

#include <stddef.h>
#include <stdint.h>

#define PROCESS_FILTER_MAX  16u /* items of one list */
#define PROCESS_FILTER_COMM 16u /* TASK_COMM_LEN of the kernel, with its NUL */

/* Empty lists let everything through. */
struct process_filter {
    uint32_t pids[PROCESS_FILTER_MAX], n_pids;
    uint32_t ppids[PROCESS_FILTER_MAX], n_ppids;
    char comms[PROCESS_FILTER_MAX][PROCESS_FILTER_COMM];
    uint32_t n_comms;
    struct local_nets addresses; /* only those of the option */
};

/* Lists are separated by commas; a name may hold blanks. 0, or -EINVAL with the option, what is
 * wrong with it and what is right in error[error_bytes] (one line, no newline). */
int process_filter_parse(const struct options *o, struct process_filter *out, char *error,
                         size_t error_bytes);

/* The id of a cgroup (version 2) by its path, in the file system or as /proc/PID/cgroup writes it:
 * what bpf_get_current_ancestor_cgroup_id tells. "" has id 0. 0, or -ENOENT with a line in
 * error[error_bytes]. */
int process_filter_cgroup(const char *path, uint64_t *id, char *error, size_t error_bytes);

#endif
