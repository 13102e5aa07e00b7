/* SPDX-License-Identifier: BSD-3-Clause */
/* The content of a flow goes through these states (flow.h):
 *
 *   NEW ──► DETECT ──► ANALYZER ──► DONE        an analyzer was found, and has had enough
 *     ▲        └─────► UNKNOWN │                nobody knows the bytes: they are only counted
 *     └────────────────────────┘                hand-over: other bytes begin here
 *
 * An analyzer is called with a host_call around its context. What it asks for that would change who
 * reads the flow is only noted there and done after it has returned, so no analyzer is ever closed
 * while it is on the stack. */
#include "worker/host.h"

#include "worker/flow/conn.h"
#include "worker/host_call.h"
#include "worker/host_plain.h"
#include "worker/shunt.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* Which side an end is to the analyzer. It calls client whoever speaks as one, which in rare
 * protocols is the end that was connected to (a data channel that the server opens). */
static unsigned analyzer_side(const struct flow *f, unsigned end)
{
    return end ^ f->orig ^ f->swapped;
}

static void *analyzer_state(struct worker *w, const struct flow *f)
{
    return pool_at(&w->analyzer_states[f->analyzer], f->state);
}

/* A pool is empty: the flow's bytes are only counted from here on. */
static void out_of_room(struct worker *w, struct flow *f)
{
    w->counters->analyzer_bound++;
    f->content = CONTENT_UNKNOWN;
    host_weird(w, f, WEIRD_ANALYZER_BOUND, NULL, "detect");
}

static bool analyzer_open(struct worker *w, struct flow *f, uint8_t analyzer, uint64_t ts_ns)
{
    const struct analyzer *a = analyzers[analyzer];
    uint32_t state = pool_get(&w->analyzer_states[analyzer]);
    struct host_call c;

    if (state == POOL_NONE) {
        out_of_room(w, f);
        return false;
    }
    f->content = CONTENT_ANALYZER;
    f->analyzer = analyzer;
    f->state = state;
    memset(analyzer_state(w, f), 0, a->state_bytes);
    host_call_init(&c, w, f, ts_ns, 0);
    a->open(&c.ctx, analyzer_state(w, f));
    if (w->plain)
        host_plain_watch(w, f, analyzer);
    return true;
}

static void analyzer_close(struct worker *w, struct flow *f, uint64_t ts_ns)
{
    struct host_call c;

    host_call_init(&c, w, f, ts_ns, 0);
    analyzers[f->analyzer]->close(&c.ctx, analyzer_state(w, f));
    pool_put(&w->analyzer_states[f->analyzer], f->state);
    f->state = POOL_NONE;
}

/* It may have said that it wants no more: its state is for another flow then. */
static void close_if_done(struct worker *w, struct flow *f, uint64_t ts_ns)
{
    if (f->content == CONTENT_DONE)
        analyzer_close(w, f, ts_ns);
}

static void detection_close(struct worker *w, struct flow *f)
{
    detect_fini(pool_at(&w->detections, f->state), &w->bufs);
    pool_put(&w->detections, f->state);
    f->state = POOL_NONE;
}

/* What an analyzer asked for is done after it has returned: the flow has another reader then. */
static void hand_over(struct worker *w, struct flow *f, struct host_call *c)
{
    int successor = c->successor ? host_analyzer_find(c->successor) : -1;

    analyzer_close(w, f, c->ctx.ts_ns);
    f->content = CONTENT_NEW;
    f->swapped = false;
    if (successor >= 0 && analyzer_open(w, f, (uint8_t)successor, c->ctx.ts_ns))
        host_tell_facts(c, 0);
}

static void feed(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                 const uint8_t *data, size_t len, unsigned hand_overs_left);

/* The bytes of both ends that detection had held, then the present ones. They are held to the end
 * of it, whatever becomes of the flow meanwhile. */
static void detected(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                     const uint8_t *data, size_t len, const struct detect_found *found,
                     unsigned left)
{
    struct detection d = *(struct detection *)pool_at(&w->detections, f->state);
    bool server = found->role == PROBE_SERVER, client = found->role == PROBE_CLIENT;
    bool is_orig = end == f->orig;

    pool_put(&w->detections, f->state);
    f->state = POOL_NONE;
    if ((server && is_orig) || (client && !is_orig)) {
        if (f->handshake)
            f->swapped = true; /* the handshake says who connected, content who asks */
        else
            conn_flip(f);
    }
    if (analyzer_open(w, f, found->analyzer, ts_ns)) {
        if (d.dropped[!end] > 0 && f->key.proto == IPPROTO_TCP)
            host_gap(w, f, !end, ts_ns, d.dropped[!end]);
        if (d.held[!end].len > 0) {
            feed(w, f, !end, ts_ns, d.held[!end].p, d.held[!end].len, left);
            left = left > 0 ? left - 1 : 0; /* it may have been given back: not for ever */
        }
        if (d.held[end].len > 0)
            feed(w, f, end, ts_ns, d.held[end].p, d.held[end].len, left);
        else
            feed(w, f, end, ts_ns, data, len, left);
    }
    detect_fini(&d, &w->bufs);
}

static void detect(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                   const uint8_t *data, size_t len, unsigned left)
{
    uint8_t transport = f->key.proto == IPPROTO_TCP ? ANALYZER_TCP : ANALYZER_UDP;
    struct detect_found found;
    enum detect_verdict v;

    if (f->content == CONTENT_NEW) {
        f->state = pool_get(&w->detections);
        if (f->state == POOL_NONE) {
            out_of_room(w, f);
            return;
        }
        memset(pool_at(&w->detections, f->state), 0, sizeof(struct detection));
        f->content = CONTENT_DETECT;
    }
    v = detect_data(pool_at(&w->detections, f->state), &w->bufs, transport, f->midstream, end, data,
                    len, &found);
    if (v == DETECT_FOUND) {
        detected(w, f, end, ts_ns, data, len, &found, left);
    } else if (v == DETECT_UNKNOWN) {
        detection_close(w, f);
        f->content = CONTENT_UNKNOWN;
        w->counters->detect_unknown++;
    }
}

/* What the predecessor has left is the successor's: of each side, then the rest of the input. */
static void succeed(struct worker *w, struct flow *f, struct host_call *c, unsigned left)
{
    uint64_t ts_ns = c->ctx.ts_ns;
    unsigned ends[2] = {analyzer_side(f, 0), analyzer_side(f, 1)}; /* the mapping's own inverse */

    hand_over(w, f, c);
    for (unsigned side = 0; side < 2; side++)
        if (c->left[side].len > 0 && left > 0)
            feed(w, f, ends[side], ts_ns, c->left[side].p, c->left[side].len, left - 1);
        else if (c->left[side].len > 0)
            host_gap(w, f, ends[side], ts_ns, c->left[side].len);
    if (c->rest_len > 0 && left > 0)
        feed(w, f, ends[c->rest_side], ts_ns, c->rest, c->rest_len, left - 1);
    else if (c->rest_len > 0)
        host_gap(w, f, ends[c->rest_side], ts_ns, c->rest_len);
}

static void analyze(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                    const uint8_t *data, size_t len, unsigned hand_overs_left)
{
    struct host_call c;

    host_call_init(&c, w, f, ts_ns, 0);
    analyzers[f->analyzer]->data(&c.ctx, analyzer_state(w, f), analyzer_side(f, end), data, len);
    if (c.handed_over)
        succeed(w, f, &c, hand_overs_left);
    else
        close_if_done(w, f, ts_ns);
    host_call_fini(&c);
}

/* A datagram that does not tell by itself what it is, and what is known of it. */
static void learned(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                    const uint8_t *data, size_t len, unsigned left, const struct host_learned *what)
{
    if (f->content == CONTENT_DETECT)
        detection_close(w, f);
    if (what->sender != (end ^ f->orig))
        conn_flip(f);
    if (!analyzer_open(w, f, what->analyzer, ts_ns))
        return;
    host_tell(w, f, ts_ns, 0, what->fact, what->text);
    analyze(w, f, end, ts_ns, data, len, left);
}

/* The flow may be over before another worker's answer tells what it was. All that is read of it
 * then is the beginning of one datagram. */
static void learned_late(struct worker *w, struct flow *f)
{
    struct host_learned what;
    struct str datagram;
    unsigned end;

    if (!host_answered(w, f, &end, &datagram, &what))
        return;
    if (f->content == CONTENT_ANALYZER || f->content == CONTENT_DONE)
        host_tell(w, f, f->last_ns, 0, what.fact, what.text);
    else
        learned(w, f, end, f->start_ns, (const uint8_t *)datagram.p, datagram.len, 0, &what);
}

static void feed(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                 const uint8_t *data, size_t len, unsigned hand_overs_left)
{
    struct host_learned what;

    if (f->content == CONTENT_ANALYZER) {
        analyze(w, f, end, ts_ns, data, len, hand_overs_left);
        return;
    }
    if (f->content == CONTENT_NEW || f->content == CONTENT_DETECT)
        detect(w, f, end, ts_ns, data, len, hand_overs_left);
    if (f->key.proto == IPPROTO_UDP &&
        (f->content == CONTENT_DETECT || f->content == CONTENT_UNKNOWN) &&
        host_learned(w, f, end, data, len, &what))
        learned(w, f, end, ts_ns, data, len, hand_overs_left, &what);
}

void host_data(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, const uint8_t *data,
               size_t len)
{
    feed(w, f, end, ts_ns, data, len, HAND_OVERS_MAX);
}

static void missing(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len,
                    bool spared)
{
    struct host_call c;

    if (f->content == CONTENT_DETECT || f->content == CONTENT_NEW)
        f->midstream = true; /* a beginning was missed: ask at later segments too */
    if (f->content == CONTENT_DETECT)
        detect_gap(pool_at(&w->detections, f->state), &w->bufs, end, len);
    if (f->content != CONTENT_ANALYZER)
        return;
    host_call_init(&c, w, f, ts_ns, 0);
    c.ctx.spared = spared;
    analyzers[f->analyzer]->gap(&c.ctx, analyzer_state(w, f), analyzer_side(f, end), len);
    close_if_done(w, f, ts_ns);
}

void host_gap(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len)
{
    missing(w, f, end, ts_ns, len, false);
}

/* Of what is inside other content, nobody knows where it ends on the wire. */
void host_spare(struct analyzer_ctx *ctx, unsigned side, uint64_t len)
{
    struct host_call *c = host_call_of(ctx);

    if (c->child > 0)
        return;
    if (c->f->key.proto == IPPROTO_TCP)
        shunt_body(c->w, c->f, analyzer_side(c->f, side), len);
    else
        shunt_datagrams(c->w, c->f);
}

void host_skip(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len)
{
    if (f->key.proto == IPPROTO_UDP &&
        (f->content != CONTENT_ANALYZER || !analyzers[f->analyzer]->gap ||
         analyzers[f->analyzer]->transports != ANALYZER_UDP))
        return;
    missing(w, f, end, ts_ns, len, true);
}

void host_end(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns)
{
    struct host_call c;

    if (f->content != CONTENT_ANALYZER)
        return;
    host_call_init(&c, w, f, ts_ns, 0);
    analyzers[f->analyzer]->end(&c.ctx, analyzer_state(w, f), analyzer_side(f, end));
    close_if_done(w, f, ts_ns);
}

void host_close(struct worker *w, struct flow *f)
{
    if (f->question > 0)
        learned_late(w, f);
    if (f->content == CONTENT_DETECT)
        detection_close(w, f);
    else if (f->state != POOL_NONE)
        analyzer_close(w, f, f->last_ns);
    f->content = CONTENT_UNKNOWN;
    frames_decided(&w->frames, f, host_category_wanted(w, f));
}

bool host_wants(const struct worker *w, const struct flow *f, unsigned end)
{
    if (f->content == CONTENT_DETECT)
        return !((const struct detection *)pool_at(&w->detections, f->state))->refused[end];
    return f->content == CONTENT_NEW || f->content == CONTENT_ANALYZER;
}
