/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS over TCP, from the first hello to the point where both sides have encrypted something.
 *
 * One ssl record a connection, emitted when the handshake is done or, if it never is, when nothing
 * more can come or the flow ends. After that the analyzer is done: the rest is ciphertext, and the
 * worker need not reassemble it.
 *
 * Established, as in Zeek: each side has changed to encryption (ChangeCipherSpec; in TLS 1.3 its
 * first application data will do) and an encrypted record came after that.
 *
 * The category says what the encryption is for, by what the handshake offers: web_tls if HTTP was
 * negotiated or is among the client's ALPN names, dns_dot for DNS over TLS, other_tls for any other
 * ALPN. Without ALPN a client that names its server is taken for a web client, any other is not. */
#include "worker/parse/tls/tls.h"

#include "worker/parse/tls/tls_session.h"
#include "worker/parse/tls/x509_log.h"

#define ALPN_NAMES_MAX 64u

/* What a record under construction points to. */
struct record_text {
    char version[TLS_NAME_BYTES], cipher[TLS_NAME_BYTES];
    char group[TLS_NAME_BYTES], alert[TLS_NAME_BYTES];
    char hashes[2][TLS_CHAIN_MAX][2 * TLS_SHA256_BYTES];
    struct str chains[2][TLS_CHAIN_MAX];
    struct str alpn[ALPN_NAMES_MAX];
};

static struct str slice_str(const struct tls_session *s, struct tls_slice slice)
{
    return str_make(slice.len > 0 ? (const char *)s->facts.p + slice.at : "", slice.len);
}

static struct cursor slice_cursor(const struct tls_session *s, struct tls_slice slice)
{
    struct str text = slice_str(s, slice);

    return cursor_init(text.p, text.len);
}

static struct str_list chain_list(const struct tls_session *s, unsigned which,
                                  struct record_text *text)
{
    struct cursor c = slice_cursor(s, s->chain[which]);
    uint32_t n = 0;

    for (; n < TLS_CHAIN_MAX && cursor_left(&c) >= TLS_SHA256_BYTES; n++) {
        char *hex = text->hashes[which][n];

        tls_hex(cursor_bytes(&c, TLS_SHA256_BYTES), TLS_SHA256_BYTES, hex);
        text->chains[which][n] = str_make(hex, 2 * TLS_SHA256_BYTES);
    }
    return (struct str_list){text->chains[which], n};
}

static struct str_list alpn_list(const struct tls_session *s, struct record_text *text)
{
    struct cursor c = slice_cursor(s, s->client_alpn);
    uint32_t n = 0;

    while (n < ALPN_NAMES_MAX && tls_alpn_next(&c, &text->alpn[n]))
        n++;
    return (struct str_list){text->alpn, n};
}

static void set_negotiated(struct rec_ssl *r, const struct tls_session *s, struct record_text *text)
{
    if (s->version)
        RECORD_SET(ssl, r, version, tls_version_name(s->version, text->version));
    if (s->has_cipher)
        RECORD_SET(ssl, r, cipher, tls_cipher_name(s->cipher, text->cipher));
    if (s->group)
        RECORD_SET(ssl, r, curve, tls_group_name(s->group, text->group));
    if (s->has_alert)
        RECORD_SET(ssl, r, last_alert, tls_alert_name(s->last_alert, text->alert));
    if (s->next_protocol.len > 0)
        RECORD_SET(ssl, r, next_protocol, slice_str(s, s->next_protocol));
    RECORD_SET(ssl, r, resumed, s->resumed);
    RECORD_SET(ssl, r, established, s->established);
}

static void set_certificates(struct rec_ssl *r, const struct tls_session *s,
                             struct record_text *text)
{
    if (!s->chain_seen[0] && !s->chain_seen[1])
        return;
    RECORD_SET(ssl, r, cert_chain_fps, chain_list(s, 1, text));
    RECORD_SET(ssl, r, client_cert_chain_fps, chain_list(s, 0, text));
    if (s->sni_match != X509_MATCH_UNKNOWN)
        RECORD_SET(ssl, r, sni_matches_cert, s->sni_match == X509_MATCH_YES);
}

static void set_fingerprints(struct rec_ssl *r, const struct tls_session *s)
{
    if (s->ja3[0])
        RECORD_SET(ssl, r, ja3, str_of(s->ja3));
    if (s->ja3s[0])
        RECORD_SET(ssl, r, ja3s, str_of(s->ja3s));
    if (s->ja4[0])
        RECORD_SET(ssl, r, ja4, str_of(s->ja4));
}

static void emit_record(struct analyzer_ctx *ctx, const struct tls_session *s)
{
    struct record_text text;
    struct rec_ssl r;

    r.present = 0;
    RECORD_SET(ssl, &r, ts, s->ts_ns);
    set_negotiated(&r, s, &text);
    if (s->server_name.len > 0)
        RECORD_SET(ssl, &r, server_name, slice_str(s, s->server_name));
    RECORD_SET(ssl, &r, ssl_history, str_make(s->history, s->history_len));
    set_certificates(&r, s, &text);
    set_fingerprints(&r, s);
    if (s->client_alpn.len > 0)
        RECORD_SET(ssl, &r, client_alpn, alpn_list(s, &text));
    analyzer_record(ctx, RECORD_ssl, &r);
}

static bool starts_with(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

static enum category alpn_category(struct str name)
{
    if (starts_with(name, "http/") || starts_with(name, "h2") || starts_with(name, "h3") ||
        starts_with(name, "spdy/") || starts_with(name, "grpc-exp"))
        return CATEGORY_web_tls;
    return str_equal(name, STR_LIT("dot")) ? CATEGORY_dns_dot : CATEGORY_other_tls;
}

static enum category session_category(const struct tls_session *s)
{
    struct cursor offered = slice_cursor(s, s->client_alpn);
    struct str name;

    if (s->next_protocol.len > 0)
        return alpn_category(slice_str(s, s->next_protocol));
    if (s->client_alpn.len == 0)
        return s->server_name.len > 0 ? CATEGORY_web_tls : CATEGORY_other_tls;
    while (tls_alpn_next(&offered, &name)) {
        enum category category = alpn_category(name);

        if (category != CATEGORY_other_tls)
            return category;
    }
    return CATEGORY_other_tls;
}

/* Emits what is known, once, and gives the buffers back. */
static void session_close(struct analyzer_ctx *ctx, struct tls_session *s)
{
    if (s->client_known && !s->emitted) {
        analyzer_category(ctx, session_category(s));
        emit_record(ctx, s);
        s->emitted = true;
    }
    for (unsigned side = 0; side < 2; side++) {
        membuf_free(&s->sides[side].message, ctx->bufs);
        s->sides[side].over = true;
    }
    membuf_free(&s->facts, ctx->bufs);
}

static bool side_is_spent(const struct tls_side *side)
{
    return side->over || (side->encrypted && side->cipher_bytes > 0);
}

static bool side_is_alone(const struct tls_session *s, unsigned side)
{
    return s->sides[side].cipher_bytes >= TLS_LONE_SIDE_BYTES && !s->sides[!side].started;
}

/* A connection whose hellos were missed shows nothing but that it is TLS. */
static bool is_midstream(const struct tls_session *s)
{
    return !s->client_known && (s->sides[0].cipher_bytes > 0 || s->sides[1].cipher_bytes > 0);
}

/* Ends the analysis when nothing more can be learned. */
static void session_settle(struct analyzer_ctx *ctx, struct tls_session *s)
{
    if (is_midstream(s)) {
        analyzer_service(ctx, "ssl");
        analyzer_category(ctx, CATEGORY_other_tls);
    } else if (!s->established && !side_is_alone(s, 0) && !side_is_alone(s, 1) &&
               !(side_is_spent(&s->sides[0]) && side_is_spent(&s->sides[1]))) {
        return;
    }
    session_close(ctx, s);
    analyzer_done(ctx);
}

/* A zeroed session is a new one; its time is that of its first bytes. */
static void on_open(struct analyzer_ctx *ctx, void *state)
{
    struct tls_session *s = state;

    s->ts_ns = ctx->ts_ns;
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct tls_session *s = state;
    size_t used = 0;

    /* Settled after every step, so that the end does not depend on how the stream was cut. */
    while (used < len && !s->sides[side].over) {
        used += tls_record_data(ctx, s, side, data + used, len - used);
        session_settle(ctx, s);
    }
}

static void on_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct tls_session *s = state;

    tls_record_gap(ctx, s, side, len);
    session_settle(ctx, s);
}

static void on_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct tls_session *s = state;

    s->sides[side].over = true;
    session_settle(ctx, s);
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    session_close(ctx, state);
}

const struct analyzer analyzer_tls = {
    .name = "tls",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct tls_session),
    .state_max = 262144,
    .probe = tls_probe,
    .open = on_open,
    .data = on_data,
    .gap = on_gap,
    .end = on_end,
    .close = on_close,
};
