/* SPDX-License-Identifier: BSD-3-Clause */
/* CONNECT and Upgrade: another protocol may follow on the connection.
 *
 * Which one is decided by the answer, so what the client sends before that is kept, within a bound,
 * and then is the successor's, or read as HTTP after a refusal. A client that asked for an upgrade
 * as an offer only (`Upgrade: h2c`) often goes on with the next request without caring for the
 * answer: what surely begins a request is read at once.
 *
 * 101 names the successor (RFC 9110 section 7.8). It is a WebSocket if one of the two headers that
 * the handshake is proved with is there (RFC 6455 section 4); the other one missing, or not
 * fitting, is odd, but both ends have agreed. Without both it is some older or other thing of that
 * name, and detected anew like every protocol that is not known here. */
#include "worker/parse/http1/http1_flow.h"
#include "worker/parse/http1/http1_line.h"

#include <openssl/evp.h>
#include <strings.h>

#define KEPT_BYTES_MAX (64u * 1024)
#define KEY_MAX        64u /* of a Sec-WebSocket-Key, which has 24 */

bool http1_may_switch(const struct http_transaction *t)
{
    return t &&
           (http_field_text(t, HTTP_REQUEST_UPGRADE).len > 0 || http_transaction_is(t, "CONNECT"));
}

/* --- waiting --- */

/* RFC 9113 section 3.4: the preface of HTTP/2 looks like a request. */
static bool is_next_request(struct str s)
{
    return http1_line_is_start(0, s) && memcmp(s.p, "PRI ", 4) != 0;
}

void http1_wait_step(struct http1_flow *f, struct cursor *c)
{
    size_t n = cursor_left(c);
    bool offer = !f->connecting && !f->kept_lost;

    if (offer && f->kept.len == 0 && is_next_request(str_make(c->p, n))) {
        f->side[0].phase = HTTP1_LINE;
        return;
    }
    if (f->kept.len == 0)
        f->kept_ns = f->ctx->ts_ns;
    if (!f->kept_lost && membuf_append(&f->kept, f->ctx->bufs, c->p, n, KEPT_BYTES_MAX) < 0)
        f->kept_lost = true;
    cursor_skip(c, n);
    if (offer && is_next_request(str_make(f->kept.p, f->kept.len)))
        http1_wait_end(f);
}

void http1_wait_end(struct http1_flow *f)
{
    struct membuf kept = f->kept;
    uint64_t now_ns = f->ctx->ts_ns;
    bool lost = f->kept_lost;

    f->kept = (struct membuf){0};
    f->kept_lost = false;
    f->side[0].phase = HTTP1_LINE;
    if (kept.len > 0) {
        struct cursor c = cursor_init(kept.p, kept.len);

        /* It was sent before now. A request never hands over. */
        f->ctx->ts_ns = f->kept_ns;
        (void)http1_feed(f, 0, &c);
        f->ctx->ts_ns = now_ns;
    }
    membuf_free(&kept, f->ctx->bufs);
    if (lost)
        http1_stream_lost(f, 0);
}

/* --- WebSocket --- */

/* Is accept the answer to key (RFC 6455 section 4.2.2)? */
static bool accept_fits(struct str key, struct str accept)
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static EVP_MD_CTX *ctx; /* looked up once a process: that costs more than a digest */
    static EVP_MD *sha1;
    uint8_t digest[EVP_MAX_MD_SIZE], text[32];

    if (!ctx) {
        sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
        ctx = EVP_MD_CTX_new();
    }
    if (!ctx || !sha1 || EVP_DigestInit_ex2(ctx, sha1, NULL) != 1 ||
        EVP_DigestUpdate(ctx, key.p, key.len) != 1 ||
        EVP_DigestUpdate(ctx, guid, sizeof guid - 1) != 1 ||
        EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
        return true;
    return str_equal(accept, str_make(text, (size_t)EVP_EncodeBlock(text, digest, 20)));
}

static bool is_websocket(struct http1_flow *f, const struct http_transaction *t)
{
    struct str key = http_field_text(t, HTTP_WS_KEY), accept = http_field_text(t, HTTP_WS_ACCEPT);

    if (key.len == 0 && accept.len == 0)
        return false;
    /* A request that was not seen is no oddity of the handshake. */
    if (key.len == 0 && !t->unmatched)
        analyzer_weird(f->ctx, WEIRD_WEBSOCKET_MISSING_KEY, NULL);
    else if (accept.len == 0)
        analyzer_weird(f->ctx, WEIRD_WEBSOCKET_MISSING_ACCEPT, NULL);
    else if (key.len > 0 && key.len <= KEY_MAX && !accept_fits(key, accept))
        analyzer_weird(f->ctx, WEIRD_WEBSOCKET_WRONG_ACCEPT, NULL);
    return true;
}

/* --- the successor --- */

static void tell(struct http1_flow *f, const struct http_transaction *t, enum analyzer_fact fact,
                 enum http_field field)
{
    struct str text = http_field_text(t, field);

    if (text.len > 0)
        analyzer_tell(f->ctx, ANALYZER_SUCCESSOR, fact, text);
}

static void tell_request(struct http1_flow *f, const struct http_transaction *t)
{
    tell(f, t, FACT_HOST, HTTP_HOST);
    tell(f, t, FACT_URI, HTTP_URI);
    tell(f, t, FACT_USER_AGENT, HTTP_USER_AGENT);
    if (f->view)
        analyzer_tell(f->ctx, ANALYZER_SUCCESSOR, FACT_VIEW, str_of(f->view));
}

/* Does the first element of a list of protocols have that name, in any version? */
static bool names_protocol(struct str list, const char *name)
{
    size_t n = strlen(name);

    return list.len >= n && strncasecmp(list.p, name, n) == 0 &&
           (list.len == n || strchr("/, \t", list.p[n]) != NULL);
}

static const char *upgraded(struct http1_flow *f, struct http_transaction *t)
{
    struct str protocol = http_field_text(t, HTTP_RESPONSE_UPGRADE);

    if (protocol.len == 0)
        protocol = http_field_text(t, HTTP_REQUEST_UPGRADE);
    if (names_protocol(protocol, "websocket") && is_websocket(f, t)) {
        t->application = "websocket";
        tell_request(f, t);
        tell(f, t, FACT_WS_PROTOCOLS, HTTP_WS_PROTOCOLS);
        tell(f, t, FACT_WS_PROTOCOL, HTTP_WS_PROTOCOL);
        tell(f, t, FACT_WS_EXTENSIONS, HTTP_WS_EXTENSIONS);
        tell(f, t, FACT_WS_EXTENSIONS_SET, HTTP_WS_EXTENSIONS_SET);
        return "websocket";
    }
    if (names_protocol(protocol, "h2c")) {
        tell(f, t, FACT_METHOD, HTTP_METHOD);
        tell_request(f, t);
        tell(f, t, FACT_HTTP2_SETTINGS, HTTP_HTTP2_SETTINGS);
        return "http2";
    }
    return NULL;
}

/* What Zeek writes about a proxy that lets a client through. */
static void tunnel_log(struct http1_flow *f)
{
    struct rec_tunnel r;

    r.present = 0;
    RECORD_SET(tunnel, &r, ts, f->ctx->ts_ns);
    RECORD_SET(tunnel, &r, tunnel_type, STR_LIT("Tunnel::HTTP"));
    RECORD_SET(tunnel, &r, action, STR_LIT("Tunnel::DISCOVER"));
    analyzer_record(f->ctx, RECORD_tunnel, &r);
}

const char *http1_switch(struct http1_flow *f)
{
    struct http_transaction *t = f->queue.open[1];
    const char *successor = NULL;

    if (f->status != 101)
        tunnel_log(f);
    else if (t)
        successor = upgraded(f, t);
    if (f->kept.len > 0)
        analyzer_leave(f->ctx, 0, f->kept.p, f->kept.len);
    membuf_free(&f->kept, f->ctx->bufs);
    f->side[0].phase = HTTP1_CLOSED;
    return successor;
}
