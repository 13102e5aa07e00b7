/* SPDX-License-Identifier: BSD-3-Clause */
/* How many files a process may have open, which the manager's children inherit. Some libraries end
 * the process where one more cannot be opened, so it is settled before the first is. */
#ifndef SPLIFF_MANAGER_LIMITS_H
#define SPLIFF_MANAGER_LIMITS_H

#include "manager/ini_file.h"
#include "manager/topology.h"

#include <stdint.h>

/* What the process with the most of them may come to have open: the manager, or the probe. */
uint64_t limits_files_needed(const struct topology *t);

/* How many this process may have open when it asks for it; UINT64_MAX: without limit. */
uint64_t limits_files_possible(void);

/* Has this process be allowed as many as needed. -EMFILE if it may not, with one line in
 * error[INI_ERROR_BYTES]; a probe does with less, and hooks fewer libraries. */
int limits_raise_files(const struct topology *t, char *error);

#endif
