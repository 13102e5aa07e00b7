/* SPDX-License-Identifier: BSD-3-Clause */
/* What is inside: programs tunnel other protocols through WebSocket to pass proxies, one byte
 * stream a direction, cut into binary messages wherever it suits them.
 *
 * The first bytes of both directions are kept, within a bound, and the analyzers asked about them
 * as detection does with a flow. Whoever says yes becomes a child and reads what follows. Text and
 * compressed messages are no byte stream of another protocol: with the first of them, or at the
 * bound, the question is closed, and payloads are only counted from then on. */
#include "worker/parse/websocket/websocket_flow.h"

#define HEAD_BYTES_MAX 1024u /* of a direction, looked at */
#define PIECE_BYTES    1024u /* unmasked at once */

static void tunnel_give_up(struct websocket_flow *f, struct analyzer_ctx *ctx)
{
    membuf_free(&f->head[0], ctx->bufs);
    membuf_free(&f->head[1], ctx->bufs);
    f->tunnel = WEBSOCKET_TUNNEL_NONE;
}

/* Index of the analyzer whose client (side 0) or server these bytes are from; -1: of none;
 * -2: of one perhaps, with more bytes. */
static int tunnel_ask(const struct membuf *head, unsigned side)
{
    bool more = false;

    for (int i = 0; analyzers[i]; i++) {
        enum probe_result r;

        if (!analyzers[i]->probe || (analyzers[i]->transports & ANALYZER_TCP) == 0)
            continue;
        r = analyzers[i]->probe(head->p, head->len, ANALYZER_TCP);
        if (r == PROBE_EITHER || r == (side == 0 ? PROBE_CLIENT : PROBE_SERVER))
            return i;
        more |= r == PROBE_MORE;
    }
    return more ? -2 : -1;
}

static void tunnel_open(struct websocket_flow *f, struct analyzer_ctx *ctx, int analyzer)
{
    f->child = analyzer_child_open(ctx, analyzers[analyzer]->name);
    f->tunnel = f->child > 0 ? WEBSOCKET_TUNNEL_OPEN : WEBSOCKET_TUNNEL_NONE;
    /* The flow goes on being what it is. */
    analyzer_category(ctx, CATEGORY_websocket);
    for (unsigned side = 0; side < 2; side++) {
        if (f->head[side].len > 0)
            analyzer_child_data(ctx, f->child, side, f->head[side].p, f->head[side].len);
        membuf_free(&f->head[side], ctx->bufs);
    }
}

/* Bytes in clear. */
static void tunnel_take(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                        const uint8_t *data, size_t len)
{
    int found;

    if (f->tunnel == WEBSOCKET_TUNNEL_OPEN) {
        analyzer_child_data(ctx, f->child, side, data, len);
        return;
    }
    if (membuf_append(&f->head[side], ctx->bufs, data, len, HEAD_BYTES_MAX) < 0) {
        tunnel_give_up(f, ctx);
        return;
    }
    found = tunnel_ask(&f->head[side], side);
    if (found >= 0)
        tunnel_open(f, ctx, found);
    else if (found == -1)
        tunnel_give_up(f, ctx);
}

void websocket_tunnel_data(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                           const uint8_t *payload, size_t len)
{
    const struct websocket_side *s = &f->side[side];
    struct cursor c = cursor_init(payload, len);
    uint8_t piece[PIECE_BYTES];

    if (!s->binary || s->compressed) {
        if (f->tunnel == WEBSOCKET_TUNNEL_ASKING)
            tunnel_give_up(f, ctx);
        return;
    }
    while (cursor_left(&c) > 0 && f->tunnel != WEBSOCKET_TUNNEL_NONE) {
        size_t n = cursor_left(&c) < sizeof piece ? cursor_left(&c) : sizeof piece;
        const uint8_t *masked = cursor_bytes(&c, n);

        /* The size of a piece is a multiple of the mask's. */
        for (size_t i = 0; i < n; i++)
            piece[i] = masked[i] ^ s->mask[i & 3];
        tunnel_take(f, ctx, side, piece, n);
    }
}

void websocket_tunnel_gap(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                          uint64_t len)
{
    if (f->tunnel == WEBSOCKET_TUNNEL_ASKING) {
        tunnel_give_up(f, ctx);
    } else if (f->tunnel == WEBSOCKET_TUNNEL_OPEN && len > 0) {
        analyzer_child_gap(ctx, f->child, side, len);
    } else if (f->tunnel == WEBSOCKET_TUNNEL_OPEN) {
        /* How much is missing is not known: the stream inside ends here. */
        analyzer_child_end(ctx, f->child, side);
    }
}

void websocket_tunnel_end(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side)
{
    if (f->tunnel == WEBSOCKET_TUNNEL_OPEN && !f->side[side].lost)
        analyzer_child_end(ctx, f->child, side);
}

void websocket_tunnel_close(struct websocket_flow *f, struct analyzer_ctx *ctx)
{
    if (f->tunnel == WEBSOCKET_TUNNEL_OPEN)
        analyzer_child_close(ctx, f->child);
    tunnel_give_up(f, ctx);
}
