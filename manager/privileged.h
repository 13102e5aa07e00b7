/* SPDX-License-Identifier: BSD-3-Clause */
/* What the manager does with rights that its children do not have: finds out as whom they run,
 * makes folders and files theirs, opens what they read. Manager process only.
 *
 * Errors: -errno and one line in error[INI_ERROR_BYTES] that names the thing and what to do. */
#ifndef SPLIFF_MANAGER_PRIVILEGED_H
#define SPLIFF_MANAGER_PRIVILEGED_H

#include "common/ipc/heritage.h"
#include "common/schema/options.h"
#include "manager/ini_file.h"
#include "manager/topology.h"

#include <stdbool.h>
#include <sys/types.h>

/* As whom workers run. Without root: as the caller, like everything else. */
struct privileged_ids {
    uid_t uid;
    gid_t gid;
    bool root;        /* the manager itself is root */
    bool user_absent; /* options.user does not exist, so they run as nobody */
};

/* -ENOENT if neither options.user nor nobody exists, -EPERM if it is root. */
int privileged_ids_find(const struct options *o, struct privileged_ids *out, char *error);

/* Whether this process has a capability (CAP_...). Being root is not the question: in a container
 * it may mean nothing. */
bool privileged_has(unsigned capability);

/* Whether uid/gid may search every folder on the way to path, and path itself allows `mask` (of
 * R_OK W_OK X_OK) by its mode. Supplementary groups and ACLs do not count: children have none. */
bool privileged_allows(const char *path, uid_t uid, gid_t gid, int mask);

/* mkdir -p with mode. 0 or -errno, without a line. */
int privileged_make_dirs(const char *path, mode_t mode);

/* Makes the log folder if it is missing and finds its owner, as whom the logger runs. A new folder
 * belongs to the workers' user or, where that user cannot reach it, to the owner of the folder it
 * lies in. -EACCES if it cannot be written. */
int privileged_log_dir(const char *dir, const struct privileged_ids *ids, uid_t *owner,
                       char *error);

/* Makes an empty file that belongs to uid/gid, or gives an existing one to them. */
int privileged_own_file(const char *path, uid_t uid, gid_t gid, char *error);

/* Looks at a capture file without opening it, "-" is standard input. -ENOENT, -EACCES, -EISDIR …,
 * -EINVAL if standard input is a terminal. */
int privileged_check_input(const char *path, char *error);

#endif
