/* SPDX-License-Identifier: BSD-3-Clause */
/* Folders of a cluster's run: where its sockets lie, and what keeps a second manager away.
 *
 *   cluster  <state_dir>/lock          flock of the manager, holds its pid
 *            <state_dir>/run/          sockets of bus and logger
 *            <state_dir>/control.sock, <node>.stderr, <logger>.state
 *   `run`    $TMPDIR/spliff-run-XXXXXX all of that, removed at the end; what a killed one has left
 *            behind is removed by the next
 *
 * Errors: -errno and one line in error[INI_ERROR_BYTES]. */
#ifndef SPLIFF_MANAGER_RUN_DIR_H
#define SPLIFF_MANAGER_RUN_DIR_H

#include "manager/privileged.h"

/* Longest run_dir: what ZeroMQ and the kernel take as a socket's path, less the longest name. */
#define RUN_DIR_MAX 64

/* Makes a private run_dir for `run`, writable for ids' group. *lock_fd marks it as in use while it
 * is open. */
int run_dir_temp(const struct privileged_ids *ids, char out[HERITAGE_PATH_MAX], int *lock_fd,
                 char *error);

/* Removes it and what lies in it. */
void run_dir_remove(const char *path);

/* Makes <state_dir>, if needed, and takes its lock. Returns the lock's descriptor, which is to be
 * kept open; -EBUSY with the pid of the manager that has it in *holder and in the line. */
int run_dir_lock(const char *state_dir, pid_t *holder, char *error);

/* Writes the pid of the caller into the lock. */
void run_dir_lock_mine(int lock_fd);

/* Pid in the lock of a running manager (1 if it has not written it yet), 0 if none runs. -EACCES …
 * if that cannot be told. */
pid_t run_dir_holder(const char *state_dir);

/* Makes <state_dir>/run, empty, for a cluster whose lock is held. */
int run_dir_cluster(const char *state_dir, const struct privileged_ids *ids,
                    char out[HERITAGE_PATH_MAX], char *error);

#endif
