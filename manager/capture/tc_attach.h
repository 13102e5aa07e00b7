/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of traffic control on an interface, beside those of others. Manager process.
 *
 * From Linux 6.6 on it is a link, which ends with the process that holds it. Before, it is a filter
 * of the clsact queueing discipline, which is known by its priority and handle: what a manager that
 * was killed has left is replaced by the next one's. */
#ifndef SPLIFF_MANAGER_CAPTURE_TC_ATTACH_H
#define SPLIFF_MANAGER_CAPTURE_TC_ATTACH_H

#include "manager/capture/interface.h"

#include <stdbool.h>

struct tc_attached;

enum tc_way { TC_AUTO, TC_LINK, TC_FILTER }; /* AUTO: a link, else a filter */

/* Attaches a loaded program to what comes in, or goes out (egress). Returns 0 and *out, or with a
 * line in error[INI_ERROR_BYTES]: -EPERM, -ENOTSUP the kernel has no clsact, else -errno. */
int tc_attach(struct tc_attached **out, int program_fd, const struct interface *i, bool egress,
              enum tc_way way, char *error);

/* Takes it away, and the queueing discipline if there was none before: so of both directions of an
 * interface, the one attached last first. NULL is nothing to do. */
void tc_detach(struct tc_attached *a);

#endif
