/* SPDX-License-Identifier: BSD-3-Clause */
/* Header blocks: a HEADERS or PUSH_PROMISE frame and the CONTINUATION frames after it.
 *
 * Every block goes through the inflater, also that of a stream which is of no interest any more:
 * the blocks after it refer to what it has put into the table. Fields are taken as they come out,
 * so nothing of a block is kept but what a record shows; a block may be as long as its sender likes
 * and costs its bytes once.
 *
 * The first block of a side on a stream is its headers (or those of an interim response), one after
 * them is trailers, of which only the server's are read, for the status of gRPC. */
#include "worker/parse/http2/http2_flow.h"

#define FIELD_OVERHEAD 32u /* RFC 9113 section 6.5.2: how a header list is measured */
#define CONTINUATIONS                                                                              \
    64u /* frames of a block that are one too many; a browser's cookies take 2                     \
         */

struct taker {
    struct http2_flow *f;
    struct http2_side *s;
};

/* --- fields --- */

/* Host counts where there is no :authority, which is before it (RFC 9113 section 8.3.1). */
static bool header_is_redundant(const struct http2_stream *st, struct str name)
{
    return str_equal(name, STR_LIT("host")) && http_field_text(st->t, HTTP_HOST).len > 0;
}

/* For people who asked for headers, as they were sent; never the pseudo-headers. */
static void header_show(struct http2_flow *f, struct http2_stream *st, unsigned side,
                        struct str name, struct str value)
{
    struct http_exchange *x = st->t->exchange;

    if (!x || name.p[0] == ':')
        return;
    http_exchange_name(x, f->ctx->bufs, side, name);
    http_exchange_value(x, f->ctx->bufs, side, value);
    if (!http_exchange_header_end(x, f->ctx, side))
        http2_report_cut(f);
}

static void header_take(struct http2_flow *f, struct http2_stream *st, unsigned side,
                        struct str name, struct str value)
{
    enum http_field field;
    bool kept;

    if (side == 0 && header_is_redundant(st, name))
        return;
    field = http_header_begin(st->t, f->ctx, side, name, &kept);
    if (field != HTTP_NO_FIELD) {
        kept &= http_field_append(st->t, f->ctx->bufs, field, value);
        http_header_end(st->t, f->ctx, field);
    }
    if (!kept)
        http2_report_cut(f);
}

static void request_take(struct http2_flow *f, struct http2_stream *st, struct str name,
                         struct str value)
{
    static const struct {
        struct str name;
        enum http_field field;
    } pseudo[] = {
        {STR_LIT(":method"), HTTP_METHOD},
        {STR_LIT(":path"), HTTP_URI},
        {STR_LIT(":authority"), HTTP_HOST},
    };

    if (name.p[0] != ':') {
        header_take(f, st, 0, name, value);
        return;
    }
    for (size_t i = 0; i < sizeof pseudo / sizeof pseudo[0]; i++)
        if (str_equal(name, pseudo[i].name)) {
            http2_stream_set(f, st, pseudo[i].field, value);
            http_field_end(st->t, f->ctx, pseudo[i].field);
        }
    if (str_equal(name, STR_LIT(":protocol")))
        st->websocket = str_equal(value, STR_LIT("websocket"));
}

/* 0 for what is none (RFC 9110 section 15). */
static uint16_t status_read(struct str s)
{
    uint16_t status = 0;

    if (s.len != 3)
        return 0;
    for (uint32_t i = 0; i < 3; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        status = (uint16_t)(status * 10 + (s.p[i] - '0'));
    }
    return status;
}

static void status_take(struct http2_side *s, struct http2_stream *st, struct str value)
{
    uint16_t status = status_read(value);

    s->informational = status / 100 == 1;
    if (s->informational) {
        st->t->info_status = status;
    } else if (status > 0) {
        st->t->has_status = true;
        st->t->status = status;
    }
}

static void response_take(struct http2_flow *f, struct http2_side *s, struct str name,
                          struct str value)
{
    struct http2_stream *st = s->stream;

    if (str_equal(name, STR_LIT(":status")))
        status_take(s, st, value);
    else if (name.p[0] != ':' && !s->informational)
        header_take(f, st, 1, name, value);
}

static void trailer_take(struct http2_flow *f, struct http2_stream *st, struct str name,
                         struct str value)
{
    if (str_equal(name, STR_LIT("grpc-status")) || str_equal(name, STR_LIT("grpc-message")))
        header_take(f, st, 1, name, value);
}

static void field_take(void *arg, struct str name, struct str value)
{
    struct taker *taker = arg;
    struct http2_flow *f = taker->f;
    struct http2_side *s = taker->s;
    uint32_t before = s->list_bytes;

    /* The inflater bounds a field to 64 KiB, so this cannot wrap before the bound stops it. */
    if (before > HTTP2_HEADER_LIST_MAX)
        return;
    s->list_bytes += name.len + value.len + FIELD_OVERHEAD;
    if (s->list_bytes > HTTP2_HEADER_LIST_MAX) {
        analyzer_weird(f->ctx, WEIRD_HTTP2_HEADER_LIST, NULL);
        return;
    }
    if (!s->stream || name.len == 0)
        return;
    if (s->block != HTTP2_IGNORED && !s->informational)
        header_show(f, s->stream, s->block != HTTP2_REQUEST && s == &f->side[1], name, value);
    if (s->block == HTTP2_REQUEST)
        request_take(f, s->stream, name, value);
    else if (s->block == HTTP2_RESPONSE)
        response_take(f, s, name, value);
    else if (s->block == HTTP2_TRAILERS && s == &f->side[1])
        trailer_take(f, s->stream, name, value);
}

/* --- blocks --- */

static void feed(struct http2_flow *f, unsigned side, const uint8_t *data, size_t len, bool last)
{
    struct http2_side *s = &f->side[side];
    struct taker taker = {f, s};
    bool lost = s->hpack.lost;

    if (s->block_broken)
        return;
    switch (http2_hpack_feed(&s->hpack, f->ctx->bufs, data, len, last, field_take, &taker)) {
    case HPACK_OK:
        break;
    case HPACK_UNKNOWN:
        s->block_unknown = true;
        break;
    case HPACK_BROKEN:
        s->block_broken = true;
        /* Where the table is unknown a block may fail for that alone. */
        if (!lost)
            analyzer_weird(f->ctx, WEIRD_HTTP2_BAD_HEADERS, NULL);
        break;
    }
}

/* A client opens streams in ascending order, so a new one is above all that were. */
static struct http2_stream *request_stream(struct http2_flow *f, uint32_t id)
{
    struct http2_side *s = &f->side[0];
    struct http2_stream *st = http2_stream_find(f, id);

    if (st)
        http2_stream_settle(f, st, 0);
    if (!http2_is_client_stream(id) || id <= s->last_id || http2_stream_was_reset(f, id))
        return st;
    s->last_id = id;
    f->requests++;
    return st ? st : http2_stream_open(f, id, s->frame_ns);
}

static struct http2_stream *promised_stream(struct http2_flow *f, uint32_t id)
{
    struct http2_side *s = &f->side[1];
    struct http2_stream *st;

    if (id == 0 || http2_is_client_stream(id) || id <= s->last_id)
        return NULL;
    s->last_id = id;
    st = http2_stream_open(f, id, s->frame_ns);
    if (st)
        st->t->pushed = true;
    return st;
}

void http2_block_begin(struct http2_flow *f, unsigned side, uint32_t id)
{
    struct http2_side *s = &f->side[side];
    bool promise = s->frame.type == HTTP2_PUSH_PROMISE;

    s->stream = !f->oriented ? NULL
                : promise    ? promised_stream(f, id)
                : side == 0  ? request_stream(f, id)
                             : http2_stream_of(f, side);
    if (!s->stream)
        s->block = HTTP2_IGNORED;
    else if (promise)
        s->block = HTTP2_REQUEST;
    else if (side == 0)
        s->block = s->stream->asked ? HTTP2_TRAILERS : HTTP2_REQUEST;
    else
        s->block = s->stream->answered ? HTTP2_TRAILERS : HTTP2_RESPONSE;
    if (s->block == HTTP2_REQUEST)
        s->stream->asked = true;
    s->block_ns = s->frame_ns;
    s->block_ends = !promise && (s->frame.flags & HTTP2_END_STREAM);
    s->block_broken = false;
    s->block_unknown = false;
    s->informational = false;
    s->list_bytes = 0;
    s->continuations = 0;
}

void http2_block_data(struct http2_flow *f, unsigned side, const uint8_t *data, size_t len)
{
    feed(f, side, data, len, false);
}

/* What comes without is trailers (section 8.1) whose headers were missed. */
static bool pseudo_is_missing(const struct http2_flow *f, const struct http2_side *s)
{
    const struct http_transaction *t = s->stream->t;

    if (!f->missed)
        return false;
    return (s->block == HTTP2_REQUEST && http_field_text(t, HTTP_METHOD).len == 0) ||
           (s->block == HTTP2_RESPONSE && !s->informational && !t->has_status);
}

/* RFC 7838 section 3: of the origin that was asked, lines are one list; section 6: not with 421. */
static void alt_svc_tell(struct http2_flow *f, const struct http_transaction *t)
{
    struct str value = http_field_text(t, HTTP_ALT_SVC);

    if (value.len > 0 && t->status != 421)
        analyzer_alt_svc(f->ctx, http_field_text(t, HTTP_HOST), value);
}

static void headers_done(struct http2_flow *f, struct http2_side *s)
{
    struct http2_stream *st = s->stream;

    if (s->block_unknown || s->block_broken || pseudo_is_missing(f, s))
        st->t->partial = true;
    if (s->block == HTTP2_REQUEST && st->t->pushed) {
        http2_stream_end(f, st, 0);
    } else if (s->block == HTTP2_RESPONSE && !s->informational) {
        st->answered = true;
        st->t->response_ns = s->block_ns;
        alt_svc_tell(f, st->t);
    }
    if (!s->informational)
        http2_child_headers(f, st, s->block);
}

void http2_block_frame_end(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];

    if (s->frame.type == HTTP2_CONTINUATION && ++s->continuations == CONTINUATIONS)
        analyzer_weird(f->ctx, WEIRD_HTTP2_CONTINUATION_FLOOD, NULL);
    if (!(s->frame.flags & HTTP2_END_HEADERS))
        return;
    feed(f, side, (const uint8_t *)"", 0, true);
    if (s->stream) {
        headers_done(f, s);
        http2_stream_account(f, s->stream);
    }
    if (s->stream && s->block_ends)
        http2_stream_end(f, s->stream, side);
    s->block = HTTP2_NO_BLOCK;
    s->stream = NULL;
}

void http2_block_break(struct http2_side *s)
{
    s->block_broken = true;
    http2_hpack_lose(&s->hpack);
}
