/* SPDX-License-Identifier: BSD-3-Clause */
/* READ FIRST. One batch of frames, from capture to the spool:
 *
 *   capture      frames, borrowed from the ring or the file
 *   decode       frame -> packet: addresses, ports, payload; fragments are put together
 *   tunnel       the packets that it came in are counted, each with its own flow (tunnel.c)
 *   flow         packet -> flow: found, or begun; counted; its state and history
 *   reassembly   TCP segments -> ordered bytes and gaps
 *   detect       first bytes of a flow -> which analyzer (host.c)
 *   parse        ordered bytes -> records (host.c)
 *   correlate    times of packets, for the plaintext that comes another way (host_plain.c)
 *   shunt        flows from which nothing more can be learned are only counted where frames come
 *                from, and what was counted there joins them (shunt.c)
 *   screen       connections that did not come about, and oddities -> notices (host_notice.c)
 *   emit         records -> the spool, and from there to the logger
 *
 * All frames of a batch are decoded first, so that the memory of their flows can be asked for
 * before the first of them is needed. A datagram put together from fragments lies in a buffer that
 * the next one reuses: it ends its part of the batch. */
#include "worker/pipeline.h"

#include "worker/flow/conn.h"
#include "worker/host.h"
#include "worker/host_plain.h"
#include "worker/prefilter.h"
#include "worker/shunt.h"
#include "worker/tcp.h"
#include "worker/tunnel.h"

#include <netinet/in.h>

/* So many packets in a row, all so far behind the clock, are not late: the clock was set back, or
 * another capture follows in the file. */
#define CLOCK_BACK_NS      (60 * NS_PER_SEC)
#define CLOCK_BACK_PACKETS 256u

#define SURPLUS_ASKED 4u

/* Starts of flows of one five-tuple that are closer may be the same time stamp. */
#define START_APART_NS 1000u

/* Packets of which memory is asked for the frame, and for the flow, before they are needed: enough
 * to be there by then, and no more than a core can have on their way at once. */
#define FRAMES_AHEAD     4
#define FLOWS_AHEAD      8u
#define FRAME_HEADERS_AT 32 /* in the line that most of them lie in */

/* Flows that are looked at after a batch because their time is up, beside as many as have begun: to
 * end one costs as much as some packets, and packets that come meanwhile wait where there may be
 * little room. What is left is for the next batches, or for when there are none. A file waits, and
 * flows that are over are only memory there. */
#define EXPIRE_BUSY 4u

struct batch {
    struct frame frames[CAPTURE_BATCH_MAX];
    struct packet packets[CAPTURE_BATCH_MAX];
    uint32_t n_packets;
};

static uint64_t *flows_active(struct counters *c, uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return &c->flows_active_tcp;
    case IPPROTO_UDP:
        return &c->flows_active_udp;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return &c->flows_active_icmp;
    default:
        return &c->flows_active_other;
    }
}

static uint64_t *flows_begun(struct counters *c, uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return &c->flows_tcp;
    case IPPROTO_UDP:
        return &c->flows_udp;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        return &c->flows_icmp;
    default:
        return &c->flows_other;
    }
}

static void flow_log(struct worker *w, struct flow *f)
{
    const char *services[FLOW_SERVICES_MAX];
    struct conn_log_text text;
    struct tunnel_text parents;
    struct rec_conn r;

    if (f->log != FLOW_LOG_CONN)
        return;
    for (unsigned i = 0; i < FLOW_SERVICES_MAX; i++)
        services[i] = host_name(w, f->services[i]);
    conn_log_fill(&r, &text, f, &w->local_nets, services);
    tunnel_conn_fill(w, f, &r, &parents);
    host_record(w, f, RECORD_conn, &r);
}

void pipeline_flow_end(struct worker *w, struct flow *f)
{
    flow_table_prefetch_removal(&w->flows, f);
    host_learn_prefetch_end(w, f);
    if (shunt_covers(w, f))
        shunt_end(w, f);
    if (f->key.proto == IPPROTO_TCP)
        tcp_flush(w, f);
    if (f->joint > 0)
        host_plain_end(w, f);
    host_close(w, f);
    host_attempt(w, f);
    flow_log(w, f);
    if (f->joint > 0)
        host_plain_free(w, f);
    tunnel_end(w, f);
    host_learn_end(w, f);
    host_oddities_free(w, f);
    if (f->log == FLOW_LOG_CONN)
        --*flows_active(w->counters, f->key.proto);
    flow_table_remove(&w->flows, f);
}

static uint64_t flow_deadline(const struct worker *w, const struct flow *f)
{
    uint64_t deadline = f->seen_ns + conn_timeout_ns(f, w->options);
    uint64_t interval = w->options->conn_log_interval;

    if (interval > 0 && f->interim_ns + interval < deadline)
        deadline = f->interim_ns + interval;
    return deadline;
}

static void flow_count(struct worker *w, const struct flow *f)
{
    ++*flows_begun(w->counters, f->key.proto);
    ++*flows_active(w->counters, f->key.proto);
}

/* The flow that gives way to one of this hash; NULL if there is room. Flows that are counted below
 * only seem silent, so a few of them are asked first. */
static struct flow *flow_surplus(struct worker *w, uint32_t hash)
{
    struct flow *f = flow_table_surplus(&w->flows, hash), *before = NULL;

    for (unsigned i = 0; i < SURPLUS_ASKED && f && f != before && shunt_covers(w, f); i++) {
        shunt_join(w, f);
        before = f;
        f = flow_table_surplus(&w->flows, hash);
    }
    return f;
}

/* Flows of one five-tuple differ by their start, also where time stamps are coarse. */
static void start_apart(struct worker *w, struct flow *f)
{
    if (w->gone_ns >= f->start_ns && w->gone_ns - f->start_ns < START_APART_NS)
        f->start_ns = f->last_ns = w->gone_ns + 1;
    w->gone_ns = 0;
}

/* It has been silent for so long that what comes now is of another one. */
static bool is_over(struct worker *w, struct flow *f)
{
    uint64_t timeout = conn_timeout_ns(f, w->options);

    if (w->now_ns - f->seen_ns <= timeout)
        return false;
    if (shunt_covers(w, f))
        shunt_join(w, f);
    return w->now_ns - f->seen_ns > timeout;
}

static struct flow *flow_begin(struct worker *w, const struct packet *p, enum flow_log log)
{
    struct flow *f;

    while ((f = flow_surplus(w, p->hash))) {
        w->counters->flows_evicted += !is_over(w, f);
        pipeline_flow_end(w, f);
    }
    f = flow_table_insert(&w->flows, &p->key, p->hash, w->now_ns);
    f->log = (uint8_t)log;
    conn_begin(f, p);
    start_apart(w, f);
    w->flows_begun++;
    if (log == FLOW_LOG_CONN || log == FLOW_LOG_PLAIN)
        host_learn_begin(w, f);
    if (log == FLOW_LOG_CONN)
        flow_count(w, f);
    return f;
}

/* Another one is to begin in its place. */
static void flow_give_way(struct worker *w, struct flow *f)
{
    uint64_t start_ns = f->start_ns;

    pipeline_flow_end(w, f);
    w->gone_ns = start_ns;
}

/* The connection that was begun inside of f, which ends. */
static struct flow *flow_reopen(struct worker *w, struct flow *f, const struct reopen_syn *syn)
{
    const struct packet *p = &syn->packet;
    enum flow_log log = f->log;
    struct flow_end *from;

    flow_give_way(w, f);
    f = flow_begin(w, p, log);
    from = &f->end[p->from];
    conn_packet(f, p, p->from ^ f->orig);
    from->packets = syn->packets;
    from->ip_bytes = syn->ip_bytes;
    reassembly_start(&from->stream, p->tcp_seq + 1);
    flow_table_arm(&w->flows, f, flow_deadline(w, f));
    return f;
}

/* What becomes of a flow that may be over: the flow that the packet belongs to, or NULL if it
 * begins another one. */
static __attribute__((noinline)) struct flow *flow_go_on(struct worker *w, struct flow *f,
                                                         const struct packet *p)
{
    bool whole = p->result == DECODE_PACKET;
    struct reopen_syn syn;

    if (whole && f->log == FLOW_LOG_CONN && reopen_answered(&w->reopen, f, p, &syn))
        return flow_reopen(w, f, &syn);
    if (!(whole && conn_is_reused(f, p)) && !is_over(w, f))
        return f;
    flow_give_way(w, f);
    return NULL;
}

/* The flow in the table that the packet belongs to, unless that is over. */
static inline struct flow *flow_find(struct worker *w, const struct packet *p)
{
    struct flow *f = flow_table_find(&w->flows, &p->key, p->hash);
    bool goes_on = f && !(p->tcp_flags & TCP_SYN) && w->now_ns - f->seen_ns <= w->timeout_min_ns;

    return __builtin_expect(goes_on, 1) || !f ? f : flow_go_on(w, f, p);
}

/* … or a new one. */
static inline struct flow *flow_of(struct worker *w, const struct packet *p, enum flow_log log)
{
    struct flow *f = flow_find(w, p);

    return f ? f : flow_begin(w, p, log);
}

struct flow *pipeline_flow(struct worker *w, const struct packet *p)
{
    struct flow *f = flow_find(w, p);

    if (f)
        return f;
    f = flow_begin(w, p, FLOW_LOG_PLAIN);
    f->midstream = false; /* no packet is late */
    flow_table_arm(&w->flows, f, flow_deadline(w, f));
    return f;
}

/* The first packet of a flow that plaintext began: it has its uid by then, and so its start. */
static void flow_seen(struct worker *w, struct flow *f, const struct packet *p)
{
    uint64_t start_ns = f->start_ns;

    if (p->tcp_flags & TCP_SYN)
        conn_begin(f, p);
    else
        f->midstream = true;
    f->start_ns = start_ns;
    if (f->last_ns < start_ns)
        f->last_ns = start_ns;
    f->log = FLOW_LOG_CONN;
    flow_count(w, f);
    host_plain_seen(w, f);
}

static void packet_joined(struct worker *w, struct flow *f, const struct packet *p)
{
    if (f->log == FLOW_LOG_PLAIN)
        flow_seen(w, f, p);
    if (p->payload_wire_len > 0)
        host_plain_arrival(w, f, p->from, p->ts_ns);
}

/* Several workers share a file by flow, if whoever reads it could not; a live source has done so
 * before. */
static bool is_mine(const struct worker *w, uint32_t hash)
{
    return w->heritage->live || w->heritage->n_workers == 1 ||
           w->heritage->bucket_owner[hash % FLOW_BUCKETS] == w->heritage->worker_index;
}

/* The packets that p came in, outermost first. Returns the uid of the innermost. */
static __attribute__((noinline)) struct tunnel_uid hops_run(struct worker *w,
                                                            const struct packet *p)
{
    struct tunnel_uid parent = {0};

    for (unsigned i = 0; i < p->n_hops; i++) {
        struct packet outer = tunnel_outer(p, i);
        enum flow_log log = !is_mine(w, outer.hash)          ? FLOW_LOG_NEVER
                            : outer.key.proto == IPPROTO_UDP ? FLOW_LOG_CONN
                                                             : FLOW_LOG_TUNNEL;
        struct flow *f = flow_of(w, &outer, log);

        flow_table_touch(&w->flows, f, w->now_ns);
        if (f->end[0].packets + f->end[1].packets == 0)
            tunnel_orient(f);
        if (conn_packet(f, &outer, outer.from ^ f->orig) & CONN_BEGUN)
            flow_table_arm(&w->flows, f, flow_deadline(w, f));
        if (i > 0)
            tunnel_enclose(w, f, &parent);
        tunnel_carry(w, f, p, i);
        parent = tunnel_uid_of(w, f);
    }
    return parent;
}

/* A packet that was damaged on its way: the flow's history tells, and nothing else is believed. */
static void packet_corrupt(struct worker *w, struct flow *f, const struct packet *p)
{
    enum weird weird = p->key.proto == IPPROTO_TCP   ? WEIRD_BAD_TCP_CHECKSUM
                       : p->key.proto == IPPROTO_UDP ? WEIRD_BAD_UDP_CHECKSUM
                                                     : WEIRD_BAD_ICMP_CHECKSUM;

    conn_history_scaled(f, p->from ^ f->orig, CONN_CHECKSUM);
    if (f->log != FLOW_LOG_NEVER)
        host_weird(w, f, weird, NULL, "decode");
    if (f->end[0].packets + f->end[1].packets == 0)
        flow_table_arm(&w->flows, f, flow_deadline(w, f));
}

static void packet_content(struct worker *w, struct flow *f, const struct packet *p)
{
    unsigned events;

    frames_put(&w->frames, f, p->frame);
    w->shunt.packet = p;
    if (shunt_covers(w, f))
        shunt_before(w, f, p);
    if (__builtin_expect(f->joint > 0, 0))
        packet_joined(w, f, p);
    if (__builtin_expect(p->frame->processes != NULL, 0))
        host_plain_processes(w, f, p->frame->processes);
    events = conn_packet(f, p, p->from ^ f->orig);
    if (p->key.proto == IPPROTO_TCP)
        tcp_content(w, f, p, (p->tcp_flags & TCP_RST) && !(events & CONN_RST_IGNORED));
    else if (p->key.proto == IPPROTO_UDP && p->payload_len > 0)
        host_data(w, f, p->from, p->ts_ns, p->payload, p->payload_len);
    if (__builtin_expect(shunt_is_due(w, f->end[p->from].ip_bytes, p->ip_len), 0))
        shunt_decide(w, f);
    if (events == 0)
        return;
    if (events & (CONN_BEGUN | CONN_CLOSING))
        flow_table_arm(&w->flows, f, flow_deadline(w, f));
    for (unsigned odd = events >> CONN_ODDITIES; odd; odd &= odd - 1)
        host_weird_from(w, f, p->from, conn_oddity((unsigned)__builtin_ctz(odd)), NULL, "flow");
}

static void packet_run(struct worker *w, const struct packet *p)
{
    struct tunnel_uid parent;
    struct flow *f;
    bool mine;

    if (p->n_hops > 0)
        parent = hops_run(w, p);
    mine = is_mine(w, p->hash);
    if ((p->result != DECODE_PACKET && p->result != DECODE_BAD_CHECKSUM) || !(mine || p->carrier))
        return;
    f = flow_of(w, p, mine ? FLOW_LOG_CONN : FLOW_LOG_NEVER);
    flow_table_touch(&w->flows, f, w->now_ns);
    if (p->n_hops > 0)
        tunnel_enclose(w, f, &parent);
    if (p->result == DECODE_BAD_CHECKSUM)
        packet_corrupt(w, f, p);
    else if (mine)
        packet_content(w, f, p);
    else if (conn_packet(f, p, p->from ^ f->orig) & CONN_BEGUN)
        flow_table_arm(&w->flows, f, flow_deadline(w, f));
}

/* Packet time goes on with the packets. It goes back only over an empty table: what is known of the
 * flows is of another time. */
static void clock_follow(struct worker *w, uint64_t ts_ns)
{
    if (ts_ns > w->now_ns)
        w->now_ns = ts_ns;
    if (w->now_ns - ts_ns < CLOCK_BACK_NS) {
        w->behind = 0;
    } else if (++w->behind == CLOCK_BACK_PACKETS) {
        pipeline_finish(w);
        w->behind = 0;
        w->now_ns = ts_ns;
    }
}

/* Asks memory for the packet's flow, or for what beginning one looks at. */
static inline void flow_prefetch(struct worker *w, const struct packet *p)
{
    if (!flow_table_prefetch_flow(&w->flows, p->hash))
        host_learn_prefetch_begin(w, p);
}

/* Flow, reassembly, detect, parse, emit for the decoded packets so far. */
static void batch_process(struct worker *w, struct batch *b)
{
    uint32_t n = b->n_packets;

    for (uint32_t i = 0; i < FLOWS_AHEAD && i < n; i++)
        flow_prefetch(w, &b->packets[i]);
    for (uint32_t i = 0; i < n; i++) {
        if (i + FLOWS_AHEAD < n)
            flow_prefetch(w, &b->packets[i + FLOWS_AHEAD]);
        clock_follow(w, b->packets[i].ts_ns);
        packet_run(w, &b->packets[i]);
    }
    b->n_packets = 0;
}

static void batch_decode(struct worker *w, struct batch *b, const struct frame *frame)
{
    struct packet *p = &b->packets[b->n_packets];
    enum weird weird = WEIRDS;
    enum decode_result r;
    bool whole, mine;

    w->decoder.counters = frame->hashed ? w->counters : w->decode_counters;
    r = decode_frame(&w->decoder, frame, p, &weird);
    whole = r == DECODE_PACKET || r == DECODE_BAD_CHECKSUM;
    /* What has no five-tuple (ARP, a fragment that waits) is the first worker's. */
    mine = whole || weird != WEIRDS ? is_mine(w, p->hash) : w->heritage->worker_index == 0;

    if (prefilter_leaves_out(w, p, mine || w->heritage->live))
        return;
    if (weird != WEIRDS && mine && r != DECODE_BAD_CHECKSUM)
        host_weird_packet(w, p, weird);
    if (mine)
        frames_put_any(&w->frames, frame);
    if (whole && !mine)
        w->counters->capture_not_mine++;
    if (p->n_hops == 0 && !(whole && (mine || p->carrier)))
        return;
    flow_table_prefetch_slot(&w->flows, p->hash);
    b->n_packets++;
    if (p->reassembled)
        batch_process(w, b);
}

/* Where frames of one input go to several workers, it is as late for each as for all: a flow that
 * is silent ends although its worker has no other. */
static void clock_follow_input(struct worker *w)
{
    uint64_t input_ns = w->capture_ops->input_ns ? w->capture_ops->input_ns(w->capture) : 0;

    if (input_ns == w->input_ns)
        return; /* it was followed, and time may have gone back since */
    w->input_ns = input_ns;
    if (input_ns <= w->now_ns)
        return;
    w->now_ns = input_ns;
    pipeline_expire(w, PIPELINE_EXPIRE_IDLE);
}

int pipeline_run(struct worker *w)
{
    struct counters *c = w->counters;
    struct batch b;
    int n = w->capture_ops->recv(w->capture, b.frames, CAPTURE_BATCH_MAX);

    if (n == 0)
        clock_follow_input(w);
    if (n <= 0)
        return n;
    if (!wait_is_busy(&w->wait))
        wait_busy_begin(&w->wait, clock_mono_ns());
    b.n_packets = 0;
    decode_batch(&w->decoder);
    c->loop_batches++;
    c->capture_packets += (uint64_t)n;
    for (int i = 0; i < n; i++) {
        c->capture_bytes += b.frames[i].caplen;
        c->capture_wire_bytes += b.frames[i].wirelen;
        if (i + FRAMES_AHEAD < n)
            __builtin_prefetch(b.frames[i + FRAMES_AHEAD].data + FRAME_HEADERS_AT);
        batch_decode(w, &b, &b.frames[i]);
    }
    c->capture_last_ns = b.frames[n - 1].ts_ns;
    batch_process(w, &b);
    w->shunt.packet = NULL;
    w->capture_ops->release(w->capture);
    pipeline_expire(w, w->heritage->live ? EXPIRE_BUSY : PIPELINE_EXPIRE_IDLE);
    clock_follow_input(w);
    return n;
}

void pipeline_expire(struct worker *w, uint32_t max)
{
    struct flow *f = NULL;

    max += w->flows_begun;
    w->flows_begun = 0;
    while (max-- > 0 && (f = flow_table_expired(&w->flows, w->now_ns))) {
        uint64_t interval = w->options->conn_log_interval;

        if (shunt_covers(w, f))
            shunt_join(w, f);
        if (w->now_ns - f->seen_ns >= conn_timeout_ns(f, w->options)) {
            pipeline_flow_end(w, f);
            continue;
        }
        if (interval > 0 && w->now_ns - f->interim_ns >= interval) {
            flow_log(w, f);
            f->interim_ns += (w->now_ns - f->interim_ns) / interval * interval;
        }
        flow_table_arm(&w->flows, f, flow_deadline(w, f));
    }
    w->flows_due = f != NULL;
}

static bool is_answered(const struct worker *w, const struct flow *f)
{
    return f->question == 0 || f->connection > 0 || !learn_question_is_open(w->learn, f->question);
}

void pipeline_finish_certain(struct worker *w, uint32_t max)
{
    struct flow *f;

    while (max-- > 0 && (f = flow_table_longest_idle(&w->flows))) {
        if (is_answered(w, f))
            pipeline_flow_end(w, f);
        else
            flow_table_defer(&w->flows, f);
    }
}

void pipeline_finish(struct worker *w)
{
    struct flow *f;

    while ((f = flow_table_longest_idle(&w->flows)))
        pipeline_flow_end(w, f);
}
