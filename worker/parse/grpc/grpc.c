/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of a call (gRPC over HTTP/2: "Length-Prefixed-Message"): a byte of flags, four of length
 * and so many bytes, any number of them each way, cut anywhere. They are counted, not kept.
 *
 * gRPC-Web sends its trailers as a last message of the server, marked in the flags; those are read.
 * Its text form (application/grpc-web-text) is all of this in base64 and is not taken apart.
 *
 * After a gap that may have covered the end of a message, the next piece of the body that is
 * exactly a row of messages shows where they begin again: senders put whole messages in frames. */
#include "worker/parse/grpc/grpc.h"

#include "worker/parse/grpc/grpc_call.h"

#define CALLS_MAX (1u << 18)

enum { FLAG_COMPRESSED = 0x01, FLAG_TRAILERS = 0x80 };

static bool flags_are_known(const struct grpc_call *g, uint8_t flags)
{
    return (flags & ~(FLAG_COMPRESSED | (g->web ? FLAG_TRAILERS : 0))) == 0;
}

/* Do the bytes end where a message ends, if they begin where one begins? */
static bool messages_fit(const struct grpc_call *g, struct cursor c)
{
    while (cursor_left(&c) > 0) {
        uint8_t flags = cursor_u8(&c);

        if (!flags_are_known(g, flags))
            return false;
        cursor_skip(&c, cursor_be32(&c));
    }
    return cursor_ok(&c);
}

static void message_done(struct grpc_call *g, struct analyzer_ctx *ctx, unsigned side)
{
    struct grpc_side *s = &g->side[side];

    s->have = 0;
    if (s->in_trailers)
        grpc_trailers_read(g, ctx, &s->trailers);
    else
        s->messages++;
    if (s->prefix[0] & FLAG_COMPRESSED && !s->in_trailers)
        g->compressed++;
    membuf_free(&s->trailers, ctx->bufs);
    s->in_trailers = false;
}

static void message_begin(struct grpc_call *g, struct analyzer_ctx *ctx, unsigned side)
{
    struct grpc_side *s = &g->side[side];

    if (!flags_are_known(g, s->prefix[0])) {
        analyzer_weird(ctx, WEIRD_GRPC_BAD_MESSAGE, NULL);
        s->have = 0;
        s->lost = true;
        g->partial = true;
        return;
    }
    s->left = bytes_be32(s->prefix + 1);
    s->in_trailers = (s->prefix[0] & FLAG_TRAILERS) != 0;
    if (s->left == 0)
        message_done(g, ctx, side);
}

static void message_take(struct grpc_call *g, struct analyzer_ctx *ctx, unsigned side,
                         struct cursor *c)
{
    struct grpc_side *s = &g->side[side];
    size_t n = cursor_left(c) < s->left ? cursor_left(c) : s->left;
    const uint8_t *p = cursor_bytes(c, n);

    s->left -= (uint32_t)n;
    if (!s->in_trailers)
        s->bytes += n;
    else if (membuf_append(&s->trailers, ctx->bufs, p, n, GRPC_TRAILERS_MAX) < 0)
        g->partial = true;
    if (s->left == 0)
        message_done(g, ctx, side);
}

static void grpc_open(struct analyzer_ctx *ctx, void *state)
{
    struct grpc_call *g = state;

    g->ts_ns = g->last_ns = ctx->ts_ns;
}

static void grpc_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                      struct str text)
{
    static const struct str web = STR_LIT("application/grpc-web");
    static const struct str web_text = STR_LIT("application/grpc-web-text");
    struct grpc_call *g = state;

    g->last_ns = ctx->ts_ns;
    grpc_fact_set(g, ctx, fact, text);
    if (fact != FACT_CONTENT_TYPE)
        return;
    g->web = text.len >= web.len && memcmp(text.p, web.p, web.len) == 0;
    g->text_coded = text.len >= web_text.len && memcmp(text.p, web_text.p, web_text.len) == 0;
}

static void grpc_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                      size_t len)
{
    struct grpc_call *g = state;
    struct grpc_side *s = &g->side[side];
    struct cursor c = cursor_init(data, len);

    g->last_ns = ctx->ts_ns;
    if (s->lost && messages_fit(g, c))
        s->lost = false;
    while (cursor_left(&c) > 0 && !s->lost && !g->text_coded) {
        if (s->left > 0) {
            message_take(g, ctx, side, &c);
            continue;
        }
        s->prefix[s->have++] = cursor_u8(&c);
        if (s->have == GRPC_PREFIX_BYTES)
            message_begin(g, ctx, side);
    }
}

static void grpc_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct grpc_call *g = state;
    struct grpc_side *s = &g->side[side];

    g->partial = true;
    if (len > 0 && len <= s->left && !s->in_trailers) {
        s->left -= (uint32_t)len;
        s->bytes += len;
        if (s->left == 0)
            message_done(g, ctx, side);
        return;
    }
    membuf_free(&s->trailers, ctx->bufs);
    s->in_trailers = false;
    s->left = 0;
    s->have = 0;
    s->lost = true;
}

static void grpc_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct grpc_call *g = state;

    (void)side;
    g->last_ns = ctx->ts_ns;
}

static void grpc_close(struct analyzer_ctx *ctx, void *state)
{
    struct grpc_call *g = state;

    grpc_call_emit(g, ctx);
    membuf_free(&g->text, ctx->bufs);
    membuf_free(&g->side[0].trailers, ctx->bufs);
    membuf_free(&g->side[1].trailers, ctx->bufs);
}

const struct analyzer analyzer_grpc = {
    .name = "grpc",
    .transports = ANALYZER_TCP | ANALYZER_UDP,
    .state_bytes = sizeof(struct grpc_call),
    .state_max = CALLS_MAX,
    .open = grpc_open,
    .told = grpc_told,
    .data = grpc_data,
    .gap = grpc_gap,
    .end = grpc_end,
    .close = grpc_close,
};
