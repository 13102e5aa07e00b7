/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Flows that the kernel counts instead of sending their packets up: what the programs and the
 * worker (worker/capture/flows_map.h) agree on.
 *
 * Map: struct flows_key -> struct flows_value, one value a CPU, so that counting needs no atomics.
 *
 *   shunted flows   BPF_MAP_TYPE_PERCPU_HASH: the worker puts a flow in, and from then on its
 *                   packets are counted and dropped, but for those that flows_must_rise() names
 *   mode xdp        BPF_MAP_TYPE_LRU_PERCPU_HASH: the program puts every flow in. The value has the
 *                   program's own state behind it (bpf/xdp.h); user space reads the front
 *
 * Only packets that were not sent up are counted, so what the worker counted and what is here are
 * the whole. A packet for which a ring had no room was not sent up either: it is counted here.
 *
 * The number of TCP bytes cannot be a sum, since segments are sent again. Each CPU notes where the
 * sequence numbers had come to when it saw the last segment of a direction; of all CPUs the newest
 * note counts, or one a little ahead of it if both are of the same moment: segments overtake each
 * other between CPUs. That is 32 bits. How often they have wrapped follows from payload_bytes,
 * which is near to the distance and is summed over CPUs: so a direction may move to another CPU for
 * any time and any number of bytes. */
#ifndef SPLIFF_BPF_FLOWS_H
#define SPLIFF_BPF_FLOWS_H

/* As struct flow_key of common/base/flow_key.h, to the byte: endpoint 0 is the smaller one, IPv4
 * addresses are ::ffff:a.b.c.d, ports are in host order. */
struct flows_key {
    unsigned char addr[2][16];
    unsigned short port[2];
    unsigned char proto;
    unsigned char pad[3]; /* zero */
};

/* What one end of the key has sent. */
struct flows_end {
    unsigned long long packets;
    unsigned long long ip_bytes;      /* IP header and all behind it, as its length field says */
    unsigned long long payload_bytes; /* behind the transport header; TCP: without `resent` */
    unsigned long long last_ns;       /* of the last one, CLOCK_MONOTONIC; 0: there was none */
    unsigned int seq_end;             /* TCP: one past the highest sequence number, if FLOWS_SEQ */
    unsigned int rise_seq;            /* if FLOWS_RISE: segments that reach this number go up */
    unsigned int resent;              /* segments with nothing but what was sent before */
    unsigned int zero_windows;        /* segments that offer no room, without SYN and RST */
};

struct flows_value {
    struct flows_end end[2];
    unsigned int flags;
    unsigned int owner; /* index + 1 of the worker that put it in, 0: the program did */
};

/* Bits of flags, for end 0; those of end 1 are shifted by one. */
enum {
    FLOWS_SEQ = 1 << 0,  /* seq_end is known */
    FLOWS_RISE = 1 << 2, /* rise_seq is set: set by the worker when it puts a flow in */
    FLOWS_ACK = 1 << 4,  /* there was a segment without payload */
};

#endif
