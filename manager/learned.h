/* SPDX-License-Identifier: BSD-3-Clause */
/* What the workers of a running cluster have learned, as the manager keeps it: the alternative
 * services of all of them, by their events on the bus. Workers that start later are given it, a
 * cluster finds it in its state folder, `print alt_svc` shows it. Manager process; runs in its loop
 * and never waits. */
#ifndef SPLIFF_MANAGER_LEARNED_H
#define SPLIFF_MANAGER_LEARNED_H

#include "common/base/alt_svc_table.h"
#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "manager/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct learned;

struct learned_plan {
    uv_loop_t *loop;
    const char *run_dir;   /* the broker listens there */
    const char *state_dir; /* the table is kept in its file alt_svc.table; NULL: nowhere */
    const struct options *options;
    struct counters *counters;
    struct alt_svc_mirror mirror; /* who else is to know where HTTP/3 is; all NULL: nobody */
};

/* Borrows what the plan points to. 0 or -errno after printing what failed. A file that cannot be
 * read is no failure: one line, and the table is empty. */
int learned_open(struct learned **out, const struct learned_plan *plan);

/* Writes the file once more and frees it. The loop has closed its handles. */
void learned_close(struct learned *l);

/* A table for the terminal, or a JSON document. l may be NULL: nothing is learned. */
void learned_print(const struct learned *l, bool json, struct text *out);

#endif
