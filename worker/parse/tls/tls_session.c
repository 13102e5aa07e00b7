/* SPDX-License-Identifier: BSD-3-Clause */
/* What the layers learn about a session, in one place and independent of how the bytes came: hellos
 * of TLS and of SSLv2 form, certificates, the change to encryption. Variable things (names, hashes)
 * lie one behind the other in `facts` until the record is emitted; when the pool refuses memory the
 * field stays unset. */
#include "worker/parse/tls/tls_session.h"

#include "worker/parse/tls/tls_log.h"
#include "worker/parse/tls/tls_memo.h"
#include "worker/parse/tls/x509_hash.h"
#include "worker/parse/tls/x509_log.h"

void tls_session_history(struct tls_session *s, unsigned side, char letter)
{
    bool client = side == s->client_side;

    if (s->history_len < TLS_HISTORY_MAX)
        s->history[s->history_len++] = (char)(client ? letter : letter + ('a' - 'A'));
}

struct tls_slice tls_session_keep(struct analyzer_ctx *ctx, struct tls_session *s, const void *data,
                                  size_t len)
{
    struct tls_slice slice = {s->facts.len, (uint32_t)len};

    if (len == 0 || membuf_append(&s->facts, ctx->bufs, data, len, TLS_MESSAGE_MAX) < 0)
        slice.len = 0;
    return slice;
}

struct str tls_session_str(const struct tls_session *s, struct tls_slice slice)
{
    return str_make(slice.len > 0 ? (const char *)s->facts.p + slice.at : "", slice.len);
}

void tls_session_close(struct analyzer_ctx *ctx, struct tls_session *s)
{
    if (s->client_known && !s->emitted) {
        tls_log_emit(ctx, s);
        s->emitted = true;
    }
    for (unsigned side = 0; side < 2; side++) {
        membuf_free(&s->sides[side].message, ctx->bufs);
        s->sides[side].over = true;
    }
    membuf_free(&s->facts, ctx->bufs);
}

/* The bytes of the whole names at the front of an ALPN list that fit TLS_ALPN_MAX. */
static size_t alpn_bytes_kept(struct cursor alpn)
{
    const uint8_t *start = alpn.p;
    size_t kept = 0;
    struct str name;

    while (tls_alpn_next(&alpn, &name) && (size_t)(alpn.p - start) <= TLS_ALPN_MAX)
        kept = (size_t)(alpn.p - start);
    return kept;
}

/* Name in conn.log, as Zeek has it. */
static void add_service(struct analyzer_ctx *ctx, const struct tls_session *s)
{
    analyzer_service(ctx, s->carrier == TLS_OVER_DTLS ? "dtls" : "ssl");
}

/* The first hello, of either side, tells who is who; with it the session begins, as in Zeek. */
static void begin(struct analyzer_ctx *ctx, struct tls_session *s, unsigned client_side)
{
    if (s->client_known)
        return;
    s->client_known = true;
    s->client_side = (uint8_t)client_side;
    s->ts_ns = ctx->ts_ns;
}

void tls_session_client_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                              const struct tls_client_hello *h)
{
    static const char ja4_letters[] = {
        [TLS_OVER_TCP] = 't', [TLS_OVER_QUIC] = 'q', [TLS_OVER_DTLS] = 'd'};
    size_t name_len = h->server_name.len;

    add_service(ctx, s);
    begin(ctx, s, side);
    if (side != s->client_side)
        return; /* two clients face to face: the first one counts */
    s->session_id_len = h->session_id.len <= sizeof s->session_id ? (uint8_t)h->session_id.len : 0;
    memcpy(s->session_id, h->session_id.p, s->session_id_len);
    s->ticket_no_id = h->has_ticket && h->session_id.len == 0;
    /* The one after a HelloRetryRequest repeats the first, but for its key share. */
    if (s->client_hello)
        return;
    s->client_hello = true;
    s->ech = h->ech;
    s->ticket = h->has_ticket || h->psk;
    if (name_len > TLS_SERVER_NAME_MAX)
        name_len = TLS_SERVER_NAME_MAX;
    s->server_name = tls_session_keep(ctx, s, h->server_name.p, name_len);
    s->client_alpn = tls_session_keep(ctx, s, h->alpn.p, alpn_bytes_kept(h->alpn));
    s->transport_parameters =
        tls_session_keep(ctx, s, h->transport_parameters.p, h->transport_parameters.len);
    /* A hello of SSLv2 form has no cipher list that the fingerprints are defined for. */
    if (cursor_left(&h->ciphers) > 0)
        tls_memo_fingerprints(h, ja4_letters[s->carrier], s->ja3, s->ja4);
}

void tls_session_server_seen(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side)
{
    add_service(ctx, s);
    begin(ctx, s, !side);
}

void tls_session_chain_add(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           const uint8_t *der, size_t len)
{
    bool client = side == s->client_side;
    struct tls_slice *chain = &s->chain[!client];
    struct x509_context seen = {.client_cert = client};
    uint8_t sha256[TLS_SHA256_BYTES];
    struct tls_slice slice;
    enum x509_match match;

    s->chain_seen[!client] = true;
    x509_hash(der, len, sha256);
    seen.sha256 = sha256;
    seen.host_cert = chain->len == 0;
    /* Names are compared with the server's own certificate, not with its issuers'. */
    if (seen.host_cert && !client && s->server_name.len > 0)
        seen.server_name = tls_session_str(s, s->server_name);
    match = x509_log_certificate(ctx, der, len, &seen);
    if (seen.host_cert && !client)
        s->sni_match = (uint8_t)match;
    slice = tls_session_keep(ctx, s, sha256, sizeof sha256);
    if (chain->len == 0)
        chain->at = slice.at;
    chain->len += slice.len;
}

void tls_session_alert(struct tls_session *s, unsigned side, uint8_t description)
{
    s->last_alert = description;
    s->has_alert = true;
    tls_session_history(s, side, 'L');
}

void tls_session_ciphertext(struct tls_session *s, unsigned side)
{
    struct tls_side *from = &s->sides[side];

    if (from->cipher_bytes < TLS_LONE_SIDE_BYTES)
        from->cipher_bytes += from->record_left + 1u;
    if (s->sides[0].encrypted && s->sides[1].encrypted)
        s->established = true;
}

/* Nothing more can be learned: each side encrypts or is over, or one side of two is not seen. */
static bool is_spent(const struct tls_session *s)
{
    const struct tls_side *sides = s->sides;
    bool spent = true;

    for (unsigned side = 0; side < 2; side++) {
        if (sides[side].cipher_bytes >= TLS_LONE_SIDE_BYTES && !sides[!side].started)
            return true;
        spent &= sides[side].over || (sides[side].encrypted && sides[side].cipher_bytes > 0);
    }
    return s->established || spent;
}

/* A connection whose hellos were missed shows nothing but that it is TLS. */
static bool is_midstream(const struct tls_session *s)
{
    return !s->client_known && (s->sides[0].cipher_bytes > 0 || s->sides[1].cipher_bytes > 0);
}

void tls_session_settle(struct analyzer_ctx *ctx, struct tls_session *s)
{
    if (is_midstream(s)) {
        add_service(ctx, s);
        analyzer_category(ctx, CATEGORY_other_tls);
    } else if (!is_spent(s)) {
        return;
    }
    tls_session_close(ctx, s);
    analyzer_done(ctx);
}

void tls_session_change_cipher(struct tls_session *s, unsigned side)
{
    tls_session_history(s, side, 'I');
    /* Between a HelloRetryRequest and the real ServerHello it is for middleboxes' eyes only
     * (RFC 8446 appendix D.4). */
    if (s->retry && !s->server_hello)
        return;
    s->sides[side].encrypted = true;
    /* A client with a ticket and no session id learns only from this order of messages that it was
     * taken (RFC 5077 section 3.4). */
    if (side == s->client_side && s->ticket_no_id && s->server_hello && !s->client_key_exchange &&
        !tls_version_is_13(s->version))
        s->resumed = true;
}
