/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Which processes have the ends of a flow, for the packets of it that go up (processes.h). Without
 * a probe nobody asks. */
#ifndef SPLIFF_BPF_XDP_PROCESSES_H
#define SPLIFF_BPF_XDP_PROCESSES_H

#include "bpf/packet.h"

#include "bpf/processes_map.h"
#include "bpf/xdp.h"

static __always_inline void xdp_process_find(struct xdp_process *to, struct processes_end *e)
{
    __u32 pid = __sync_fetch_and_add(&e->pid, 0); /* in this order with the name */

    if (pid == 0)
        return;
    __builtin_memcpy(to->name, e->name, sizeof to->name);
    if (__sync_fetch_and_add(&e->pid, 0) == pid)
        to->pid = pid;
}

/* *to is all zero. */
static __always_inline void xdp_processes_find(struct xdp_processes *to, const struct packet *p)
{
    struct processes *known = bpf_map_lookup_elem(&flow_processes, &p->key);

    if (!known)
        return;
    xdp_process_find(&to->end[0], &known->end[0]);
    xdp_process_find(&to->end[1], &known->end[1]);
}

#endif
