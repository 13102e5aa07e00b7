/* SPDX-License-Identifier: BSD-3-Clause */
/* From topology and plan to nodes that can be started: heritage, captures, shared memory, files. */
#ifndef SPLIFF_MANAGER_NODES_H
#define SPLIFF_MANAGER_NODES_H

#include "manager/manager.h"

/* Fills m->nodes. 0 or -errno with one line in error[INI_ERROR_BYTES]; nodes_close either way. */
int nodes_open(struct manager *m, void (*on_end)(struct node *n), char *error);

/* Frees them; none of their processes lives. */
void nodes_close(struct manager *m);

#endif
