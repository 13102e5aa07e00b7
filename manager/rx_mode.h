/* SPDX-License-Identifier: BSD-3-Clause */
/* How the workers of a running cluster wait for frames, shown and changed: `rx-mode`. What is set
 * lies in the workers' settings (settings.h), so it holds for their successors too, until the
 * cluster is stopped. Manager process. */
#ifndef SPLIFF_MANAGER_RX_MODE_H
#define SPLIFF_MANAGER_RX_MODE_H

#include "manager/manager.h"
#include "manager/text.h"

/* words: names of workers, none for all of them, and a mode, or none to change nothing. Writes a
 * table or, with json, {"nodes":[...]} of these workers. Exit status: 0; CONTROL_USAGE with a line
 * in out that begins with CONTROL_ERROR, and then nothing was changed. */
int rx_mode_answer(struct manager *m, const char *words, bool json, struct text *out);

#endif
