/* SPDX-License-Identifier: BSD-3-Clause */
/* How the frequency of a core is governed, noted before a worker changes it, so that what was there
 * is known also to the successor of one that was killed. */
#ifndef SPLIFF_MANAGER_CPUFREQ_H
#define SPLIFF_MANAGER_CPUFREQ_H

#include "common/ipc/heritage.h"

/* What the files of core cpu say, without the end of line; "" where there is none. root: before
 * /sys, "" for this machine. */
void cpufreq_read(const char *root, unsigned cpu, struct heritage_cpufreq *out);

#endif
