/* SPDX-License-Identifier: BSD-3-Clause */
/* What the logger has safely in its files: the length of each, and the last batch of each node. A
 * small mapped file that outlives the process, even when it is killed between two stores. */
#ifndef SPLIFF_LOGGER_STATE_H
#define SPLIFF_LOGGER_STATE_H

#include "common/base/str.h"
#include "common/ipc/heritage.h"
#include "logger/sink/sink.h"

#include <stdbool.h>
#include <stdint.h>

#define STATE_NODES 256u /* nodes, each with every epoch it had lately */

/* The place in one node's sequence. Valid until the next state_node call. */
struct state_node {
    char name[HERITAGE_NODE_MAX];
    uint64_t epoch;
    uint64_t seq;  /* the last batch that is in the files (or in buffers, before the commit) */
    uint64_t used; /* generation in which it was last asked for */
};

struct state;

/* Opens the state file of the heritage, or makes it; an empty state_path keeps it in memory only.
 * Where another logger has it open, waits for that one to end. What was committed counts only if
 * it was under this boot and for the same folder and form of logs. Returns 0 or -errno after
 * printing what failed. */
int state_open(struct state **out, const struct heritage *h);
void state_close(struct state *s);

/* The lengths that a predecessor committed; NULL if there is none. */
const struct sink_lengths *state_committed(const struct state *s);

/* The index in the table of this node's epoch. *fresh: it was not there; then it begins after seq
 * `begin`, in the place of the one that was not asked for the longest if the table is full. */
uint32_t state_node(struct state *s, struct str name, uint64_t epoch, uint64_t begin, bool *fresh);
struct state_node *state_at(struct state *s, uint32_t index);

/* Writes the present nodes and these lengths beside what is committed (state_fill), then makes them
 * the committed ones by a single store (state_commit, which fills first). */
void state_fill(struct state *s, const struct sink_lengths *lengths);
void state_commit(struct state *s, const struct sink_lengths *lengths);

#endif
