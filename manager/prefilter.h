/* SPDX-License-Identifier: BSD-3-Clause */
/* Prefixes whose packets are left out before anything looks at them: options prefilter-ignore,
 * prefilter-only and prefilter-drop, each the name of a file with a prefix a line.
 *
 * They are in two places at once: tries of BPF, for the programs of the modes that have one
 * (bpf/prefilter.h), and memory that workers read (worker/prefilter.h) for what these do not. Both
 * are for all interfaces, and change while they are used. Manager process. */
#ifndef SPLIFF_MANAGER_PREFILTER_H
#define SPLIFF_MANAGER_PREFILTER_H

#include "common/schema/counters.h"
#include "common/schema/options.h"
#include "manager/ini_file.h"

struct prefilter;
struct bpf_object;

/* Reads the files. 0 and *out, which is NULL where no option names one; -EINVAL with
 * "FILE:LINE: what" in error[INI_ERROR_BYTES], -ENOSPC for too many prefixes, -ENOMEM, or -errno of
 * reading, with a line too. Warns where BPF cannot be had, and where it takes less than is asked.
 */
int prefilter_open(struct prefilter **out, const struct options *o, char *error);
void prefilter_close(struct prefilter *p); /* NULL: does nothing */

/* Reads the files again. Errors as above: then all stays as it was. NULL: nothing to read. */
int prefilter_reload(struct prefilter *p, char *error);

/* Has a program that was opened and is not yet loaded use the tries, if it knows of them. 0 or
 * -errno. NULL: nothing to use. */
int prefilter_use(const struct prefilter *p, struct bpf_object *program);

/* A descriptor of the memory for a worker that is to look itself: then the heritage's. -1: there is
 * nothing to look for. */
int prefilter_give(const struct prefilter *p);

/* How many prefixes there are. */
uint32_t prefilter_size(const struct prefilter *p);

/* Brings the manager's counters of what programs left out up to date. */
void prefilter_count(const struct prefilter *p, struct counters *c);

#endif
