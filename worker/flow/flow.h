/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow: all packets of one five-tuple until it ends or falls silent.
 *
 * A side is 0 = originator or 1 = responder; an end is 0 or 1 as the key orders its endpoints.
 * State is kept by end and `orig` says which end is the originator, so a flow that was taken the
 * wrong way round is flipped by one bit, in the middle of a packet if need be.
 * Flows live in the table's pool (flow_table.h); an index is stable for a flow's life. */
#ifndef SPLIFF_WORKER_FLOW_H
#define SPLIFF_WORKER_FLOW_H

#include "common/base/flow_key.h"
#include "common/base/pool.h"
#include "worker/flow/wheel.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_HISTORY_MAX  24u
#define FLOW_SERVICES_MAX 4u

enum { FLOW_ORIG, FLOW_RESP };

/* State of one endpoint, with Zeek's meanings: conn_state derives from the pair. */
enum endpoint_state {
    ENDPOINT_INACTIVE,
    ENDPOINT_ACTIVE, /* not TCP: has sent */
    ENDPOINT_SYN_SENT,
    ENDPOINT_SYN_ACK_SENT,
    ENDPOINT_PARTIAL, /* first seen in the middle */
    ENDPOINT_ESTABLISHED,
    ENDPOINT_CLOSED,
    ENDPOINT_RESET,
};

/* Events that history shows at their 1st, 10th, 100th … time. */
enum { SCALED_CHECKSUM, SCALED_GAP, SCALED_RETRANSMIT, SCALED_ZERO_WINDOW, SCALED_EVENTS };

/* One direction's bytes: offsets are relative to the first payload byte, so they never wrap. */
struct stream {
    uint64_t next;      /* offset of the next byte to deliver */
    uint64_t top;       /* one past the highest byte seen */
    uint64_t acked;     /* one past the highest byte that the peer acknowledged */
    uint32_t base_seq;  /* sequence number of offset 0 */
    uint32_t held_head; /* out-of-order segments by offset, index in the reassembly's pool */
    uint16_t held_count;
    bool started; /* base_seq is known */
    bool fin;     /* a FIN was seen, at offset `top` as it was then */
    bool ended;   /* its end was delivered */
    /* not touched by segments in order */
    uint32_t far_seq;    /* where a segment far ahead of the stream ended */
    uint32_t held_bytes; /* with data, of those held */
};

struct flow_end {
    uint64_t packets;
    uint64_t ip_bytes;
    uint8_t state;         /* enum endpoint_state */
    uint16_t history_seen; /* letters already there, bit a letter (conn.c) */
    uint32_t history_seq;  /* sequence number of the last S, H, F or R in history */
    struct stream stream;
    union {
        uint64_t missed_bytes;  /* TCP: in gaps; its payload is counted by sequence in `stream` */
        uint64_t payload_bytes; /* not TCP: as the headers say */
    };
    uint16_t scaled[SCALED_EVENTS];
};

/* Where a flow is told of. */
enum flow_log {
    FLOW_LOG_CONN,
    FLOW_LOG_TUNNEL, /* a tunnel over IP: in tunnel.log */
    FLOW_LOG_PLAIN,  /* only plaintext has told of it: its packets were not seen */
    FLOW_LOG_NEVER,  /* another worker's, followed because flows of this one may lie in it */
};

/* Life of what reads the content. */
enum flow_content {
    CONTENT_NEW,      /* no payload yet */
    CONTENT_DETECT,   /* first bytes are held by detection */
    CONTENT_ANALYZER, /* an analyzer reads it */
    CONTENT_DONE,     /* the analyzer wants no more bytes, or is not given any */
    CONTENT_UNKNOWN,  /* nobody knows it: bytes are only counted */
};

struct flow {
    /* touched by every packet */
    struct flow_key key;
    uint32_t joint;   /* with its plaintext: of correlate.h, index + 1 there, or 0 */
    uint8_t orig;     /* end that is the originator */
    uint8_t content;  /* enum flow_content */
    uint8_t analyzer; /* index in analyzers[] when content says there is one */
    bool midstream;   /* TCP: the beginning was not seen */
    uint64_t seen_ns; /* the worker's clock at the last packet: what timeouts count from */
    uint64_t last_ns; /* time stamp of the last packet */
    struct flow_end end[2];

    /* the rest rarely */
    uint64_t start_ns;
    uint32_t hash;
    uint32_t oddities;   /* names already reported: index + 1 in the worker's pool, or 0 */
    uint32_t resolved;   /* name that led here: reference of learn.h, or 0 */
    uint32_t connection; /* QUIC connection that this is a path of: the same */
    uint32_t tunnel;     /* that it carries: index + 1 in the worker's pool, or 0 */
    uint32_t enclosed;   /* tunnels that it came in: the same */
    uint32_t state;      /* index in the analyzer's pool, or of the detection's */
    struct wheel_link wheel;
    uint32_t idle_next, idle_prev;
    uint32_t frames_head; /* frames held for --format pcap, newest first (frames.h) */
    uint64_t interim_ns;  /* the worker's clock at its last conn.log line, first at its begin */
    uint8_t frames_held;
    uint8_t services[FLOW_SERVICES_MAX]; /* index + 1 in the worker's table of names */
    uint8_t category;                    /* enum category */
    uint8_t history_len;
    char history[FLOW_HISTORY_MAX];
    uint8_t log : 2;         /* enum flow_log */
    uint8_t frames_fate : 2; /* enum frames_fate */
    bool handshake : 1;      /* TCP: a SYN has told who is the originator */
    bool swapped : 1;        /* the responder is the client of the analyzer (host.c) */
    uint8_t named_orig : 1;  /* `orig` when the name was looked for */
    uint32_t question;       /* asked of other workers for it: of learn.h, or 0 */
    uint32_t shunt;          /* packets of it are counted elsewhere: of shunt.h, index + 1, or 0 */
};

/* Where a packet's part of a flow ends, counted from the flow's beginning: four cache lines. */
#define FLOW_HOT_BYTES 224u

_Static_assert(offsetof(struct flow, end[1].stream.far_seq) <= FLOW_HOT_BYTES, "packets' part");
_Static_assert(sizeof(struct flow) <= 352, "a million flows are meant to fit in 400 MB");
_Static_assert(sizeof(struct flow) % 32 == 0, "the packets' part begins in or on a cache line");

static inline struct flow_end *flow_side(struct flow *f, unsigned side)
{
    return &f->end[f->orig ^ side];
}

static inline const struct flow_end *flow_side_const(const struct flow *f, unsigned side)
{
    return &f->end[f->orig ^ side];
}

static inline const struct ipaddr *flow_addr(const struct flow *f, unsigned side)
{
    return &f->key.addr[f->orig ^ side];
}

static inline uint16_t flow_port(const struct flow *f, unsigned side)
{
    return f->key.port[f->orig ^ side];
}

#endif
