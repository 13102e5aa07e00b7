/* SPDX-License-Identifier: BSD-3-Clause */
/* SSLv2 (draft-hickman-netscape-ssl-00): two- or three-byte record headers, one handshake message a
 * record, then ciphertext. Its ClientHello was for years the polite way to offer SSLv3 and TLS as
 * well: then this file reads that one record and gives the side back to the TLS record layer.
 *
 * Messages are held whole (a record is at most 32 KiB), ciphertext only counted. */
#include "worker/parse/tls/tls_session.h"

#include "common/base/check.h"

enum sslv2_message { CLIENT_HELLO = 1, CLIENT_MASTER_KEY = 2, SERVER_HELLO = 4 };

static void on_client_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                            const uint8_t *body, size_t len)
{
    struct tls_client_hello h;

    if (tls_hello_parse_sslv2(body, len, &h) < 0) {
        analyzer_weird(ctx, WEIRD_TLS_BAD_HANDSHAKE, "SSLv2 ClientHello");
        s->sides[side].over = true;
        return;
    }
    tls_session_client_hello(ctx, s, side, &h);
    /* Whoever offers more than SSLv2 goes on in TLS records, unless the server answers in
     * SSLv2: then this side's next record makes no sense and ends it. */
    if (h.legacy_version != SSL_V2)
        s->sides[side].sslv2 = false;
}

static void on_server_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                            const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len);
    uint8_t hit = cursor_u8(&c);
    uint16_t version, certificate_len;
    const uint8_t *certificate;

    cursor_skip(&c, 1); /* certificate type: X.509 is the only one */
    version = cursor_be16(&c);
    certificate_len = cursor_be16(&c);
    cursor_skip(&c, 4); /* lengths of the cipher list and the connection id */
    certificate = cursor_bytes(&c, certificate_len);
    if (!certificate) {
        analyzer_weird(ctx, WEIRD_TLS_BAD_HANDSHAKE, "SSLv2 ServerHello");
        return;
    }
    tls_session_server_seen(ctx, s, side);
    s->server_hello = true;
    s->version = version;
    s->resumed = hit != 0;
    if (certificate_len > 0)
        tls_session_chain_add(ctx, s, side, certificate, certificate_len);
}

static void on_message(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                       const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);

    switch (cursor_u8(&c)) {
    case CLIENT_HELLO:
        on_client_hello(ctx, s, side, c.p, cursor_left(&c));
        break;
    case SERVER_HELLO:
        on_server_hello(ctx, s, side, c.p, cursor_left(&c));
        break;
    case CLIENT_MASTER_KEY:
        s->cipher = cursor_be24(&c);
        s->has_cipher = cursor_ok(&c);
        /* From here on both sides encrypt. */
        s->sides[0].encrypted = s->sides[1].encrypted = true;
        break;
    default:
        break;
    }
}

/* Adds a byte to a record's header; sets record_left with the last one. */
static void header_add(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side, uint8_t byte)
{
    struct tls_side *from = &s->sides[side];
    bool two = (from->header_len > 0 ? from->header[0] : byte) >= 0x80;

    from->header[from->header_len++] = byte;
    if (from->header_len < (two ? 2 : 3))
        return;
    from->header_len = 0;
    from->record_left = (uint16_t)((from->header[0] & (two ? 0x7f : 0x3f)) << 8 | from->header[1]);
    /* After the master key the server's first word, SERVER-VERIFY, is encrypted already. */
    from->clear = !from->encrypted;
    if (!from->clear)
        tls_session_ciphertext(s, side);
    if (from->record_left == 0) {
        analyzer_weird(ctx, WEIRD_TLS_BAD_RECORD, "SSLv2");
        from->over = true;
    }
}

/* n bytes of a body, of which record_left are still to come. */
static void body_add(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                     const uint8_t *data, size_t n)
{
    struct tls_side *from = &s->sides[side];

    if (from->record_left == 0 && from->message.len == 0) {
        on_message(ctx, s, side, data, n);
        return;
    }
    if (membuf_append(&from->message, ctx->bufs, data, n, TLS_MESSAGE_MAX) < 0) {
        analyzer_weird(ctx, WEIRD_TLS_HANDSHAKE_BOUND, "SSLv2");
        from->over = true;
    } else if (from->record_left > 0) {
        return;
    } else {
        on_message(ctx, s, side, from->message.p, from->message.len);
    }
    membuf_free(&from->message, ctx->bufs);
}

size_t tls_sslv2_data(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                      const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];
    size_t n = len < from->record_left ? len : from->record_left;

    if (n == 0) {
        header_add(ctx, s, side, data[0]);
        return 1;
    }
    from->record_left = (uint16_t)(from->record_left - n);
    if (from->clear)
        body_add(ctx, s, side, data, n);
    return n;
}
