/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames, counted.
 *
 * A frame is a header of 2 to 14 bytes and a payload of known length (RFC 6455 section 5.2), so
 * nothing is copied but headers that come in pieces, and a payload costs nothing per byte; a gap
 * inside one is stepped over. Any other gap loses the side for good: no byte of a payload can be
 * told from the beginning of a frame.
 *
 * Frames that break a rule but leave no doubt where the next one begins (a client that does not
 * mask, a continuation of nothing) are reported and counted like any other. A length, opcode or
 * control frame that cannot be means that what is read here is not a header: the side is lost. */
#include "worker/parse/websocket/websocket.h"

#include "worker/parse/websocket/websocket_flow.h"

#include <strings.h>

#define FLOWS_MAX       (1u << 16)
#define FACT_TEXT_MAX   16384u
#define CONTROL_MAX     125u /* RFC 6455 section 5.5 */
#define OPCODE_CONTROL  0x8u
#define CLOSE_CODE_LOST 3 /* in place of how many bytes of it there are */

static void bad_frame(struct analyzer_ctx *ctx, const char *what)
{
    analyzer_weird(ctx, WEIRD_WEBSOCKET_BAD_FRAME, what);
}

/* The other side is read on: its frames are whole. */
static void side_lost(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side)
{
    f->side[side].lost = true;
    f->side[side].left = 0;
    websocket_tunnel_gap(f, ctx, side, 0);
}

/* --- headers --- */

/* Place of an opcode's counts; WEBSOCKET_KINDS for the reserved ones. */
static enum websocket_kind kind_of(unsigned opcode)
{
    switch (opcode) {
    case 0x0:
        return WEBSOCKET_CONTINUATION;
    case 0x1:
        return WEBSOCKET_TEXT;
    case 0x2:
        return WEBSOCKET_BINARY;
    case 0x8:
        return WEBSOCKET_CLOSE;
    case 0x9:
        return WEBSOCKET_PING;
    case 0xa:
        return WEBSOCKET_PONG;
    default:
        return WEBSOCKET_KINDS;
    }
}

/* Length of a header whose first n bytes are there; 2 while that is not known. */
static unsigned header_length(const uint8_t *h, unsigned n)
{
    unsigned len = 2;

    if (n < 2)
        return len;
    if ((h[1] & 0x7f) == 126)
        len += 2;
    else if ((h[1] & 0x7f) == 127)
        len += 8;
    return (h[1] & 0x80) != 0 ? len + 4 : len;
}

/* RFC 6455 section 5.2 wants the shortest form of a length; nothing here depends on it. */
static uint64_t payload_length(const uint8_t *h)
{
    unsigned len = h[1] & 0x7f;

    if (len == 126)
        return bytes_be16(h + 2);
    return len == 127 ? bytes_be64(h + 2) : len;
}

/* A frame of data begins (RFC 6455 section 5.4): of which message is it? */
static void message_follow(struct websocket_flow *f, struct analyzer_ctx *ctx,
                           struct websocket_side *s, bool fin, bool rsv1)
{
    if (s->kind == WEBSOCKET_CONTINUATION) {
        if (!s->in_message)
            bad_frame(ctx, "continuation of nothing");
        if (rsv1)
            bad_frame(ctx, "RSV1 in a continuation");
    } else {
        if (s->in_message)
            bad_frame(ctx, "message inside a message");
        s->binary = s->kind == WEBSOCKET_BINARY;
        s->compressed = rsv1;
        f->compressed_messages += rsv1;
        if (rsv1 && !f->deflate)
            bad_frame(ctx, "RSV1 without an extension");
    }
    s->in_message = !fin;
}

/* The header is complete. Returns false if it cannot be one. */
static bool frame_begin(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side)
{
    struct websocket_side *s = &f->side[side];
    const uint8_t *h = s->header;
    bool fin = (h[0] & 0x80) != 0, masked = (h[1] & 0x80) != 0;
    unsigned opcode = h[0] & 0x0f;

    s->kind = (uint8_t)kind_of(opcode);
    s->left = payload_length(h);
    if (s->kind == WEBSOCKET_KINDS || s->left >> 63 != 0 ||
        ((opcode & OPCODE_CONTROL) != 0 && (s->left > CONTROL_MAX || !fin)))
        return false;
    memset(s->mask, 0, sizeof s->mask);
    if (masked)
        memcpy(s->mask, h + s->header_len - 4, 4);
    /* Section 5.1: clients mask, servers do not. */
    if (masked != (side == 0))
        analyzer_weird(ctx, WEIRD_WEBSOCKET_BAD_MASK, side == 0 ? "client" : "server");
    if ((h[0] & 0x30) != 0)
        bad_frame(ctx, "RSV2 or RSV3");
    if ((opcode & OPCODE_CONTROL) == 0)
        message_follow(f, ctx, s, fin, (h[0] & 0x40) != 0);
    else if ((h[0] & 0x40) != 0)
        bad_frame(ctx, "RSV1 in a control frame");
    s->frames[s->kind]++;
    s->close_len = 0;
    if (!s->has_close_code)
        s->close_code = 0;
    s->header_len = 0;
    return true;
}

/* A header may come in pieces, and its length is known only after the second byte. */
static void header_step(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                        struct cursor *c)
{
    struct websocket_side *s = &f->side[side];

    while (s->header_len < header_length(s->header, s->header_len)) {
        if (cursor_left(c) == 0)
            return;
        s->header[s->header_len++] = cursor_u8(c);
    }
    if (frame_begin(f, ctx, side))
        return;
    bad_frame(ctx, "impossible header");
    side_lost(f, ctx, side);
}

/* --- payloads --- */

/* Keeps the mask in step with the payload, so that any piece of it can be unmasked by itself. */
static void mask_turn(struct websocket_side *s, uint64_t n)
{
    uint8_t turned[4];

    for (unsigned i = 0; i < 4; i++)
        turned[i] = s->mask[(i + n) & 3];
    memcpy(s->mask, turned, 4);
}

/* RFC 6455 section 5.5.1. Of several closes the first one counts. */
static void close_read(struct websocket_side *s, const uint8_t *payload, size_t len)
{
    for (size_t i = 0; i < len && s->close_len < 2; i++, s->close_len++)
        if (!s->has_close_code)
            s->close_code = (uint16_t)(s->close_code << 8 | (payload[i] ^ s->mask[i & 3]));
    if (s->close_len == 2)
        s->has_close_code = true;
}

/* Counts payload, seen or missing. */
static void payload_skip(struct websocket_side *s, uint64_t len)
{
    s->bytes[s->kind] += len;
    s->left -= len;
    mask_turn(s, len);
}

static void payload_step(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                         struct cursor *c)
{
    struct websocket_side *s = &f->side[side];
    size_t n = cursor_left(c) < s->left ? cursor_left(c) : (size_t)s->left;
    const uint8_t *payload = cursor_bytes(c, n);

    if (s->kind == WEBSOCKET_CLOSE)
        close_read(s, payload, n);
    else if (s->kind <= WEBSOCKET_BINARY && f->tunnel != WEBSOCKET_TUNNEL_NONE)
        websocket_tunnel_data(f, ctx, side, payload, n);
    payload_skip(s, n);
}

/* --- the analyzer --- */

static void websocket_open(struct analyzer_ctx *ctx, void *state)
{
    struct websocket_flow *f = state;

    f->ts_ns = ctx->ts_ns;
    analyzer_service(ctx, "websocket");
    analyzer_category(ctx, CATEGORY_websocket);
}

/* Parameters may follow the name of an extension (RFC 6455 section 9.1). */
static bool is_deflate(void *arg, struct str element)
{
    static const char name[] = "permessage-deflate";
    bool *found = arg;
    size_t n = sizeof name - 1;

    *found |= element.len >= n && strncasecmp(element.p, name, n) == 0 &&
              (element.len == n || strchr("; \t", element.p[n]) != NULL);
    return !*found;
}

static void websocket_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                           struct str text)
{
    struct websocket_flow *f = state;
    uint32_t at = f->text.len;

    if (fact == FACT_WS_EXTENSIONS_SET)
        websocket_list_each(text, is_deflate, &f->deflate);
    /* Without room the record lacks the field; frames are counted all the same. */
    if (membuf_append(&f->text, ctx->bufs, text.p, text.len, FACT_TEXT_MAX) < 0)
        return;
    f->fact[fact].at = (uint16_t)at;
    f->fact[fact].len = (uint16_t)text.len;
    f->told |= UINT32_C(1) << fact;
}

static void websocket_data(struct analyzer_ctx *ctx, void *state, unsigned side,
                           const uint8_t *data, size_t len)
{
    struct websocket_flow *f = state;
    struct websocket_side *s = &f->side[side];
    struct cursor c = cursor_init(data, len);

    while (cursor_left(&c) > 0 && !s->lost) {
        if (s->left > 0)
            payload_step(f, ctx, side, &c);
        else
            header_step(f, ctx, side, &c);
    }
}

static void websocket_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct websocket_flow *f = state;
    struct websocket_side *s = &f->side[side];

    if (s->lost)
        return;
    if (len <= s->left) {
        if (s->kind <= WEBSOCKET_BINARY)
            websocket_tunnel_gap(f, ctx, side, len);
        s->close_len = CLOSE_CODE_LOST;
        payload_skip(s, len);
        return;
    }
    /* It reaches past the payload, so all of that was sent. */
    if (s->left > 0)
        payload_skip(s, s->left);
    analyzer_weird(ctx, WEIRD_WEBSOCKET_GAP, side == 0 ? "client" : "server");
    side_lost(f, ctx, side);
}

static void websocket_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    websocket_tunnel_end(state, ctx, side);
}

static void websocket_close(struct analyzer_ctx *ctx, void *state)
{
    struct websocket_flow *f = state;

    websocket_tunnel_close(f, ctx);
    websocket_log(f, ctx);
    membuf_free(&f->text, ctx->bufs);
}

const struct analyzer analyzer_websocket = {
    .name = "websocket",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct websocket_flow),
    .state_max = FLOWS_MAX,
    .open = websocket_open,
    .told = websocket_told,
    .data = websocket_data,
    .gap = websocket_gap,
    .end = websocket_end,
    .close = websocket_close,
};
