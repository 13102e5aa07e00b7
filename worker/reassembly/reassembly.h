/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segments -> ordered bytes and gaps (RFC 9293 section 3.4).
 *
 * Bytes that come in order are handed on where they lie. What comes early is copied and held,
 * within a bound a direction and a bound for all. A hole becomes a gap when it can no longer be
 * filled: the peer has acknowledged bytes beyond it (so it was received, but not by us), a bound is
 * reached, or the flow ends. The first bytes seen for an offset win; other content for it is
 * reported. A sequence number far ahead of the stream is a stray one, until a second segment
 * follows on it. */
#ifndef SPLIFF_WORKER_REASSEMBLY_H
#define SPLIFF_WORKER_REASSEMBLY_H

#include "common/base/pool.h"
#include "common/schema/counters.h"
#include "worker/flow/flow.h"

#include <stdbool.h>
#include <stdint.h>

#define REASSEMBLY_JUMP_MAX     (64u << 20) /* bytes ahead that one segment or ACK is believed */
#define REASSEMBLY_SEGMENTS_MAX 512u        /* held a direction; those that touch are one */
#define REASSEMBLY_BLIND_MAX    16u /* each counted, where the peer's ACKs are not captured */

/* Bytes of those that are held as one. */
#define REASSEMBLY_SEGMENT_BYTES_MAX (REASSEMBLY_JUMP_MAX / REASSEMBLY_SEGMENTS_MAX)

struct reassembly {
    struct pool segments;
    struct bufpool *bufs; /* shared with the analyzers; not owned */
    struct counters *counters;
    uint32_t flow_bytes_max;
};

/* Who takes the bytes of one direction. */
struct reassembly_out {
    void (*data)(void *arg, const uint8_t *data, size_t len);
    void (*gap)(void *arg, uint64_t len);
    void *arg;
    bool wanted; /* false: bytes are counted, not kept; data() may clear it */
    bool blind;  /* the peer was never seen */
};

struct reassembly_in {
    uint32_t seq; /* of the first payload byte */
    const uint8_t *data;
    uint32_t len;      /* captured */
    uint32_t wire_len; /* sent: >= len */
};

enum {
    REASSEMBLY_RETRANSMIT = 1,   /* some bytes were known already */
    REASSEMBLY_INCONSISTENT = 2, /* and differ from those held */
    REASSEMBLY_BOUND = 4,        /* a bound turned a hole into a gap */
    REASSEMBLY_BEHIND = 8,       /* all bytes lie behind the highest seen: sent again, or late */
    REASSEMBLY_UNDERFLOW = 16,   /* before the beginning of the stream */
};

/* memory_bytes bounds the number of held segments; their bytes come from bufs. 0 or -ENOMEM. */
int reassembly_init(struct reassembly *r, struct bufpool *bufs, uint64_t memory_bytes,
                    uint32_t flow_bytes_max, struct counters *counters);
void reassembly_fini(struct reassembly *r);

/* The stream's first byte has this sequence number (SYN seen: ISN + 1). Later calls do nothing. */
void reassembly_start(struct stream *s, uint32_t seq);

/* The same, but a later call counts for as long as no byte of the stream was seen. */
void reassembly_restart(struct stream *s, uint32_t seq);

/* One segment with payload. Returns REASSEMBLY_ flags. */
unsigned reassembly_segment(struct reassembly *r, struct stream *s, const struct reassembly_in *in,
                            struct reassembly_out *out);

/* A segment whose bytes nobody wants, where nothing is missing: that is only counted. False: it is
 * not such a one. */
static inline bool reassembly_count(struct stream *s, uint32_t seq, uint32_t wire_len)
{
    if (!s->started || s->held_head != POOL_NONE || seq != s->base_seq + (uint32_t)s->next ||
        s->next + wire_len <= s->top)
        return false;
    s->next += wire_len;
    s->top = s->next;
    return true;
}

/* A segment without payload has this sequence number: bytes before it were sent. */
void reassembly_sent(struct stream *s, uint32_t seq);

/* What an ACK tells. */
enum {
    REASSEMBLY_ACK_UNSEEN = 1,    /* of bytes never seen here */
    REASSEMBLY_ACK_UNDERFLOW = 2, /* of what lies before the beginning of the stream */
};

/* An acknowledgement of what was delivered, where nothing is held. False: it is not such a one. */
static inline bool reassembly_ack_delivered(struct stream *s, uint32_t ack)
{
    uint32_t behind = s->base_seq + (uint32_t)s->next - ack;

    if (!s->started || s->held_head != POOL_NONE || behind > INT32_MAX || behind > s->next)
        return false;
    if (s->next - behind > s->acked)
        s->acked = s->next - behind;
    return true;
}

/* The peer acknowledged everything before seq. Returns REASSEMBLY_ACK_ flags. */
unsigned reassembly_ack(struct reassembly *r, struct stream *s, uint32_t ack,
                        struct reassembly_out *out);

/* A FIN after the byte before seq; not believed if bytes behind it were seen, or none near it. */
void reassembly_fin(struct stream *s, uint32_t seq);

/* True once, when everything up to the FIN has been delivered. */
bool reassembly_ended(struct stream *s);

/* The end: delivers all that is held with the gaps between, and the gap behind it. */
void reassembly_flush(struct reassembly *r, struct stream *s, struct reassembly_out *out);

/* Bytes up to offset `to` were sent and need not be seen: the stream goes on there, without a gap,
 * or behind what is held and joins it, which is dropped. */
void reassembly_skip(struct reassembly *r, struct stream *s, uint64_t to);

/* Payload bytes by sequence number: what conn.log counts for TCP. */
static inline uint64_t reassembly_bytes(const struct stream *s)
{
    return s->top;
}

#endif
