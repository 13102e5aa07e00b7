/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What the BPF programs and user space agree on, besides common/base/flow_hash.h (which worker owns
 * a flow, how far headers are followed) and common/base/icmp_port.h.
 *
 * fanout.bpf.c  constants, set before loading: fanout_seed (of flow_hash.h), fanout_ethernet
 * (frames have an Ethernet header; else they begin with IP). Map fanout_member: bucket -> index of
 * the socket in joining order. */
#ifndef SPLIFF_BPF_SHARED_H
#define SPLIFF_BPF_SHARED_H

/* In place of the protocol for IPv6 fragments, whose later parts do not say what they carry. */
#define WALK_PROTO_FRAGMENT 44u

/* Tunnels in tunnels that are followed. */
#define WALK_TUNNELS 3

#endif
