/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Mode xdp: what xdp.bpf.c, the manager (manager/capture/xdp.c) and the worker
 * (worker/capture/xdp.c) agree on.
 *
 * A ring buffer a worker; each event is a struct xdp_event and the frame behind it, and between
 * them, where there is a probe, the processes at the ends of the frame's flow. The consumer's
 * page of the ring is the worker's: behind the kernel's consumer position, at XDP_TAKEN_OFFSET, it
 * notes for a successor up to which position frames were handed out. */
#ifndef SPLIFF_BPF_XDP_H
#define SPLIFF_BPF_XDP_H

#include "bpf/flows.h"

#define XDP_FRAME_MAX    (68u * 1024) /* longest that is sent up whole */
#define XDP_TAKEN_OFFSET 64u
#define XDP_CPUS_MAX     64

struct xdp_event {
    unsigned long long ts_ns; /* CLOCK_MONOTONIC */
    unsigned int wire_bytes;
    unsigned int bytes;      /* that follow */
    unsigned int hash;       /* of the flow, if `hashed`: the frame is TCP or UDP, in no tunnel */
    unsigned short vlan_tci; /* tag that the kernel took out of the frame, 0 if none */
    unsigned char outgoing;
    unsigned char hashed : 1;
    unsigned char processes : 1; /* struct xdp_processes lies before the frame */
};

/* Who has the ends of the flow's key, as far as the probe has told (processes.h). */
struct xdp_process {
    unsigned int pid; /* 0: not known */
    char name[16];    /* up to its NUL */
};

struct xdp_processes {
    struct xdp_process end[2];
};

/* What the first bytes of a direction are. */
enum xdp_content {
    XDP_UNKNOWN,
    XDP_TLS,
    XDP_QUIC,
    XDP_HTTP3, /* short headers, at an address that Alt-Svc told of */
    XDP_HTTP1,
    XDP_HTTP2,
    XDP_DNS,
    XDP_TUNNEL = XDP_DNS, /* on a port that is not its own: all of it goes up as well */
    XDP_CONTENTS
};

/* How far one direction of a flow has come. CPUs that see its packets at the same moment may be of
 * two minds about it: then a packet more or less goes up, and is not counted or is. */
struct xdp_stream {
    unsigned int up_bytes;    /* payload that went up */
    unsigned int next_record; /* TLS: sequence number of the next record's header */
    unsigned short acks;      /* segments without payload that went up */
    unsigned char content;    /* enum xdp_content */
    unsigned char quiet;      /* nothing more goes up but what begins or ends something */
};

/* Value of the map of flows. */
struct xdp_flow {
    struct flows_value counted; /* first: user space reads this part */
    struct xdp_stream stream[2];
};

/* Per-CPU counters of a ring: index worker * XDP_STATS + one of these. */
enum xdp_stat {
    XDP_STAT_UP,        /* frames given to the ring */
    XDP_STAT_RING_FULL, /* frames for which it had no room */
    XDP_STAT_CUT,       /* frames longer than XDP_FRAME_MAX, of which the beginning went up */
    XDP_STATS
};

/* Set before loading. */
struct xdp_config {
    unsigned int seed;        /* of flow_hash */
    unsigned int first_bytes; /* of a direction that go up */
    unsigned char l3;         /* frames begin with the IP header */
    unsigned char segments;   /* what is sent in one piece is cut on its way, and counts as cut */
    unsigned char processes;  /* there is a map of them, and events have room for them */
    unsigned short n_cpus;    /* that go on with what comes in, by flow; 0: the one it came to */
    unsigned short cpu[XDP_CPUS_MAX];
};

#endif
