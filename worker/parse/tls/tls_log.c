/* SPDX-License-Identifier: BSD-3-Clause */
/* One ssl record a session, and the category of its flow.
 *
 * The category says what the encryption is for, by what the handshake offers. Over TCP: web_tls if
 * HTTP was negotiated or is among the client's ALPN names, dns_dot for DNS over TLS, other_tls for
 * any other ALPN; without ALPN a client that names its server is taken for a web client, any other
 * is not. Over QUIC, where ALPN is a must (RFC 9001 section 8.1): web_quic for the names of HTTP,
 * dns_doq for DNS. DTLS carries no web. */
#include "worker/parse/tls/tls_log.h"

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

static struct cursor slice_cursor(const struct tls_session *s, struct tls_slice slice)
{
    struct str text = tls_session_str(s, slice);

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
        RECORD_SET(ssl, r, next_protocol, tls_session_str(s, s->next_protocol));
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

static void set_client(struct rec_ssl *r, const struct tls_session *s, struct record_text *text)
{
    if (s->server_name.len > 0)
        RECORD_SET(ssl, r, server_name, tls_session_str(s, s->server_name));
    if (s->client_alpn.len > 0)
        RECORD_SET(ssl, r, client_alpn, alpn_list(s, text));
    if (!s->client_hello)
        return;
    RECORD_SET(ssl, r, ech, s->ech);
    RECORD_SET(ssl, r, ticket, s->ticket);
}

static void emit_record(struct analyzer_ctx *ctx, const struct tls_session *s)
{
    struct record_text text;
    struct rec_ssl r;

    r.present = 0;
    RECORD_SET(ssl, &r, ts, s->ts_ns);
    set_negotiated(&r, s, &text);
    RECORD_SET(ssl, &r, ssl_history, str_make(s->history, s->history_len));
    RECORD_SET(ssl, &r, hello_retry, s->retry);
    set_certificates(&r, s, &text);
    set_fingerprints(&r, s);
    set_client(&r, s, &text);
    analyzer_record(ctx, RECORD_ssl, &r);
}

static bool starts_with(struct str s, const char *prefix)
{
    size_t n = strlen(prefix);

    return s.len >= n && memcmp(s.p, prefix, n) == 0;
}

static enum category tcp_category(struct str name)
{
    if (starts_with(name, "http/") || starts_with(name, "h2") || starts_with(name, "h3") ||
        starts_with(name, "spdy/") || starts_with(name, "grpc-exp"))
        return CATEGORY_web_tls;
    return str_equal(name, STR_LIT("dot")) ? CATEGORY_dns_dot : CATEGORY_other_tls;
}

/* hq: HTTP/0.9 or 1.1 over QUIC, as its interoperability tests have it; doq also in drafts'
 * numbered form. */
static enum category quic_category(struct str name)
{
    if (starts_with(name, "h3") || starts_with(name, "h2") || starts_with(name, "http/") ||
        starts_with(name, "hq"))
        return CATEGORY_web_quic;
    return starts_with(name, "doq") ? CATEGORY_dns_doq : CATEGORY_other_tls;
}

static enum category alpn_category(const struct tls_session *s, struct str name)
{
    switch (s->carrier) {
    case TLS_OVER_TCP:
        return tcp_category(name);
    case TLS_OVER_QUIC:
        return quic_category(name);
    default:
        return CATEGORY_other_tls;
    }
}

static enum category session_category(const struct tls_session *s)
{
    struct cursor offered = slice_cursor(s, s->client_alpn);
    struct str name;

    if (s->next_protocol.len > 0)
        return alpn_category(s, tls_session_str(s, s->next_protocol));
    if (s->carrier == TLS_OVER_TCP && s->client_alpn.len == 0 && s->server_name.len > 0)
        return CATEGORY_web_tls;
    while (tls_alpn_next(&offered, &name)) {
        enum category category = alpn_category(s, name);

        if (category != CATEGORY_other_tls)
            return category;
    }
    return CATEGORY_other_tls;
}

void tls_log_emit(struct analyzer_ctx *ctx, const struct tls_session *s)
{
    analyzer_category(ctx, session_category(s));
    emit_record(ctx, s);
}
