/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of core numbers, as in pin_cpus: "0,2,4" or "4-7". */
#ifndef SPLIFF_MANAGER_CORES_H
#define SPLIFF_MANAGER_CORES_H

#define CORES_NUMBER_MAX 1023u

/* Into cores, which has room for max. Returns how many, 0 for an empty list; -EINVAL if it is no
 * such list or too long. */
int cores_parse(const char *list, unsigned *cores, unsigned max);

/* The first of them that this machine does not have; -1 if it has all. */
int cores_missing(const unsigned *cores, unsigned n);

#endif
