/* SPDX-License-Identifier: BSD-3-Clause */
/* An analyzer gets a struct analyzer_ctx, which is the first part of the struct host_call that is
 * made on the stack around each call into it: so what it asks for finds worker, flow and asker, and
 * nothing is kept between calls. It is made for every piece of content, hence field by field, and
 * only what host.c reads unasked is cleared.
 *
 * Requests are of two kinds. What cannot pull the floor from under the asker is done at once:
 * records, oddities, services, children, what is learned. What would is noted here and done by
 * host.c or host_child.c after the asker has returned: hand-over, and with it the bytes and facts
 * that it leaves to whoever comes next, which are copied because the asker's memory is gone by
 * then. The copies come from the worker's buffers and go back with host_call_fini. */
#include "worker/host_call.h"

#include "common/base/check.h"
#include "worker/host_plain.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

struct host_call *host_call_of(struct analyzer_ctx *ctx)
{
    return (struct host_call *)(void *)((char *)ctx - offsetof(struct host_call, ctx));
}

int host_analyzer_find(const char *name)
{
    for (int i = 0; analyzers[i]; i++)
        if (strcmp(analyzers[i]->name, name) == 0)
            return i;
    return -1;
}

const struct analyzer *host_reader(const struct worker *w, const struct flow *f, int child,
                                   void **state)
{
    uint8_t analyzer = f->analyzer;
    uint32_t index = f->state;

    if (child > 0) {
        const struct host_child *h = host_child_at(w, child);

        analyzer = h->analyzer;
        index = h->state;
    }
    *state = pool_at(&w->analyzer_states[analyzer], index);
    return analyzers[analyzer];
}

/* Index + 1 of a static name, entered at its first use. There are as many as analyzers have in
 * their source, so the table cannot fill up from traffic. Mostly it is the very same string. */
static uint8_t name_intern(struct worker *w, const char *name)
{
    for (uint32_t i = 0; i < w->names_n; i++)
        if (w->names[i] == name)
            return (uint8_t)(i + 1);
    for (uint32_t i = 0; i < w->names_n; i++)
        if (strcmp(w->names[i], name) == 0)
            return (uint8_t)(i + 1);
    CHECK(w->names_n < WORKER_NAMES_MAX);
    w->names[w->names_n++] = name;
    return (uint8_t)w->names_n;
}

static void on_record(struct analyzer_ctx *ctx, enum record_type type, void *rec)
{
    struct host_call *c = host_call_of(ctx);

    if (host_child_is_plain(c->w, c->child))
        host_plain_fill(c->w, c->f, type, rec);
    host_record(c->w, c->f, type, rec);
}

static void on_weird(struct analyzer_ctx *ctx, enum weird name, const char *addl)
{
    struct host_call *c = host_call_of(ctx);
    void *state;

    host_weird(c->w, c->f, name, addl, host_reader(c->w, c->f, c->child, &state)->name);
}

void host_service(struct worker *w, struct flow *f, const char *name)
{
    uint8_t index = name_intern(w, name);

    for (unsigned i = 0; i < FLOW_SERVICES_MAX; i++) {
        if (f->services[i] == index)
            return;
        if (f->services[i] == 0) {
            f->services[i] = index;
            return;
        }
    }
}

static void on_service(struct analyzer_ctx *ctx, const char *name)
{
    struct host_call *c = host_call_of(ctx);

    host_service(c->w, c->f, name);
}

/* Of what is inside TLS, which hides it from the packets. */
static enum category category_inside(enum category category)
{
    switch (category) {
    case CATEGORY_web_plain:
        return CATEGORY_web_tls;
    case CATEGORY_dns:
        return CATEGORY_dns_dot;
    default:
        return category;
    }
}

static void on_category(struct analyzer_ctx *ctx, enum category category)
{
    struct host_call *c = host_call_of(ctx);

    if (host_child_is_plain(c->w, c->child))
        category = category_inside(category);
    else if (c->f->joint > 0 && host_plain_is_read(c->w, c->f))
        return; /* what is inside says more than the handshake */
    c->f->category = (uint8_t)category;
    frames_decided(&c->w->frames, c->f, host_category_wanted(c->w, c->f));
}

static void on_hand_over(struct analyzer_ctx *ctx, const char *analyzer, unsigned side,
                         const uint8_t *rest, size_t len)
{
    struct host_call *c = host_call_of(ctx);

    c->handed_over = true;
    c->successor = analyzer;
    c->rest_side = side;
    c->rest = rest;
    c->rest_len = len;
}

static void on_done(struct analyzer_ctx *ctx)
{
    struct host_call *c = host_call_of(ctx);

    if (c->child > 0)
        host_child_at(c->w, c->child)->done = true;
    else
        c->f->content = CONTENT_DONE;
}

static void on_leave(struct analyzer_ctx *ctx, unsigned side, const uint8_t *data, size_t len)
{
    struct host_call *c = host_call_of(ctx);

    CHECK(side < 2);
    if (membuf_append(&c->left[side], ctx->bufs, data, len, HOST_LEFT_BYTES_MAX) < 0)
        c->w->counters->analyzer_bound++;
}

/* What a fact for a successor looks like until that is open. */
struct kept_fact {
    uint16_t fact;
    uint16_t len;
};

static void fact_keep(struct host_call *c, enum analyzer_fact fact, struct str text)
{
    struct kept_fact head = {(uint16_t)fact,
                             text.len > UINT16_MAX ? UINT16_MAX : (uint16_t)text.len};

    if (c->facts.len + sizeof head + head.len > HOST_FACTS_BYTES_MAX ||
        membuf_append(&c->facts, c->ctx.bufs, &head, sizeof head, HOST_FACTS_BYTES_MAX) < 0)
        return;
    if (membuf_append(&c->facts, c->ctx.bufs, text.p, head.len, HOST_FACTS_BYTES_MAX) < 0)
        c->facts.len -= (uint32_t)sizeof head;
}

void host_tell_facts(struct host_call *predecessor, int child)
{
    struct cursor c;

    if (predecessor->facts.len == 0)
        return;
    c = cursor_init(predecessor->facts.p, predecessor->facts.len);
    while (cursor_left(&c) > 0) {
        struct kept_fact head;
        struct cursor text;

        memcpy(&head, cursor_bytes(&c, sizeof head), sizeof head);
        text = cursor_sub(&c, head.len);
        host_tell(predecessor->w, predecessor->f, predecessor->ctx.ts_ns, child, head.fact,
                  str_make(text.p, head.len));
    }
}

static void on_tell(struct analyzer_ctx *ctx, int whom, enum analyzer_fact fact, struct str text)
{
    struct host_call *c = host_call_of(ctx);

    if (whom == ANALYZER_SUCCESSOR) {
        fact_keep(c, fact, text);
    } else if (whom == ANALYZER_PARENT) {
        int parent = c->child > 0 ? host_child_at(c->w, c->child)->parent : HOST_PLAIN;

        if (parent != HOST_PLAIN)
            host_tell(c->w, c->f, ctx->ts_ns, parent, fact, text);
    } else {
        host_tell(c->w, c->f, ctx->ts_ns, whom, fact, text);
    }
}

static const struct analyzer_host host_functions = {
    .record = on_record,
    .weird = on_weird,
    .service = on_service,
    .category = on_category,
    .hand_over = on_hand_over,
    .done = on_done,
    .leave = on_leave,
    .tell = on_tell,
    .child_open = host_child_open,
    .child_data = host_child_data,
    .child_gap = host_child_gap,
    .child_end = host_child_end,
    .child_close = host_child_close,
    .alt_svc = host_alt_svc,
    .resolved = host_resolved,
    .connection_id = host_connection_id,
    .spare = host_spare,
    .wire_time = host_wire_time,
};

void host_call_init(struct host_call *c, struct worker *w, struct flow *f, uint64_t ts_ns,
                    int child)
{
    c->ctx.host = &host_functions;
    c->ctx.options = w->options;
    c->ctx.bufs = &w->bufs;
    c->ctx.ts_ns = ts_ns;
    c->ctx.transport = f->key.proto == IPPROTO_TCP ? ANALYZER_TCP : ANALYZER_UDP;
    c->ctx.midstream = f->midstream;
    if (child > 0)
        c->ctx.midstream = host_child_at(w, child)->midstream;
    c->ctx.resp_p = flow_port(f, FLOW_RESP);
    c->ctx.spared = false;
    c->w = w;
    c->f = f;
    c->child = child;
    c->handed_over = false; /* the rest of it is set by then */
    c->rest_len = 0;
    c->left[0] = c->left[1] = c->facts = (struct membuf){0};
}

void host_call_fini(struct host_call *c)
{
    if (__builtin_expect(!c->left[0].p && !c->left[1].p && !c->facts.p, 1))
        return;
    membuf_free(&c->left[0], c->ctx.bufs);
    membuf_free(&c->left[1], c->ctx.bufs);
    membuf_free(&c->facts, c->ctx.bufs);
}

void host_tell(struct worker *w, struct flow *f, uint64_t ts_ns, int child, enum analyzer_fact fact,
               struct str text)
{
    const struct analyzer *a;
    struct host_call c;
    void *state;

    if (child > 0 ? !host_child_reads(host_child_at(w, child)) : f->state == POOL_NONE)
        return;
    a = host_reader(w, f, child, &state);
    if (!a->told)
        return;
    host_call_init(&c, w, f, ts_ns, child);
    a->told(&c.ctx, state, fact, text);
    CHECK(!c.handed_over); /* analyzer.h: only take note */
    host_call_fini(&c);
}
