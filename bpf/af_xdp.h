/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode af_xdp: what the program writes in front of a frame for the worker that gets it.
 *
 * It lies directly before the frame's first byte. A driver that leaves no room for it, or another
 * program behind the same dispatcher that moves the frame's beginning, is told by the mark, which
 * is then not there: no other frame was ever written at that place of the memory. */
#ifndef SPLIFF_BPF_AF_XDP_H
#define SPLIFF_BPF_AF_XDP_H

#define AF_XDP_MARK 0x73706c66u

struct af_xdp_note {
    unsigned long long mono_ns; /* CLOCK_MONOTONIC, when the frame came */
    unsigned int hash;          /* flow_hash of a TCP or UDP packet, if `hashed` */
    unsigned int hashed;
    unsigned int mark; /* AF_XDP_MARK exclusive-or the seed */
    unsigned int pad;
};

#endif
