/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The maps of shunted flows that a program has (flows.h). The loader sizes the first two. */
#ifndef SPLIFF_BPF_FLOWS_MAPS_H
#define SPLIFF_BPF_FLOWS_MAPS_H

#include "bpf/flows.h"

/* Programs on one CPU may come between each other, as in a kernel for real time: then what is the
 * CPU's own is added to as what is everybody's. */
const volatile _Bool flows_preempted = 0;

#define FLOWS_MAP(name)                                                                            \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_PERCPU_HASH);                                                    \
        __uint(max_entries, 1);                                                                    \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
        __type(key, struct flows_key);                                                             \
        __type(value, struct flows_kept);                                                          \
    } name SEC(".maps")

#define SHUNTS_MAP(name)                                                                           \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_HASH);                                                           \
        __uint(max_entries, 1);                                                                    \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
        __type(key, struct flows_key);                                                             \
        __type(value, struct flows_shunt);                                                         \
    } name SEC(".maps")

#define SHUNTED_MAP(name)                                                                          \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_ARRAY);                                                          \
        __uint(max_entries, 1);                                                                    \
        __uint(map_flags, BPF_F_MMAPABLE);                                                         \
        __type(key, __u32);                                                                        \
        __type(value, struct flows_shunted);                                                       \
    } name SEC(".maps")

#endif
