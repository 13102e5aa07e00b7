/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Whose plaintext is wanted. What is not configured costs nothing: config is constant when the
 * verifier reads this, and it removes what cannot happen. Filters of one kind are alternatives,
 * different kinds must all agree. */
#ifndef SPLIFF_BPF_PROBE_FILTER_H
#define SPLIFF_BPF_PROBE_FILTER_H

#include "bpf/probe_maps.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#define FILTER_LIST   16
#define CGROUP_LEVELS 16

static __always_inline _Bool filter_number(const volatile unsigned int list[FILTER_LIST],
                                           unsigned int n, __u32 value)
{
    for (unsigned int i = 0; i < FILTER_LIST; i++)
        if (i < n && list[i] == value)
            return 1;
    return 0;
}

static __always_inline _Bool filter_comm(struct task_struct *leader)
{
    char comm[PROBE_COMM_MAX] = {0};

    BPF_CORE_READ_STR_INTO(&comm, leader, comm);
    for (unsigned int i = 0; i < FILTER_LIST; i++) {
        _Bool same = i < config.n_comms;
        for (unsigned int k = 0; k < PROBE_COMM_MAX; k++) {
            char c = config.comms[i][k];
            same = same && comm[k] == c;
            if (c == '\0')
                break;
        }
        if (same)
            return 1;
    }
    return 0;
}

static __always_inline _Bool filter_cgroup(void)
{
    for (int level = 0; level < CGROUP_LEVELS; level++) {
        __u64 id = bpf_get_current_ancestor_cgroup_id(level);
        if (id == config.cgroup)
            return 1;
        if (id == 0)
            return 0;
    }
    return 0;
}

/* The current process is one whose calls are wanted. Never the probe itself. */
static __always_inline _Bool filter_process(__u32 tgid)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();

    if (tgid == own_pid)
        return 0;
    if (config.n_pids && !filter_number(config.pids, config.n_pids, tgid))
        return 0;
    if (config.n_ppids) {
        __u32 parent = (__u32)BPF_CORE_READ(task, group_leader, real_parent, tgid);
        if (!filter_number(config.ppids, config.n_ppids, parent))
            return 0;
    }
    if (config.n_comms && !filter_comm(BPF_CORE_READ(task, group_leader)))
        return 0;
    return !config.cgroup || filter_cgroup();
}

/* 1: the tuple lies outside of all configured addresses. */
__noinline int filter_excludes(const struct probe_tuple *t)
{
    const __u32 *local, *remote;

    if (!t || !config.n_addresses)
        return 0;
    local = (const __u32 *)t->local;
    remote = (const __u32 *)t->remote;
    for (unsigned int i = 0; i < PROBE_ADDRESSES_MAX && i < config.n_addresses; i++) {
        const volatile __u32 *prefix = (const volatile __u32 *)config.addresses[i].prefix;
        unsigned int bits = config.addresses[i].bits;
        __u32 l = 0, r = 0;
        for (unsigned int w = 0; w < 4; w++) {
            unsigned int n = bits <= w * 32 ? 0 : bits - w * 32;
            __u32 mask = n >= 32 ? ~0u : n == 0 ? 0 : bpf_htonl(~0u << (32 - n));
            l |= (local[w] ^ prefix[w]) & mask;
            r |= (remote[w] ^ prefix[w]) & mask;
        }
        if (l == 0 || r == 0)
            return 0;
    }
    return 1;
}

#endif
