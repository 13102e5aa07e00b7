/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/http2/http2_frame.h"

#define USUAL_BYTES_MAX 16384u /* SETTINGS_MAX_FRAME_SIZE that everyone begins with */
#define USUAL_STREAM    0x00ffffffu

enum stream_rule { ON_STREAM, ON_CONNECTION, ON_EITHER };

struct type_rule {
    uint8_t flags; /* those that it may have */
    uint8_t stream;
    uint8_t min_bytes;
    uint8_t max_bytes; /* 0: any */
};

static const struct type_rule rules[] = {
    [HTTP2_DATA] = {HTTP2_END_STREAM | HTTP2_PADDED, ON_STREAM, 0, 0},
    [HTTP2_HEADERS] = {HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY,
                       ON_STREAM, 0, 0},
    [HTTP2_PRIORITY] = {0, ON_STREAM, 5, 5},
    [HTTP2_RST_STREAM] = {0, ON_STREAM, 4, 4},
    [HTTP2_SETTINGS] = {HTTP2_ACK, ON_CONNECTION, 0, 0},
    [HTTP2_PUSH_PROMISE] = {HTTP2_END_HEADERS | HTTP2_PADDED, ON_STREAM, 4, 0},
    [HTTP2_PING] = {HTTP2_ACK, ON_CONNECTION, 8, 8},
    [HTTP2_GOAWAY] = {0, ON_CONNECTION, 8, 0},
    [HTTP2_WINDOW_UPDATE] = {0, ON_EITHER, 4, 4},
    [HTTP2_CONTINUATION] = {HTTP2_END_HEADERS, ON_STREAM, 0, 0},
    [HTTP2_ALTSVC] = {0, ON_EITHER, 2, 0},
    [HTTP2_ORIGIN] = {0, ON_CONNECTION, 0, 0},
    [HTTP2_PRIORITY_UPDATE] = {0, ON_CONNECTION, 4, 0},
};

static const struct type_rule *rule_of(uint8_t type)
{
    if (type >= sizeof rules / sizeof rules[0] || (type > HTTP2_ALTSVC && type < HTTP2_ORIGIN) ||
        (type > HTTP2_ORIGIN && type < HTTP2_PRIORITY_UPDATE))
        return NULL;
    return &rules[type];
}

struct http2_frame http2_frame_parse(const uint8_t *head)
{
    struct http2_frame f = {
        .len = bytes_be32(head) >> 8,
        .type = head[3],
        .flags = head[4],
        .stream_id = bytes_be32(head + 5) & INT32_MAX,
    };
    return f;
}

bool http2_frame_is_valid(const struct http2_frame *f)
{
    const struct type_rule *r = rule_of(f->type);

    if (!r)
        return true;
    if (f->len < r->min_bytes || (r->max_bytes > 0 && f->len > r->max_bytes))
        return false;
    if (f->type == HTTP2_SETTINGS && (f->len % 6 != 0 || ((f->flags & HTTP2_ACK) && f->len > 0)))
        return false;
    return r->stream == ON_EITHER || (r->stream == ON_CONNECTION) == (f->stream_id == 0);
}

/* Stricter than valid: what a sender of today would really send. */
static bool frame_is_usual(const struct http2_frame *f, uint8_t stream_byte)
{
    const struct type_rule *r = rule_of(f->type);

    return r && http2_frame_is_valid(f) && (f->flags & ~r->flags) == 0 &&
           f->len <= USUAL_BYTES_MAX && stream_byte == 0 && f->stream_id <= USUAL_STREAM &&
           (f->type != HTTP2_HEADERS || f->len > 0);
}

static bool begins_with(struct cursor c, const char *text)
{
    size_t n = strlen(text);

    return cursor_left(&c) >= n && memcmp(c.p, text, n) == 0;
}

/* Pseudo-header fields come first (RFC 9113 section 8.3), and are mostly referred to in the static
 * table (RFC 7541 appendix A): entries 1 to 7 are of requests, 8 to 14 are :status. Else the name
 * is there. Blocks that begin with anything else, trailers above all, may be either side's. */
static int block_side(struct cursor block)
{
    uint8_t first = cursor_u8(&block);
    unsigned index = first & 0x80   ? first & 0x7f
                     : first & 0x40 ? first & 0x3f
                     : first & 0x20 ? 15
                                    : first & 0x0f;

    if (index >= 1 && index <= 14)
        return index >= 8;
    if (index > 0)
        return -1;
    cursor_skip(&block, 1);
    if (begins_with(block, ":status"))
        return 1;
    return begins_with(block, ":") && cursor_left(&block) > 7 ? 0 : -1;
}

static int frame_side(const struct http2_frame *f, struct cursor payload)
{
    if (f->type == HTTP2_PUSH_PROMISE)
        return 1;
    if (f->type != HTTP2_HEADERS)
        return -1;
    if (f->flags & HTTP2_PADDED)
        cursor_skip(&payload, 1);
    if (f->flags & HTTP2_HAS_PRIORITY)
        cursor_skip(&payload, 5);
    return cursor_left(&payload) > 0 ? block_side(payload) : -1;
}

struct http2_chain http2_frame_chain(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    struct http2_chain chain = {.side = -1};

    while (chain.heads < HTTP2_CHAIN_MAX && cursor_left(&c) >= HTTP2_HEAD_BYTES) {
        const uint8_t *head = cursor_bytes(&c, HTTP2_HEAD_BYTES);
        struct http2_frame f = http2_frame_parse(head);

        chain.broken = !frame_is_usual(&f, head[5]);
        if (chain.broken)
            return chain;
        chain.heads++;
        if (chain.side < 0)
            chain.side = frame_side(&f, c);
        chain.exact = cursor_left(&c) == f.len;
        if (cursor_left(&c) < f.len)
            return chain;
        cursor_skip(&c, f.len);
    }
    return chain;
}

/* A header block that says whose it is counts like one frame header more. */
int http2_chain_side(const struct http2_chain *chain)
{
    return !chain->broken && (chain->heads >= 2 || chain->exact) ? chain->side : -1;
}

const char *http2_error_name(uint32_t code)
{
    static const char *const names[] = {
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    };

    return code < sizeof names / sizeof names[0] ? names[code] : "UNKNOWN_ERROR";
}
