/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The two maps of counted flows that a program has (flows.h). The loader sizes them. */
#ifndef SPLIFF_BPF_FLOWS_MAPS_H
#define SPLIFF_BPF_FLOWS_MAPS_H

#include "bpf/flows.h"

#define FLOWS_MAP(name)                                                                            \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_PERCPU_HASH);                                                    \
        __uint(max_entries, 1);                                                                    \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
        __type(key, struct flows_key);                                                             \
        __type(value, struct flows_value);                                                         \
    } name SEC(".maps")

#define SHUNTS_MAP(name)                                                                           \
    struct {                                                                                       \
        __uint(type, BPF_MAP_TYPE_HASH);                                                           \
        __uint(max_entries, 1);                                                                    \
        __uint(map_flags, BPF_F_NO_PREALLOC);                                                      \
        __type(key, struct flows_key);                                                             \
        __type(value, struct flows_shunt);                                                         \
    } name SEC(".maps")

#endif
