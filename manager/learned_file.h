/* SPDX-License-Identifier: BSD-3-Clause */
/* The manager's table of alternative services on disk: table messages (common/ipc/event.h), one
 * after the other. Times in it are of the wall clock. */
#ifndef SPLIFF_MANAGER_LEARNED_FILE_H
#define SPLIFF_MANAGER_LEARNED_FILE_H

#include "common/base/alt_svc_table.h"

/* Writes the table to path, whole or not at all: whoever is killed in the middle leaves the old
 * one. It is not forced to the disk. 0 or -errno. */
int learned_file_save(const struct alt_svc_table *t, const char *path);

/* Adds what the file says, except for what has expired at now_ns. 0, also if there is no file;
 * -EBADMSG or -EPROTO (another version's) if it is not whole: it is then <path>.bad, and what could
 * be read of it is in the table; another -errno if it cannot be read. */
int learned_file_load(struct alt_svc_table *t, const char *path, uint64_t now_ns);

#endif
