/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The map of processes.h. Programs use the manager's; where there is none it is not made. */
#ifndef SPLIFF_BPF_PROCESSES_MAP_H
#define SPLIFF_BPF_PROCESSES_MAP_H

#include "bpf/processes.h"

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1); /* the manager's */
    __type(key, struct flows_key);
    __type(value, struct processes);
} flow_processes SEC(".maps");

#endif
