/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether plaintext can be taken on this machine, by who we are: asked before anything starts. The
 * probe itself meets what is left and says it. Manager process. */
#ifndef SPLIFF_MANAGER_PROBE_CHECK_H
#define SPLIFF_MANAGER_PROBE_CHECK_H

#include "common/schema/options.h"
#include "manager/text.h"

/* What is wrong with who we are or what was asked for: 0; -EPERM no right to look into processes,
 * -ENOENT no such cgroup, with one line in error[INI_ERROR_BYTES]. */
int probe_check_request(const struct options *o, char *error);

/* A line to `lacks` for each thing that the machine or this build (its programs in program_dir)
 * does not have. */
void probe_check_machine(const char *program_dir, struct text *lacks);

#endif
