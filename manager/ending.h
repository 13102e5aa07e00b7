/* SPDX-License-Identifier: BSD-3-Clause */
/* How a cluster ends, and what the end of one of its processes means for the others. Manager
 * process. */
#ifndef SPLIFF_MANAGER_ENDING_H
#define SPLIFF_MANAGER_ENDING_H

#include "manager/manager.h"

/* Keeps the worst status of what happened: a failure stays; only "the input is broken" gives way to
 * what is worse. */
void ending_note_status(struct manager *m, int status);

/* Ends all: the probe, workers, loggers, then the loop. A second call kills. */
void ending_begin(struct manager *m);

/* A node's on_end: restarts it, or ends what cannot be without it. Its user is the manager. */
void ending_node_gone(struct node *n);

#endif
