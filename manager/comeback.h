/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of workers whose interface goes, and comes back. Manager process. */
#ifndef SPLIFF_MANAGER_COMEBACK_H
#define SPLIFF_MANAGER_COMEBACK_H

#include "manager/manager.h"

/* Looks at all captured interfaces: when one has come, gone or changed, and once a second. */
void comeback_look(struct manager *m);

/* A node that is held has ended. */
void comeback_node_ended(struct manager *m, struct node *n);

#endif
