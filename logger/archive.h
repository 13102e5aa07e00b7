/* SPDX-License-Identifier: BSD-3-Clause */
/* The archive of a cluster's logs.
 *
 *   <log_dir>/current/conn.log                              being written
 *   <log_dir>/.rotated/2026-08-21_conn.10:00:00-11:00:00.log  closed, waits to be compressed
 *   <log_dir>/2026-08-21/conn.10:00:00-11:00:00.log.gz      archived */
#ifndef SPLIFF_LOGGER_ARCHIVE_H
#define SPLIFF_LOGGER_ARCHIVE_H

#include "common/ipc/heritage.h"

#include <stdbool.h>
#include <stdint.h>

#define ARCHIVE_PATH_MAX (HERITAGE_PATH_MAX + 16)

/* Makes the folders that logs will be written to and gives them to the user that the logger is
 * going to be. Nothing to do without log_dir. 0, or -errno after printing it. */
int archive_prepare(const struct heritage *h);

/* Makes log_dir, and if it is not flat the folders in it, again, as the logger itself: somebody has
 * removed them. 0 or -errno. */
int archive_restore(const char *log_dir, bool flat);

/* The folder that log files are written in, into out[ARCHIVE_PATH_MAX]. */
void archive_folder(const struct heritage *h, char *out);

/* Takes current/<path>.log away to where it waits for archive_run, under a name that nothing else
 * has. 0, or -errno (nothing changed). */
int archive_enqueue(const char *log_dir, const char *path, uint64_t open_ns, uint64_t close_ns);

/* Enqueues every log in current/: those that a predecessor left behind. Its times are those of the
 * files. Prints what fails. */
void archive_leftovers(const char *log_dir);

/* Compresses and archives all that waits. Takes long, may run in another thread, but only one at a
 * time for a folder. Prints what fails; that waits for the next call. */
void archive_run(const char *log_dir);

#endif
