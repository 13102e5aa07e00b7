/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Flows that the kernel counts instead of sending their packets up: what the programs and the
 * worker (worker/capture/flows_map.h) agree on.
 *
 * Flows that are counted: struct flows_key -> struct flows_value.
 *
 * Shunted flows are in a BPF_MAP_TYPE_PERCPU_HASH, a value for each CPU. The programs run in
 * softirqs, or with softirqs held off: none comes between the instructions of another on its CPU,
 * so a value is added to without atomic ones, but in a kernel for real time. Beside it is a map of
 * what the worker wants of each, struct flows_key -> struct flows_shunt: a flow in there is counted
 * and dropped, but for the packets that flows_must_rise() names. The worker changes or takes out
 * what it wants while the flow is counted, and no count is lost by that. A third map is one struct
 * flows_shunted, which workers map into their memory. While it says that no flow is shunted no
 * packet is looked at; and what the program has once read in the second map, it keeps with the
 * counts until something has changed there, so that a packet needs one look-up and not two.
 *
 * Mode xdp has a BPF_MAP_TYPE_LRU_HASH, one value for all CPUs: the program puts every flow in.
 * There are many of them and the kernel makes them all at the start, which with a value for each
 * CPU takes seconds, and gigabytes where there are many CPUs. A flow's packets are on several CPUs,
 * so values are added to by atomic instructions. The value has the program's own state behind it
 * (bpf/xdp.h); user space reads the front.
 *
 * Only packets that were not sent up are counted, so what the worker counted and what is here are
 * the whole. A packet for which a ring had no room was not sent up either: it is counted here.
 *
 * The number of TCP bytes cannot be a sum, since segments are sent again. Each value notes where
 * the sequence numbers of a direction had come to, and when its CPU saw them move on last; of all
 * CPUs the newest note counts, or one ahead of it if that is not much older: segments overtake each
 * other between CPUs, and what is sent again comes late. That is 32 bits. How often they have
 * wrapped follows from payload_bytes, which is near to the distance and is summed over CPUs: so a
 * direction may move to another CPU for any time and any number of bytes.
 *
 * What is sent again, and was first counted at another CPU, is new to this one: it is in
 * payload_bytes and not in `resent`. The worker sees that the former is too much. */
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
    unsigned int resent;              /* segments with nothing but what was sent before */
    unsigned int zero_windows;        /* segments that offer no room, without SYN and RST */
    unsigned int tick;                /* of the kernel, when last_ns was asked for */
};

struct flows_value {
    struct flows_end end[2];
    unsigned int flags;
    unsigned int seq_time[2]; /* by end: when seq_end moved on, in FLOWS_TIME_SHIFT */
    unsigned int pad;
};

/* Of CLOCK_MONOTONIC in ns. A unit is 17 ms; which of two notes is newer shows for 417 days. */
#define FLOWS_TIME_SHIFT 24

/* Bits of flags, for end 0; those of end 1 are shifted by one. */
enum {
    FLOWS_SEQ = 1 << 0, /* seq_end is known */
    FLOWS_ACK = 1 << 2, /* there was a segment without payload */
};

/* What the worker wants of a shunted flow. */
struct flows_shunt {
    unsigned int worker;      /* index of the one that put it in: counts are its own */
    unsigned int rises;       /* a bit an end: */
    unsigned int rise_seq[2]; /* segments of it that reach this number go up */
};

struct flows_shunted {
    unsigned int n;       /* flows that are shunted, or a few more */
    unsigned int changes; /* of what workers want, each counted after it was made */
};

/* Value of a flow that is or was shunted: user space reads the front. */
struct flows_kept {
    struct flows_value counted;
    struct flows_shunt how; /* as it was last asked; its worker is set from the start */
    unsigned int changes;   /* after so many how and answer were right */
    unsigned int answer;    /* enum flows_answer */
};

enum flows_answer { FLOWS_UNASKED, FLOWS_NOT_SHUNTED, FLOWS_SHUNTED };

#endif
