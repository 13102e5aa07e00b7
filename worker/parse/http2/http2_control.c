/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames about streams and the connection rather than in them, and floods of any of them.
 *
 * What a connection agrees on by SETTINGS does not change how it is read: frames of any size are
 * followed, and the size of a header table is told where it changes (http2_hpack.c). So of SETTINGS
 * only their number counts.
 *
 * Floods are told once a second and threshold. A server sees them too, and its answer is GOAWAY
 * with ENHANCE_YOUR_CALM, which is told as well. */
#include "worker/parse/http2/http2_flow.h"

#define NS_PER_SEC UINT64_C(1000000000)

#define RESETS_MAX       100u  /* requests a second that are reset before their answer */
#define FLOOD_POINTS_MAX 1000u /* of a second: below, what each frame counts */
#define SETTINGS_POINTS  10u
#define SMALL_POINTS     1u

/* Counts up in the second that began at *since_ns, or begins another one. */
static uint32_t second_count(uint64_t *since_ns, uint32_t *count, uint64_t now_ns, uint32_t n)
{
    if (now_ns >= *since_ns + NS_PER_SEC) {
        *since_ns = now_ns;
        *count = 0;
    }
    *count += n;
    return *count;
}

static void text_append(char *to, size_t *n, struct str s)
{
    memcpy(to + *n, s.p, s.len);
    *n += s.len;
}

/* CVE-2023-44487. The count stands in the weird's text. */
static void reset_count(struct http2_flow *f)
{
    uint64_t since_ns = f->resets_ns;
    uint32_t n = second_count(&f->resets_ns, &f->resets, f->ctx->ts_ns, 1);
    char text[2 * STR_DECIMAL_BYTES + 64], room[STR_DECIMAL_BYTES];
    size_t len = 0;

    if (f->resets_ns != since_ns)
        f->requests = 1;
    if (n != RESETS_MAX)
        return;
    text_append(text, &len, str_decimal(n, room));
    text_append(text, &len, STR_LIT(" of "));
    text_append(text, &len, str_decimal(f->requests, room));
    text_append(text, &len, STR_LIT(" requests within a second"));
    text[len] = '\0';
    analyzer_weird(f->ctx, WEIRD_HTTP2_RAPID_RESET, text);
}

void http2_rst_stream(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];
    struct http2_stream *st = http2_stream_find(f, s->frame.stream_id);

    if (!st)
        return;
    if (side == 0 && !st->answered && !st->lingers)
        reset_count(f);
    http2_stream_reset(f, st, side, http2_error_name(bytes_be32(s->bytes)));
}

void http2_goaway(struct http2_flow *f, unsigned side)
{
    uint32_t error = bytes_be32(f->side[side].bytes + 4);

    if (error != 0)
        analyzer_weird(f->ctx, WEIRD_HTTP2_CONNECTION_ERROR, http2_error_name(error));
}

/* What a frame adds to a flood: those that make their receiver work and carry nothing
 * (CVE-2019-9512, 9515, 9518). */
static uint32_t flood_points(const struct http2_frame *frame)
{
    switch (frame->type) {
    case HTTP2_SETTINGS:
        return frame->flags & HTTP2_ACK ? 0 : SETTINGS_POINTS;
    case HTTP2_PING:
        return frame->flags & HTTP2_ACK ? 0 : SMALL_POINTS;
    case HTTP2_PRIORITY:
        return SMALL_POINTS;
    case HTTP2_DATA:
        return frame->len == 0 && !(frame->flags & HTTP2_END_STREAM) ? SMALL_POINTS : 0;
    default:
        return 0;
    }
}

void http2_flood_count(struct http2_flow *f, unsigned side)
{
    static const char *const names[] = {
        [HTTP2_DATA] = "empty DATA",
        [HTTP2_PRIORITY] = "PRIORITY",
        [HTTP2_SETTINGS] = "SETTINGS",
        [HTTP2_PING] = "PING",
    };
    struct http2_side *s = &f->side[side];
    uint32_t points = flood_points(&s->frame), n;

    if (points == 0)
        return;
    n = second_count(&s->flood_ns, &s->flood_points, f->ctx->ts_ns, points);
    if (n >= FLOOD_POINTS_MAX && n - points < FLOOD_POINTS_MAX)
        analyzer_weird(f->ctx, WEIRD_HTTP2_CONTROL_FLOOD, names[s->frame.type]);
}

/* --- ALTSVC (RFC 7838 section 4) --- */

void http2_altsvc_data(struct http2_flow *f, unsigned side, const uint8_t *data, size_t len)
{
    if (membuf_append(&f->side[side].altsvc, f->ctx->bufs, data, len, HTTP2_ALTSVC_MAX) < 0)
        http2_report_cut(f);
}

/* "https://example.net:8443" as it would stand in Host. */
static struct str origin_host(struct cursor *c)
{
    struct str origin = str_make(c->p, cursor_left(c));

    for (uint32_t i = 0; i + 3 <= origin.len; i++)
        if (memcmp(origin.p + i, "://", 3) == 0)
            return str_make(origin.p + i + 3, origin.len - i - 3);
    return origin;
}

void http2_altsvc_end(struct http2_flow *f, unsigned side)
{
    struct http2_side *s = &f->side[side];
    struct cursor c = cursor_init(s->altsvc.p ? (const char *)s->altsvc.p : "", s->altsvc.len);
    struct cursor origin = cursor_sub(&c, cursor_be16(&c));
    const struct http2_stream *st = http2_stream_find(f, s->frame.stream_id);
    bool whole = cursor_ok(&c) && s->altsvc.len == s->frame.len;

    /* On a stream it is about the stream's origin, elsewhere about the one that it names; anything
     * else, and any from a client, is to be ignored. */
    if (whole && side == 1 && (s->frame.stream_id == 0) == (cursor_left(&origin) > 0) &&
        (s->frame.stream_id == 0 || st))
        analyzer_alt_svc(f->ctx, st ? http_field_text(st->t, HTTP_HOST) : origin_host(&origin),
                         str_make(c.p, cursor_left(&c)));
    membuf_free(&s->altsvc, f->ctx->bufs);
}
