/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP/2: two streams of frames, one a side.
 *
 *   PREFACE ──► HEAD ──► PREFIX ──► PAYLOAD ──► HEAD …
 *      │          └── no frame, or bytes missing ──► SEARCH ──► HEAD
 *      └── not the beginning ──► SEARCH
 *
 * A frame is followed by its length alone: what it carries goes on as it comes, cut anywhere, and
 * only the few bytes that stand before a payload (pad length, priority, promised stream) and short
 * control frames are gathered. Nothing is awaited, so a frame may be as long as it likes.
 *
 * A gap inside a frame is stepped over: its length is known. In DATA that costs body bytes, in a
 * header block the table of the side. Past the frame's end there may have been any number of
 * frames, so the side is searched for the place where frames begin again, and its table is lost
 * too (http2_hpack.c). Senders begin packets with frames often enough, and elsewhere two frames
 * that fit together are found soon.
 *
 * The client is the one that sends the preface. In the middle of a connection only header blocks
 * tell, which may be long in coming: until then no stream is opened, since a response that is taken
 * for a request would be an invention. When the two sides turn out to be the wrong way round, the
 * flow goes back to detection, which turns it. */
#include "worker/parse/http2/http2.h"

#include "common/base/check.h"
#include "worker/parse/http/http_body.h"
#include "worker/parse/http2/http2_flow.h"

#define FLOWS_MAX      (1u << 16)
#define PRIORITY_BYTES 5u

/* --- where frames begin is not known --- */

/* The header block that is open will not be read to its end. */
static void block_abandon(struct http2_side *s)
{
    if (s->block != HTTP2_NO_BLOCK && s->stream)
        s->stream->t->partial = true;
    s->block = HTTP2_NO_BLOCK;
    s->stream = NULL;
}

static void search_begin(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];

    http2_hpack_lose(&s->hpack);
    membuf_free(&s->altsvc, f->ctx->bufs);
    block_abandon(s);
    s->losses++; /* each stream hears of it when its turn comes: there may be many */
    s->phase = HTTP2_SEARCH;
    s->sure = false;
    s->have = 0;
    f->missed = true;
}

/* Frames at these bytes? The beginning of a packet is believed sooner. */
static bool frames_begin(const uint8_t *data, size_t len, bool at_packet)
{
    struct http2_chain chain = http2_frame_chain(data, len);

    if (chain.broken)
        return false;
    return chain.heads + at_packet >= 3 || (chain.exact && chain.heads + at_packet >= 2);
}

/* Frames of this side are followed from its very beginning on. */
static void side_begins(struct http2_side *s)
{
    s->hpack.lost = false;
    s->sure = true;
    s->phase = HTTP2_AT_HEAD;
}

/* What a server says first and seldom says again (RFC 9113 section 3.4): then nothing was missed of
 * it, though the flow seemed to be joined late. */
static bool is_servers_beginning(const struct http2_side *s, const uint8_t *head)
{
    return !s->begun && !s->skipped && s->losses == 0 && head[3] == HTTP2_SETTINGS &&
           (head[4] & HTTP2_ACK) == 0;
}

/* Skips to where frames begin, or to the end. */
static void search(struct http2_flow *f, unsigned side, struct cursor *c)
{
    struct http2_side *s = &f->side[side];
    const uint8_t *begin = c->p;

    while (cursor_left(c) >= HTTP2_HEAD_BYTES) {
        if (*c->p == 0 && frames_begin(c->p, cursor_left(c), c->p == begin)) {
            if (side == 1 && is_servers_beginning(s, c->p))
                side_begins(s);
            s->phase = HTTP2_AT_HEAD;
            return;
        }
        cursor_skip(c, 1);
        s->skipped = true;
    }
    s->skipped |= cursor_left(c) > 0;
    cursor_skip(c, cursor_left(c));
}

/* --- frames --- */

/* Bytes that are gathered before the payload goes on as it comes. */
static uint8_t prefix_bytes(const struct http2_frame *frame)
{
    uint8_t padded = frame->flags & HTTP2_PADDED ? 1 : 0;

    switch (frame->type) {
    case HTTP2_DATA:
        return padded;
    case HTTP2_HEADERS:
        return (uint8_t)(padded + (frame->flags & HTTP2_HAS_PRIORITY ? PRIORITY_BYTES : 0));
    case HTTP2_PUSH_PROMISE:
        return (uint8_t)(padded + 4);
    case HTTP2_RST_STREAM:
        return 4;
    case HTTP2_GOAWAY:
        return 8;
    default:
        return 0;
    }
}

static bool is_block_frame(uint8_t type)
{
    return type == HTTP2_HEADERS || type == HTTP2_PUSH_PROMISE || type == HTTP2_CONTINUATION;
}

/* RFC 9113 section 6.10: a header block is not interrupted, and CONTINUATION is nowhere else. */
static bool frame_is_in_place(const struct http2_side *s)
{
    return (s->frame.type == HTTP2_CONTINUATION) == (s->block != HTTP2_NO_BLOCK);
}

static void frame_end(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];

    s->phase = HTTP2_AT_HEAD;
    switch (s->frame.type) {
    case HTTP2_DATA:
        if (s->stream && (s->frame.flags & HTTP2_END_STREAM))
            http2_stream_end(f, s->stream, side);
        s->stream = NULL;
        break;
    case HTTP2_HEADERS:
    case HTTP2_PUSH_PROMISE:
    case HTTP2_CONTINUATION:
        if (s->block != HTTP2_NO_BLOCK)
            http2_block_frame_end(f, side);
        break;
    case HTTP2_RST_STREAM:
        http2_rst_stream(f, side);
        break;
    case HTTP2_GOAWAY:
        http2_goaway(f, side);
        break;
    case HTTP2_ALTSVC:
        http2_altsvc_end(f, side);
        break;
    default:
        break;
    }
}

/* The frame breaks a rule. The lengths of frames are still good if they were until now. */
static void frame_refuse(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];

    if (!s->sure) {
        search_begin(f, side);
        return;
    }
    analyzer_weird(f->ctx, WEIRD_HTTP2_BAD_FRAME, NULL);
    if (is_block_frame(s->frame.type))
        http2_hpack_lose(&s->hpack);
    s->frame.type = UINT8_MAX; /* of no kind: only skipped */
    s->phase = HTTP2_IN_PAYLOAD;
}

/* The payload proper begins: s->bytes has what stood before it. */
static void payload_begin(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];
    struct cursor c = cursor_init(s->bytes, s->have);
    bool may_pad = s->frame.type == HTTP2_DATA || s->frame.type == HTTP2_HEADERS ||
                   s->frame.type == HTTP2_PUSH_PROMISE;
    uint32_t padding = may_pad && (s->frame.flags & HTTP2_PADDED) ? cursor_u8(&c) : 0;

    s->phase = HTTP2_IN_PAYLOAD;
    s->padding = 0;
    if (padding > s->left) {
        frame_refuse(f, side);
        return;
    }
    s->padding = padding;
    s->left -= padding;
    if (s->frame.type == HTTP2_DATA)
        s->stream = http2_stream_of(f, side);
    else if (s->frame.type == HTTP2_HEADERS)
        http2_block_begin(f, side, s->frame.stream_id);
    else if (s->frame.type == HTTP2_PUSH_PROMISE)
        http2_block_begin(f, side, cursor_be32(&c) & INT32_MAX);
}

/* A whole frame header was read. */
static void frame_begin(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];
    bool first = !s->begun;

    s->frame = http2_frame_parse(s->bytes);
    s->have = 0;
    s->left = s->frame.len;
    s->padding = 0;
    s->begun = true;
    /* RFC 9113 section 3.4. A server that does not know HTTP/2 answers something else. */
    if (first && side == 1 && s->sure && s->frame.type != HTTP2_SETTINGS) {
        analyzer_weird(f->ctx, WEIRD_HTTP2_BAD_FRAME, "no SETTINGS first");
        search_begin(f, side);
        return;
    }
    s->need = prefix_bytes(&s->frame);
    if (!http2_frame_is_valid(&s->frame) || s->need > s->left ||
        (s->frame.type == HTTP2_PUSH_PROMISE && side == 0)) {
        frame_refuse(f, side);
        return;
    }
    http2_flood_count(f, side);
    if (!frame_is_in_place(s)) {
        block_abandon(s);
        http2_hpack_lose(&s->hpack);
        if (s->frame.type == HTTP2_CONTINUATION || !s->sure) {
            frame_refuse(f, side);
            return;
        }
        analyzer_weird(f->ctx, WEIRD_HTTP2_BAD_FRAME, "inside a header block");
    }
    s->left -= s->need;
    s->phase = HTTP2_AT_PREFIX;
    if (s->need == 0)
        payload_begin(f, side);
}

static void payload_take(struct http2_flow *f, unsigned side, const uint8_t *data, uint32_t len)
{
    struct http2_side *s = &f->side[side];

    switch (s->frame.type) {
    case HTTP2_DATA:
        if (!s->stream)
            break;
        http_body_data(s->stream->t, f->ctx->bufs, side, data, len, false);
        analyzer_child_data(f->ctx, s->stream->child, side, data, len);
        break;
    case HTTP2_HEADERS:
    case HTTP2_PUSH_PROMISE:
    case HTTP2_CONTINUATION:
        http2_block_data(f, side, data, len);
        break;
    case HTTP2_ALTSVC:
        http2_altsvc_data(f, side, data, len);
        break;
    default:
        break;
    }
}

/* --- the bytes of a side --- */

/* Gathers up to s->need bytes. True when they are there. */
static bool gather(struct http2_side *s, struct cursor *c)
{
    size_t n = (size_t)(s->need - s->have);

    CHECK(s->need <= sizeof s->bytes);
    if (n > cursor_left(c))
        n = cursor_left(c);
    if (n > 0)
        memcpy(s->bytes + s->have, cursor_bytes(c, n), n);
    s->have = (uint8_t)(s->have + n);
    return s->have == s->need;
}

/* The client begins here, whatever the flow was thought to be; what the server says will follow. */
static void preface_done(struct http2_flow *f)
{
    f->oriented = true;
    side_begins(&f->side[0]);
    if (f->side[1].phase == HTTP2_SEARCH && !f->side[1].begun)
        side_begins(&f->side[1]);
    if (f->side[1].sure)
        f->missed = false;
}

/* The client's bytes are no preface. If its beginning was seen it does not speak HTTP/2, only the
 * server does, and false says that its bytes went back to detection. */
static bool preface_refuse(struct http2_flow *f, const struct cursor *c)
{
    struct http2_side *s = &f->side[0];
    bool upgraded = s->last_id > 0;

    if (f->missed || upgraded) {
        search_begin(f, 0);
        return true;
    }
    analyzer_leave(f->ctx, 0, (const uint8_t *)HTTP2_PREFACE, s->have);
    analyzer_hand_over(f->ctx, NULL, 0, c->p, cursor_left(c));
    return false;
}

static bool preface_step(struct http2_flow *f, struct cursor *c)
{
    struct http2_side *s = &f->side[0];

    for (; s->have < HTTP2_PREFACE_BYTES && cursor_left(c) > 0; s->have++) {
        if (*c->p != (uint8_t)HTTP2_PREFACE[s->have])
            return preface_refuse(f, c);
        cursor_skip(c, 1);
    }
    if (s->have == HTTP2_PREFACE_BYTES) {
        s->have = 0;
        preface_done(f);
    }
    return true;
}

static void payload_step(struct http2_flow *f, unsigned side, struct cursor *c)
{
    struct http2_side *s = &f->side[side];
    size_t n = cursor_left(c);

    if (s->left > 0) {
        n = n < s->left ? n : s->left;
        s->left -= (uint32_t)n;
        payload_take(f, side, cursor_bytes(c, n), (uint32_t)n);
    } else {
        n = n < s->padding ? n : s->padding;
        s->padding -= (uint32_t)n;
        cursor_skip(c, n);
    }
}

/* False: the flow was handed over. */
static bool side_step(struct http2_flow *f, unsigned side, struct cursor *c)
{
    struct http2_side *s = &f->side[side];

    switch ((enum http2_phase)s->phase) {
    case HTTP2_AT_PREFACE:
        return preface_step(f, c);
    case HTTP2_AT_HEAD:
        if (s->have == 0)
            s->frame_ns = f->ctx->ts_ns;
        s->need = HTTP2_HEAD_BYTES;
        if (gather(s, c))
            frame_begin(f, side);
        break;
    case HTTP2_AT_PREFIX:
        if (gather(s, c)) {
            payload_begin(f, side);
            s->have = 0;
        }
        break;
    case HTTP2_IN_PAYLOAD:
        payload_step(f, side, c);
        break;
    case HTTP2_SEARCH:
        search(f, side, c);
        break;
    }
    if (s->phase == HTTP2_IN_PAYLOAD && s->left == 0 && s->padding == 0) {
        frame_end(f, side);
        s->have = 0;
    }
    return true;
}

/* --- the analyzer --- */

static void http2_open(struct analyzer_ctx *ctx, void *state)
{
    struct http2_flow *f = state;

    f->missed = ctx->midstream;
    f->oriented = !ctx->midstream;
    /* When the connection was seen to begin no peer knows to the nanosecond. */
    f->bucket_key = (2 * ctx->ts_ns + 1) * UINT64_C(0x9e3779b97f4a7c15);
    for (unsigned side = 0; side < 2; side++) {
        f->side[side].hpack.lost = ctx->midstream;
        f->side[side].sure = !ctx->midstream;
    }
    f->side[0].phase = HTTP2_AT_PREFACE;
    f->side[1].phase = ctx->midstream ? HTTP2_SEARCH : HTTP2_AT_HEAD;
    /* Whoever looks for HTTP finds it, and which one it is. */
    analyzer_service(ctx, "http");
    analyzer_service(ctx, "http2");
    analyzer_category(ctx, CATEGORY_web_plain);
}

/* The request that asked for the upgrade is stream 1, and wholly sent (RFC 7540 section 3.2). */
static void upgrade_told(struct http2_flow *f, enum http_field field, struct str text)
{
    struct http2_stream *s = http2_stream_find(f, 1);

    if (!s) {
        s = http2_stream_open(f, 1, f->ctx->ts_ns);
        if (!s)
            return;
        f->side[0].last_id = 1;
        s->asked = true;
        http2_stream_end(f, s, 0);
    }
    http2_stream_set(f, s, field, text);
}

static void http2_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                       struct str text)
{
    struct http2_flow *f = state;

    f->ctx = ctx;
    switch (fact) {
    case FACT_METHOD:
        upgrade_told(f, HTTP_METHOD, text);
        break;
    case FACT_HOST:
        upgrade_told(f, HTTP_HOST, text);
        break;
    case FACT_URI:
        upgrade_told(f, HTTP_URI, text);
        break;
    case FACT_USER_AGENT:
        upgrade_told(f, HTTP_USER_AGENT, text);
        break;
    case FACT_VIEW:
        f->view = str_equal(text, STR_LIT("plaintext"))   ? "plaintext"
                  : str_equal(text, STR_LIT("decrypted")) ? "decrypted"
                                                          : NULL;
        break;
    default:
        break;
    }
}

/* At a frame of a flow whose sides are only supposed. False: they were the wrong way round, and the
 * flow was handed over. */
static bool orient(struct http2_flow *f, unsigned side, const struct cursor *c)
{
    struct http2_chain chain;

    if (f->side[side].phase != HTTP2_AT_HEAD || f->side[side].have > 0)
        return true;
    chain = http2_frame_chain(c->p, cursor_left(c));
    if (http2_chain_side(&chain) < 0)
        return true;
    f->oriented = true;
    if (http2_chain_side(&chain) == (int)side)
        return true;
    analyzer_hand_over(f->ctx, NULL, side, c->p, cursor_left(c));
    return false;
}

static void http2_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                       size_t len)
{
    struct http2_flow *f = state;
    struct cursor c = cursor_init(data, len);

    f->ctx = ctx;
    if (f->reset_oldest != f->reset_next)
        http2_stream_expire(f);
    while (cursor_left(&c) > 0) {
        if ((!f->oriented && !orient(f, side, &c)) || !side_step(f, side, &c))
            return;
    }
}

/* As much of the gap as lies in the payload of the frame. */
static uint64_t payload_gap(struct http2_flow *f, unsigned side, uint64_t len)
{
    struct http2_side *s = &f->side[side];
    uint32_t n = len < s->left ? (uint32_t)len : s->left;

    s->left -= n;
    if (n > 0 && is_block_frame(s->frame.type)) {
        http2_block_break(s);
    } else if (n > 0 && s->frame.type == HTTP2_DATA && s->stream) {
        http_body_gap(s->stream->t, f->ctx->bufs, side, n);
        s->stream->t->partial = true;
        analyzer_child_gap(f->ctx, s->stream->child, side, n);
    }
    len -= n;
    n = len < s->padding ? (uint32_t)len : s->padding;
    s->padding -= n;
    if (s->left == 0 && s->padding == 0)
        frame_end(f, side);
    return len - n;
}

static void http2_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct http2_flow *f = state;
    struct http2_side *s = &f->side[side];

    f->ctx = ctx;
    if (s->phase == HTTP2_IN_PAYLOAD)
        len = payload_gap(f, side, len);
    if (len == 0 || s->phase == HTTP2_SEARCH)
        return;
    if (s->begun)
        analyzer_weird(ctx, WEIRD_HTTP2_CONTENT_GAP, NULL);
    search_begin(f, side);
}

/* FIN ends no stream: what END_STREAM did not end was cut off. */
static void http2_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static void http2_close(struct analyzer_ctx *ctx, void *state)
{
    struct http2_flow *f = state;

    f->ctx = ctx;
    block_abandon(&f->side[0]);
    block_abandon(&f->side[1]);
    while (f->oldest)
        http2_stream_close(f, f->oldest);
    for (unsigned side = 0; side < 2; side++) {
        http2_hpack_fini(&f->side[side].hpack);
        membuf_free(&f->side[side].altsvc, ctx->bufs);
    }
}

const struct analyzer analyzer_http2 = {
    .name = "http2",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct http2_flow),
    .state_max = FLOWS_MAX,
    .probe = http2_probe,
    .open = http2_open,
    .told = http2_told,
    .data = http2_data,
    .gap = http2_gap,
    .end = http2_end,
    .close = http2_close,
};
