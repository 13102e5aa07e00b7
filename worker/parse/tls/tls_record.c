/* SPDX-License-Identifier: BSD-3-Clause */
/* The record layer (RFC 8446 section 5, RFC 5246 section 6.2): five bytes of header, then a body.
 *
 * Nothing of a body is copied here: handshake bytes go on as they come, in pieces that end where a
 * segment or a record ends; of ciphertext only the headers are read. What is ciphertext is not
 * marked in the header: up to TLS 1.2 it is what a side sends after its ChangeCipherSpec, in
 * TLS 1.3 what calls itself application data. A ChangeCipherSpec between a HelloRetryRequest and
 * the real ServerHello is for middleboxes' eyes only (RFC 8446 appendix D.4). */
#include "worker/parse/tls/tls_session.h"

#include "common/base/check.h"

static void give_up(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side, enum weird w)
{
    analyzer_weird(ctx, w, NULL);
    s->sides[side].over = true;
    membuf_free(&s->sides[side].message, ctx->bufs);
}

/* Whether the record that begins can be read, and what its header alone tells. */
static bool begins_in_clear(struct tls_session *s, unsigned side, uint8_t content)
{
    struct tls_side *from = &s->sides[side];
    bool is_13 = tls_version_is_13(s->version);

    if (content == TLS_APPLICATION_DATA) {
        if (is_13)
            from->encrypted = true;
        /* Before the ServerHello it is early data, or the server's side is not seen. */
        return !from->encrypted && s->version != 0;
    }
    return !from->encrypted || is_13;
}

static void record_begin(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                         const uint8_t *header)
{
    struct tls_side *from = &s->sides[side];
    struct cursor c = cursor_init(header, TLS_RECORD_HEADER_BYTES);
    uint8_t content = cursor_u8(&c), major = cursor_u8(&c);

    cursor_skip(&c, 1);
    from->record_left = cursor_be16(&c);
    from->content = content;
    /* Only the major version is sure: the minor one is what a client dares to say to old servers.
     */
    if (major != 3 || from->record_left > TLS_RECORD_BODY_MAX || content < TLS_CHANGE_CIPHER_SPEC ||
        content > TLS_CONTENT_MAX) {
        give_up(ctx, s, side, WEIRD_TLS_BAD_RECORD);
        return;
    }
    from->alert_len = 0; /* no alert spans records */
    from->clear = begins_in_clear(s, side, content);
    if (!from->clear) {
        tls_session_ciphertext(s, side);
        return;
    }
    switch (content) {
    case TLS_CHANGE_CIPHER_SPEC:
        tls_session_change_cipher(s, side);
        break;
    case TLS_APPLICATION_DATA:
        tls_session_history(s, side, 'D');
        break;
    case TLS_HEARTBEAT:
        tls_session_history(s, side, 'B');
        break;
    case TLS_HANDSHAKE:
    case TLS_ALERT_RECORD:
        break;
    default:
        tls_session_history(s, side, 'Q');
        break;
    }
}

/* Alerts are two bytes; a record could hold several. */
static void read_alerts(struct tls_session *s, unsigned side, const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];

    for (size_t i = 0; i < len; i++) {
        from->alert[from->alert_len++] = data[i];
        if (from->alert_len < 2)
            continue;
        from->alert_len = 0;
        tls_session_alert(s, side, from->alert[1]);
    }
}

static void read_handshake(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           const uint8_t *data, size_t len)
{
    size_t used = 0;

    while (used < len && !s->sides[side].over)
        used += tls_handshake_next(ctx, s, side, data + used, len - used);
}

static void record_body(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                        const uint8_t *data, size_t len)
{
    const struct tls_side *from = &s->sides[side];

    if (!from->clear)
        return;
    if (from->content == TLS_HANDSHAKE)
        read_handshake(ctx, s, side, data, len);
    else if (from->content == TLS_ALERT_RECORD)
        read_alerts(s, side, data, len);
}

/* Gathers a header, in place when all of it is here. Returns the bytes used. */
static size_t record_header(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                            const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];
    size_t n = TLS_RECORD_HEADER_BYTES - from->header_len;

    if (from->header_len == 0 && len >= n) {
        record_begin(ctx, s, side, data);
        return n;
    }
    n = n < len ? n : len;
    memcpy(from->header + from->header_len, data, n);
    from->header_len = (uint8_t)(from->header_len + n);
    if (from->header_len == TLS_RECORD_HEADER_BYTES) {
        from->header_len = 0;
        record_begin(ctx, s, side, from->header);
    }
    return n;
}

size_t tls_record_data(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                       const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];
    size_t n;

    if (!from->started) {
        from->started = true;
        from->sslv2 = data[0] >= 0x80; /* no content type is that high */
    }
    if (from->sslv2)
        return tls_sslv2_data(ctx, s, side, data, len);
    if (from->record_left == 0)
        return record_header(ctx, s, side, data, len);
    n = len < from->record_left ? len : from->record_left;
    from->record_left = (uint16_t)(from->record_left - n);
    record_body(ctx, s, side, data, n);
    return n;
}

/* Inside ciphertext bytes may be missing; anywhere else the place of the next header is lost. */
void tls_record_gap(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side, uint64_t len)
{
    struct tls_side *from = &s->sides[side];

    if (from->over)
        return;
    if (from->record_left >= len && !from->clear)
        from->record_left = (uint16_t)(from->record_left - len);
    else
        give_up(ctx, s, side, WEIRD_TLS_CONTENT_GAP);
}
