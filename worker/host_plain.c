/* SPDX-License-Identifier: BSD-3-Clause */
/* One connection, two views. The packets' view has the flow and its TLS handshake; the plaintext's
 * view has, from a process at one end or from both, what was read and written inside. Here the
 * second becomes a content of the first:
 *
 *   open    the flow of the session's five-tuple, or a new one without packets; the session is put
 *           at the process's end of it
 *   data    the first session of a flow that shows any is its reader: what it read and wrote goes
 *           to a child of the flow's own analyzer (host_child.c), which detection finds by content.
 *           A second session only counts, and tells who the peer is: a transaction is told once
 *   close   the process is done with it
 *
 * A session is logged when its flow ends. It may go on after that, with the next flow of the same
 * five-tuple; and a newer session at the same end displaces it (TLS inside TLS, a probe that was
 * started again, a child that its parent leaves the connection to): the newest one is what is said
 * innermost, or now.
 *
 * Records of all this are host_plain_log.c's. */
#include "worker/host_plain_private.h"

#include "common/base/log.h"
#include "worker/flow/conn.h"
#include "worker/host_call.h"
#include "worker/pipeline.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEMS_A_RUN     2048u
#define LATE_NS         (2 * NS_PER_SEC) /* a session this much younger than its flow began late */
#define FOREIGN_MIX     UINT32_C(0x9e3779b1) /* takes flows of other networks to other places */
#define OWNED_TOPIC     "event/owned/%s/"
#define OWNED_TOPIC_MAX 128

int host_plain_open(struct worker *w)
{
    const struct heritage *h = w->heritage;
    struct host_plain *p = w->plain = calloc(1, sizeof *p);
    int tls = host_analyzer_find("tls"), rc;
    char topic[OWNED_TOPIC_MAX];

    if (!p)
        return -ENOMEM;
    p->tls = tls < 0 ? UINT8_MAX : (uint8_t)tls;
    w->counters->plain_sessions_active = 0;
    snprintf(topic, sizeof topic, OWNED_TOPIC, h->node);
    rc = correlate_open(&p->correlate, w->options, w->counters);
    if (rc < 0)
        log_error("cannot map memory for TLS sessions: lower plaintext_table_size");
    else
        rc = bus_subscribe(w->bus, topic);
    if (rc == 0)
        rc = plaintext_input_open(&p->input, h, w->counters);
    if (rc < 0)
        host_plain_close(w);
    return rc;
}

void host_plain_close(struct worker *w)
{
    if (!w->plain)
        return;
    plaintext_input_close(w->plain->input);
    correlate_close(w->plain->correlate);
    free(w->plain);
    w->plain = NULL;
}

int host_plain_fd(const struct worker *w)
{
    return plaintext_input_fd(w->plain->input);
}

uint64_t host_plain_oldest_ns(const struct worker *w)
{
    return plaintext_input_oldest_ns(w->plain->input);
}

/* --- the end of sessions and flows --- */

/* What reads the plaintext is closed before the sessions that its last records tell of are gone. */
static const char *reader_close(struct worker *w, struct flow *f, struct correlate_joint *j,
                                uint64_t ts_ns)
{
    const char *protocol = host_child_name(w, j->child);
    struct host_call c;

    host_call_init(&c, w, f, ts_ns, 0);
    host_child_close(&c.ctx, j->child);
    j->child = 0;
    return protocol;
}

/* The session leaves its flow, which goes on: what it said is told. */
static void session_leave(struct worker *w, struct flow *f, struct correlate_session *s)
{
    struct correlate_joint *j = host_plain_joint(w, f);
    const char *protocol = host_child_name(w, j->child);
    bool reader = j->reader == s->end;

    if (reader)
        reader_close(w, f, j, s->last_ns);
    host_plain_log(w, f, j, s, protocol);
    correlate_detach(w->plain->correlate, f, s);
    if (reader) {
        j->reader = -1;
        j->refused = false;
    }
}

void host_plain_end(struct worker *w, struct flow *f)
{
    struct correlate_joint *j = host_plain_joint(w, f);
    const char *protocol;

    host_unhooked_end(w, f, j);
    protocol = reader_close(w, f, j, f->last_ns);
    for (unsigned end = 0; end < 2; end++) {
        const struct correlate_session *s = j->session[end];

        if (s)
            host_plain_log(w, f, j, s, protocol);
    }
}

void host_plain_free(struct worker *w, struct flow *f)
{
    struct correlate_joint *j = host_plain_joint(w, f);

    for (unsigned end = 0; end < 2; end++)
        if (j->session[end])
            correlate_detach(w->plain->correlate, f, j->session[end]);
    correlate_end(w->plain->correlate, f);
}

/* --- sessions and their flows --- */

/* The flow that a packet from the process to its peer would belong to. The packets of another
 * network's loopback are not seen here: they must not be mixed up with ours. */
static struct flow *flow_of(struct worker *w, const struct plaintext_session *s, uint64_t ts_ns,
                            unsigned *end)
{
    struct packet p = {.ts_ns = ts_ns, .result = DECODE_PACKET};

    p.from = (uint8_t)flow_key_set(&p.key, &s->local, s->local_port, &s->remote, s->remote_port,
                                   IPPROTO_TCP);
    p.hash = flow_key_hash(&p.key, w->decoder.seed) ^ s->foreign * FOREIGN_MIX;
    *end = p.from;
    return pipeline_flow(w, &p);
}

static void flow_release(struct worker *w, struct flow *f)
{
    const struct correlate_joint *j = host_plain_joint(w, f);

    if (f->log == FLOW_LOG_PLAIN && (!j || ((!j->session[0] || j->session[0]->closed) &&
                                            (!j->session[1] || j->session[1]->closed))))
        pipeline_flow_end(w, f);
}

static bool is_same_process(const struct plaintext_session *a, const struct plaintext_session *b)
{
    return a->process.pid == b->process.pid && a->local_port == b->local_port &&
           a->remote_port == b->remote_port && memcmp(&a->local, &b->local, sizeof a->local) == 0 &&
           memcmp(&a->remote, &b->remote, sizeof a->remote) == 0;
}

/* Another session has its number or its place: it is a thing of the past. */
static void session_displace(struct worker *w, struct correlate_session *s)
{
    s->displaced = true;
    if (s->flow > 0)
        session_leave(w, flow_table_at(&w->flows, s->flow - 1), s);
}

static void on_open(struct worker *w, const struct plaintext_item *item)
{
    struct correlate *c = w->plain->correlate;
    struct correlate_session *s = correlate_find(c, item->session), *before;
    uint64_t offset[2] = {0, 0};
    struct flow *f;
    unsigned end;

    if (s && is_same_process(&s->facts, &item->open)) {
        if (!s->closed)
            return; /* told again, as the worker may have been a new one */
        memcpy(offset, s->offset, sizeof offset); /* the probe had no room for it for a while */
    }
    if (s) {
        session_displace(w, s);
        if (correlate_find(c, item->session) == s)
            correlate_close_session(c, s);
    }
    f = flow_of(w, &item->open, item->ts_ns, &end);
    before = host_plain_joint(w, f) ? host_plain_joint(w, f)->session[end] : NULL;
    if (before)
        session_displace(w, before);
    s = correlate_join(c, f, pool_index(&w->flows.flows, f), end, item);
    if (s)
        memcpy(s->offset, offset, sizeof offset);
    if (s && f->log != FLOW_LOG_PLAIN)
        w->counters->plain_joined++;
    flow_release(w, f);
}

void host_plain_seen(struct worker *w, const struct flow *f)
{
    const struct correlate_joint *j = host_plain_joint(w, f);

    w->counters->plain_joined += (j->session[0] != NULL) + (j->session[1] != NULL);
}

/* The session's flow; NULL if it has none. A flow that fell silent is succeeded by the next one. */
static struct flow *flow_again(struct worker *w, struct correlate_session *s, uint64_t ts_ns)
{
    struct flow *f;
    unsigned end;

    if (s->flow > 0)
        return flow_table_at(&w->flows, s->flow - 1);
    if (s->displaced)
        return NULL;
    f = flow_of(w, &s->facts, ts_ns, &end);
    if (correlate_rejoin(w->plain->correlate, f, pool_index(&w->flows.flows, f), s))
        return f;
    flow_release(w, f);
    return NULL;
}

/* --- what was read and written --- */

/* What a process wrote it said when it called, what it read it had when the call was done. */
static uint64_t said_ns(const struct plaintext_item *item)
{
    return item->data.write && item->data.entry_ns > 0 ? item->data.entry_ns : item->ts_ns;
}

/* Packets that can be read by themselves are: a library's functions may serve other things than
 * TLS. */
static bool is_readable(const struct worker *w, const struct flow *f)
{
    return (f->content != CONTENT_ANALYZER && f->content != CONTENT_DONE) ||
           f->analyzer == w->plain->tls;
}

/* Whether the session may have begun before its first plaintext here. Where its handshake was not
 * seen in packets nobody knows: then what it says shows if it is the beginning. */
static bool may_be_late(const struct worker *w, const struct flow *f,
                        const struct correlate_session *s)
{
    bool handshake = (f->content == CONTENT_ANALYZER || f->content == CONTENT_DONE) &&
                     f->analyzer == w->plain->tls;

    return !handshake || f->midstream || s->offset[0] + s->offset[1] > 0 ||
           s->first_ns > f->start_ns + LATE_NS;
}

static void reader_open(struct worker *w, struct flow *f, const struct correlate_session *s)
{
    struct correlate_joint *j = host_plain_joint(w, f);

    j->reader = s->end;
    j->zero = j->client = f->orig ^ f->swapped;
    if (!is_readable(w, f)) {
        j->refused = true;
        return;
    }
    host_service(w, f, "ssl");
    if (f->category == CATEGORY_unknown)
        f->category = CATEGORY_other_tls;
    j->child = host_child_open_plain(w, f, may_be_late(w, f, s));
    j->refused = j->child == 0;
}

void host_plain_detected(struct worker *w, struct flow *f, bool swapped)
{
    struct correlate_joint *j = host_plain_joint(w, f);

    j->client = j->zero ^ swapped;
    if (f->log == FLOW_LOG_PLAIN)
        f->orig = j->client;
    else if (!f->handshake && f->content != CONTENT_ANALYZER && (f->orig ^ f->swapped) != j->client)
        conn_flip(f);
}

bool host_plain_is_read(const struct worker *w, const struct flow *f)
{
    return host_child_name(w, host_plain_joint(w, f)->child) != NULL;
}

static void read_gap(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len)
{
    struct correlate_joint *j = host_plain_joint(w, f);
    struct host_call c;

    host_call_init(&c, w, f, ts_ns, 0);
    host_child_gap(&c.ctx, j->child, end ^ j->zero, len);
}

static void read_data(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                      struct str bytes)
{
    struct correlate_joint *j = host_plain_joint(w, f);
    struct host_call c;

    host_call_init(&c, w, f, ts_ns, 0);
    host_child_data(&c.ctx, j->child, end ^ j->zero, (const uint8_t *)bytes.p, bytes.len);
}

/* Counts up to an offset: bytes before it have not come. Returns how many. */
static uint64_t session_skip(struct worker *w, struct correlate_session *s, unsigned direction,
                             uint64_t offset)
{
    uint64_t missed = offset > s->offset[direction] ? offset - s->offset[direction] : 0;

    s->offset[direction] += missed;
    s->missed[direction] += missed;
    w->counters->plain_missed_bytes += missed;
    return missed;
}

static void session_take(struct worker *w, struct correlate_session *s,
                         const struct plaintext_item *item)
{
    unsigned direction = item->data.write;
    uint32_t len = item->data.bytes.len;

    if (s->calls[0] + s->calls[1] == 0)
        s->first_ns = item->ts_ns;
    s->last_ns = item->ts_ns;
    s->calls[direction]++;
    s->bytes[direction] += len;
    s->offset[direction] += len;
    w->counters->plain_bytes += len;
}

/* Bytes of a session, and how many before them have not come, to whoever reads the flow. */
static void data_read(struct worker *w, struct flow *f, struct correlate_session *s,
                      const struct plaintext_item *item, uint64_t missed)
{
    const struct correlate_joint *j = host_plain_joint(w, f);
    unsigned end = item->data.write ? s->end : !s->end;

    if (f->log == FLOW_LOG_PLAIN)
        flow_table_touch(&w->flows, f, w->now_ns);
    if (!item->data.write)
        correlate_read(w->plain->correlate, f, s, item->ts_ns);
    if (j->reader != s->end || j->refused)
        return;
    if (missed > 0)
        read_gap(w, f, end, said_ns(item), missed);
    read_data(w, f, end, said_ns(item), item->data.bytes);
}

static void on_data(struct worker *w, const struct plaintext_item *item)
{
    struct correlate_session *s = correlate_find(w->plain->correlate, item->session);
    unsigned direction = item->data.write;
    struct flow *f;
    uint64_t missed;

    if (!s) {
        w->counters->plain_stray++;
        return;
    }
    if (item->data.offset < s->offset[direction] || item->data.bytes.len == 0)
        return; /* it was here before */
    f = flow_again(w, s, item->ts_ns);
    if (f && host_plain_joint(w, f)->reader < 0)
        reader_open(w, f, s);
    missed = session_skip(w, s, direction, item->data.offset);
    session_take(w, s, item);
    if (f)
        data_read(w, f, s, item, missed);
}

static void on_alpn(struct worker *w, const struct plaintext_item *item)
{
    struct correlate_session *s = correlate_find(w->plain->correlate, item->session);

    if (!s)
        return;
    s->alpn_len = item->alpn.len < sizeof s->alpn ? (uint8_t)item->alpn.len : sizeof s->alpn;
    memcpy(s->alpn, item->alpn.p, s->alpn_len);
}

/* The reader's process is done: neither end says more. */
static void read_end(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                     const uint64_t missed[2])
{
    struct correlate_joint *j = host_plain_joint(w, f);
    struct host_call c;

    for (unsigned direction = 0; direction < 2; direction++) {
        unsigned from = end ^ !direction;

        if (missed[direction] > 0)
            read_gap(w, f, from, ts_ns, missed[direction]);
        host_call_init(&c, w, f, ts_ns, 0);
        host_child_end(&c.ctx, j->child, from ^ j->zero);
    }
}

static void on_close(struct worker *w, const struct plaintext_item *item)
{
    struct correlate_session *s = correlate_find(w->plain->correlate, item->session);
    uint64_t missed[2];
    struct flow *f;

    if (!s)
        return;
    missed[0] = session_skip(w, s, 0, item->close.offset[0]);
    missed[1] = session_skip(w, s, 1, item->close.offset[1]);
    f = s->flow > 0 ? flow_table_at(&w->flows, s->flow - 1) : NULL;
    if (f && host_plain_joint(w, f)->reader == s->end && !host_plain_joint(w, f)->refused)
        read_end(w, f, s->end, item->ts_ns, missed);
    correlate_close_session(w->plain->correlate, s);
    if (f)
        flow_release(w, f);
}

void host_plain_run(struct worker *w, uint64_t packets_ns)
{
    struct plaintext_item item;

    host_claim_send(w);
    plaintext_input_receive(w->plain->input);
    for (uint32_t n = 0; (n < ITEMS_A_RUN || packets_ns == UINT64_MAX) &&
                         plaintext_input_next(w->plain->input, packets_ns, &item);
         n++) {
        if (w->now_ns == 0)
            w->now_ns = item.ts_ns; /* no packet has told the time yet */
        switch (item.type) {
        case PLAINTEXT_OPEN:
            on_open(w, &item);
            break;
        case PLAINTEXT_DATA:
            on_data(w, &item);
            break;
        case PLAINTEXT_ALPN:
            on_alpn(w, &item);
            break;
        case PLAINTEXT_CLOSE:
            on_close(w, &item);
            break;
        }
    }
    correlate_count(w->plain->correlate);
}

/* --- packets --- */

void host_plain_watch(struct worker *w, struct flow *f, uint8_t analyzer)
{
    if (analyzer != w->plain->tls || f->key.proto != IPPROTO_TCP)
        return;
    correlate_watch(w->plain->correlate, f);
    host_claim(w, f);
}

void host_plain_processes(struct worker *w, struct flow *f, const struct frame_process told[2])
{
    if (w->plain)
        correlate_processes(w->plain->correlate, f, told);
}

void host_plain_arrival(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns)
{
    correlate_arrival(w->plain->correlate, f, end, ts_ns);
    host_unhooked_packet(w, f, host_plain_joint(w, f), ts_ns);
}
