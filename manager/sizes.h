/* SPDX-License-Identifier: BSD-3-Clause */
/* How large the workers' tables are where nobody says so: by the memory that there is. */
#ifndef SPLIFF_MANAGER_SIZES_H
#define SPLIFF_MANAGER_SIZES_H

#include "common/schema/options.h"
#include "manager/ini_file.h"
#include "manager/topology.h"

#include <stddef.h>
#include <stdint.h>

/* Of a worker, for each flow: its state, its slots, and some for what reads it. */
#define SIZES_FLOW_BYTES 400u

/* Memory that this process and its children may use: the machine's, or what a control group leaves
 * of it. */
uint64_t sizes_memory_bytes(void);

/* Fills the sizes that are 0. */
void sizes_choose(struct options *o, unsigned n_workers, uint64_t memory_bytes);

/* Memory that the capture of a worker takes in that mode, whether it is full or not. */
uint64_t sizes_capture_bytes(const struct options *o, enum mode mode);

/* Whether all workers' captures leave enough of the memory. -ENOMEM if not, with one line in
 * error[INI_ERROR_BYTES]: the kernel would give what they ask for, and then end whatever it finds.
 */
int sizes_check(const struct options *o, const struct topology *t, uint64_t memory_bytes,
                char *error);

/* One line that says what a worker may come to use. */
void sizes_describe(const struct options *o, char *out, size_t bytes);

#endif
