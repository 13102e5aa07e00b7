/* SPDX-License-Identifier: BSD-3-Clause */
/* Analyzers inside analyzers: QUIC's handshake, the streams of HTTP/2. A child is called while its
 * parent is on the stack, with a host_call of its own around its context. */
#include "worker/host_call.h"

#include <string.h>

#define CHILD_DEPTH_MAX 8u

const size_t host_child_bytes = sizeof(struct host_child);

static struct host_child *child_at(const struct worker *w, int child)
{
    return pool_at(&w->children, (uint32_t)child - 1);
}

/* Gives a child object an analyzer with fresh state. */
static bool child_begin(struct worker *w, struct flow *f, uint64_t ts_ns, int child,
                        const char *name)
{
    struct host_child *h = child_at(w, child);
    int analyzer = host_analyzer_find(name);
    struct host_call c;
    void *state;

    if (analyzer < 0)
        return false;
    h->analyzer = (uint8_t)analyzer;
    h->state = pool_get(&w->analyzer_states[analyzer]);
    if (h->state == POOL_NONE) {
        w->counters->children_bound++;
        return false;
    }
    h->done = false;
    state = pool_at(&w->analyzer_states[analyzer], h->state);
    memset(state, 0, analyzers[analyzer]->state_bytes);
    host_call_init(&c, w, f, ts_ns, child);
    analyzers[analyzer]->open(&c.ctx, state);
    return true;
}

static void child_finish(struct worker *w, struct flow *f, uint64_t ts_ns, int child)
{
    struct host_child *h = child_at(w, child);
    struct host_call c;
    void *state;

    if (h->state == POOL_NONE)
        return;
    host_call_init(&c, w, f, ts_ns, child);
    host_reader(w, f, child, &state)->close(&c.ctx, state);
    pool_put(&w->analyzer_states[h->analyzer], h->state);
    h->state = POOL_NONE;
    h->done = true;
}

/* How many analyzers enclose one. */
static unsigned child_depth(const struct worker *w, int child)
{
    unsigned n = 0;

    for (; child > 0; child = child_at(w, child)->parent)
        n++;
    return n;
}

/* Content may hold the like of itself again and again: each level is a call on the stack. */
int host_child_open(struct analyzer_ctx *ctx, const char *analyzer)
{
    struct host_call *c = host_call_of(ctx);
    uint32_t index =
        child_depth(c->w, c->child) < CHILD_DEPTH_MAX ? pool_get(&c->w->children) : POOL_NONE;

    if (index == POOL_NONE) {
        c->w->counters->children_bound++;
        return 0;
    }
    *child_at(c->w, (int)index + 1) = (struct host_child){.state = POOL_NONE, .parent = c->child};
    if (!child_begin(c->w, c->f, ctx->ts_ns, (int)index + 1, analyzer)) {
        pool_put(&c->w->children, index);
        return 0;
    }
    return (int)index + 1;
}

static void child_feed(struct worker *w, struct flow *f, uint64_t ts_ns, int child, unsigned side,
                       const uint8_t *data, size_t len, unsigned hand_overs_left);

/* The child has asked for a successor, which takes its place. Without a name there is nothing that
 * could be detected here, so it is done. */
static void child_succeed(struct host_call *c, unsigned hand_overs_left)
{
    struct worker *w = c->w;

    child_finish(w, c->f, c->ctx.ts_ns, c->child);
    if (!c->successor || hand_overs_left == 0 ||
        !child_begin(w, c->f, c->ctx.ts_ns, c->child, c->successor))
        return;
    host_tell_facts(c, c->child);
    for (unsigned side = 0; side < 2; side++)
        if (c->left[side].len > 0)
            child_feed(w, c->f, c->ctx.ts_ns, c->child, side, c->left[side].p, c->left[side].len,
                       hand_overs_left - 1);
    if (c->rest_len > 0)
        child_feed(w, c->f, c->ctx.ts_ns, c->child, c->rest_side, c->rest, c->rest_len,
                   hand_overs_left - 1);
}

static void child_feed(struct worker *w, struct flow *f, uint64_t ts_ns, int child, unsigned side,
                       const uint8_t *data, size_t len, unsigned hand_overs_left)
{
    struct host_call c;
    void *state;

    if (child_at(w, child)->done)
        return;
    host_call_init(&c, w, f, ts_ns, child);
    host_reader(w, f, child, &state)->data(&c.ctx, state, side, data, len);
    if (c.handed_over)
        child_succeed(&c, hand_overs_left);
    host_call_fini(&c);
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
    struct host_call *parent = host_call_of(ctx), c;
    void *state;

    if (child <= 0 || child_at(parent->w, child)->done)
        return;
    host_call_init(&c, parent->w, parent->f, ctx->ts_ns, child);
    host_reader(c.w, c.f, child, &state)->gap(&c.ctx, state, side, len);
}

void host_child_end(struct analyzer_ctx *ctx, int child, unsigned side)
{
    struct host_call *parent = host_call_of(ctx), c;
    void *state;

    if (child <= 0 || child_at(parent->w, child)->done)
        return;
    host_call_init(&c, parent->w, parent->f, ctx->ts_ns, child);
    host_reader(c.w, c.f, child, &state)->end(&c.ctx, state, side);
}

void host_child_close(struct analyzer_ctx *ctx, int child)
{
    struct host_call *c = host_call_of(ctx);

    if (child <= 0)
        return;
    child_finish(c->w, c->f, ctx->ts_ns, child);
    pool_put(&c->w->children, (uint32_t)child - 1);
}
