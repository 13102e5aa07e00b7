/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake messages (RFC 8446 section 4, RFC 5246 section 7.4): type, three bytes of length, body.
 *
 * A message that lies whole in the bytes at hand is read in place. Otherwise its bytes are gathered
 * in the side's membuf, but only of the few types that are read at all and only up to
 * TLS_MESSAGE_MAX; the rest is skipped as it comes. */
#include "worker/parse/tls/tls_memo.h"
#include "worker/parse/tls/tls_session.h"

#define HEADER_BYTES 4u

enum handshake {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    HELLO_RETRY_REQUEST = 6, /* before draft 22 of TLS 1.3; later a ServerHello with a sign */
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CLIENT_KEY_EXCHANGE = 16,
};

/* Letters of ssl_history by type, as Zeek has them. */
static char handshake_letter(uint8_t type)
{
    static const char letters[] = {
        [0] = 'H',  [1] = 'C',  [2] = 'S',  [3] = 'V',  [4] = 'T',  [5] = 'E',  [6] = 'J',
        [8] = 'O',  [11] = 'X', [12] = 'K', [13] = 'R', [14] = 'N', [15] = 'Y', [16] = 'G',
        [20] = 'F', [21] = 'W', [22] = 'U', [23] = 'A', [24] = 'P',
    };

    if (type == 254)
        return 'M';
    return type < sizeof letters && letters[type] ? letters[type] : 'Z';
}

static void bad_message(struct analyzer_ctx *ctx, const char *which)
{
    analyzer_weird(ctx, WEIRD_TLS_BAD_HANDSHAKE, which);
}

static void on_client_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                            const uint8_t *body, size_t len)
{
    struct tls_client_hello h;

    if (tls_hello_parse_client(body, len, &h) < 0) {
        bad_message(ctx, "ClientHello");
        return;
    }
    if (h.malformed)
        bad_message(ctx, "ClientHello extension");
    tls_session_client_hello(ctx, s, side, &h);
    tls_session_history(s, side, 'C');
}

static void on_server_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                            const uint8_t *body, size_t len)
{
    struct tls_server_hello h;

    if (tls_hello_parse_server(body, len, &h) < 0) {
        bad_message(ctx, "ServerHello");
        return;
    }
    if (h.malformed)
        bad_message(ctx, "ServerHello extension");
    tls_session_server_seen(ctx, s, side);
    tls_session_history(s, side, h.retry ? 'J' : 'S');
    if (s->server_hello)
        return;
    /* A HelloRetryRequest names version and cipher as well; the ServerHello repeats or replaces
     * them. */
    s->server_hello = !h.retry;
    s->retry |= h.retry;
    s->version = h.version;
    s->cipher = h.cipher;
    s->has_cipher = true;
    s->group = h.group;
    tls_memo_ja3s(&h, s->ja3s);
    if (h.retry)
        return;
    s->next_protocol = tls_session_keep(ctx, s, h.alpn.p, h.alpn.len);
    if (tls_version_is_13(h.version)) {
        /* It echoes every session id for the sake of middleboxes: there it means nothing. And what
         * the client encrypted before this was early data: it does not answer the server yet. */
        s->resumed = h.psk;
        s->sides[s->client_side].encrypted = false;
    } else {
        s->resumed = s->session_id_len > 0 && h.session_id.len == s->session_id_len &&
                     memcmp(h.session_id.p, s->session_id, s->session_id_len) == 0;
    }
}

/* RFC 5246 section 7.4.2. Only the first chain of a side: a second one would be a renegotiation in
 * clear, which no one does. */
static void on_certificate(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len), list;

    if (s->chain_seen[side != s->client_side])
        return;
    list = cursor_sub(&c, cursor_be24(&c));
    for (unsigned n = 0; n < TLS_CHAIN_MAX && cursor_left(&list) > 0; n++) {
        struct cursor der = cursor_sub(&list, cursor_be24(&list));

        if (cursor_left(&der) > 0)
            tls_session_chain_add(ctx, s, side, der.p, cursor_left(&der));
    }
    if (!cursor_ok(&c) || !cursor_ok(&list))
        bad_message(ctx, "Certificate");
}

/* The named curve of an ephemeral elliptic-curve exchange (RFC 8422 section 5.4). */
static void on_server_key_exchange(struct tls_session *s, const uint8_t *body, size_t len)
{
    enum { NAMED_CURVE = 3 };
    struct cursor c = cursor_init(body, len);
    char text[TLS_NAME_BYTES];
    struct str name = tls_cipher_name(s->cipher, text);

    /* The message's form depends on the key exchange, and the suite's name is where that stands. */
    if (!memmem(name.p, name.len, "_ECDH", 5))
        return;
    if (memmem(name.p, name.len, "_ECDHE_PSK", 10))
        cursor_skip(&c, cursor_be16(&c)); /* identity hint (RFC 5489 section 2) */
    if (cursor_u8(&c) == NAMED_CURVE)
        s->group = cursor_be16(&c);
}

/* Of messages that are not read the header's type makes a letter, which is why a ticket or a list
 * of authorities of any size costs no memory. */
bool tls_handshake_is_read(uint8_t type)
{
    return type == CLIENT_HELLO || type == SERVER_HELLO || type == CERTIFICATE ||
           type == SERVER_KEY_EXCHANGE;
}

void tls_handshake_message(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           uint8_t type, const uint8_t *body, size_t len)
{
    if (type == CLIENT_HELLO) {
        on_client_hello(ctx, s, side, body, len);
        return;
    }
    if (type == SERVER_HELLO) {
        on_server_hello(ctx, s, side, body, len);
        return;
    }
    tls_session_history(s, side, handshake_letter(type));
    if (type == CERTIFICATE)
        on_certificate(ctx, s, side, body, len);
    else if (type == SERVER_KEY_EXCHANGE)
        on_server_key_exchange(s, body, len);
}

void tls_handshake_skipped(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           uint8_t type, uint32_t len)
{
    if (len > TLS_MESSAGE_MAX)
        analyzer_weird(ctx, WEIRD_TLS_HANDSHAKE_BOUND, NULL);
    if (type == CLIENT_KEY_EXCHANGE)
        s->client_key_exchange = true;
    if (type == HELLO_RETRY_REQUEST)
        s->retry = true; /* so that the second ClientHello is still read in clear */
    tls_session_history(s, side, handshake_letter(type));
}

/* With a whole header at hand: the message's length with it, or 0 if it is skipped. */
static uint32_t message_begin(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                              const uint8_t *header)
{
    struct cursor c = cursor_init(header, HEADER_BYTES);
    uint8_t type = cursor_u8(&c);
    uint32_t len = cursor_be24(&c);

    if (tls_handshake_is_read(type) && len <= TLS_MESSAGE_MAX - HEADER_BYTES)
        return HEADER_BYTES + len;
    tls_handshake_skipped(ctx, s, side, type, len);
    s->sides[side].skip_bytes = len;
    return 0;
}

/* Adds to the unfinished message, at most to its end or to that of its header, and reads it when it
 * is whole. Returns the bytes used. */
static size_t message_gather(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                             const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];
    struct membuf *m = &from->message;
    size_t want = from->message_bytes > 0 ? from->message_bytes : HEADER_BYTES;
    size_t n = want - m->len < len ? want - m->len : len;

    /* Only the pool can refuse: no message that is gathered is over TLS_MESSAGE_MAX. */
    if (membuf_append(m, ctx->bufs, data, n, TLS_MESSAGE_MAX) < 0) {
        analyzer_weird(ctx, WEIRD_TLS_HANDSHAKE_BOUND, NULL);
        from->over = true;
        membuf_free(m, ctx->bufs);
        return n;
    }
    if (m->len < want)
        return n;
    if (from->message_bytes == 0) {
        from->message_bytes = message_begin(ctx, s, side, m->p);
        if (from->message_bytes > HEADER_BYTES)
            return n;
    }
    if (from->message_bytes > 0)
        tls_handshake_message(ctx, s, side, m->p[0], m->p + HEADER_BYTES, m->len - HEADER_BYTES);
    from->message_bytes = 0;
    membuf_free(m, ctx->bufs);
    return n;
}

/* Takes what it can of a message that begins here. Returns the bytes used. */
static size_t message_in_place(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                               const uint8_t *data, size_t len)
{
    uint32_t whole;

    if (len < HEADER_BYTES)
        return message_gather(ctx, s, side, data, len);
    whole = message_begin(ctx, s, side, data);
    if (whole == 0)
        return HEADER_BYTES;
    if (whole > len) {
        s->sides[side].message_bytes = whole;
        return message_gather(ctx, s, side, data, len);
    }
    tls_handshake_message(ctx, s, side, data[0], data + HEADER_BYTES, whole - HEADER_BYTES);
    return whole;
}

size_t tls_handshake_next(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                          const uint8_t *data, size_t len)
{
    struct tls_side *from = &s->sides[side];

    if (from->skip_bytes > 0) {
        size_t n = from->skip_bytes < len ? from->skip_bytes : len;

        from->skip_bytes -= (uint32_t)n;
        return n;
    }
    if (from->message.len > 0)
        return message_gather(ctx, s, side, data, len);
    return message_in_place(ctx, s, side, data, len);
}
