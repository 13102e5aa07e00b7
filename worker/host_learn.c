/* SPDX-License-Identifier: BSD-3-Clause */
/* Between flows and what is learned from them (worker/learn). */
#include "worker/host_call.h"

#include "worker/flow/uid.h"

/* Datagrams of an end that are looked up by connection id: the first few, and then ever fewer,
 * since another worker's answer takes longer than a burst of packets. */
#define PATH_TRIES 8u

static bool path_is_tried(uint64_t packets)
{
    return packets <= PATH_TRIES || (packets & (packets - 1)) == 0;
}

static struct str flow_uid(const struct worker *w, const struct flow *f, char text[UID_MAX])
{
    uint32_t hi;
    uint64_t lo;

    uid_make(&f->key, f->start_ns, w->heritage->seed, &hi, &lo);
    return str_make(text, uid_format(text, 'C', hi, lo));
}

struct flow_of_worker {
    struct worker *w;
    struct flow *f;
};

static void alt_svc_record(void *arg, struct rec_alt_svc *r)
{
    struct flow_of_worker *of = arg;

    host_record(of->w, of->f, RECORD_alt_svc, r);
}

void host_alt_svc(struct analyzer_ctx *ctx, struct str origin, struct str value)
{
    struct host_call *c = host_call_of(ctx);
    struct flow_of_worker of = {c->w, c->f};
    struct learn_origin from = {.host = origin, .ts_ns = ctx->ts_ns};
    char uid[UID_MAX];

    if (!c->w->learn)
        return;
    from.server = *flow_addr(c->f, FLOW_RESP ^ c->f->swapped);
    from.port = flow_port(c->f, FLOW_RESP ^ c->f->swapped);
    from.uid = flow_uid(c->w, c->f, uid);
    if (!learn_alt_svc(c->w->learn, &from, value, alt_svc_record, &of))
        host_weird(c->w, c->f, WEIRD_BAD_ALT_SVC, NULL, "learn");
}

void host_resolved(struct analyzer_ctx *ctx, const struct ipaddr *addr, struct str name,
                   uint32_t ttl_s)
{
    struct host_call *c = host_call_of(ctx);

    if (c->w->learn)
        learn_name_add(c->w->learn, flow_addr(c->f, FLOW_ORIG ^ c->f->swapped), addr, name, ttl_s,
                       ctx->ts_ns);
}

void host_connection_id(struct analyzer_ctx *ctx, unsigned side, const uint8_t *cid, size_t len)
{
    struct host_call *c = host_call_of(ctx);
    char uid[UID_MAX];

    if (!c->w->learn)
        return;
    c->f->connection = learn_connection_id(c->w->learn, c->f->connection, flow_uid(c->w, c->f, uid),
                                           side, cid, len);
    if (host_path_of(c->w, c->f).len == 0)
        learn_connection_set_category(c->w->learn, c->f->connection, c->f->category);
}

void host_learn_prefetch_begin(struct worker *w, const struct packet *p)
{
    if (w->learn)
        learn_name_prefetch(w->learn, &p->key.addr[!p->from]);
}

/* Another worker may have seen the answer, and told since; or it was looked for the wrong way
 * round. */
static bool is_looked_for_again(const struct worker *w, const struct flow *f)
{
    return f->resolved == 0 && (w->heritage->n_workers > 1 || f->named_orig != f->orig);
}

void host_learn_prefetch_end(struct worker *w, struct flow *f)
{
    if (w->learn && is_looked_for_again(w, f))
        learn_name_prefetch(w->learn, flow_addr(f, FLOW_RESP));
}

void host_learn_begin(struct worker *w, struct flow *f)
{
    if (!w->learn)
        return;
    f->resolved =
        learn_name_find(w->learn, flow_addr(f, FLOW_ORIG), flow_addr(f, FLOW_RESP), f->start_ns);
    f->named_orig = f->orig & 1;
}

void host_learn_end(struct worker *w, struct flow *f)
{
    if (!w->learn)
        return;
    learn_name_release(w->learn, f->resolved);
    learn_connection_release(w->learn, f->connection);
    learn_question_close(w->learn, f->question);
    f->resolved = f->connection = f->question = 0;
}

struct str host_resolved_name(struct worker *w, struct flow *f)
{
    if (!w->learn)
        return STR_LIT("");
    if (is_looked_for_again(w, f))
        host_learn_begin(w, f);
    return learn_name_text(w->learn, f->resolved);
}

struct str host_path_of(const struct worker *w, const struct flow *f)
{
    char own[UID_MAX];
    struct str uid;

    if (f->connection == 0)
        return STR_LIT("");
    uid = learn_connection_uid(w->learn, f->connection);
    return str_equal(uid, flow_uid(w, f, own)) ? STR_LIT("") : uid;
}

static bool by_connection(struct worker *w, struct flow *f, const uint8_t *data, size_t len,
                          struct host_learned *out)
{
    enum category category;
    unsigned to;

    f->connection = learn_connection_find(w->learn, data, len, &to);
    if (f->connection == 0)
        return false;
    category = learn_connection_category(w->learn, f->connection);
    f->category = (uint8_t)(category == CATEGORY_unknown ? CATEGORY_other_tls : category);
    frames_decided(&w->frames, f, host_category_wanted(w, f));
    out->fact = FACT_PATH_OF;
    out->text = learn_connection_uid(w->learn, f->connection);
    out->sender = !to;
    return true;
}

static bool by_alpn(struct worker *w, struct flow *f, unsigned end, struct host_learned *out)
{
    for (unsigned side = FLOW_RESP + 1; side-- > 0;) {
        const char *alpn;

        if (!learn_alpn_port(w->learn, flow_port(f, side)))
            continue;
        alpn = learn_alpn(w->learn, flow_addr(f, side), flow_port(f, side),
                          side == FLOW_RESP ? host_resolved_name(w, f) : STR_LIT(""), f->last_ns);
        if (!alpn)
            continue;
        out->fact = FACT_LEARNED_ALPN;
        out->text = str_of(alpn);
        out->sender = (end ^ f->orig) == side ? FLOW_RESP : FLOW_ORIG;
        return true;
    }
    return false;
}

static bool is_plausible(uint8_t analyzer, const uint8_t *data, size_t len)
{
    return analyzers[analyzer]->plausible && analyzers[analyzer]->plausible(data, len);
}

bool host_learned(struct worker *w, struct flow *f, unsigned end, const uint8_t *data, size_t len,
                  struct host_learned *out)
{
    for (uint8_t i = 0; w->learn && analyzers[i]; i++) {
        if (!is_plausible(i, data, len))
            continue;
        out->analyzer = i;
        if (f->connection == 0 && path_is_tried(f->end[end].packets)) {
            if (by_connection(w, f, data, len, out))
                return true;
            f->question = learn_connection_ask(w->learn, f->question, end, data, len);
        }
        if (by_alpn(w, f, end, out))
            return true;
    }
    return false;
}

bool host_answered(struct worker *w, struct flow *f, unsigned *end, struct str *datagram,
                   struct host_learned *out)
{
    bool read = f->content == CONTENT_ANALYZER || f->content == CONTENT_DONE;

    if (f->question == 0 || f->connection > 0)
        return false;
    for (*end = 0; *end < 2; ++*end) {
        const uint8_t *data;

        *datagram = learn_question_datagram(w->learn, f->question, *end);
        data = (const uint8_t *)datagram->p;
        for (uint8_t i = 0; datagram->len > 0 && analyzers[i]; i++) {
            out->analyzer = i;
            if ((!read || f->analyzer == i) && is_plausible(i, data, datagram->len) &&
                by_connection(w, f, data, datagram->len, out))
                return true;
        }
    }
    return false;
}
