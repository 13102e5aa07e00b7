/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of a transaction.
 *
 * The texts of a message lie one behind the other in one growing buffer; a field is an offset and a
 * length into it. Since a parser reads a message front to back, the field that is being read is
 * always the last one, so that a value that comes in pieces is simply appended to. Request and
 * response have a buffer each, because both may be read at the same time. A header that comes twice
 * is taken from its last line, or joined if it is a list that senders split (RFC 9110 section 5.3);
 * the earlier text stays behind as slack, within HTTP_TEXT_MAX. */
#include "worker/parse/http/http_transaction.h"

#include "common/base/check.h"
#include "worker/parse/http/http_application.h"
#include "worker/parse/http/http_body.h"
#include "worker/parse/http/http_redact.h"

#include <strings.h>

struct header {
    struct str name; /* as records show it */
    uint16_t key;    /* KEY of the name */
    uint8_t field;
    bool list; /* lines are joined */
};

/* Length and first letter: nearly all names that come differ from all of ours in these. */
#define KEY(len, first) ((uint16_t)((len) << 8 | ((first) | 0x20)))
#define HEADER(text, field)                                                                        \
    {                                                                                              \
        {text, sizeof text - 1}, KEY(sizeof text - 1, text[0]), field, false                       \
    }
#define LIST(text, field)                                                                          \
    {                                                                                              \
        {text, sizeof text - 1}, KEY(sizeof text - 1, text[0]), field, true                        \
    }

/* Those that Zeek counts as a proxy's come last. */
static const struct header request_headers[] = {
    HEADER("HOST", HTTP_HOST),
    HEADER("USER-AGENT", HTTP_USER_AGENT),
    HEADER("REFERER", HTTP_REFERRER),
    HEADER("ORIGIN", HTTP_ORIGIN),
    HEADER("CONTENT-TYPE", HTTP_REQUEST_TYPE),
    HEADER("AUTHORIZATION", HTTP_AUTHORIZATION),
    HEADER("PROXY-AUTHORIZATION", HTTP_AUTHORIZATION),
    HEADER("CONTENT-ENCODING", HTTP_REQUEST_ENCODING),
    HEADER("CONTENT-DISPOSITION", HTTP_REQUEST_DISPOSITION),
    LIST("UPGRADE", HTTP_REQUEST_UPGRADE),
    HEADER("HTTP2-SETTINGS", HTTP_HTTP2_SETTINGS),
    HEADER("SEC-WEBSOCKET-KEY", HTTP_WS_KEY),
    LIST("SEC-WEBSOCKET-PROTOCOL", HTTP_WS_PROTOCOLS),
    LIST("SEC-WEBSOCKET-EXTENSIONS", HTTP_WS_EXTENSIONS),
    HEADER("GRPC-ENCODING", HTTP_GRPC_ENCODING),
    HEADER("FORWARDED", HTTP_PROXY),
    HEADER("X-FORWARDED-FOR", HTTP_PROXY),
    HEADER("X-FORWARDED-FROM", HTTP_PROXY),
    HEADER("CLIENT-IP", HTTP_PROXY),
    HEADER("VIA", HTTP_PROXY),
    HEADER("XROXY-CONNECTION", HTTP_PROXY),
    HEADER("PROXY-CONNECTION", HTTP_PROXY),
};

static const struct header response_headers[] = {
    HEADER("CONTENT-TYPE", HTTP_RESPONSE_TYPE),
    HEADER("CONTENT-ENCODING", HTTP_RESPONSE_ENCODING),
    HEADER("CONTENT-DISPOSITION", HTTP_RESPONSE_DISPOSITION),
    LIST("UPGRADE", HTTP_RESPONSE_UPGRADE),
    HEADER("SEC-WEBSOCKET-ACCEPT", HTTP_WS_ACCEPT),
    HEADER("SEC-WEBSOCKET-PROTOCOL", HTTP_WS_PROTOCOL),
    LIST("SEC-WEBSOCKET-EXTENSIONS", HTTP_WS_EXTENSIONS_SET),
    LIST("ALT-SVC", HTTP_ALT_SVC),
    HEADER("GRPC-STATUS", HTTP_GRPC_STATUS),
    HEADER("GRPC-MESSAGE", HTTP_GRPC_MESSAGE),
};

_Static_assert(HTTP_FIELDS <= 64, "`present` has 64 bits");
_Static_assert(HTTP_TEXT_MAX <= UINT16_MAX, "offsets have 16 bits");

struct http_transaction *http_transaction_new(struct analyzer_ctx *ctx)
{
    size_t capacity;
    struct http_transaction *t = bufpool_get(ctx->bufs, sizeof *t, &capacity);

    if (!t)
        return NULL;
    memset(t, 0, sizeof *t);
    t->capacity = capacity;
    if (http_exchange_is_wanted(ctx->options))
        t->exchange = http_exchange_new(ctx);
    return t;
}

void http_transaction_free(struct http_transaction *t, struct bufpool *bufs)
{
    http_entity_free(&t->entity[0], bufs);
    http_entity_free(&t->entity[1], bufs);
    membuf_free(&t->text[0], bufs);
    membuf_free(&t->text[1], bufs);
    http_exchange_free(t->exchange, bufs);
    bufpool_put(bufs, t, t->capacity);
}

uint32_t http_transaction_text_bytes(const struct http_transaction *t)
{
    return t->text[0].capacity + t->text[1].capacity + http_exchange_bytes(t->exchange);
}

/* Fields of the request come first in the enum. */
static unsigned field_side(enum http_field f)
{
    return f >= HTTP_RESPONSE_FIELDS;
}

static bool field_is_present(const struct http_transaction *t, enum http_field f)
{
    return (t->present >> f & 1) != 0;
}

void http_field_begin(struct http_transaction *t, enum http_field f)
{
    t->present |= UINT64_C(1) << f;
    t->field[f].at = (uint16_t)t->text[field_side(f)].len;
    t->field[f].len = 0;
}

bool http_field_append(struct http_transaction *t, struct bufpool *bufs, enum http_field f,
                       struct str piece)
{
    struct membuf *text = &t->text[field_side(f)];
    /* What passes a bound is left out; the rest of the value is still good to have. */
    size_t max = f == HTTP_URI ? HTTP_URI_MAX : HTTP_VALUE_MAX;
    size_t room = max - t->field[f].len;
    size_t n = piece.len < room ? piece.len : room;

    CHECK(t->field[f].at + t->field[f].len == text->len);
    if (n > HTTP_TEXT_MAX - text->len)
        n = HTTP_TEXT_MAX - text->len;
    if (membuf_append(text, bufs, piece.p, n, HTTP_TEXT_MAX) < 0)
        return false;
    t->field[f].len = (uint16_t)(t->field[f].len + n);
    return n == piece.len;
}

struct str http_field_text(const struct http_transaction *t, enum http_field f)
{
    if (!field_is_present(t, f) || t->field[f].len == 0)
        return STR_LIT("");
    return str_make(t->text[field_side(f)].p + t->field[f].at, t->field[f].len);
}

/* The last text of its side becomes another one, behind its first `keep` bytes. */
static void field_replace(struct http_transaction *t, struct bufpool *bufs, enum http_field f,
                          uint16_t keep, struct str text)
{
    t->text[field_side(f)].len -= t->field[f].len - keep;
    t->field[f].len = keep;
    (void)http_field_append(t, bufs, f, text);
}

/* Apart, as it seldom runs and takes room on the stack. */
static __attribute__((noinline)) void field_redact(struct http_transaction *t,
                                                   struct analyzer_ctx *ctx, enum http_field f,
                                                   struct str text)
{
    enum http_redact_form form = HTTP_REDACT_URI;
    char clear[HTTP_URI_MAX];
    size_t n;

    if (f == HTTP_HOST || (text.len > 0 && text.p[0] != '/'))
        form = HTTP_REDACT_AUTHORITY;
    n = http_redact_text(ctx->options, form, text, clear, sizeof clear);
    if (n > 0)
        field_replace(t, ctx->bufs, f, 0, str_make(clear, n));
}

void http_field_end(struct http_transaction *t, struct analyzer_ctx *ctx, enum http_field f)
{
    bool has_query = f == HTTP_URI || f == HTTP_REFERRER;
    struct str text;

    if (!has_query && f != HTTP_HOST && f != HTTP_ORIGIN)
        return;
    text = http_field_text(t, f);
    if (text.len > 0 &&
        (memchr(text.p, '@', text.len) || (has_query && memchr(text.p, '?', text.len))))
        field_redact(t, ctx, f, text);
}

bool http_transaction_is(const struct http_transaction *t, const char *method)
{
    return t && str_equal(http_field_text(t, HTTP_METHOD), str_of(method));
}

static uint64_t key_bit(uint16_t key)
{
    return UINT64_C(1) << (uint16_t)(key * 0x9e37u) / 1024;
}

/* Names are compared without regard to case (RFC 9110 section 5.1). Most headers of a message are
 * none of these, which the bits of all their keys mostly tell. */
static const struct header *header_find_in(const struct header *headers, size_t n, uint64_t *keys,
                                           struct str name)
{
    uint16_t key = KEY(name.len, name.p[0]);

    if (*keys == 0)
        for (size_t i = 0; i < n; i++)
            *keys |= key_bit(headers[i].key);
    if ((*keys & key_bit(key)) == 0)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (headers[i].key == key && strncasecmp(headers[i].name.p, name.p, name.len) == 0)
            return &headers[i];
    return NULL;
}

static const struct header *header_find(unsigned side, struct str name)
{
    static uint64_t keys[2];

    if (name.len == 0 || name.len > HTTP_HEADER_MAX)
        return NULL;
    return side == 0
               ? header_find_in(request_headers, sizeof request_headers / sizeof request_headers[0],
                                &keys[0], name)
               : header_find_in(response_headers,
                                sizeof response_headers / sizeof response_headers[0], &keys[1],
                                name);
}

/* The field begins with what it held, and goes on behind a comma. */
static bool field_rejoin(struct http_transaction *t, struct bufpool *bufs, enum http_field f)
{
    struct str held = http_field_text(t, f);
    char copy[HTTP_VALUE_MAX];

    /* The buffer that it lies in may move while it grows. */
    memcpy(copy, held.p, held.len);
    http_field_begin(t, f);
    return http_field_append(t, bufs, f, str_make(copy, held.len)) &&
           http_field_append(t, bufs, f, STR_LIT(", "));
}

/* Fields that no record shows, and that other protocols are told by. */
#define UNSHOWN                                                                                    \
    (UINT64_C(1) << HTTP_REQUEST_UPGRADE | UINT64_C(1) << HTTP_REQUEST_ENCODING |                  \
     UINT64_C(1) << HTTP_HTTP2_SETTINGS | UINT64_C(1) << HTTP_WS_KEY |                             \
     UINT64_C(1) << HTTP_RESPONSE_UPGRADE | UINT64_C(1) << HTTP_RESPONSE_ENCODING |                \
     UINT64_C(1) << HTTP_WS_ACCEPT | UINT64_C(1) << HTTP_ALT_SVC)

static bool is_secret(const struct options *o, const struct header *h)
{
    return o->redact_headers[0] != '\0' && (UNSHOWN >> h->field & 1) == 0 &&
           http_redact_header(o, h->name);
}

enum http_field http_header_begin(struct http_transaction *t, struct analyzer_ctx *ctx,
                                  unsigned side, struct str name, bool *kept)
{
    const struct header *h = header_find(side, name);
    unsigned f = h ? h->field : HTTP_NO_FIELD;
    struct bufpool *bufs = ctx->bufs;

    *kept = true;
    if (!h)
        return HTTP_NO_FIELD;
    t->secret[side] = is_secret(ctx->options, h);
    /* Of these each line counts, so each takes a field of its own. */
    if (f == HTTP_PROXY) {
        while (f < HTTP_PROXY + HTTP_PROXY_MAX && field_is_present(t, f))
            f++;
        *kept = f < HTTP_PROXY + HTTP_PROXY_MAX;
        if (!*kept)
            return HTTP_NO_FIELD;
    }
    if (h->list && field_is_present(t, f) && t->field[f].len > 0) {
        *kept = field_rejoin(t, bufs, f);
        return f;
    }
    http_field_begin(t, f);
    if (h->field == HTTP_PROXY)
        *kept = http_field_append(t, bufs, f, h->name) &&
                http_field_append(t, bufs, f, STR_LIT(" -> "));
    return f;
}

/* Both alphabets of RFC 4648; -1 for what is in neither, padding included. */
static int base64_digit(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Decodes in place, up to the first byte that is not base64. Returns the length of the result. */
static uint16_t base64_decode(uint8_t *out, const uint8_t *p, size_t len)
{
    struct cursor c = cursor_init(p, len);
    uint32_t bits = 0;
    unsigned n_bits = 0;
    uint16_t n = 0;
    int digit;

    while (cursor_left(&c) > 0 && (digit = base64_digit(cursor_u8(&c))) >= 0) {
        bits = bits << 6 | (uint32_t)digit;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (uint8_t)(bits >> n_bits);
        }
    }
    return n;
}

static void field_clear(struct http_transaction *t, enum http_field f)
{
    t->present &= ~(UINT64_C(1) << f);
}

/* The value of Authorization is whole, and the last text of the request. It leaves, and in its
 * place the user's name stays; what follows the colon becomes the password, or is forgotten. Until
 * then it has a field of its own, so that no record can show it. */
static void credentials_read(struct http_transaction *t, bool log_secrets)
{
    struct membuf *text = &t->text[0];
    struct str value = http_field_text(t, HTTP_AUTHORIZATION);
    uint8_t *p, *colon;
    uint32_t skip;
    uint16_t n;

    field_clear(t, HTTP_AUTHORIZATION);
    text->len -= value.len;
    if (value.len <= 6 || strncasecmp(value.p, "Basic ", 6) != 0)
        return;
    /* The text is shorter than its base64, so it fits in the place of that. A user's name has no
     * colon in it (RFC 7617 section 2), a password may. */
    p = text->p + text->len;
    for (skip = 6; skip < value.len && p[skip] == ' '; skip++)
        ;
    n = base64_decode(p, p + skip, value.len - skip);
    colon = n > 0 ? memchr(p, ':', n) : NULL;
    if (!colon)
        return;
    field_clear(t, HTTP_PASSWORD);
    http_field_begin(t, HTTP_USERNAME);
    t->field[HTTP_USERNAME].len = (uint16_t)(colon - p);
    text->len += t->field[HTTP_USERNAME].len;
    if (!log_secrets)
        return;
    text->len++;
    http_field_begin(t, HTTP_PASSWORD);
    t->field[HTTP_PASSWORD].len = (uint16_t)(p + n - colon - 1);
    text->len += t->field[HTTP_PASSWORD].len;
}

/* Of a proxy's header the name stands in the same field. */
static void value_hide(struct http_transaction *t, struct bufpool *bufs, enum http_field f)
{
    struct str text = http_field_text(t, f);
    const char *end = text.len > 0 ? memmem(text.p, text.len, " -> ", 4) : NULL;
    bool proxy = f >= HTTP_PROXY && f < HTTP_PROXY + HTTP_PROXY_MAX;

    field_replace(t, bufs, f, proxy && end ? (uint16_t)(end + 4 - text.p) : 0, HTTP_REDACTED);
}

void http_header_end(struct http_transaction *t, struct analyzer_ctx *ctx, enum http_field f)
{
    struct membuf *text = &t->text[field_side(f)];

    while (t->field[f].len > 0 &&
           (text->p[text->len - 1] == ' ' || text->p[text->len - 1] == '\t')) {
        t->field[f].len--;
        text->len--;
    }
    if (f == HTTP_AUTHORIZATION)
        credentials_read(t, ctx->options->log_secrets);
    else if (t->secret[field_side(f)])
        value_hide(t, ctx->bufs, f);
    else
        http_field_end(t, ctx, f);
}

/* --- the record --- */

static bool list_has(const struct str *items, uint32_t n, struct str s)
{
    for (uint32_t i = 0; i < n; i++)
        if (str_equal(items[i], s))
            return true;
    return false;
}

/* The set of proxy headers, without doubles, into items[HTTP_PROXY_MAX]. */
static struct str_list proxied_list(const struct http_transaction *t, struct str *items)
{
    uint32_t n = 0;

    for (unsigned f = HTTP_PROXY; f < HTTP_PROXY + HTTP_PROXY_MAX; f++) {
        struct str s = http_field_text(t, f);
        if (field_is_present(t, f) && !list_has(items, n, s))
            items[n++] = s;
    }
    return (struct str_list){items, n};
}

#define SET_TEXT(t, r, member, f)                                                                  \
    do {                                                                                           \
        if (field_is_present(t, f))                                                                \
            RECORD_SET(http, r, member, http_field_text(t, f));                                    \
    } while (0)

static void record_request(const struct http_transaction *t, struct rec_http *r)
{
    SET_TEXT(t, r, method, HTTP_METHOD);
    SET_TEXT(t, r, host, HTTP_HOST);
    SET_TEXT(t, r, uri, HTTP_URI);
    SET_TEXT(t, r, referrer, HTTP_REFERRER);
    SET_TEXT(t, r, version, HTTP_VERSION);
    SET_TEXT(t, r, user_agent, HTTP_USER_AGENT);
    SET_TEXT(t, r, origin, HTTP_ORIGIN);
    SET_TEXT(t, r, username, HTTP_USERNAME);
    SET_TEXT(t, r, password, HTTP_PASSWORD);
    SET_TEXT(t, r, request_content_type, HTTP_REQUEST_TYPE);
    RECORD_SET(http, r, request_body_len, t->body_bytes[0]);
}

static void record_response(const struct http_transaction *t, struct rec_http *r)
{
    if (t->has_status)
        RECORD_SET(http, r, status_code, t->status);
    if (t->info_status > 0)
        RECORD_SET(http, r, info_code, t->info_status);
    SET_TEXT(t, r, status_msg, HTTP_STATUS_MSG);
    SET_TEXT(t, r, info_msg, HTTP_INFO_MSG);
    SET_TEXT(t, r, response_content_type, HTTP_RESPONSE_TYPE);
    /* The version is the client's word; a server's is only asked where that is missing. */
    if (!RECORD_HAS(http, r, version))
        SET_TEXT(t, r, version, HTTP_RESPONSE_VERSION);
    RECORD_SET(http, r, response_body_len, t->body_bytes[1]);
    /* A server may answer before it has the whole request: then there was no wait. */
    if (t->request_end_ns > 0 && t->response_ns >= t->request_end_ns)
        RECORD_SET(http, r, ttfb, (int64_t)(t->response_ns - t->request_end_ns));
}

/* The same by the packets, where these are not what the transaction was read from. */
static void record_packets(const struct http_transaction *t, struct analyzer_ctx *ctx,
                           struct rec_http *r)
{
    uint64_t asked, answered;

    if (t->request_end_ns == 0 || t->response_ns == 0)
        return;
    asked = analyzer_wire_time(ctx, 0, t->request_end_ns);
    answered = analyzer_wire_time(ctx, 1, t->response_ns);
    if (asked > 0 && answered >= asked)
        RECORD_SET(http, r, ttfb_packets, (int64_t)(answered - asked));
}

static void record_stream(const struct http_transaction *t, struct rec_http *r)
{
    RECORD_SET(http, r, view, str_of(t->view ? t->view : "packet"));
    if (t->has_stream)
        RECORD_SET(http, r, stream_id, t->stream_id);
    if (t->application)
        RECORD_SET(http, r, application, str_of(t->application));
    if (t->pushed)
        RECORD_SET(http, r, pushed, true);
    if (t->reset)
        RECORD_SET(http, r, reset, str_of(t->reset));
    if (t->partial)
        RECORD_SET(http, r, partial, true);
}

#define SET_PARTS(r, member, texts, count)                                                         \
    do {                                                                                           \
        if ((count) > 0)                                                                           \
            RECORD_SET(http, r, member, ((struct str_list){texts, count}));                        \
    } while (0)

static void record_bodies(const struct http_body_parts *b, struct rec_http *r)
{
    SET_PARTS(r, orig_mime_types, b->parts[0].mime, b->parts[0].n_mime);
    SET_PARTS(r, orig_filenames, b->parts[0].filename, b->parts[0].n_filename);
    SET_PARTS(r, resp_mime_types, b->parts[1].mime, b->parts[1].n_mime);
    SET_PARTS(r, resp_filenames, b->parts[1].filename, b->parts[1].n_filename);
}

static void application_tell(struct http_transaction *t, struct analyzer_ctx *ctx)
{
    struct http_application_clues x = {
        http_field_text(t, HTTP_METHOD), http_field_text(t, HTTP_URI),
        http_field_text(t, HTTP_REQUEST_TYPE), http_field_text(t, HTTP_RESPONSE_TYPE)};

    if (!t->application)
        t->application = http_application_name(&x);
    if (t->application && strcmp(t->application, "doh") == 0)
        analyzer_category(ctx, CATEGORY_dns_doh);
}

/* The exchange repeats what the host fills in, so it comes second. */
static void emit_with_exchange(const struct http_transaction *t, struct analyzer_ctx *ctx,
                               struct rec_http *r)
{
    const struct str coding[2] = {http_body_coding(t, 0), http_body_coding(t, 1)};
    struct str items[2][HTTP_EXCHANGE_ITEMS_MAX];
    uint32_t n[2];

    for (unsigned side = 0; side < 2; side++)
        n[side] = http_exchange_logged(t->exchange, ctx->options, side, items[side]);
    if (n[0] > 0)
        RECORD_SET(http, r, request_headers, ((struct str_list){items[0], n[0]}));
    if (n[1] > 0)
        RECORD_SET(http, r, response_headers, ((struct str_list){items[1], n[1]}));
    analyzer_record(ctx, RECORD_http, r);
    http_exchange_emit(t->exchange, ctx, r, coding);
}

void http_transaction_emit(struct http_transaction *t, struct analyzer_ctx *ctx)
{
    struct http_body_parts bodies;
    struct str proxies[HTTP_PROXY_MAX];
    struct str_list proxied = proxied_list(t, proxies);
    struct rec_http r;

    r.present = 0;
    http_body_end(t, ctx->bufs, &bodies);
    application_tell(t, ctx);
    RECORD_SET(http, &r, ts, t->ts_ns);
    RECORD_SET(http, &r, trans_depth, t->depth);
    record_request(t, &r);
    record_response(t, &r);
    record_bodies(&bodies, &r);
    /* Zeek writes the empty set where it found no indicator. */
    RECORD_SET(http, &r, tags, ((struct str_list){NULL, 0}));
    if (proxied.n > 0)
        RECORD_SET(http, &r, proxied, proxied);
    record_stream(t, &r);
    record_packets(t, ctx, &r);
    if (__builtin_expect(t->exchange != NULL, 0))
        emit_with_exchange(t, ctx, &r);
    else
        analyzer_record(ctx, RECORD_http, &r);
}
