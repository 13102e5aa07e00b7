/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What probe.bpf.c and the probe process (worker/probe/) agree on: how a hooked function is
 * described to the kernel side, and the events that come back.
 *
 * A TLS session is known by process and pointer, and gets a number at its first call that is never
 * used again. Every byte that a session's functions read or wrote counts in its offset of that
 * direction, whether it could be copied or not: whoever misses bytes sees it by a jump. */
#ifndef SPLIFF_BPF_PROBE_H
#define SPLIFF_BPF_PROBE_H

#define PROBE_CHUNK_MAX     16384u /* bytes of one DATA event */
#define PROBE_CHUNKS        64     /* DATA events of one call; call_max is at most so much */
#define PROBE_ALPN_MAX      32u
#define PROBE_COMM_MAX      16u
#define PROBE_ADDRESSES_MAX 64u    /* prefixes of the address filter */
#define PROBE_OWNERS        65536u /* sockets whose process is remembered */
#define PROBE_WATCHED       65536u /* processes with a TLS library */

/* What a hooked function does. */
enum probe_call {
    PROBE_CALL_READ = 1,
    PROBE_CALL_WRITE,
    PROBE_CALL_HANDSHAKE, /* sends and receives, no plaintext */
    PROBE_CALL_FREE,      /* the session ends */
    PROBE_CALL_ALPN,      /* tells the chosen protocol */
    PROBE_CALL_MARK,      /* its result (or session argument) is a TLS session of a library whose
                             functions serve other things, too */
};

/* How many bytes a read or write has done. */
enum probe_count {
    PROBE_COUNT_NONE,       /* none: of a WRITE, it passes on what other calls have taken */
    PROBE_COUNT_INT,        /* the result as int: > 0 bytes */
    PROBE_COUNT_LONG,       /* the result as long: > 0 bytes */
    PROBE_COUNT_OUT,        /* result as int > 0: *(size_t *)argument `out` */
    PROBE_COUNT_ALPN_REF,   /* unsigned char **, unsigned int *: arguments `buffer` and `out` */
    PROBE_COUNT_ALPN_DATUM, /* struct { unsigned char *; unsigned int; } *: argument `buffer` */
};

enum probe_flag {
    PROBE_FLAG_IOV = 1,         /* the buffer is an array of struct iovec, `out` their number */
    PROBE_FLAG_MARKED_ONLY = 2, /* only sessions that a MARK has told of, or a layer's name */
    PROBE_FLAG_GO = 4,          /* arguments in Go's registers; a call is known by its goroutine */
    PROBE_FLAG_SITE = 8,        /* not at entry and return, but at cheap instructions inside */
    PROBE_FLAG_OPENSSL = 16,    /* session is an SSL *, whose BIO may tell the descriptor */
    PROBE_FLAG_RESULT = 32,     /* MARK: the session is the result, not an argument; with
                                   MARKED_ONLY: if the argument is one */
    PROBE_FLAG_PEEK = 64,       /* argument `out` are flags: with MSG_PEEK the bytes come again */
};

/* The attach cookie: all that the programs know of a function. Arguments count from 0, which is the
 * session. */
struct probe_cookie {
    unsigned int flags : 8;   /* enum probe_flag */
    int names : 24;           /* MARKED_ONLY: where the variable with the table of layers' names
                                 is, in words of 8 bytes from that of the instruction; 0: unknown */
    unsigned char call : 4;   /* enum probe_call */
    unsigned char count : 4;  /* enum probe_count */
    unsigned char buffer : 4; /* argument */
    unsigned char out : 4;    /* argument, see enum probe_count */
    unsigned short image;     /* index of the hooked image, as user space numbers them */
};
#define PROBE_NAMES_MAX ((1 << 23) - 1) /* of names, either way */

/* How the five-tuple of a session was found, in the order of trying. */
enum probe_method {
    PROBE_METHOD_NONE,
    PROBE_METHOD_SOCKET,     /* the socket that was used inside the call */
    PROBE_METHOD_DESCRIPTOR, /* the BIO's or the Go connection's descriptor */
    PROBE_METHOD_LEARNED,    /* the last receive on the thread that no other session had */
    PROBE_METHOD_NEXT_SEND,  /* the next send on the thread */
    PROBE_METHODS
};

enum probe_event_type {
    PROBE_EVENT_DATA = 1,
    PROBE_EVENT_TUPLE, /* the five-tuple is known now */
    PROBE_EVENT_ALPN,  /* data is the protocol's name */
    PROBE_EVENT_CLOSE, /* offset and offset_write are final */
};

/* A socket as seen from its process. IPv4 as ::ffff:a.b.c.d; ports in host order. */
struct probe_tuple {
    unsigned char local[16];
    unsigned char remote[16];
    unsigned short local_port;
    unsigned short remote_port;
    unsigned int netns;        /* inode of the network namespace */
    unsigned long long cookie; /* of the socket */
};

struct probe_event {
    unsigned char type;   /* enum probe_event_type */
    unsigned char write;  /* DATA: 1 the process wrote, 0 it read */
    unsigned char method; /* enum probe_method; not NONE: tuple is set */
    unsigned char flags;  /* enum probe_flag of the function that was called */
    unsigned short image;
    unsigned short pad;
    unsigned int pid; /* of the process (thread group), in the initial namespace */
    unsigned int tid;
    unsigned long long session;
    unsigned long long ts_ns;        /* CLOCK_MONOTONIC: the call returned */
    unsigned long long entry_ns;     /* and was entered */
    unsigned long long offset;       /* DATA: of data[0]; CLOSE: bytes read */
    unsigned long long offset_write; /* CLOSE: bytes written */
    struct probe_tuple tuple;
    unsigned int len; /* of data */
    unsigned int pad2;
    unsigned char data[];
};

/* Counters of the kernel side, a per-CPU array. */
enum probe_stat {
    PROBE_STAT_CALLS,        /* reads and writes with a result */
    PROBE_STAT_EVENTS,       /* given to the ring */
    PROBE_STAT_RING_EVENTS,  /* not given: ring full */
    PROBE_STAT_RING_BYTES,   /* plaintext bytes in them */
    PROBE_STAT_CUT_BYTES,    /* beyond call_max */
    PROBE_STAT_FAULT_BYTES,  /* not readable at return */
    PROBE_STAT_TABLE_FULL,   /* calls not followed: a table was full */
    PROBE_STAT_FILTERED,     /* calls of others than the filters name */
    PROBE_STAT_PROCESS_LOST, /* ends of flows that mode xdp had forgotten before their sessions
                                ended */
    PROBE_STATS
};

/* Table watched: why sockets of a process are looked at. */
enum probe_watch {
    PROBE_WATCH_SOCKETS = 1, /* it has a TLS library: its threads' receives are remembered */
    PROBE_WATCH_GO = 2,      /* calls of goroutines are hooked (set by the programs) */
};

/* Table owners: key -> process that used the socket last. A UDP socket without a peer has the
 * remote port 0 and no remote address, which is ::ffff:0.0.0.0 or :: as its family has it. The
 * network namespace is 0 for TCP but that of a loopback: packets of containers pass through others'
 * namespaces, and no two connections have the same addresses and ports there. */
struct probe_owner_key {
    unsigned char local[16];
    unsigned char remote[16];
    unsigned short local_port;
    unsigned short remote_port;
    unsigned int proto; /* IP protocol number */
    unsigned int netns;
};

/* Set before loading. */
struct probe_config {
    unsigned long long cgroup; /* id, or 0: all */
    unsigned int pids[16];     /* 0: no more */
    unsigned int ppids[16];
    char comms[16][PROBE_COMM_MAX];
    unsigned int n_pids, n_ppids, n_comms, n_addresses;
    unsigned int call_max;  /* bytes of a call that are copied */
    unsigned int own_netns; /* inode of the probe's network namespace */
    struct {
        unsigned char prefix[16];
        unsigned int bits;            /* of 128 */
    } addresses[PROBE_ADDRESSES_MAX]; /* local or remote */
};

#endif
