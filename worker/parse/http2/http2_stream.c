/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams and their records.
 *
 * A stream is a transaction from its first frame on, and a record when both sides have ended it,
 * when the server has reset it, or when the connection is over. One that the client resets lingers
 * for a second: the response may be under way, and says what was asked for in vain. Few linger at a
 * time, so an attacker who opens and resets streams gains two buffers each for a moment.
 *
 * Where requests may have been missed, a frame of the server is enough to open a stream: what it
 * says is recorded, and that it is partial. */
#include "worker/parse/http2/http2_flow.h"

/* Peers choose identifiers, and could choose those that a fixed function puts into one bucket. */
static struct http2_stream **bucket_of(struct http2_flow *f, uint32_t id)
{
    return &f->bucket[id * f->bucket_key >> (64 - HTTP2_BUCKET_BITS)];
}

struct http2_stream *http2_stream_find(struct http2_flow *f, uint32_t id)
{
    struct http2_stream *s = *bucket_of(f, id);

    while (s && s->id != id)
        s = s->next;
    return s;
}

static void oldest_give_way(struct http2_flow *f, const char *why)
{
    analyzer_weird(f->ctx, WEIRD_HTTP2_STREAMS_BOUND, why);
    f->oldest->t->partial = true;
    http2_stream_close(f, f->oldest);
}

/* A byte of a header block may name a header of kilobytes, so that streams, each within its bounds,
 * could together take the memory of all flows. */
void http2_stream_account(struct http2_flow *f, struct http2_stream *s)
{
    uint32_t now = http_transaction_text_bytes(s->t);

    f->text_bytes += now - s->text_bytes;
    s->text_bytes = now;
    while (f->text_bytes > HTTP2_TEXTS_MAX && f->oldest != s)
        oldest_give_way(f, "bytes of headers");
}

struct http2_stream *http2_stream_open(struct http2_flow *f, uint32_t id, uint64_t ts_ns)
{
    struct http2_stream **bucket = bucket_of(f, id), *s;
    size_t capacity;

    if (f->n_streams == HTTP2_STREAMS_MAX)
        oldest_give_way(f, NULL);
    s = bufpool_get(f->ctx->bufs, sizeof *s, &capacity);
    if (!s)
        return NULL;
    *s = (struct http2_stream){.capacity = capacity,
                               .id = id,
                               .next = *bucket,
                               .lost = {f->side[0].losses, f->side[1].losses}};
    s->t = http_transaction_new(f->ctx);
    if (!s->t) {
        bufpool_put(f->ctx->bufs, s, capacity);
        return NULL;
    }
    s->t->ts_ns = ts_ns;
    s->t->depth = ++f->depth;
    s->t->stream_id = id;
    s->t->has_stream = true;
    s->t->view = f->view;
    *bucket = s;
    s->older = f->youngest;
    *(f->youngest ? &f->youngest->younger : &f->oldest) = s;
    f->youngest = s;
    f->n_streams++;
    http2_stream_set(f, s, HTTP_VERSION, STR_LIT("2"));
    return s;
}

static void stream_remove(struct http2_flow *f, struct http2_stream *s)
{
    struct http2_stream **link = bucket_of(f, s->id);

    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    *(s->older ? &s->older->younger : &f->oldest) = s->younger;
    *(s->younger ? &s->younger->older : &f->youngest) = s->older;
    f->n_streams--;
    f->text_bytes -= s->text_bytes;
    for (int side = 0; side < 2; side++)
        if (f->side[side].stream == s)
            f->side[side].stream = NULL;
}

void http2_stream_settle(struct http2_flow *f, struct http2_stream *s, unsigned side)
{
    if (s->lost[side] == f->side[side].losses)
        return;
    s->lost[side] = f->side[side].losses;
    if (s->ended[side])
        return;
    s->t->partial = true;
    analyzer_child_gap(f->ctx, s->child, side, 0);
}

void http2_stream_close(struct http2_flow *f, struct http2_stream *s)
{
    http2_stream_settle(f, s, 0);
    http2_stream_settle(f, s, 1);
    stream_remove(f, s);
    if (!s->asked) {
        s->t->partial = true;
        analyzer_weird(f->ctx, WEIRD_HTTP_UNMATCHED_REPLY, NULL);
    }
    http_transaction_emit(s->t, f->ctx);
    http_transaction_free(s->t, f->ctx->bufs);
    analyzer_child_close(f->ctx, s->child);
    bufpool_put(f->ctx->bufs, s, s->capacity);
}

bool http2_stream_was_reset(const struct http2_flow *f, uint32_t id)
{
    for (unsigned i = 0; i < HTTP2_RESETS_KEPT; i++)
        if (f->reset[i].id == id)
            return true;
    return false;
}

struct http2_stream *http2_stream_of(struct http2_flow *f, unsigned side)
{
    const struct http2_frame *frame = &f->side[side].frame;
    uint32_t id = frame->stream_id;
    struct http2_stream *s = http2_stream_find(f, id);
    bool opened = id <= f->side[http2_is_client_stream(id) ? 0 : 1].last_id;

    if (s)
        http2_stream_settle(f, s, side);
    if (s || side == 0 || http2_stream_was_reset(f, id))
        return s;
    /* A response whose request has not come yet, or never will: of a stream that was opened, or in
     * the middle of its content, it can only be where something was missed. */
    if ((!http2_is_client_stream(id) || opened || frame->type != HTTP2_HEADERS) && !f->missed)
        return NULL;
    if (!f->oriented)
        return NULL;
    return http2_stream_open(f, id, f->side[1].frame_ns);
}

void http2_stream_end(struct http2_flow *f, struct http2_stream *s, unsigned side)
{
    bool request_lost = f->missed && !s->asked;

    if (s->ended[side])
        return;
    http2_stream_settle(f, s, side);
    s->ended[side] = true;
    if (side == 0) {
        s->t->request_done = true;
        s->t->request_end_ns = f->ctx->ts_ns;
    } else {
        s->t->response_done = true;
    }
    analyzer_child_end(f->ctx, s->child, side);
    /* Of a request that was missed the end was, too. */
    if ((s->ended[0] && s->ended[1]) || (side == 1 && request_lost))
        http2_stream_close(f, s);
}

/* The oldest of the ring goes on to what it has become. */
static void linger_end(struct http2_flow *f)
{
    struct http2_stream *s =
        http2_stream_find(f, f->reset[f->reset_oldest++ % HTTP2_RESETS_KEPT].id);

    if (s && s->lingers)
        http2_stream_close(f, s);
}

void http2_stream_expire(struct http2_flow *f)
{
    while (f->reset_oldest != f->reset_next &&
           f->ctx->ts_ns >= f->reset[f->reset_oldest % HTTP2_RESETS_KEPT].ns + HTTP2_LINGER_NS)
        linger_end(f);
}

void http2_stream_reset(struct http2_flow *f, struct http2_stream *s, unsigned side,
                        const char *error)
{
    if (s->lingers) {
        http2_stream_close(f, s);
        return;
    }
    if (f->reset_next - f->reset_oldest == HTTP2_RESETS_KEPT)
        linger_end(f);
    f->reset[f->reset_next % HTTP2_RESETS_KEPT].id = s->id;
    f->reset[f->reset_next++ % HTTP2_RESETS_KEPT].ns = f->ctx->ts_ns;
    s->t->reset = error;
    http2_child_tell(f, s, FACT_RESET, str_of(error));
    s->lingers = side == 0 && !s->ended[1];
    if (!s->lingers) {
        http2_stream_close(f, s);
        return;
    }
    http2_stream_settle(f, s, 0);
    s->ended[0] = true;
    analyzer_child_end(f->ctx, s->child, 0);
}

void http2_report_cut(struct http2_flow *f)
{
    if (!f->cut_reported)
        analyzer_weird(f->ctx, WEIRD_HTTP_FIELD_CUT, NULL);
    f->cut_reported = true;
}

void http2_stream_set(struct http2_flow *f, struct http2_stream *s, enum http_field field,
                      struct str value)
{
    http_field_begin(s->t, field);
    if (!http_field_append(s->t, f->ctx->bufs, field, value))
        http2_report_cut(f);
}
