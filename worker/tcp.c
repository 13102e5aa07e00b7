/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/tcp.h"

#include "worker/flow/conn.h"
#include "worker/host.h"
#include "worker/worker.h"

/* Who takes the bytes of one end during a packet. */
struct taker {
    struct worker *w;
    struct flow *f;
    unsigned end;
    uint64_t ts_ns;
    struct reassembly_out out;
};

static void take_data(void *arg, const uint8_t *data, size_t len)
{
    struct taker *t = arg;

    host_data(t->w, t->f, t->end, t->ts_ns, data, len);
    t->out.wanted = host_wants(t->w, t->f, t->end);
}

static void take_gap(void *arg, uint64_t len)
{
    struct taker *t = arg;

    t->f->end[t->end].missed_bytes += len;
    conn_history_scaled(t->f, t->end ^ t->f->orig, CONN_GAP);
    host_gap(t->w, t->f, t->end, t->ts_ns, len);
}

static void taker_init(struct taker *t, struct worker *w, struct flow *f, unsigned end,
                       uint64_t ts_ns)
{
    *t = (struct taker){w,
                        f,
                        end,
                        ts_ns,
                        {take_data, take_gap, t, host_wants(w, f, end), f->end[!end].packets == 0}};
}

static void segment(struct worker *w, struct flow *f, const struct packet *p, struct stream *s,
                    uint32_t seq)
{
    struct reassembly_in in = {seq, p->payload, p->payload_len, p->payload_wire_len};
    struct taker t;
    unsigned flags;

    if (!host_wants(w, f, p->from) && reassembly_count(s, seq, p->payload_wire_len))
        return;
    taker_init(&t, w, f, p->from, p->ts_ns);
    flags = reassembly_segment(&w->reassembly, s, &in, &t.out);
    if (flags == 0)
        return;
    if (flags & REASSEMBLY_BEHIND)
        conn_history_scaled(f, p->from ^ f->orig, CONN_RETRANSMIT);
    if (flags & REASSEMBLY_INCONSISTENT) {
        conn_history_inconsistent(f, p->from ^ f->orig);
        host_weird_from(w, f, p->from, WEIRD_TCP_OVERLAP_INCONSISTENT, NULL, "reassembly");
    }
    if (flags & REASSEMBLY_UNDERFLOW)
        host_weird(w, f, WEIRD_TCP_SEQ_UNDERFLOW, NULL, "reassembly");
    if (flags & REASSEMBLY_BOUND)
        host_weird(w, f, WEIRD_REASSEMBLY_BOUND, NULL, "reassembly");
}

/* Where the streams begin. A SYN need not have arrived: of several, the last one before the answer
 * counts, or rather the one that the answer is for. */
static void tcp_syn(struct flow *f, const struct packet *p)
{
    struct flow_end *s = &f->end[p->from], *peer = &f->end[!p->from];

    if (s->packets == 1 || peer->packets == 0 || s->stream.fin)
        reassembly_restart(&s->stream, p->tcp_seq + 1);
    if (s->packets == 1 && (p->tcp_flags & TCP_ACK) && peer->stream.started)
        reassembly_restart(&peer->stream, p->tcp_ack);
}

static void acknowledgement(struct worker *w, struct flow *f, const struct packet *p)
{
    struct stream *s = &f->end[!p->from].stream;
    struct taker t;
    unsigned flags;

    w->counters->tcp_acks++;
    if (reassembly_ack_delivered(s, p->tcp_ack))
        return;
    taker_init(&t, w, f, !p->from, p->ts_ns);
    flags = reassembly_ack(&w->reassembly, s, p->tcp_ack, &t.out);
    if (s->top == 0 && s->acked == 0)
        s->far_seq = p->tcp_ack; /* of an older connection: a reset may answer it */
    w->counters->tcp_ack_gaps += flags & REASSEMBLY_ACK_UNSEEN;
    if (flags & REASSEMBLY_ACK_UNDERFLOW)
        host_weird(w, f, WEIRD_TCP_ACK_UNDERFLOW, NULL, "reassembly");
}

void tcp_content(struct worker *w, struct flow *f, const struct packet *p, bool reset)
{
    struct stream *s = &f->end[p->from].stream;
    uint32_t seq = p->tcp_seq;

    if (p->tcp_flags & TCP_SYN) {
        tcp_syn(f, p);
        reopen_note(&w->reopen, f, p);
        seq++;
    }
    if (p->tcp_flags & TCP_ACK)
        acknowledgement(w, f, p);
    if (p->payload_wire_len > 0 && !(p->tcp_flags & TCP_RST))
        segment(w, f, p, s, seq);
    else if (p->payload_wire_len == 0 && !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
        reassembly_sent(s, seq);
    if (p->tcp_flags & TCP_FIN)
        reassembly_fin(s, seq + p->payload_wire_len);
    /* A reset ends what its sender says; what the peer had sent before it knew may still come. */
    if (reassembly_ended(s) || reset)
        host_end(w, f, p->from, p->ts_ns);
}

void tcp_flush(struct worker *w, struct flow *f)
{
    struct taker t;

    for (unsigned end = 0; end < 2; end++) {
        taker_init(&t, w, f, end, f->last_ns);
        reassembly_flush(&w->reassembly, &f->end[end].stream, &t.out);
        if (reassembly_ended(&f->end[end].stream))
            host_end(w, f, end, f->last_ns);
    }
}
