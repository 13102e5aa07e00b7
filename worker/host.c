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

#include "common/base/check.h"
#include "worker/flow/conn.h"
#include "worker/flow/uid.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define HAND_OVERS_MAX 8 /* in one piece of data: a tunnel in a tunnel in … */

/* One call into an analyzer: what it sees, and what it asked for meanwhile. */
struct host_call {
    struct analyzer_ctx ctx;
    struct worker *w;
    struct flow *f;
    bool handed_over;
    const char *successor;
    unsigned rest_side;
    const uint8_t *rest;
    size_t rest_len;
};

/* The callbacks below get the context back and find the call around it. */
static struct host_call *call_of(struct analyzer_ctx *ctx)
{
    return (struct host_call *)(void *)((char *)ctx - offsetof(struct host_call, ctx));
}

/* The fields that every flow's record begins with, laid out as in struct rec_<name>. */
struct flow_head {
    uint64_t present;
    uint64_t ts;
    struct str uid;
    struct ipaddr orig_h;
    uint16_t orig_p;
    struct ipaddr resp_h;
    uint16_t resp_p;
};
_Static_assert(offsetof(struct flow_head, resp_p) == offsetof(struct rec_conn, resp_p), "layout");
_Static_assert(offsetof(struct flow_head, resp_h) == offsetof(struct rec_http, resp_h), "layout");
_Static_assert(RECORD_conn_ts == 0 && RECORD_conn_uid == 1 && RECORD_conn_resp_p == 5, "bits");
#define FLOW_HEAD_BITS UINT64_C(0x3e) /* uid … resp_p */

static bool category_wanted(const struct worker *w, const struct flow *f)
{
    return w->categories >> f->category & 1;
}

void host_record(struct worker *w, const struct flow *f, enum record_type type, void *rec)
{
    struct flow_head *head = rec;
    char uid[UID_MAX];
    uint32_t hi;
    uint64_t lo;

    if (!category_wanted(w, f))
        return;
    if (record_schemas[type].has_flow_id) {
        uid_make(&f->key, f->start_ns, w->heritage->seed, &hi, &lo);
        head->uid = str_make(uid, uid_format(uid, 'C', hi, lo));
        head->orig_h = *flow_addr(f, FLOW_ORIG);
        head->orig_p = flow_port(f, FLOW_ORIG);
        head->resp_h = *flow_addr(f, FLOW_RESP);
        head->resp_p = flow_port(f, FLOW_RESP);
        head->present |= FLOW_HEAD_BITS;
    }
    emit_record(w->emit, type, rec);
}

/* What all weird records have in common. */
static void weird_fill(const struct worker *w, struct rec_weird *r, uint64_t ts_ns, enum weird name,
                       const char *addl, const char *source)
{
    r->present = 0;
    RECORD_SET(weird, r, ts, ts_ns);
    RECORD_SET(weird, r, name, str_of(weird_schemas[name].name));
    if (addl)
        RECORD_SET(weird, r, addl, str_of(addl));
    RECORD_SET(weird, r, notice, false);
    RECORD_SET(weird, r, peer, str_of(w->heritage->node));
    RECORD_SET(weird, r, source, str_of(source));
}

void host_weird(struct worker *w, struct flow *f, enum weird name, const char *addl,
                const char *source)
{
    _Static_assert(WEIRDS <= 64, "one bit each in a flow");
    struct rec_weird r;

    w->counters->weirds++;
    if (f->weirds >> name & 1) {
        w->counters->weirds_suppressed++;
        return;
    }
    f->weirds |= UINT64_C(1) << name;
    weird_fill(w, &r, f->last_ns, name, addl, source);
    host_record(w, f, RECORD_weird, &r);
}

/* Outside of a flow there is nothing to hang a limit on but the name: the first few of each, then
 * every thousandth. */
void host_weird_packet(struct worker *w, const struct packet *p, enum weird name)
{
    static const struct ipaddr none;
    uint64_t n = ++w->weird_seen[name];
    struct rec_weird r;

    w->counters->weirds++;
    if (n > 25 && n % 1000 != 0) {
        w->counters->weirds_suppressed++;
        return;
    }
    weird_fill(w, &r, p->ts_ns, name, NULL, "decode");
    if (memcmp(&p->key.addr[0], &none, sizeof none) != 0) {
        RECORD_SET(weird, &r, orig_h, p->key.addr[p->from]);
        RECORD_SET(weird, &r, orig_p, p->key.port[p->from]);
        RECORD_SET(weird, &r, resp_h, p->key.addr[!p->from]);
        RECORD_SET(weird, &r, resp_p, p->key.port[!p->from]);
    }
    if (w->categories == UINT32_MAX)
        emit_record(w->emit, RECORD_weird, &r);
}

/* Index + 1 of a static name, entered at its first use. There are as many as analyzers have in
 * their source, so the table cannot fill up from traffic. */
static uint8_t name_intern(struct worker *w, const char *name)
{
    for (uint32_t i = 0; i < w->names_n; i++)
        if (w->names[i] == name || strcmp(w->names[i], name) == 0)
            return (uint8_t)(i + 1);
    CHECK(w->names_n < WORKER_NAMES_MAX);
    w->names[w->names_n++] = name;
    return (uint8_t)w->names_n;
}

static void on_record(struct analyzer_ctx *ctx, enum record_type type, void *rec)
{
    struct host_call *c = call_of(ctx);

    host_record(c->w, c->f, type, rec);
}

static void on_weird(struct analyzer_ctx *ctx, enum weird name, const char *addl)
{
    struct host_call *c = call_of(ctx);

    host_weird(c->w, c->f, name, addl, analyzers[c->f->analyzer]->name);
}

static void on_service(struct analyzer_ctx *ctx, const char *name)
{
    struct host_call *c = call_of(ctx);
    uint8_t index = name_intern(c->w, name);

    for (unsigned i = 0; i < FLOW_SERVICES_MAX; i++) {
        if (c->f->services[i] == index)
            return;
        if (c->f->services[i] == 0) {
            c->f->services[i] = index;
            return;
        }
    }
}

static void on_category(struct analyzer_ctx *ctx, enum category category)
{
    struct host_call *c = call_of(ctx);

    c->f->category = (uint8_t)category;
    frames_decided(&c->w->frames, c->f, category_wanted(c->w, c->f));
}

static void on_hand_over(struct analyzer_ctx *ctx, const char *analyzer, unsigned side,
                         const uint8_t *rest, size_t len)
{
    struct host_call *c = call_of(ctx);

    c->handed_over = true;
    c->successor = analyzer;
    c->rest_side = side;
    c->rest = rest;
    c->rest_len = len;
}

static void on_done(struct analyzer_ctx *ctx)
{
    call_of(ctx)->f->content = CONTENT_DONE;
}

static const struct analyzer_host host_functions = {on_record,   on_weird,     on_service,
                                                    on_category, on_hand_over, on_done};

/* Which side an end is to the analyzer. It calls client whoever speaks as one, which in rare
 * protocols is the end that was connected to (a data channel that the server opens). */
static unsigned analyzer_side(const struct flow *f, unsigned end)
{
    return end ^ f->orig ^ f->swapped;
}

static void call_init(struct host_call *c, struct worker *w, struct flow *f, uint64_t ts_ns)
{
    *c = (struct host_call){
        .ctx = {.host = &host_functions,
                .bufs = &w->bufs,
                .ts_ns = ts_ns,
                .transport = f->key.proto == IPPROTO_TCP ? ANALYZER_TCP : ANALYZER_UDP,
                .midstream = f->midstream,
                .log_secrets = w->options->log_secrets,
                .resp_p = flow_port(f, FLOW_RESP)},
        .w = w,
        .f = f,
    };
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
    call_init(&c, w, f, ts_ns);
    a->open(&c.ctx, analyzer_state(w, f));
    return true;
}

static void analyzer_close(struct worker *w, struct flow *f, uint64_t ts_ns)
{
    struct host_call c;

    call_init(&c, w, f, ts_ns);
    analyzers[f->analyzer]->close(&c.ctx, analyzer_state(w, f));
    pool_put(&w->analyzer_states[f->analyzer], f->state);
    f->state = POOL_NONE;
}

static void detection_close(struct worker *w, struct flow *f)
{
    detect_fini(pool_at(&w->detections, f->state), &w->bufs);
    pool_put(&w->detections, f->state);
    f->state = POOL_NONE;
}

/* What an analyzer asked for is done after it has returned: the flow has another reader then. */
static void hand_over(struct worker *w, struct flow *f, const struct host_call *c)
{
    analyzer_close(w, f, c->ctx.ts_ns);
    f->content = CONTENT_NEW;
    f->swapped = false;
    if (!c->successor)
        return;
    for (uint8_t i = 0; analyzers[i]; i++) {
        if (strcmp(analyzers[i]->name, c->successor) == 0) {
            analyzer_open(w, f, i, c->ctx.ts_ns);
            return;
        }
    }
}

static void feed(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                 const uint8_t *data, size_t len, int hand_overs_left);

/* The bytes of both ends that detection had held, then the present ones. They are held to the end
 * of it, whatever becomes of the flow meanwhile. */
static void detected(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                     const uint8_t *data, size_t len, const struct detect_found *found, int left)
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
        if (d.held[!end].len > 0)
            feed(w, f, !end, ts_ns, d.held[!end].p, d.held[!end].len, left);
        if (d.held[end].len > 0)
            feed(w, f, end, ts_ns, d.held[end].p, d.held[end].len, left);
        else
            feed(w, f, end, ts_ns, data, len, left);
    }
    detect_fini(&d, &w->bufs);
}

static void detect(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                   const uint8_t *data, size_t len, int left)
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

static void feed(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns,
                 const uint8_t *data, size_t len, int hand_overs_left)
{
    struct host_call c;
    unsigned rest_end;

    if (f->content == CONTENT_NEW || f->content == CONTENT_DETECT) {
        detect(w, f, end, ts_ns, data, len, hand_overs_left);
        return;
    }
    if (f->content != CONTENT_ANALYZER)
        return;
    call_init(&c, w, f, ts_ns);
    analyzers[f->analyzer]->data(&c.ctx, analyzer_state(w, f), analyzer_side(f, end), data, len);
    if (!c.handed_over)
        return;
    rest_end = analyzer_side(f, c.rest_side); /* the mapping is its own inverse */
    hand_over(w, f, &c);
    if (c.rest_len > 0 && hand_overs_left > 0)
        feed(w, f, rest_end, ts_ns, c.rest, c.rest_len, hand_overs_left - 1);
    else if (c.rest_len > 0)
        host_gap(w, f, rest_end, ts_ns, c.rest_len);
}

void host_data(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, const uint8_t *data,
               size_t len)
{
    feed(w, f, end, ts_ns, data, len, HAND_OVERS_MAX);
}

void host_gap(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns, uint64_t len)
{
    struct host_call c;

    if (f->content == CONTENT_DETECT || f->content == CONTENT_NEW)
        f->midstream = true; /* a beginning was missed: ask at later segments too */
    if (f->content == CONTENT_DETECT)
        detect_gap(pool_at(&w->detections, f->state), &w->bufs, end, len);
    if (f->content != CONTENT_ANALYZER)
        return;
    call_init(&c, w, f, ts_ns);
    analyzers[f->analyzer]->gap(&c.ctx, analyzer_state(w, f), analyzer_side(f, end), len);
}

void host_end(struct worker *w, struct flow *f, unsigned end, uint64_t ts_ns)
{
    struct host_call c;

    if (f->content != CONTENT_ANALYZER)
        return;
    call_init(&c, w, f, ts_ns);
    analyzers[f->analyzer]->end(&c.ctx, analyzer_state(w, f), analyzer_side(f, end));
}

void host_close(struct worker *w, struct flow *f)
{
    if (f->content == CONTENT_DETECT)
        detection_close(w, f);
    else if (f->content == CONTENT_ANALYZER || f->content == CONTENT_DONE)
        analyzer_close(w, f, f->last_ns);
    f->content = CONTENT_UNKNOWN;
    frames_decided(&w->frames, f, category_wanted(w, f));
}

bool host_wants(const struct worker *w, const struct flow *f, unsigned end)
{
    if (f->content == CONTENT_DETECT)
        return !((const struct detection *)pool_at(&w->detections, f->state))->refused[end];
    return f->content == CONTENT_NEW || f->content == CONTENT_ANALYZER;
}
