/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What the probe's programs remember, and for how long.
 *
 * A thread's call in flight and what its sockets did last live with the task and end with it. A
 * call of Go belongs to a goroutine, which may return on another thread, so those are in a table.
 * Sessions, and who has which socket, are in tables that forget what was used least recently: no
 * library tells of every end. User space sets the sizes that depend on options. */
#ifndef SPLIFF_BPF_PROBE_MAPS_H
#define SPLIFF_BPF_PROBE_MAPS_H

#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "bpf/probe.h"

/* A hooked function between its entry and its return. */
struct call {
    __u64 stack; /* pointer at entry; of Go the distance to the stack's end, as stacks move */
    __u64 exit;  /* what it is at the return of this very call */
    __u64 session;
    __u64 buffer;
    __u64 out;
    __u64 entry_ns;
    struct probe_cookie cookie;
    struct probe_tuple tuple; /* of the socket that was used inside */
    __u32 active;
    __u32 has_tuple;
};

/* Calls of different kinds may be inside each other: a program writes in a callback of a read. */
enum call_kind { CALL_IN, CALL_OUT, CALL_OTHER, CALL_KINDS };

struct thread {
    struct call call[CALL_KINDS];
    struct probe_tuple received; /* the last receive that no session has had */
    __u64 pending;               /* session whose bytes the next send may carry */
    __u32 has_received;
    __u32 pad;
};

struct session_key {
    __u32 tgid;
    __u32 pad;
    __u64 pointer;
};

struct session {
    __u64 number;
    __u64 offset[2]; /* read, written */
    struct probe_tuple tuple;
    __u8 method;
    __u8 marked;
    __u8 alpn;     /* was told */
    __u8 excluded; /* by the filter of addresses */
    __u8 certain;  /* the five-tuple was not guessed, or the guess held */
    __u8 flags;    /* of the function that was called last */
    __u16 image;
};

struct go_key {
    __u32 tgid;
    __u32 pad;
    __u64 goroutine;
};

/* Set before loading. */
const volatile struct probe_config config = {};
const volatile __u32 own_pid = 0;
const volatile _Bool has_lengths = 1; /* tracepoints at the end of socket calls */

__u64 last_session = 0;

struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct thread);
} threads SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, struct go_key);
    __type(value, struct call);
} go_calls SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, struct session_key);
    __type(value, struct session);
} sessions SEC(".maps");

/* Cookie of a socket -> the session that has it. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, __u64);
    __type(value, struct session_key);
} claims SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, PROBE_OWNERS);
    __type(key, struct probe_owner_key);
    __type(value, __u32);
} owners SEC(".maps");

/* With the socket itself: what was found out when its process or its ports were others last. It is
 * looked at with every use of every socket. */
struct known {
    __u64 whose; /* process and ports */
    struct probe_tuple tuple;
};

struct {
    __uint(type, BPF_MAP_TYPE_SK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct known);
} known SEC(".maps");

/* Process -> enum probe_watch. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(max_entries, PROBE_WATCHED);
    __type(key, __u32);
    __type(value, __u32);
} watched SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, PROBE_STATS);
    __type(key, __u32);
    __type(value, __u64);
} stats SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} ring SEC(".maps");

/* Atomic although it is this CPU's own: a program may be preempted between load and store. */
static __always_inline void count(__u32 stat, __u64 n)
{
    __u64 *value = bpf_map_lookup_elem(&stats, &stat);

    if (value)
        __sync_fetch_and_add(value, n);
}

static __always_inline __u32 current_tgid(void)
{
    return (__u32)(bpf_get_current_pid_tgid() >> 32);
}

#endif
