/* SPDX-License-Identifier: BSD-3-Clause */
/* From topology and plan to nodes that can be started: heritage, captures, shared memory, files. */
#ifndef SPLIFF_MANAGER_NODES_H
#define SPLIFF_MANAGER_NODES_H

#include "manager/manager.h"

#include <stdbool.h>

/* Whether it reads the i-th of m->captures, or is the owner of its port. */
bool nodes_reads(const struct manager *m, const struct node *n, unsigned i);

/* Fills m->nodes. 0 or -errno with one line in error[INI_ERROR_BYTES]; nodes_close either way. */
int nodes_open(struct manager *m, void (*on_end)(struct node *n), char *error);

/* The processes that read the i-th of m->captures have ended: closes their captures. */
void nodes_shut(struct manager *m, unsigned i);

/* The same interface is there again: opens it for those nodes, which can be started then, and tells
 * the first worker how long it was gone. 0; or -errno, said in the log once, and may be asked
 * again: then it is shut. */
int nodes_reopen(struct manager *m, unsigned i);

/* Frees them; none of their processes lives, and the loop has closed their handles. */
void nodes_close(struct manager *m);

#endif
