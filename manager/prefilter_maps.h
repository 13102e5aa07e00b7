/* SPDX-License-Identifier: BSD-3-Clause */
/* The tries of BPF that programs look prefixes up in (bpf/prefilter.h). Part of prefilter.c. */
#ifndef SPLIFF_MANAGER_PREFILTER_MAPS_H
#define SPLIFF_MANAGER_PREFILTER_MAPS_H

#include "common/base/prefix_table.h"

#include <stdint.h>

struct bpf_object;
struct prefilter_maps;

/* 0, or -errno: -EPERM, -ENOTSUP without libbpf. */
int prefilter_maps_open(struct prefilter_maps **out);
void prefilter_maps_close(struct prefilter_maps *m); /* NULL: does nothing */

/* From now on programs see this table. 0 or -errno: then they see what they saw. */
int prefilter_maps_fill(struct prefilter_maps *m, const struct prefix_table *t);

/* As prefilter_use(). */
int prefilter_maps_use(const struct prefilter_maps *m, struct bpf_object *program);

/* What was left out so far, by enum prefilter_count. */
uint64_t prefilter_maps_count(const struct prefilter_maps *m, uint32_t which);

#endif
