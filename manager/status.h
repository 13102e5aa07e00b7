/* SPDX-License-Identifier: BSD-3-Clause */
/* What a manager says of its nodes: zeekctl's table, a JSON document, the counters at the end. */
#ifndef SPLIFF_MANAGER_STATUS_H
#define SPLIFF_MANAGER_STATUS_H

#include "manager/manager.h"
#include "manager/text.h"

/* Sum of one counter over the nodes of its process and the manager. */
uint64_t status_counter(const struct manager *m, const struct counter_schema *s);

/* True if every node runs and is up: from then on nothing is missed. */
bool status_all_running(const struct manager *m);

/* Whether a node has begun its work: a worker's loop has turned once, a probe has looked at what
 * runs (or will never). */
bool status_is_up(const struct node *n);

/* "running", "starting", "crashed" (to be restarted) or "stopped". */
const char *status_word(const struct node *n);

/* Name, type, host, status, pid, start of each node, one a line, after a header; then a line of
 * what the probe has hooked, followed and lost, if there is one. */
void status_table(const struct manager *m, struct text *out);

/* {"running":bool,"manager":{…},"nodes":[{"name",…,"counters":{…}}],"losses":{cause:n}} and a
 * newline. */
void status_json(const struct manager *m, struct text *out);

/* For programs: lines "NODE KEY VALUE", what the node is and each of its counters. */
void status_lines(const struct manager *m, struct text *out);

/* The table and the document of a cluster that does not run. */
void status_table_stopped(const struct topology *t, struct text *out);
void status_json_stopped(const struct topology *t, struct text *out);

/* All counters: a row each, a column a node. */
void status_counters(const struct manager *m, struct text *out);

/* How long after its packets plaintext was read: a row a worker after a header. */
void status_latency(const struct manager *m, struct text *out);

/* "capture.kernel_drops 12, …": what was lost, by cause; nothing if nothing was. */
void status_losses(const struct manager *m, struct text *out);

#endif
