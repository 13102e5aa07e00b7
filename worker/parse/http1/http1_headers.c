/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers and chunks, as llhttp finds them.
 *
 * llhttp is started anew for each message with a plain start line in place of the real one, and is
 * paused where headers or chunks end: what follows depends on the request that is answered, and
 * bodies of a known length need no parser. */
#include "worker/parse/http1/http1_flow.h"

#include "common/base/check.h"
#include "worker/parse/http/http_body.h"

#include <stddef.h>

void http1_report_cut(struct http1_flow *f)
{
    if (!f->cut_reported)
        analyzer_weird(f->ctx, WEIRD_HTTP_FIELD_CUT, NULL);
    f->cut_reported = true;
}

/* Callbacks know their parser only; each side has its own. */
static unsigned parser_side(const llhttp_t *parser)
{
    const struct http1_flow *f = parser->data;
    return parser == &f->side[1].parser;
}

/* … and begins the side's part of the flow. */
static struct http1_side *side_of(llhttp_t *parser)
{
    _Static_assert(offsetof(struct http1_side, parser) == 0, "a side begins with its parser");
    return (struct http1_side *)(void *)parser;
}

static inline void value_begin(struct http1_flow *f, struct http1_side *s, unsigned side)
{
    struct http_transaction *t = f->queue.open[side];
    bool kept;

    s->in_value = true;
    s->field = HTTP_NO_FIELD;
    /* Trailers come after the body and are not what these fields are about, and an interim response
     * is not the one that they are of. */
    if (!t || s->phase != HTTP1_HEADERS || s->name_len > HTTP_HEADER_MAX ||
        (side == 1 && !http1_status_is_final(f->status)))
        return;
    s->field = (uint8_t)http_header_begin(t, f->ctx, side, str_make(s->name, s->name_len), &kept);
    if (!kept)
        http1_report_cut(f);
}

static int on_header_field(llhttp_t *parser, const char *at, size_t len)
{
    struct http1_side *s = side_of(parser);

    /* A name may come in pieces: only the first after a value begins another header. */
    if (s->in_value) {
        s->in_value = false;
        s->name_len = 0;
    }
    if (s->name_len > HTTP_HEADER_MAX || len > (size_t)(HTTP_HEADER_MAX - s->name_len)) {
        s->name_len = HTTP_HEADER_MAX + 1;
        return 0;
    }
    memcpy(s->name + s->name_len, at, len);
    s->name_len = (uint8_t)(s->name_len + len);
    return 0;
}

/* The transaction may leave in the middle of a value, emitted by what the other side does: what
 * follows is then of no use. */
static int on_header_value(llhttp_t *parser, const char *at, size_t len)
{
    struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);
    struct http1_side *s = side_of(parser);
    struct http_transaction *t = f->queue.open[side];

    if (!s->in_value)
        value_begin(f, s, side);
    if (s->field != HTTP_NO_FIELD && t &&
        !http_field_append(t, f->ctx->bufs, s->field, str_make(at, len)))
        http1_report_cut(f);
    return 0;
}

/* The header was Content-Length. A second one that says the same is harmless (RFC 9112 section 6.3,
 * rule 5); llhttp would refuse it, so it is made to forget the first. */
static int length_take(struct http1_side *s)
{
    llhttp_t *p = &s->parser;

    if (s->has_length && s->remaining != p->content_length) {
        llhttp_set_error_reason(p, "Content-Length contradicts the one before");
        return HPE_INVALID_CONTENT_LENGTH;
    }
    s->remaining = p->content_length;
    s->has_length = true;
    p->flags = (uint16_t)(p->flags & ~F_CONTENT_LENGTH);
    p->content_length = 0;
    return 0;
}

static void field_complete(struct http1_flow *f, struct http1_side *s, unsigned side)
{
    struct http_transaction *t = f->queue.open[side];

    if (t)
        http_header_end(t, f->ctx, s->field);
    s->field = HTTP_NO_FIELD;
}

/* Also called for a header without a value, which on_header_value may not have been. */
static int on_header_value_complete(llhttp_t *parser)
{
    struct http1_side *s = side_of(parser);

    if (__builtin_expect(!s->in_value, 0))
        value_begin(parser->data, s, parser_side(parser));
    if (s->field != HTTP_NO_FIELD)
        field_complete(parser->data, s, parser_side(parser));
    return parser->flags & F_CONTENT_LENGTH ? length_take(s) : 0;
}

/* RFC 9112 section 6.3, rules 1 and 2. t may be NULL. */
bool http1_response_has_no_body(const struct http_transaction *t, unsigned status)
{
    if (status / 100 == 1 || status == 204 || status == 304)
        return true;
    return t && (http_transaction_is(t, "HEAD") ||
                 (status / 100 == 2 && http_transaction_is(t, "CONNECT")));
}

/* Only chunks are left to llhttp; anything else ends its work on the message. */
static int on_headers_complete(llhttp_t *parser)
{
    struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);

    if ((parser->flags & F_CHUNKED) == 0 ||
        (side == 1 && http1_response_has_no_body(f->queue.open[1], f->status)))
        return HPE_PAUSED;
    f->side[side].phase = HTTP1_CHUNKED;
    f->side[side].remaining = 0;
    return 0;
}

/* Where a chunk stands must be known when a gap comes (http1_gap). */
static int on_chunk_header(llhttp_t *parser)
{
    struct http1_flow *f = parser->data;

    f->side[parser_side(parser)].remaining = parser->content_length;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);

    CHECK(len <= f->side[side].remaining);
    f->side[side].remaining -= len;
    if (f->side[side].filling)
        http_body_gap(f->queue.open[side], f->ctx->bufs, side, len);
    else
        http_body_data(f->queue.open[side], f->ctx->bufs, side, (const uint8_t *)at, len, false);
    return 0;
}

/* The end of the last chunk and its trailers. */
static int on_message_complete(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- headers that are kept for people, too --- */

/* Where, or NULL: also when the transaction has left in between. */
static struct http_exchange *exchange_of(const struct http1_flow *f, unsigned side)
{
    const struct http_transaction *t = f->queue.open[side];

    return t && (side == 0 || http1_status_is_final(f->status)) ? t->exchange : NULL;
}

static int on_shown_field(llhttp_t *parser, const char *at, size_t len)
{
    const struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);

    http_exchange_name(exchange_of(f, side), f->ctx->bufs, side, str_make(at, len));
    return on_header_field(parser, at, len);
}

static int on_shown_value(llhttp_t *parser, const char *at, size_t len)
{
    const struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);

    http_exchange_value(exchange_of(f, side), f->ctx->bufs, side, str_make(at, len));
    return on_header_value(parser, at, len);
}

static int on_shown_value_complete(llhttp_t *parser)
{
    struct http1_flow *f = parser->data;
    unsigned side = parser_side(parser);

    if (!http_exchange_header_end(exchange_of(f, side), f->ctx, side))
        http1_report_cut(f);
    return on_header_value_complete(parser);
}

static const llhttp_settings_t settings_shown = {
    .on_header_field = on_shown_field,
    .on_header_value = on_shown_value,
    .on_header_value_complete = on_shown_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* A parser that has read a start line. */
static void parser_prepare(llhttp_t *p, unsigned side, const llhttp_settings_t *how)
{
    static const char lines[2][18] = {"GET / HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n"};

    llhttp_init(p, side == 0 ? HTTP_REQUEST : HTTP_RESPONSE, how);
    /* The endpoints have agreed to understand each other; refusing protects nobody here. */
    llhttp_set_lenient_headers(p, 1);
    llhttp_set_lenient_chunked_length(p, 1);
    llhttp_set_lenient_keep_alive(p, 1);
    llhttp_set_lenient_transfer_encoding(p, 1);
#if LLHTTP_VERSION_MAJOR >= 9
    llhttp_set_lenient_optional_lf_after_cr(p, 1);
    llhttp_set_lenient_optional_cr_before_lf(p, 1);
    llhttp_set_lenient_optional_crlf_after_chunk(p, 1);
    llhttp_set_lenient_spaces_after_chunk_size(p, 1);
#endif
    CHECK(llhttp_execute(p, lines[side], strlen(lines[side])) == HPE_OK);
}

/* Preparing one takes as long as a short header does to be read, so it is done once a process. */
void http1_headers_start(struct http1_flow *f, unsigned side)
{
    static struct {
        bool made;
        llhttp_t parser;
    } prepared[2][2];
    bool shown = exchange_of(f, side) != NULL;
    struct http1_side *s = &f->side[side];

    if (!prepared[side][shown].made)
        parser_prepare(&prepared[side][shown].parser, side, shown ? &settings_shown : &settings);
    prepared[side][shown].made = true;
    s->parser = prepared[side][shown].parser;
    s->parser.data = f;
    s->in_value = false;
    s->name_len = 0;
    s->field = HTTP_NO_FIELD;
    s->remaining = 0;
    s->has_length = false;
    s->phase = HTTP1_HEADERS;
}
