/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture source: where a worker's frames come from. The pipeline asks for a batch, runs it to
 * the end and releases it; it never knows which source it has.
 *
 * The descriptor, with everything that needs rights already done, comes from the manager in the
 * heritage. A new source is one file and one row in table.c. */
#ifndef SPLIFF_WORKER_CAPTURE_H
#define SPLIFF_WORKER_CAPTURE_H

#include "common/base/flow_key.h"
#include "common/ipc/heritage.h"
#include "common/schema/counters.h"

#include <stdbool.h>
#include <stdint.h>

#define CAPTURE_BATCH_MAX 64u
#define CAPTURE_ASK_AGAIN (-2)

/* What the source knows of a frame's TCP, UDP or ICMP checksum. */
enum frame_checksum {
    FRAME_CHECKSUM_UNKNOWN,
    FRAME_CHECKSUM_GOOD,   /* the interface has checked the outermost one */
    FRAME_CHECKSUM_ABSENT, /* not filled in: the interface is to do that on the way out */
};

/* What the kernel or the interface counted of a flow without sending the packets up: all of a
 * shunted flow, and in mode xdp all that the program judged to carry nothing. By the two ends of
 * the flow's key, since the flow was first counted there: asking again tells the same and more.
 *
 * Where a TCP stream has come to is told by a sequence number, to which the worker finds the
 * offset: the one with these low 32 bits that is nearest to the payload bytes that came up, without
 * those sent again, and payload_bytes together. That is right until more than 2 GiB were sent
 * again. */
struct capture_unseen {
    uint64_t packets[2];
    uint64_t ip_bytes[2];      /* as struct packet's ip_len */
    uint64_t payload_bytes[2]; /* behind the transport header; TCP: without resent */
    bool has_seq[2];           /* TCP: there was payload, */
    uint32_t seq_end[2];       /* and one past its highest sequence number */
    bool has_ack[2];           /* there was a segment without payload */
    uint32_t resent[2];        /* segments with nothing but what was sent before */
    uint32_t zero_windows[2];  /* segments that offer no room */
    uint64_t last_ns;          /* since 1970, of the last of them; 0: there was none */
};

/* A process that has an end of a flow, as the kernel told with a packet. */
struct frame_process {
    uint32_t pid;  /* 0: not known */
    char name[16]; /* up to its NUL, if it has one */
};

/* One frame, borrowed until release. */
struct frame {
    const uint8_t *data;
    uint32_t caplen;   /* bytes at data */
    uint32_t wirelen;  /* bytes on the wire */
    uint64_t ts_ns;    /* capture time since 1970 */
    uint16_t linktype; /* LINKTYPE_ value (not DLT_) */
    uint16_t vlan_tci; /* VLAN tag that the kernel took out of the frame, 0 if none */
    bool outgoing;     /* sent by this host */
    uint8_t checksum;  /* enum frame_checksum */
    bool hashed;       /* `hash` is the flow_key_hash of the outermost packet, TCP or UDP */
    uint32_t hash;
    const struct frame_process *processes; /* [2], by the ends of its flow's key; NULL: unknown */
};

/* How a flow is shunted. */
struct capture_shunt {
    bool rises[2];        /* TCP: segments of this end come up */
    uint32_t rise_seq[2]; /* that reach this sequence number, within 2 GiB */
    uint32_t link_bytes;  /* in front of the IP header of its last packet; 0: not known */
    uint64_t since_ns;    /* told by the source: frames from then on are counted; 0: unknown */
};

/* What matters to who waits for a source. */
struct capture_waiting {
    enum capture_kind kind; /* whose options hold */
    bool wakes;             /* it has a descriptor that is ready when frames come */
    uint32_t holds;         /* frames that find room while nobody asks; 0: enough */
};

struct capture; /* a source's own state */

struct capture_ops {
    enum capture_kind kind;
    const char *name;
    bool counts_all; /* `unseen` knows of flows that were not shunted too */
    bool blind;      /* `unseen` knows packets, ip_bytes and last_ns, and `shunt` no rises */

    /* What needs the rights of root and can be done in this process alone, before they are given
     * up. 0 or -errno after printing. NULL: nothing does. */
    int (*prepare)(const struct heritage *h);

    /* In the process of a port node (NODE_PORT), after prepare: keeps the device for the workers
     * that read it, until *stop. The exit status. NULL: there is no such node. */
    int (*keep)(const struct heritage *h, const volatile int *stop);

    /* Returns 0 and *c, or -errno after printing what is wrong and what to do. */
    int (*open)(struct capture **c, const struct heritage *h, struct counters *counters);

    /* Up to max frames into out; never waits. Returns how many, 0 if there are none now, -ENODATA
     * at the end of the input, -EBADMSG if the input is broken from here (printed once, with the
     * place), -ENODEV if its device is gone and no interface of the kernel's tells the manager so
     * (printed once), else -errno (printed). */
    int (*recv)(struct capture *c, struct frame *out, uint32_t max);

    /* Gives the frames of the last recv back. */
    void (*release)(struct capture *c);

    /* Descriptor to poll when recv returned 0, asked for anew each time; -1: there is none, recv is
     * to be called again and again; CAPTURE_ASK_AGAIN: not now, something has come meanwhile. */
    int (*wait_fd)(struct capture *c);

    /* Corrects what its kind alone tells of how to wait for it. NULL: nothing. */
    void (*waiting)(const struct capture *c, struct capture_waiting *source);

    /* From now on the packets of this flow are counted and not sent up, but for FIN, RST and the
     * like (bpf/flows.h) and those that `how` names; how may be changed. NULL: all come up again,
     * and what was counted stays. 0; -ENOSPC if there is no room, -EPROTONOSUPPORT if it cannot
     * with such a flow, -ENOTSUP with none. If `blind`, it may find only later that there is no
     * room: then the packets come up, and it says so when it is asked again. The member is NULL:
     * the source cannot. */
    int (*shunt)(struct capture *c, const struct flow_key *key, struct capture_shunt *how);

    /* What was counted of this flow without being sent up; `end`: the flow is over, its place may
     * be used again. False: nothing was counted of it. NULL: the source sends everything up. */
    bool (*unseen)(struct capture *c, const struct flow_key *key, bool end,
                   struct capture_unseen *out);

    /* Packet time that the input has come to, 0 before the first: of what other workers were given
     * too. NULL: what this worker is given tells. */
    uint64_t (*input_ns)(const struct capture *c);

    /* Brings the counters that the source's kernel side keeps up to date. May be NULL. */
    void (*stats)(struct capture *c);

    void (*close)(struct capture *c);
};

/* The row for this kind, or NULL if it was not built in. */
const struct capture_ops *capture_find(enum capture_kind kind);

#endif
