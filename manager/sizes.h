/* SPDX-License-Identifier: BSD-3-Clause */
/* How large the workers' tables are where nobody says so: by the memory that there is. */
#ifndef SPLIFF_MANAGER_SIZES_H
#define SPLIFF_MANAGER_SIZES_H

#include "common/schema/options.h"

#include <stddef.h>
#include <stdint.h>

/* Of a worker, for each flow: its state, its slots, and some for what reads it. */
#define SIZES_FLOW_BYTES 400u

/* Memory that this process and its children may use: the machine's, or what a control group leaves
 * of it. */
uint64_t sizes_memory_bytes(void);

/* Fills the sizes that are 0. */
void sizes_choose(struct options *o, unsigned n_workers, uint64_t memory_bytes);

/* One line that says what a worker may come to use. */
void sizes_describe(const struct options *o, char *out, size_t bytes);

#endif
