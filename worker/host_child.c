/* SPDX-License-Identifier: BSD-3-Clause */
/* Analyzers inside analyzers: QUIC's handshake, the streams of HTTP/2, plaintext inside TLS. A
 * child is called while its parent is on the stack, with a host_call of its own around its context.
 *
 * Mostly a parent knows what its content is and names the analyzer. Of plaintext, and of what
 * follows a hand-over to nobody (CONNECT), detection finds it, as for a flow: the first bytes of
 * both sides are held until somebody knows them. Content may turn out to have its client on the
 * side that the parent calls server: then the child's sides are swapped from there on, and all that
 * goes in and out of it is turned here. */
#include "worker/host_call.h"

#include "worker/host_plain.h"

#include <netinet/in.h>
#include <string.h>

#define CHILD_DEPTH_MAX 8u

const size_t host_child_bytes = sizeof(struct host_child);

/* Gives a child object an analyzer with fresh state. */
static bool child_begin(struct worker *w, struct flow *f, uint64_t ts_ns, int child,
                        uint8_t analyzer)
{
    struct host_child *h = host_child_at(w, child);
    struct host_call c;
    void *state;

    h->state = pool_get(&w->analyzer_states[analyzer]);
    if (h->state == POOL_NONE) {
        w->counters->children_bound++;
        return false;
    }
    h->analyzer = analyzer;
    h->done = false;
    state = pool_at(&w->analyzer_states[analyzer], h->state);
    memset(state, 0, analyzers[analyzer]->state_bytes);
    host_call_init(&c, w, f, ts_ns, child);
    analyzers[analyzer]->open(&c.ctx, state);
    if (h->parent == HOST_PLAIN)
        host_tell(w, f, ts_ns, child, FACT_VIEW, STR_LIT("plaintext"));
    return true;
}

/* Or one that detection will find. */
static bool child_detect(struct worker *w, int child)
{
    struct host_child *h = host_child_at(w, child);

    h->state = pool_get(&w->detections);
    if (h->state == POOL_NONE) {
        w->counters->children_bound++;
        return false;
    }
    memset(pool_at(&w->detections, h->state), 0, sizeof(struct detection));
    h->detecting = true;
    h->done = h->swapped = false;
    return true;
}

/* Nothing reads for it any more. */
static void child_finish(struct worker *w, struct flow *f, uint64_t ts_ns, int child)
{
    struct host_child *h = host_child_at(w, child);
    struct host_call c;
    void *state;

    if (h->detecting) {
        detect_fini(pool_at(&w->detections, h->state), &w->bufs);
        pool_put(&w->detections, h->state);
    } else if (h->state != POOL_NONE) {
        host_call_init(&c, w, f, ts_ns, child);
        host_reader(w, f, child, &state)->close(&c.ctx, state);
        pool_put(&w->analyzer_states[h->analyzer], h->state);
    }
    h->state = POOL_NONE;
    h->detecting = false;
    h->done = true;
}

/* It may have said that it wants no more: its state is for another one then. */
static void finish_if_done(struct worker *w, struct flow *f, uint64_t ts_ns, int child)
{
    if (host_child_at(w, child)->done)
        child_finish(w, f, ts_ns, child);
}

/* How many analyzers enclose one. */
static unsigned child_depth(const struct worker *w, int child)
{
    unsigned n = 0;

    for (; child > 0; child = host_child_at(w, child)->parent)
        n++;
    return n;
}

/* Content may hold the like of itself again and again: each level is a call on the stack. Returns a
 * child that nobody reads for, or 0. */
static int child_new(struct worker *w, const struct flow *f, int parent)
{
    uint32_t index = child_depth(w, parent) < CHILD_DEPTH_MAX ? pool_get(&w->children) : POOL_NONE;

    if (index == POOL_NONE) {
        w->counters->children_bound++;
        return 0;
    }
    *host_child_at(w, (int)index + 1) = (struct host_child){
        .state = POOL_NONE,
        .parent = parent,
        .analyzer = UINT8_MAX,
        .plain = parent == HOST_PLAIN || host_child_is_plain(w, parent),
        .midstream = parent > 0 ? host_child_at(w, parent)->midstream : f->midstream};
    return (int)index + 1;
}

int host_child_open(struct analyzer_ctx *ctx, const char *analyzer)
{
    struct host_call *c = host_call_of(ctx);
    int index = host_analyzer_find(analyzer), child = child_new(c->w, c->f, c->child);

    if (child > 0 && (index < 0 || !child_begin(c->w, c->f, ctx->ts_ns, child, (uint8_t)index))) {
        pool_put(&c->w->children, (uint32_t)child - 1);
        return 0;
    }
    return child;
}

int host_child_open_plain(struct worker *w, struct flow *f, bool midstream)
{
    int child = child_new(w, f, HOST_PLAIN);

    if (child > 0 && !child_detect(w, child)) {
        pool_put(&w->children, (uint32_t)child - 1);
        return 0;
    }
    if (child > 0)
        host_child_at(w, child)->midstream = midstream;
    return child;
}

static void child_feed(struct worker *w, struct flow *f, uint64_t ts_ns, int child, unsigned side,
                       const uint8_t *data, size_t len, unsigned hand_overs_left);

/* The child has asked for a successor, which takes its place. */
static void child_succeed(struct host_call *c, unsigned hand_overs_left)
{
    struct worker *w = c->w;
    unsigned swapped = host_child_at(w, c->child)->swapped;
    int successor = c->successor ? host_analyzer_find(c->successor) : -1;

    child_finish(w, c->f, c->ctx.ts_ns, c->child);
    if (hand_overs_left == 0)
        return;
    if (c->successor &&
        (successor < 0 || !child_begin(w, c->f, c->ctx.ts_ns, c->child, (uint8_t)successor)))
        return;
    if (c->successor)
        host_tell_facts(c, c->child);
    else if (!child_detect(w, c->child))
        return;
    for (unsigned side = 0; side < 2; side++)
        if (c->left[side].len > 0)
            child_feed(w, c->f, c->ctx.ts_ns, c->child, side ^ swapped, c->left[side].p,
                       c->left[side].len, hand_overs_left - 1);
    if (c->rest_len > 0)
        child_feed(w, c->f, c->ctx.ts_ns, c->child, c->rest_side ^ swapped, c->rest, c->rest_len,
                   hand_overs_left - 1);
}

static void child_analyze(struct worker *w, struct flow *f, uint64_t ts_ns, int child,
                          unsigned side, const uint8_t *data, size_t len, unsigned hand_overs_left)
{
    struct host_call c;
    void *state;

    host_call_init(&c, w, f, ts_ns, child);
    host_reader(w, f, child, &state)
        ->data(&c.ctx, state, side ^ host_child_at(w, child)->swapped, data, len);
    if (c.handed_over)
        child_succeed(&c, hand_overs_left);
    else
        finish_if_done(w, f, ts_ns, child);
    host_call_fini(&c);
}

static void child_gap(struct worker *w, struct flow *f, uint64_t ts_ns, int child, unsigned side,
                      uint64_t len)
{
    struct host_child *h = host_child_at(w, child);
    struct host_call c;
    void *state;

    if (h->done)
        return;
    if (h->detecting) {
        h->midstream = true; /* a beginning was missed: ask later, too */
        detect_gap(pool_at(&w->detections, h->state), &w->bufs, side, len);
        return;
    }
    host_call_init(&c, w, f, ts_ns, child);
    host_reader(w, f, child, &state)->gap(&c.ctx, state, side ^ h->swapped, len);
    finish_if_done(w, f, ts_ns, child);
}

/* What detection had held of both sides, then the present bytes. */
static void child_detected(struct worker *w, struct flow *f, uint64_t ts_ns, int child,
                           unsigned side, const uint8_t *data, size_t len,
                           const struct detect_found *found, unsigned left)
{
    struct host_child *h = host_child_at(w, child);
    struct detection d = *(struct detection *)pool_at(&w->detections, h->state);

    pool_put(&w->detections, h->state);
    h->state = POOL_NONE;
    h->detecting = false;
    h->done = true;
    h->swapped =
        (found->role == PROBE_SERVER && side == 0) || (found->role == PROBE_CLIENT && side == 1);
    if (h->parent == HOST_PLAIN)
        host_plain_detected(w, f, h->swapped);
    if (child_begin(w, f, ts_ns, child, found->analyzer)) {
        if (d.dropped[!side] > 0 && f->key.proto == IPPROTO_TCP)
            child_gap(w, f, ts_ns, child, !side, d.dropped[!side]);
        if (d.held[!side].len > 0) {
            child_feed(w, f, ts_ns, child, !side, d.held[!side].p, d.held[!side].len, left);
            left = left > 0 ? left - 1 : 0; /* it may have been given back: not for ever */
        }
        if (d.held[side].len > 0)
            child_feed(w, f, ts_ns, child, side, d.held[side].p, d.held[side].len, left);
        else
            child_feed(w, f, ts_ns, child, side, data, len, left);
    }
    detect_fini(&d, &w->bufs);
}

static void child_feed(struct worker *w, struct flow *f, uint64_t ts_ns, int child, unsigned side,
                       const uint8_t *data, size_t len, unsigned hand_overs_left)
{
    struct host_child *h = host_child_at(w, child);
    uint8_t transport = f->key.proto == IPPROTO_TCP ? ANALYZER_TCP : ANALYZER_UDP;
    struct detect_found found;
    enum detect_verdict v;

    if (h->done)
        return;
    if (!h->detecting) {
        child_analyze(w, f, ts_ns, child, side, data, len, hand_overs_left);
        return;
    }
    v = detect_data(pool_at(&w->detections, h->state), &w->bufs, transport, h->midstream, side,
                    data, len, &found);
    if (v == DETECT_FOUND)
        child_detected(w, f, ts_ns, child, side, data, len, &found, hand_overs_left);
    else if (v == DETECT_UNKNOWN)
        child_finish(w, f, ts_ns, child);
}

void host_child_data(struct analyzer_ctx *ctx, int child, unsigned side, const uint8_t *data,
                     size_t len)
{
    struct host_call *c = host_call_of(ctx);

    if (child > 0)
        child_feed(c->w, c->f, ctx->ts_ns, child, side, data, len, HAND_OVERS_MAX);
}

void host_child_gap(struct analyzer_ctx *ctx, int child, unsigned side, uint64_t len)
{
    struct host_call *c = host_call_of(ctx);

    if (child > 0)
        child_gap(c->w, c->f, ctx->ts_ns, child, side, len);
}

void host_child_end(struct analyzer_ctx *ctx, int child, unsigned side)
{
    struct host_call *parent = host_call_of(ctx), c;
    const struct host_child *h = child > 0 ? host_child_at(parent->w, child) : NULL;
    void *state;

    if (!h || h->done || h->detecting)
        return;
    host_call_init(&c, parent->w, parent->f, ctx->ts_ns, child);
    host_reader(c.w, c.f, child, &state)->end(&c.ctx, state, side ^ h->swapped);
    finish_if_done(c.w, c.f, ctx->ts_ns, child);
}

void host_child_close(struct analyzer_ctx *ctx, int child)
{
    struct host_call *c = host_call_of(ctx);

    if (child <= 0)
        return;
    child_finish(c->w, c->f, ctx->ts_ns, child);
    pool_put(&c->w->children, (uint32_t)child - 1);
}

const char *host_child_name(const struct worker *w, int child)
{
    uint8_t analyzer = child > 0 ? host_child_at(w, child)->analyzer : UINT8_MAX;

    return analyzer == UINT8_MAX ? NULL : analyzers[analyzer]->name;
}

unsigned host_child_plain_side(const struct worker *w, int child, unsigned side)
{
    for (; child > 0; child = host_child_at(w, child)->parent)
        side ^= host_child_at(w, child)->swapped;
    return side;
}
