/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Which processes have the ends of a flow: what the probe's programs, which learn it of TLS
 * sessions, agree on with those of mode xdp, which tell it with the packets that they send up. A
 * BPF_MAP_TYPE_LRU_HASH, struct flows_key -> struct processes, that the manager makes once and
 * keeps, whatever becomes of the probe and the interfaces.
 *
 * An end is put in when the five-tuple of a session is certain, and taken out when the session ends
 * or another connection begins on its five-tuple: not every session's end is seen. Packets of
 * containers pass through the namespaces of others, so a flow's namespace is not part of the key.
 * Loopbacks of other namespaces than the captured one are left out; and an end that sockets of two
 * namespaces claim belongs, as far as is known, to neither. */
#ifndef SPLIFF_BPF_PROCESSES_H
#define SPLIFF_BPF_PROCESSES_H

#include "bpf/flows.h"

#define PROCESSES_NAME_MAX  16
#define PROCESSES_AMBIGUOUS 0xffffffffu /* netns: of several, until the entry is gone */

struct processes_end {
    unsigned int pid;          /* in the initial namespace, written last; 0: not known */
    unsigned int netns;        /* inode of the socket's network namespace */
    unsigned long long cookie; /* of the socket */
    char name[PROCESSES_NAME_MAX];
};

struct processes {
    struct processes_end end[2]; /* as the key orders them */
};

#endif
