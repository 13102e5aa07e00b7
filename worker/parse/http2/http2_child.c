/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that carry another protocol: gRPC by its content type, WebSocket by extended CONNECT (RFC
 * 8441). Their bodies go to an analyzer of their own, which makes its own record beside ours. */
#include "worker/parse/http2/http2_flow.h"

#include "worker/parse/http/http_application.h"

void http2_child_tell(struct http2_flow *f, const struct http2_stream *s, enum analyzer_fact fact,
                      struct str text)
{
    if (s->child > 0)
        analyzer_tell(f->ctx, s->child, fact, text);
}

static void tell_field(struct http2_flow *f, const struct http2_stream *s, enum analyzer_fact fact,
                       enum http_field field)
{
    struct str text = http_field_text(s->t, field);

    if (text.len > 0)
        http2_child_tell(f, s, fact, text);
}

static void tell_number(struct http2_flow *f, const struct http2_stream *s, enum analyzer_fact fact,
                        uint64_t number)
{
    char room[STR_DECIMAL_BYTES];

    http2_child_tell(f, s, fact, str_decimal(number, room));
}

/* What an analyzer reads is no file, so its first bytes need not tell a type. */
static void child_open(struct http2_flow *f, struct http2_stream *s, const char *analyzer)
{
    s->t->entity[0].settled = true;
    s->t->entity[1].settled = true;
    s->child = analyzer_child_open(f->ctx, analyzer);
    tell_field(f, s, FACT_HOST, HTTP_HOST);
    tell_field(f, s, FACT_URI, HTTP_URI);
    tell_field(f, s, FACT_USER_AGENT, HTTP_USER_AGENT);
    tell_number(f, s, FACT_STREAM_ID, s->id);
    if (f->view)
        http2_child_tell(f, s, FACT_VIEW, str_of(f->view));
}

/* Opened by the response alone, it has not seen what the client sent. */
static void grpc_open(struct http2_flow *f, struct http2_stream *s, enum http2_block block)
{
    analyzer_category(f->ctx, CATEGORY_grpc);
    child_open(f, s, "grpc");
    tell_field(f, s, FACT_CONTENT_TYPE,
               block == HTTP2_REQUEST ? HTTP_REQUEST_TYPE : HTTP_RESPONSE_TYPE);
    tell_field(f, s, FACT_CONTENT_ENCODING, HTTP_GRPC_ENCODING);
    if (block != HTTP2_REQUEST || s->t->partial)
        analyzer_child_gap(f->ctx, s->child, 0, 0);
}

static void websocket_open(struct http2_flow *f, struct http2_stream *s)
{
    analyzer_category(f->ctx, CATEGORY_websocket);
    child_open(f, s, "websocket");
    tell_field(f, s, FACT_WS_PROTOCOLS, HTTP_WS_PROTOCOLS);
    tell_field(f, s, FACT_WS_EXTENSIONS, HTTP_WS_EXTENSIONS);
    tell_field(f, s, FACT_WS_PROTOCOL, HTTP_WS_PROTOCOL);
    tell_field(f, s, FACT_WS_EXTENSIONS_SET, HTTP_WS_EXTENSIONS_SET);
}

/* What the stream is used for, as far as its headers tell until now. */
static void application_find(struct http2_flow *f, struct http2_stream *s, enum http2_block block)
{
    struct http_application_clues x = {
        .method = http_field_text(s->t, HTTP_METHOD),
        .uri = http_field_text(s->t, HTTP_URI),
        .request_type = http_field_text(s->t, HTTP_REQUEST_TYPE),
        .response_type = http_field_text(s->t, HTTP_RESPONSE_TYPE),
    };
    struct str name;

    if (s->t->application)
        return;
    s->t->application = s->websocket ? "websocket" : http_application_name(&x);
    if (!s->t->application)
        return;
    name = str_of(s->t->application);
    if (str_equal(name, STR_LIT("grpc")) || str_equal(name, STR_LIT("grpc_web")))
        grpc_open(f, s, block);
}

void http2_child_headers(struct http2_flow *f, struct http2_stream *s, enum http2_block block)
{
    application_find(f, s, block);
    if (block == HTTP2_REQUEST)
        return;
    if (block == HTTP2_RESPONSE) {
        if (s->websocket && s->t->status / 100 == 2)
            websocket_open(f, s);
        else if (s->t->has_status)
            tell_number(f, s, FACT_STATUS, s->t->status);
    }
    tell_field(f, s, FACT_GRPC_STATUS, HTTP_GRPC_STATUS);
    tell_field(f, s, FACT_GRPC_MESSAGE, HTTP_GRPC_MESSAGE);
}
