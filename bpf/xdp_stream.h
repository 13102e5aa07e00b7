/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* What goes up of a direction, and when there is nothing more to learn from it.
 *
 * The first bytes go up, and of TLS all records until the first with application data, however many
 * there are before it. Then the direction is quiet, and only counted; what begins or ends a
 * connection always goes up, and so does DNS.
 *
 * A connection may follow on the same five-tuple. It begins anew with its SYN, or where sequence
 * numbers are far from those of before. */
#ifndef SPLIFF_BPF_XDP_STREAM_H
#define SPLIFF_BPF_XDP_STREAM_H

#include "bpf/flows_count.h"
#include "bpf/xdp_content.h"
#include "bpf/xdp_processes.h"

#define XDP_ACKS            16            /* segments without payload that go up */
#define XDP_HANDSHAKE_BYTES (128u * 1024) /* of TLS without application data */
#define XDP_RECORDS         8             /* of TLS that are looked at in a segment */
#define XDP_NEAR_BYTES      (64u << 20)

const volatile struct xdp_config xdp_config = {};

/* Flows that the worker wants no more of: a bit for each end. */
struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1); /* the loader's */
    __type(key, struct flows_key);
    __type(value, __u32);
} xdp_quiet SEC(".maps");

/* How many bytes of a direction go up: what nobody knows is given up earlier. */
static __always_inline __u32 xdp_stream_limit(const struct xdp_stream *s)
{
    if (s->content == XDP_UNKNOWN || s->content == XDP_HTTP3)
        return xdp_config.first_bytes / 4;
    return xdp_config.first_bytes;
}

/* Follows TLS's records through a segment in which one begins. True: one was application data. */
static __always_inline _Bool xdp_stream_records(struct xdp_stream *s, const struct packet_view *v,
                                                const struct packet *p)
{
    for (int i = 0; i < XDP_RECORDS; i++) {
        __u32 at = s->next_record - p->seq;
        PACKET_BYTES(b, 5);

        /* Not here, or cut: then no more is learned of where records are. */
        if (at >= p->payload_bytes || !xdp_load_payload(v, p, at, b, sizeof b))
            break;
        if (!xdp_is_tls_record(b)) {
            s->content = XDP_UNKNOWN;
            break;
        }
        if (b[0] == XDP_TLS_APPLICATION_DATA)
            return 1;
        s->next_record += sizeof b + packet_be16(b + 3);
    }
    return 0;
}

/* Whether the worker has said so. It is asked of each packet that is to go up, and of those only.
 */
static __always_inline _Bool xdp_stream_is_hushed(struct xdp_stream *s, const struct packet *p)
{
    const __u32 *ends = bpf_map_lookup_elem(&xdp_quiet, &p->key);

    if (ends && (*ends & 1 << p->from))
        s->quiet = 1;
    return s->quiet;
}

/* A segment with payload that goes up: what that says of those to come. */
static __always_inline void xdp_stream_read(struct xdp_stream *s, const struct packet_view *v,
                                            const struct packet *p)
{
    enum xdp_content content;
    _Bool enough = 0;

    if (s->content == XDP_UNKNOWN || s->content == XDP_HTTP1) { /* or a turn to TLS */
        content = xdp_content_tcp(v, p);
        if (content != XDP_UNKNOWN)
            s->content = content;
        if (content == XDP_TLS)
            s->next_record = p->seq;
    }
    s->up_bytes += p->payload_bytes;
    if (s->content == XDP_TLS)
        enough = xdp_stream_records(s, v, p) || s->up_bytes >= XDP_HANDSHAKE_BYTES;
    else if (s->content != XDP_DNS)
        enough = s->up_bytes >= xdp_stream_limit(s);
    if (enough)
        s->quiet = 1;
}

/* Whether what was said of the direction is of this connection. */
static __always_inline _Bool xdp_stream_is_near(const struct flows_value *v,
                                                const struct flows_end *e, const struct packet *p)
{
    return !flows_has(v, FLOWS_SEQ, p) || p->seq - e->seq_end + XDP_NEAR_BYTES < 2 * XDP_NEAR_BYTES;
}

/* Another connection: the processes were those of the one before. */
static __always_inline void xdp_stream_restart(struct xdp_flow *f, struct xdp_stream *s,
                                               const struct packet *p)
{
    *s = (struct xdp_stream){};
    __sync_fetch_and_and(&f->counted.flags, ~(FLOWS_SEQ << p->from));
    if (xdp_config.processes)
        bpf_map_delete_elem(&flow_processes, &p->key);
}

/* Whether a TCP segment goes up. */
static __always_inline _Bool xdp_tcp_rises(struct xdp_flow *f, const struct packet_view *v,
                                           const struct packet *p)
{
    struct xdp_stream *s = p->from ? &f->stream[1] : &f->stream[0];
    struct flows_end *e = p->from ? &f->counted.end[1] : &f->counted.end[0];

    if (p->tcp_flags & PACKET_SYN) {
        xdp_stream_restart(f, s, p);
        bpf_map_delete_elem(&xdp_quiet, &p->key);
        return 1;
    }
    if (p->tcp_flags & (PACKET_FIN | PACKET_RST))
        return 1;
    if (!xdp_stream_is_near(&f->counted, e, p))
        xdp_stream_restart(f, s, p);
    if (p->payload_bytes == 0)
        return s->acks < XDP_ACKS && !s->quiet && ++s->acks;
    if (s->quiet || xdp_stream_is_hushed(s, p))
        return 0;
    xdp_stream_read(s, v, p);
    return 1;
}

/* Whether a datagram goes up. */
static __always_inline _Bool xdp_udp_rises(struct xdp_flow *f, const struct packet_view *v,
                                           const struct packet *p)
{
    struct xdp_stream *s = p->from ? &f->stream[1] : &f->stream[0];
    enum xdp_content content;

    if (s->quiet) {
        PACKET_BYTES(b, 5);

        return xdp_load_payload(v, p, 0, b, sizeof b) && xdp_is_quic_long(b);
    }
    content = xdp_content_udp(v, p);
    if (content != XDP_UNKNOWN)
        s->content = content;
    if (content == XDP_DNS || content == XDP_QUIC)
        return 1;
    if (xdp_stream_is_hushed(s, p))
        return 0;
    s->up_bytes += p->payload_bytes + 1; /* empty ones are not without end, either */
    if (s->content != XDP_DNS && s->up_bytes >= xdp_stream_limit(s))
        s->quiet = 1;
    return 1;
}

/* Whether it is clear at once that the packet does not go up: so with nearly all of a long flow. */
static __always_inline _Bool xdp_flow_is_quiet(const struct xdp_flow *f, const struct packet *p)
{
    const struct xdp_stream *s = p->from ? &f->stream[1] : &f->stream[0];
    const struct flows_end *e = p->from ? &f->counted.end[1] : &f->counted.end[0];

    if (p->key.proto != PACKET_TCP)
        return s->quiet && p->short_header;
    if ((p->tcp_flags & (PACKET_SYN | PACKET_FIN | PACKET_RST)) ||
        !xdp_stream_is_near(&f->counted, e, p))
        return 0;
    return s->quiet || (p->payload_bytes == 0 && s->acks >= XDP_ACKS);
}

static __always_inline _Bool xdp_flow_rises(struct xdp_flow *f, const struct packet_view *v,
                                            const struct packet *p)
{
    return p->key.proto == PACKET_TCP ? xdp_tcp_rises(f, v, p) : xdp_udp_rises(f, v, p);
}

/* The packet went up: sent again, it is not new. Noted only then, for if the ring is full it is
 * counted, as new. f: NULL if there is no room for it. */
static __always_inline void xdp_flow_rose(struct xdp_flow *f, const struct packet *p)
{
    if (f && p->key.proto == PACKET_TCP && p->payload_bytes > 0 &&
        !(p->tcp_flags & (PACKET_SYN | PACKET_FIN | PACKET_RST)))
        flows_note_seq(&f->counted, p->from ? &f->counted.end[1] : &f->counted.end[0], p,
                       FLOWS_OF_ALL);
}

#endif
