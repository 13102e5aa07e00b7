/* SPDX-License-Identifier: BSD-3-Clause */
/* A shunted flow has an object beside it that remembers how much of what was counted has joined it
 * already, because the counts are never set back: packets go on being counted while they are read.
 *
 * Where a TCP stream stands is told by a sequence number, of which the upper half of the offset is
 * not known: it is the one nearest to the offset that the counted bytes lead to. So the stream goes
 * on exactly where the packets have come to, whatever was sent twice.
 *
 * A CPU knows only of what it has itself counted whether it is sent again. Of the rest, more bytes
 * were counted than the stream was led over: that tells that there was something, if not in how
 * many segments.
 *
 * A body of a known length is shunted up to its end: the segment that reaches it comes up, the
 * bytes before it are skipped, and then all comes up again.
 *
 * A source that is blind (capture.h) tells of a TCP stream only how many IP bytes there were. Where
 * it has come to is told by the next segment that comes up, whose sequence number and
 * acknowledgement are believed without a gap; or by nobody, and then its payload is reckoned in the
 * end from the size of the flow's headers. Bodies are not shunted there, for nothing would tell
 * when they are over.
 *
 * Not shunted: tunnels, whose packets lead to other flows; flows in tunnels, of which the capture
 * sees only the tunnel; and nothing at all where the packets themselves are asked for. */
#include "worker/shunt.h"

#include "common/base/tunnel_ports.h"
#include "worker/flow/conn.h"
#include "worker/host.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define SHUNT_NEVER          63         /* as a shift: no flow has so many bytes */
#define SHUNT_BODY_MAX_BYTES (1u << 30) /* a longer one comes up there, and is shunted again */
#define SHUNT_BODY_MIN_BYTES (2 * SHUNT_STEP_BYTES)
#define QUIC_LONG_FORM       0x80         /* what comes up of a shunted flow over UDP */
#define FRAME_WHOLE_BYTES    (72u * 1024) /* the longest: what is cut off is missed later */

#define ETHERNET_PAYLOAD_MIN 46u
#define VLAN_TAG_BYTES       4u

/* Headers as they are in most packets. */
#define IPV4_BYTES       20u
#define IPV6_BYTES       40u
#define UDP_BYTES        8u
#define TCP_BYTES        20u
#define TCP_STAMPS_BYTES 12u

#define RST_SLACK_BYTES (1u << 20) /* that a reset may be ahead of what was counted */

struct shunted {
    struct capture_unseen joined; /* of what was counted, that much is in the flow */
    struct capture_shunt how;     /* if it is shunted */
    uint64_t rise[2];             /* the same as offsets in the streams */
    bool is;                      /* shunted now */

    /* TCP: of all that there ever was, */
    uint64_t counted[2];  /* payload bytes that joined; */
    uint64_t led_over[2]; /* what the stream was led over without seeing it; */
    uint64_t surplus[2];  /* and so many more of the former, as history has told */

    /* The source is blind: */
    uint32_t header_bytes;    /* of a packet, from IP on */
    uint64_t far_ip_bytes[2]; /* counted since it was known where the stream stands, */
    uint64_t far_payload[2];  /* and what may be payload of them */
};

/* --- reasons --- */

static bool is_done(const struct worker *w, const struct flow *f)
{
    (void)w;
    return f->content == CONTENT_DONE && f->joint == 0;
}

static bool is_in_plaintext(const struct worker *w, const struct flow *f)
{
    (void)w;
    return f->content == CONTENT_DONE && f->joint > 0;
}

static bool is_unknown(const struct worker *w, const struct flow *f)
{
    (void)w;
    return f->content == CONTENT_UNKNOWN;
}

static bool is_elephant(const struct worker *w, const struct flow *f)
{
    return f->end[0].ip_bytes + f->end[1].ip_bytes >= w->options->shunt_threshold;
}

/* In this order: the first that holds is counted. */
static const struct reason {
    size_t option;  /* in struct options, a bool */
    size_t counter; /* in struct counters */
    bool (*holds)(const struct worker *w, const struct flow *f);
} reasons[] = {
    {offsetof(struct options, shunt_tls), offsetof(struct counters, shunt_tls), is_done},
    {offsetof(struct options, shunt_plaintext), offsetof(struct counters, shunt_plaintext),
     is_in_plaintext},
    {offsetof(struct options, shunt_unknown), offsetof(struct counters, shunt_unknown), is_unknown},
    {offsetof(struct options, shunt_elephant), offsetof(struct counters, shunt_elephant),
     is_elephant},
};
#define REASONS (sizeof reasons / sizeof reasons[0])

static bool is_wanted(const struct worker *w, const struct reason *r)
{
    return *(const bool *)(const void *)((const char *)w->options + r->option);
}

static uint64_t *counter_of(struct worker *w, const struct reason *r)
{
    return (uint64_t *)(void *)((char *)w->counters + r->counter);
}

/* What the capture counts by its ports is all of the flow's packets, and none of another. */
static bool is_by_itself(const struct flow *f)
{
    if (f->log != FLOW_LOG_CONN || f->tunnel > 0 || f->enclosed > 0)
        return false;
    return f->key.proto == IPPROTO_TCP ||
           (f->key.proto == IPPROTO_UDP && !tunnel_port(f->key.port[0]) &&
            !tunnel_port(f->key.port[1]));
}

static const struct reason *reason_of(const struct worker *w, const struct flow *f)
{
    if (!is_by_itself(f) || f->content == CONTENT_NEW || f->content == CONTENT_DETECT)
        return NULL;
    for (size_t i = 0; i < REASONS; i++)
        if (is_wanted(w, &reasons[i]) && reasons[i].holds(w, f))
            return &reasons[i];
    return NULL;
}

/* --- life --- */

int shunt_open(struct worker *w)
{
    const struct options *o = w->options;
    bool able = w->capture_ops->shunt && w->heritage->live && o->format != OUTPUT_PCAP;
    bool wanted = o->shunt_body;

    for (size_t i = 0; i < REASONS; i++)
        wanted |= is_wanted(w, &reasons[i]);
    w->shunt.step_shift = able && wanted ? SHUNT_STEP_SHIFT : SHUNT_NEVER;
    w->shunt.covers_all = w->capture_ops->counts_all;
    w->shunt.covers = w->shunt.covers_all || (able && wanted);
    if (!w->shunt.covers)
        return 0;
    return pool_init(&w->shunt.flows, sizeof(struct shunted),
                     (uint32_t)(w->shunt.covers_all ? o->flow_table_size : o->shunt_table_size));
}

void shunt_close(struct worker *w)
{
    if (w->shunt.covers)
        pool_fini(&w->shunt.flows);
}

/* The object beside the flow; NULL: there is no room for one. */
static struct shunted *shunted_of(struct worker *w, struct flow *f)
{
    if (f->shunt == 0) {
        uint32_t index = pool_get(&w->shunt.flows);

        if (index == POOL_NONE)
            return NULL;
        memset(pool_at(&w->shunt.flows, index), 0, sizeof(struct shunted));
        f->shunt = index + 1;
    }
    return pool_at(&w->shunt.flows, f->shunt - 1);
}

/* From IP on, as in most packets of the flow: if both ends agreed to it, TCP has time stamps. */
static uint32_t header_bytes_of(const struct flow *f)
{
    uint32_t ip = ipaddr_is_v4(&f->key.addr[0]) ? IPV4_BYTES : IPV6_BYTES;
    uint64_t packets = f->end[0].packets + f->end[1].packets, all_bytes, payload;

    if (f->key.proto != IPPROTO_TCP)
        return ip + UDP_BYTES;
    all_bytes = f->end[0].ip_bytes + f->end[1].ip_bytes;
    payload = reassembly_bytes(&f->end[0].stream) + reassembly_bytes(&f->end[1].stream);
    return all_bytes < payload + packets * (ip + TCP_BYTES + TCP_STAMPS_BYTES / 2)
               ? ip + TCP_BYTES
               : ip + TCP_BYTES + TCP_STAMPS_BYTES;
}

/* In front of the IP header of the packet at hand; short frames are filled up behind. */
static uint32_t link_bytes_of(const struct packet *p)
{
    if (!p || p->ip_len < ETHERNET_PAYLOAD_MIN || p->frame->wirelen < p->ip_len)
        return 0;
    return p->frame->wirelen - p->ip_len + (p->frame->vlan_tci ? VLAN_TAG_BYTES : 0);
}

static int ask_capture(struct worker *w, struct flow *f, struct shunted *s)
{
    int err;

    if (!s)
        return -ENOSPC;
    s->header_bytes = header_bytes_of(f);
    s->how.link_bytes = link_bytes_of(w->shunt.packet);
    err = w->capture_ops->shunt(w->capture, &f->key, &s->how);
    if (err == -ENOTSUP)
        w->shunt.step_shift = SHUNT_NEVER;
    return err;
}

/* Has the capture shunt the flow as s->how says. s NULL: there is no room for it. */
static bool begin(struct worker *w, struct flow *f, struct shunted *s)
{
    int err = ask_capture(w, f, s);

    if (err < 0 && err != -ENOTSUP && err != -EPROTONOSUPPORT)
        w->counters->shunt_full++;
    if (err < 0)
        return false;
    s->is = true;
    w->counters->shunt_active++;
    return true;
}

/* All comes up again. */
static void stop(struct worker *w, struct flow *f, struct shunted *s)
{
    (void)w->capture_ops->shunt(w->capture, &f->key, NULL);
    memset(&s->how, 0, sizeof s->how);
    s->is = false;
    w->counters->shunt_active--;
}

static void rise_at(struct shunted *s, const struct flow *f, unsigned end, uint64_t offset)
{
    s->how.rises[end] = true;
    s->how.rise_seq[end] = f->end[end].stream.base_seq + (uint32_t)offset;
    s->rise[end] = offset;
}

void shunt_body(struct worker *w, struct flow *f, unsigned end, uint64_t len)
{
    struct shunted *s;

    if (w->shunt.step_shift == SHUNT_NEVER || !w->options->shunt_body || w->shunt.covers_all ||
        w->capture_ops->blind || len < SHUNT_BODY_MIN_BYTES ||
        w->options->snaplen < FRAME_WHOLE_BYTES || !is_by_itself(f) || f->key.proto != IPPROTO_TCP)
        return;
    s = shunted_of(w, f);
    if (s && s->is)
        return;
    if (s) {
        if (len > SHUNT_BODY_MAX_BYTES)
            len = SHUNT_BODY_MAX_BYTES;
        rise_at(s, f, end, f->end[end].stream.next + len);
        rise_at(s, f, !end, f->end[!end].stream.next + 1); /* whatever that one says */
    }
    if (begin(w, f, s))
        w->counters->shunt_body++;
}

void shunt_datagrams(struct worker *w, struct flow *f)
{
    struct shunted *s;

    if (w->shunt.step_shift == SHUNT_NEVER || !w->options->shunt_tls || !is_by_itself(f))
        return;
    s = shunted_of(w, f);
    if ((!s || !s->is) && begin(w, f, s))
        w->counters->shunt_tls++;
}

static void note_shunted(struct worker *w, struct flow *f, const struct reason *r)
{
    ++*counter_of(w, r);
    if (f->content == CONTENT_ANALYZER) /* an elephant: from here on it would miss most */
        f->content = CONTENT_DONE;
}

/* Much of it comes up, so perhaps it was refused later. */
static void doubt(struct worker *w, struct flow *f, struct shunted *s)
{
    if (!w->capture_ops->blind || ask_capture(w, f, s) == 0)
        return;
    s->is = false;
    w->counters->shunt_active--;
}

void shunt_decide(struct worker *w, struct flow *f)
{
    const struct reason *r = reason_of(w, f);
    struct shunted *s = r ? shunted_of(w, f) : NULL;

    if (s && s->is)
        doubt(w, f, s);
    else if (r && begin(w, f, s))
        note_shunted(w, f, r);
}

/* --- joining --- */

/* The kernel had no room to remember the flow, and began to count it again from nothing. */
static bool began_again(const struct capture_unseen *now, const struct capture_unseen *before)
{
    for (unsigned end = 0; end < 2; end++)
        if (now->packets[end] < before->packets[end] ||
            now->ip_bytes[end] < before->ip_bytes[end] ||
            now->payload_bytes[end] < before->payload_bytes[end] ||
            now->resent[end] < before->resent[end] ||
            now->zero_windows[end] < before->zero_windows[end])
            return true;
    return false;
}

/* Where all flows are counted, the table drops the one that was silent longest, and what had not
 * joined of it is lost. That shows only of a flow of which something had: of another, nothing may
 * have been counted. */
static void note_eviction(struct worker *w, struct shunted *s, const struct capture_unseen *now)
{
    if (!began_again(now, &s->joined))
        return;
    s->joined = (struct capture_unseen){0};
    w->counters->capture_counts_evicted += w->shunt.covers_all;
}

/* Nothing is counted of the flow now. */
static void note_none(struct worker *w, const struct flow *f)
{
    const struct capture_unseen none = {0};

    if (f->shunt > 0 && w->shunt.covers_all)
        note_eviction(w, pool_at(&w->shunt.flows, f->shunt - 1), &none);
}

/* What is in `now` and not in `before`. */
static struct capture_unseen unseen_since(const struct capture_unseen *now,
                                          const struct capture_unseen *before)
{
    struct capture_unseen d = *now;

    for (unsigned end = 0; end < 2; end++) {
        d.packets[end] -= before->packets[end];
        d.ip_bytes[end] -= before->ip_bytes[end];
        d.payload_bytes[end] -= before->payload_bytes[end];
        d.resent[end] -= before->resent[end];
        d.zero_windows[end] -= before->zero_windows[end];
    }
    return d;
}

/* The stream goes on there. */
static void stream_skip(struct worker *w, struct flow *f, unsigned end, uint64_t to)
{
    struct stream *s = &f->end[end].stream;
    uint64_t before = s->next;

    if (to <= before || to > INT64_MAX)
        return;
    if (f->shunt > 0 && to > s->top)
        ((struct shunted *)pool_at(&w->shunt.flows, f->shunt - 1))->led_over[end] += to - s->top;
    reassembly_skip(&w->reassembly, s, to);
    host_skip(w, f, end, f->last_ns, s->next - before);
}

/* The stream goes on behind what was counted. */
static void stream_join(struct worker *w, struct flow *f, unsigned end,
                        const struct capture_unseen *u)
{
    struct stream *s = &f->end[end].stream;
    uint64_t to;

    if (!u->has_seq[end] || u->payload_bytes[end] == 0)
        return;
    reassembly_start(s, u->seq_end[end] - (uint32_t)u->payload_bytes[end]);
    to = s->top + u->payload_bytes[end];
    to += (uint64_t)(int64_t)(int32_t)(u->seq_end[end] - (s->base_seq + (uint32_t)to));
    stream_skip(w, f, end, to);
}

/* Whether something was sent again that was new to its CPU, after `news` has joined. */
static void tell_surplus(struct flow *f, struct shunted *s, unsigned end,
                         const struct capture_unseen *news)
{
    if (!news->has_seq[end])
        return;
    s->counted[end] += news->payload_bytes[end];
    if (s->counted[end] <= s->led_over[end] + s->surplus[end])
        return;
    s->surplus[end] = s->counted[end] - s->led_over[end];
    conn_history_scaled(f, end ^ f->orig, CONN_RETRANSMIT);
}

/* The source is blind: what may be payload of what is new. */
static void reckon(struct flow *f, struct shunted *s, struct capture_unseen *news)
{
    for (unsigned end = 0; end < 2; end++) {
        uint64_t headers = news->packets[end] * s->header_bytes;

        if (news->ip_bytes[end] > headers)
            news->payload_bytes[end] = news->ip_bytes[end] - headers;
        else if (news->packets[end] > 0)
            news->has_ack[end] = true;
        if (f->key.proto != IPPROTO_TCP)
            continue;
        s->far_ip_bytes[end] += news->ip_bytes[end];
        s->far_payload[end] += news->payload_bytes[end];
    }
}

/* Packets from before the flow was shunted are on their way yet: what was counted comes later. */
static bool is_early(const struct worker *w, const struct flow *f)
{
    const struct shunted *s = f->shunt > 0 ? pool_at(&w->shunt.flows, f->shunt - 1) : NULL;

    return s && w->now_ns < s->how.since_ns;
}

static void join(struct worker *w, struct flow *f, bool end)
{
    struct capture_unseen now, news;
    struct shunted *s;

    if (!end && is_early(w, f))
        return;
    if (!w->capture_ops->unseen(w->capture, &f->key, end, &now)) {
        note_none(w, f);
        return;
    }
    s = shunted_of(w, f);
    if (!s && !end)
        return; /* what joined now would join again */
    if (s)
        note_eviction(w, s, &now);
    news = s ? unseen_since(&now, &s->joined) : now;
    if (s)
        s->joined = now;
    if (news.packets[0] + news.packets[1] == 0)
        return;
    w->counters->shunt_packets += news.packets[0] + news.packets[1];
    w->counters->shunt_bytes += news.ip_bytes[0] + news.ip_bytes[1];
    if (w->capture_ops->blind && s)
        reckon(f, s, &news);
    conn_unseen(f, &news);
    for (unsigned i = 0; i < 2; i++)
        if (f->key.proto == IPPROTO_TCP) {
            stream_join(w, f, i, &news);
            if (s && !w->shunt.covers_all) /* else one value counts for all CPUs */
                tell_surplus(f, s, i, &news);
        } else if (news.packets[i] > 0)
            host_skip(w, f, i, f->last_ns, news.packets[i]);
    if (news.last_ns > f->seen_ns)
        flow_table_touch(&w->flows, f, news.last_ns < w->now_ns ? news.last_ns : w->now_ns);
}

static bool is_ahead(const struct stream *s, uint32_t seq)
{
    return s->started && (int32_t)(seq - (s->base_seq + (uint32_t)s->next)) > 0;
}

/* The source is blind, and the stream was said to have come to seq. */
static void believe(struct worker *w, struct flow *f, struct shunted *s, unsigned end, uint32_t seq,
                    const struct packet *p)
{
    const struct stream *to = &f->end[end].stream;
    uint64_t next = to->top + s->far_payload[end];

    if (!is_ahead(to, seq) || to->fin)
        return;
    next += (uint64_t)(int64_t)(int32_t)(seq - (to->base_seq + (uint32_t)next));
    if (next > INT64_MAX ||
        ((p->tcp_flags & TCP_RST) && next - to->next > s->far_ip_bytes[end] + RST_SLACK_BYTES))
        return;
    stream_skip(w, f, end, next);
    s->far_ip_bytes[end] = s->far_payload[end] = 0;
}

/* A segment of an end of which nothing was to come up before an offset: what it leaves out up to
 * there need not be counted yet, for segments overtake each other. Behind it all comes up. */
static void rise(struct worker *w, struct flow *f, struct shunted *s, const struct packet *p)
{
    uint32_t rise_seq = s->how.rise_seq[p->from];
    int32_t behind = (int32_t)(p->tcp_seq - rise_seq);

    if ((int32_t)(p->tcp_seq + p->payload_wire_len - rise_seq) < 0)
        return; /* it was on its way */
    if (behind > (int32_t)REASSEMBLY_JUMP_MAX && p->tcp_seq != f->end[p->from].stream.far_seq)
        return; /* of another connection, or forged, if none follows it */
    if (is_ahead(&f->end[p->from].stream, p->tcp_seq))
        stream_skip(w, f, p->from, s->rise[p->from] + (uint64_t)(int64_t)(behind < 0 ? behind : 0));
    stop(w, f, s);
}

/* Of a flow that was not seen from its beginning: only what was counted may be before it. */
static bool is_its_first(const struct flow *f, const struct flow_end *from, const struct packet *p)
{
    return f->shunt > 0 && !from->stream.started && !(p->tcp_flags & TCP_SYN) &&
           ((p->tcp_flags & TCP_FIN) || p->payload_wire_len > 0);
}

void shunt_before(struct worker *w, struct flow *f, const struct packet *p)
{
    const struct flow_end *from = &f->end[p->from], *to = &f->end[!p->from];
    struct shunted *s;

    if (from->packets + to->packets == 0)
        return; /* it begins: its own first packet is first */
    if (p->key.proto == IPPROTO_TCP &&
        (is_ahead(&from->stream, p->tcp_seq) || is_its_first(f, from, p) ||
         ((p->tcp_flags & TCP_ACK) && is_ahead(&to->stream, p->tcp_ack))))
        join(w, f, false);
    if (p->key.proto == IPPROTO_UDP && p->payload_len > 0 && (p->payload[0] & QUIC_LONG_FORM))
        join(w, f, false);
    s = f->shunt > 0 ? pool_at(&w->shunt.flows, f->shunt - 1) : NULL;
    if (w->capture_ops->blind && s && s->is && p->key.proto == IPPROTO_TCP &&
        !(p->tcp_flags & TCP_SYN)) {
        believe(w, f, s, p->from, p->tcp_seq, p);
        if (p->tcp_flags & TCP_ACK)
            believe(w, f, s, !p->from, p->tcp_ack, p);
    }
    if (s && s->is && s->how.rises[p->from] && p->payload_wire_len > 0)
        rise(w, f, s, p);
}

void shunt_join(struct worker *w, struct flow *f)
{
    join(w, f, false);
}

void shunt_end(struct worker *w, struct flow *f)
{
    struct shunted *s;

    join(w, f, true);
    if (f->shunt == 0)
        return;
    s = pool_at(&w->shunt.flows, f->shunt - 1);
    for (unsigned end = 0; end < 2; end++) /* nobody has told more */
        if (s->far_payload[end] > 0 && !f->end[end].stream.fin)
            stream_skip(w, f, end, f->end[end].stream.top + s->far_payload[end]);
    if (s->is)
        w->counters->shunt_active--;
    pool_put(&w->shunt.flows, f->shunt - 1);
    f->shunt = 0;
}
