/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What the probe tells mode xdp: which process has the local end of a TLS session's flow
 * (processes.h). Where nobody is to be told, none of this is left when the verifier is done. */
#ifndef SPLIFF_BPF_PROBE_PROCESSES_H
#define SPLIFF_BPF_PROBE_PROCESSES_H

#include "bpf/flows_key.h"
#include "bpf/probe_filter.h"
#include "bpf/probe_tuple.h"
#include "bpf/processes_map.h"

/* Set before loading. */
const volatile _Bool has_processes = 0;
const volatile struct processes processes_new = {};

/* Returns the end that is the local one. */
static __always_inline _Bool processes_key(struct flows_key *key, const struct probe_tuple *t)
{
    const struct flows_address *local = (const void *)t->local, *remote = (const void *)t->remote;

    key->proto = PROTO_TCP;
    __builtin_memset(key->pad, 0, sizeof key->pad);
    return flows_key_set(key, local, remote, t->local_port, t->remote_port);
}

/* A reader that has seen the pid before and after it read the name has the name of that pid. */
static __always_inline void processes_set(struct processes_end *e, const struct probe_tuple *t)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    __u32 tgid = current_tgid();

    if (e->netns == PROCESSES_AMBIGUOUS || (e->pid == tgid && e->cookie == t->cookie))
        return;
    if (__sync_lock_test_and_set(&e->pid, 0) != 0 && e->netns != t->netns) {
        e->netns = PROCESSES_AMBIGUOUS;
        return;
    }
    e->netns = t->netns;
    e->cookie = t->cookie;
    BPF_CORE_READ_STR_INTO(&e->name, task, group_leader, comm);
    __sync_lock_test_and_set(&e->pid, tgid);
}

/* Whether anybody asks for flows of this socket: a loopback of another namespace is not captured,
 * and its addresses and ports may be those of one that is. */
static __always_inline _Bool processes_concern(const struct probe_tuple *t)
{
    return has_processes && (!tuple_is_loopback(t) || t->netns == config.own_netns);
}

/* The current process has the local end. */
__noinline int processes_put(const struct probe_tuple *t)
{
    struct flows_key key __attribute__((aligned(8)));
    struct processes *known;
    _Bool end;

    if (!t || !processes_concern(t))
        return 0;
    end = processes_key(&key, t);
    known = bpf_map_lookup_elem(&flow_processes, &key);
    if (!known) {
        bpf_map_update_elem(&flow_processes, &key, (const void *)&processes_new, BPF_NOEXIST);
        known = bpf_map_lookup_elem(&flow_processes, &key);
    }
    if (known)
        processes_set(end ? &known->end[1] : &known->end[0], t);
    else
        count(PROBE_STAT_PROCESS_LOST, 1);
    return 0;
}

/* A session of this socket is over in the current process. Another one that goes on with it, as
 * after a fork, keeps it. */
__noinline int processes_remove(const struct probe_tuple *t)
{
    struct flows_key key __attribute__((aligned(8)));
    struct processes_end *e, *other;
    struct processes *known;
    _Bool end;

    if (!t || !processes_concern(t))
        return 0;
    end = processes_key(&key, t);
    known = bpf_map_lookup_elem(&flow_processes, &key);
    if (!known) {
        count(PROBE_STAT_PROCESS_LOST, 1);
        return 0;
    }
    e = end ? &known->end[1] : &known->end[0];
    other = end ? &known->end[0] : &known->end[1];
    if (e->pid != current_tgid() || e->cookie != t->cookie || e->netns != t->netns)
        return 0;
    e->pid = 0;
    if (other->pid == 0 && other->netns != PROCESSES_AMBIGUOUS)
        bpf_map_delete_elem(&flow_processes, &key);
    return 0;
}

#endif
