/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP/1: two streams of messages, one a side.
 *
 *   LINE ──► HEADERS ──► LENGTH | CHUNKED | UNTIL_CLOSE ──► LINE …
 *     └────────┴── refused, or bytes missing ──► SEARCH ──► HEADERS
 *
 * Start lines are read here (http1_line.c says why), headers and chunks by llhttp. Bodies of a
 * known length, and those until close, are counted off: that costs nothing per byte, and a gap
 * inside is stepped over. Where a message ends is decided here, since it depends on the request
 * (HEAD, CONNECT).
 *
 * SEARCH looks for a line that can be the start of a message: at the beginning of every line, and
 * of what each packet brought, since senders begin messages there and bodies need not end with a
 * line.
 *
 * What follows a CONNECT or Upgrade is HTTP or not, as the answer says (http1_switch.c). */
#include "worker/parse/http1/http1.h"

#include "common/base/check.h"
#include "worker/parse/http/http_body.h"
#include "worker/parse/http1/http1_flow.h"
#include "worker/parse/http1/http1_line.h"

#define LINE_BYTES (HTTP_URI_MAX + HTTP1_METHOD_MAX + 32)

static void set_text(struct http1_flow *f, struct http_transaction *t, enum http_field field,
                     struct str value)
{
    http_field_begin(t, field);
    if (!http_field_append(t, f->ctx->bufs, field, value))
        http1_report_cut(f);
}

static void line_drop(struct http1_flow *f, struct http1_side *s)
{
    membuf_free(&s->line, f->ctx->bufs);
    s->tail_len = 0;
}

/* --- ends of messages --- */

static void request_done(struct http1_flow *f)
{
    const struct http_transaction *t = f->queue.open[0];

    f->side[0].phase = HTTP1_LINE;
    if (http1_may_switch(t) && !t->response_done) {
        f->side[0].phase = HTTP1_WAITING;
        f->connecting = http_transaction_is(t, "CONNECT");
    }
    http1_queue_request_done(&f->queue, f->ctx);
}

/* A client that waits is answered by the response to its own request alone; but if nothing waits in
 * the queue any more, that response was missed, and the wait is over as well. */
static void response_done(struct http1_flow *f)
{
    bool answer = http1_may_switch(f->queue.open[1]);

    f->side[1].phase = HTTP1_LINE;
    http1_queue_response_done(&f->queue, f->ctx);
    if (f->side[0].phase == HTTP1_WAITING && (answer || !f->queue.head))
        http1_wait_end(f);
}

/* The message that the side is in is complete. */
static void message_done(struct http1_flow *f, unsigned side)
{
    if (side == 0)
        request_done(f);
    else
        response_done(f);
}

void http1_stream_lost(struct http1_flow *f, unsigned side)
{
    struct http1_side *s = &f->side[side];

    if (s->phase != HTTP1_LINE && s->phase != HTTP1_SEARCH && s->phase != HTTP1_WAITING)
        message_done(f, side);
    line_drop(f, s);
    s->phase = HTTP1_SEARCH;
    f->queue.missed[side] = true;
}

static void body_take(struct http1_flow *f, unsigned side, const uint8_t *data, size_t len,
                      bool whole)
{
    http_body_data(f->queue.open[side], f->ctx->bufs, side, data, len, whole);
}

static void body_miss(struct http1_flow *f, unsigned side, uint64_t len)
{
    if (f->ctx->spared)
        http_body_skip(f->queue.open[side], side, len);
    else
        http_body_gap(f->queue.open[side], f->ctx->bufs, side, len);
}

/* The rest of a body that tells nothing more. */
static void body_spare(struct http1_flow *f, unsigned side)
{
    const struct http1_side *s = &f->side[side];

    if ((s->phase == HTTP1_LENGTH || s->phase == HTTP1_UNTIL_CLOSE) &&
        http_body_is_settled(f->queue.open[side], side))
        analyzer_spare(f->ctx, side, s->phase == HTTP1_LENGTH ? s->remaining : UINT64_MAX);
}

/* --- start lines --- */

/* Zeek's oddities of start lines. */
static void version_note(struct http1_flow *f, unsigned side, struct str version)
{
    uint16_t *last = &f->side[side].version;
    uint16_t now;

    if (version.len != 3)
        return;
    now = (uint16_t)((uint8_t)version.p[0] << 8 | (uint8_t)version.p[2]);
    if (*last != 0 && *last != now)
        analyzer_weird(f->ctx, WEIRD_HTTP_VERSION_MISMATCH, NULL);
    *last = now;
}

static void request_note(struct http1_flow *f, const struct http1_request_line *line)
{
    char method[HTTP1_METHOD_MAX + 1] = "";

    version_note(f, 0, line->version);
    if (!line->simple && http1_method_is_known(line->method))
        return;
    memcpy(method, line->method.p, line->method.len);
    if (!http1_method_is_known(line->method))
        analyzer_weird(f->ctx, WEIRD_HTTP_UNKNOWN_METHOD, method);
    if (line->simple && !str_equal(line->method, STR_LIT("GET")))
        analyzer_weird(f->ctx, WEIRD_HTTP_BAD_SIMPLE_METHOD, method);
}

static bool request_begin(struct http1_flow *f, struct str text)
{
    struct http1_request_line line;
    struct http_transaction *t;

    if (!http1_request_line_parse(text, &line))
        return false;
    request_note(f, &line);
    if (http1_queue_request(&f->queue, f->ctx, f->side[0].first_ns)) {
        t = f->queue.open[0];
        t->simple = line.simple;
        t->view = f->view;
        set_text(f, t, HTTP_METHOD, line.method);
        set_text(f, t, HTTP_URI, line.uri);
        http_field_end(t, f->ctx, HTTP_URI);
        if (line.version.len > 0)
            set_text(f, t, HTTP_VERSION, line.version);
    }
    http1_headers_start(f, 0);
    return true;
}

static bool response_begin(struct http1_flow *f, struct str text)
{
    struct http1_status_line line;
    struct http_transaction *t;

    if (!http1_status_line_parse(text, &line))
        return false;
    version_note(f, 1, line.version);
    f->status = line.status;
    if (http1_queue_response(&f->queue, f->ctx, f->side[1].first_ns)) {
        t = f->queue.open[1];
        t->view = f->view;
        if (line.version.len > 0)
            set_text(f, t, HTTP_RESPONSE_VERSION, line.version);
        if (line.status / 100 == 1) {
            t->info_status = line.status;
            set_text(f, t, HTTP_INFO_MSG, line.reason);
        }
        if (http1_status_is_final(line.status)) {
            t->response_ns = f->side[1].first_ns;
            t->has_status = true;
            t->status = line.status;
            set_text(f, t, HTTP_STATUS_MSG, line.reason);
        }
    }
    http1_headers_start(f, 1);
    return true;
}

/* At the response to a request of HTTP/0.9, which is a body and nothing else, unless the server
 * knows no HTTP/0.9. */
static bool at_simple_response(const struct http1_flow *f, unsigned side)
{
    const struct http_transaction *head = f->queue.head;

    return side == 1 && f->side[1].phase == HTTP1_LINE && head && head->simple &&
           !head->response_done;
}

/* A line, or as much of it as has come, that begins no message; `whole`: its LF was read too. */
static void line_refuse(struct http1_flow *f, unsigned side, struct str line, bool whole)
{
    struct http1_side *s = &f->side[side];

    if (at_simple_response(f, side)) {
        if (http1_queue_response(&f->queue, f->ctx, s->first_ns))
            f->queue.open[1]->response_ns = s->first_ns;
        body_take(f, 1, (const uint8_t *)line.p, line.len, false);
        if (whole)
            body_take(f, 1, (const uint8_t *)"\n", 1, false);
        line_drop(f, s);
        s->phase = HTTP1_UNTIL_CLOSE;
        return;
    }
    if (s->phase == HTTP1_LINE) {
        analyzer_weird(
            f->ctx, side == 0 ? WEIRD_HTTP_BAD_REQUEST_LINE : WEIRD_HTTP_BAD_RESPONSE_LINE, NULL);
        http1_stream_lost(f, side);
    }
    line_drop(f, s);
    s->skip_line = !whole;
}

static void tail_append(struct http1_side *s, struct cursor *c)
{
    while (cursor_left(c) > 0) {
        if (s->tail_len == HTTP1_TAIL_BYTES)
            memmove(s->tail, s->tail + 1, --s->tail_len);
        s->tail[s->tail_len++] = (char)cursor_u8(c);
    }
}

/* Keeps n bytes more of an incomplete line. Of what does not fit, the last bytes are kept, because
 * a request line ends with the version. */
static void line_append(struct http1_flow *f, struct http1_side *s, const uint8_t *p, size_t n)
{
    size_t room = LINE_BYTES - s->line.len;
    size_t fits = n < room ? n : room;
    struct cursor over;

    if (membuf_append(&s->line, f->ctx->bufs, p, fits, LINE_BYTES) < 0)
        fits = 0;
    if (fits == n)
        return;
    http1_report_cut(f);
    over = cursor_init(p + fits, n - fits);
    if (cursor_left(&over) > HTTP1_TAIL_BYTES)
        cursor_skip(&over, cursor_left(&over) - HTTP1_TAIL_BYTES);
    tail_append(s, &over);
}

/* Reads on in a line up to its LF, if that has come: straight from the input if it is all there. */
static void line_read(struct http1_flow *f, unsigned side, struct cursor *c)
{
    struct http1_side *s = &f->side[side];
    const uint8_t *lf = memchr(c->p, '\n', cursor_left(c));
    size_t n = lf ? (size_t)(lf - c->p) : cursor_left(c);
    const uint8_t *p = cursor_bytes(c, n);
    struct str line = str_make(p, n);

    if (lf)
        cursor_skip(c, 1);
    /* Mostly a whole line lies in one packet and need not be copied. */
    if (s->line.len > 0 || !lf) {
        line_append(f, s, p, n);
        if (lf && s->tail_len > 0)
            (void)membuf_append(&s->line, f->ctx->bufs, s->tail, s->tail_len,
                                LINE_BYTES + HTTP1_TAIL_BYTES);
        line = str_make(s->line.p, s->line.len);
    }
    /* Looked at early, so that bytes which are no HTTP are not gathered up to the bound. */
    if (line.len == 0 || http1_line_prefix(side, line) == HTTP1_FITS_NOT) {
        line_refuse(f, side, line, lf != NULL);
        return;
    }
    if (!lf)
        return;
    if (side == 0 ? request_begin(f, line) : response_begin(f, line))
        line_drop(f, s);
    else
        line_refuse(f, side, line, true);
}

/* Phases LINE and SEARCH. */
static void line_step(struct http1_flow *f, unsigned side, struct cursor *c)
{
    struct http1_side *s = &f->side[side];
    const uint8_t *lf;

    if (s->skip_line) {
        lf = memchr(c->p, '\n', cursor_left(c));
        s->skip_line = !lf;
        cursor_skip(c, lf ? (size_t)(lf + 1 - c->p) : cursor_left(c));
        return;
    }
    if (s->line.len == 0) {
        /* RFC 9112 section 2.2: empty lines before a message are left out. */
        while (cursor_left(c) > 0 && (*c->p == '\r' || *c->p == '\n') &&
               !at_simple_response(f, side))
            cursor_skip(c, 1);
        s->first_ns = f->ctx->ts_ns;
    }
    if (cursor_left(c) > 0)
        line_read(f, side, c);
}

/* --- from headers to body --- */

/* RFC 9112 section 6.3, rules 5 to 8. A length is believed even beside a transfer coding other than
 * chunked: such codings ("identity") are long out of use, and senders mean the length. */
static void body_begin(struct http1_flow *f, unsigned side)
{
    struct http1_side *s = &f->side[side];

    if (s->remaining > 0)
        s->phase = HTTP1_LENGTH;
    else if (side == 1 && !s->has_length)
        s->phase = HTTP1_UNTIL_CLOSE;
    else
        message_done(f, side);
}

/* The connection speaks another protocol from here on. Nothing of f may be used after it. */
static void switch_protocol(struct http1_flow *f, const struct cursor *rest)
{
    struct analyzer_ctx *ctx = f->ctx;
    const char *successor = http1_switch(f);

    message_done(f, 1);
    analyzer_hand_over(ctx, successor, 1, rest->p, cursor_left(rest));
}

/* RFC 7838 section 3: of the origin that was asked; section 6: not with 421. */
static void alt_svc_take(struct http1_flow *f, const struct http_transaction *t)
{
    struct str value = t ? http_field_text(t, HTTP_ALT_SVC) : STR_LIT("");

    if (value.len == 0 || f->status == 421)
        return;
    analyzer_alt_svc(
        f->ctx, http1_target_origin(http_field_text(t, HTTP_URI), http_field_text(t, HTTP_HOST)),
        value);
}

/* Returns false when the connection was handed over. */
static bool response_headers_done(struct http1_flow *f, const struct cursor *rest)
{
    const struct http_transaction *t = f->queue.open[1];

    alt_svc_take(f, t);
    if (f->status == 101 || (f->status / 100 == 2 && http_transaction_is(t, "CONNECT"))) {
        switch_protocol(f, rest);
        return false;
    }
    if (!http1_status_is_final(f->status)) {
        /* The transaction stays at the head of the queue for the response that follows. */
        f->queue.open[1] = NULL;
        f->side[1].phase = HTTP1_LINE;
    } else if (http1_response_has_no_body(t, f->status)) {
        message_done(f, 1);
    } else {
        body_begin(f, 1);
    }
    return true;
}

/* Somewhere in a line: the search goes on at the next one. */
static void parser_refused(struct http1_flow *f, unsigned side, llhttp_errno_t err)
{
    enum weird w = side == 0 ? WEIRD_HTTP_BAD_REQUEST_LINE : WEIRD_HTTP_BAD_RESPONSE_LINE;

    if (f->side[side].phase == HTTP1_CHUNKED)
        w = WEIRD_HTTP_BAD_CHUNK;
    analyzer_weird(f->ctx, w, llhttp_errno_name(err));
    http1_stream_lost(f, side);
    f->side[side].skip_line = true;
}

/* Phases HEADERS and CHUNKED. Returns false when the connection was handed over. */
static bool parser_step(struct http1_flow *f, unsigned side, struct cursor *c)
{
    struct http1_side *s = &f->side[side];
    const char *p = (const char *)c->p;
    llhttp_errno_t err = llhttp_execute(&s->parser, p, cursor_left(c));

    if (err == HPE_OK) {
        cursor_skip(c, cursor_left(c));
        return true;
    }
    cursor_skip(c, (size_t)(llhttp_get_error_pos(&s->parser) - p));
    CHECK(cursor_ok(c));
    if (err != HPE_PAUSED)
        parser_refused(f, side, err);
    else if (s->phase == HTTP1_CHUNKED)
        message_done(f, side);
    else if (side == 1)
        return response_headers_done(f, c);
    else
        body_begin(f, side);
    return true;
}

/* --- the analyzer --- */

/* Consumes something. Returns false when the connection was handed over: f is gone then. */
static bool side_step(struct http1_flow *f, unsigned side, struct cursor *c)
{
    struct http1_side *s = &f->side[side];
    size_t n = cursor_left(c);

    switch ((enum http1_phase)s->phase) {
    case HTTP1_LINE:
    case HTTP1_SEARCH:
        line_step(f, side, c);
        break;
    case HTTP1_HEADERS:
    case HTTP1_CHUNKED:
        return parser_step(f, side, c);
    case HTTP1_LENGTH:
        if (n > s->remaining)
            n = (size_t)s->remaining;
        body_take(f, side, cursor_bytes(c, n), n, n == s->remaining);
        s->remaining -= n;
        if (s->remaining == 0)
            message_done(f, side);
        break;
    case HTTP1_UNTIL_CLOSE:
        body_take(f, side, cursor_bytes(c, n), n, false);
        break;
    case HTTP1_WAITING:
        http1_wait_step(f, c);
        break;
    case HTTP1_CLOSED:
        cursor_skip(c, n);
        break;
    }
    return true;
}

bool http1_feed(struct http1_flow *f, unsigned side, struct cursor *c)
{
    while (cursor_left(c) > 0)
        if (!side_step(f, side, c))
            return false;
    return true;
}

static void http1_open(struct analyzer_ctx *ctx, void *state)
{
    (void)state;
    analyzer_service(ctx, "http");
    analyzer_category(ctx, CATEGORY_web_plain);
}

static void http1_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                       struct str text)
{
    static const char *const views[] = {"packet", "plaintext", "decrypted"};
    struct http1_flow *f = state;

    (void)ctx;
    for (size_t i = 0; fact == FACT_VIEW && i < sizeof views / sizeof views[0]; i++)
        if (str_equal(text, str_of(views[i])))
            f->view = views[i];
}

static void http1_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                       size_t len)
{
    struct http1_flow *f = state;
    struct http1_side *s = &f->side[side];
    struct cursor c = cursor_init(data, len);

    f->ctx = ctx;
    /* A partial line that was taken up in the search is worth less than a start. */
    if (s->phase == HTTP1_SEARCH && http1_line_is_start(side, str_make(data, len))) {
        line_drop(f, s);
        s->skip_line = false;
    }
    if (http1_feed(f, side, &c))
        body_spare(f, side);
}

/* Inside a chunk bytes are missing: llhttp, which counts the chunk down, is told so. It gets the
 * last one as a byte that it does not look at, so that it sees the chunk's end. A gap may be of any
 * length, and must not cost by that. */
static void chunk_fill(struct http1_flow *f, unsigned side, uint64_t len)
{
    struct http1_side *s = &f->side[side];
    struct cursor last = cursor_init("", 1);

    body_miss(f, side, len - 1);
    s->parser.content_length -= len - 1;
    s->remaining -= len - 1;
    s->filling = true;
    (void)parser_step(f, side, &last);
    s->filling = false;
}

/* A gap before anything else of a flow whose beginning was seen: the client's bytes were there, and
 * detection has found them to be no request, until the server answered as HTTP. */
static bool detection_refused(const struct http1_flow *f, unsigned side)
{
    return side == 0 && !f->ctx->midstream && f->side[0].first_ns == 0 && f->side[1].first_ns == 0;
}

static void http1_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct http1_flow *f = state;
    struct http1_side *s = &f->side[side];

    f->ctx = ctx;
    if (s->phase == HTTP1_UNTIL_CLOSE) {
        body_miss(f, side, len);
        return;
    }
    if (s->phase == HTTP1_LENGTH && len <= s->remaining) {
        body_miss(f, side, len);
        s->remaining -= len;
        if (s->remaining == 0)
            message_done(f, side);
        return;
    }
    if (s->phase == HTTP1_CHUNKED && len <= s->remaining) {
        chunk_fill(f, side, len);
        return;
    }
    if (s->phase == HTTP1_WAITING)
        f->kept_lost = true;
    if (s->phase == HTTP1_CLOSED || s->phase == HTTP1_WAITING)
        return;
    /* The gap reaches past the body, so all of that was sent. */
    if (s->phase == HTTP1_LENGTH)
        body_miss(f, side, s->remaining);
    if (f->queue.open[side])
        f->queue.open[side]->partial = true;
    if (detection_refused(f, side))
        analyzer_weird(ctx, WEIRD_HTTP_BAD_REQUEST_LINE, NULL);
    else
        analyzer_weird(ctx, WEIRD_HTTP_CONTENT_GAP, NULL);
    http1_stream_lost(f, side);
    s->skip_line = false;
}

static void http1_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct http1_flow *f = state;
    struct http1_side *s = &f->side[side];

    /* Ends a body until close as it should be, and anything else before its time. */
    f->ctx = ctx;
    line_drop(f, s);
    if (f->queue.open[side])
        message_done(f, side);
    if (s->phase != HTTP1_WAITING)
        s->phase = HTTP1_CLOSED;
}

static void http1_close(struct analyzer_ctx *ctx, void *state)
{
    struct http1_flow *f = state;

    f->ctx = ctx;
    line_drop(f, &f->side[0]);
    line_drop(f, &f->side[1]);
    membuf_free(&f->kept, ctx->bufs);
    http1_queue_flush(&f->queue, ctx);
}

const struct analyzer analyzer_http1 = {
    .name = "http1",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct http1_flow),
    .state_max = 0,
    .probe = http1_probe,
    .open = http1_open,
    .told = http1_told,
    .data = http1_data,
    .gap = http1_gap,
    .end = http1_end,
    .close = http1_close,
};
