/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers lie one behind the other in a buffer a side, each with its length before it. The one that
 * is being read is the last, so that pieces are appended; at its end its name decides whether it
 * stays, and whether its value does.
 *
 * Of a body the first bytes are kept as they were sent, and decoded when the transaction is over:
 * then as much of it is there as there will be, and one decoder at a time does. What cannot be
 * shown as it was meant is said in a line of its own behind the headers. */
#include "worker/parse/http/http_exchange.h"

#include "common/base/check.h"
#include "worker/parse/http/http_decode.h"
#include "worker/parse/http/http_redact.h"

#include <ctype.h>
#include <strings.h>

#define LENGTH_BYTES   2u /* before each header */
#define NOTE_BYTES     160u
#define CODING_SHOWN   32u /* bytes of the name of a coding that a note repeats */
#define SEPARATOR      STR_LIT(": ")
#define REDACTED_SLACK 1024u /* for what replaces secrets, which may be shorter */

enum part { NO_HEADER, IN_NAME, IN_VALUE };

struct half {
    struct membuf headers;
    struct membuf body;
    uint32_t at;         /* of the header that is being read: where its length will stand */
    uint32_t value_at;   /* where its value begins */
    uint32_t body_bound; /* bytes of the body to keep */
    uint16_t n;          /* headers that are complete */
    uint8_t part;        /* enum part */
    bool too_long;       /* some of the present header is left out */
    bool body_more;      /* there were bytes behind what is kept of the body */
    bool body_gap;       /* bytes are missing there */
};

struct http_exchange {
    size_t capacity; /* of the buffer this lies in */
    uint32_t body_max;
    struct half half[2];
};

static uint32_t body_max(const struct options *o)
{
    if (!o->body || !http_exchange_is_shown(o))
        return 0;
    return o->body_max < HTTP_EXCHANGE_BODY_MAX ? (uint32_t)o->body_max : HTTP_EXCHANGE_BODY_MAX;
}

struct http_exchange *http_exchange_new(struct analyzer_ctx *ctx)
{
    size_t capacity;
    struct http_exchange *x = bufpool_get(ctx->bufs, sizeof *x, &capacity);

    if (x)
        *x = (struct http_exchange){.capacity = capacity, .body_max = body_max(ctx->options)};
    return x;
}

void http_exchange_free(struct http_exchange *x, struct bufpool *bufs)
{
    if (!x)
        return;
    for (unsigned side = 0; side < 2; side++) {
        membuf_free(&x->half[side].headers, bufs);
        membuf_free(&x->half[side].body, bufs);
    }
    bufpool_put(bufs, x, x->capacity);
}

uint32_t http_exchange_bytes(const struct http_exchange *x)
{
    return x ? x->half[0].headers.capacity + x->half[1].headers.capacity : 0;
}

/* --- headers --- */

static void append(struct half *h, struct bufpool *bufs, struct str piece)
{
    if (h->too_long)
        return;
    h->too_long =
        h->headers.len - h->at + piece.len > HTTP_EXCHANGE_VALUE_MAX ||
        membuf_append(&h->headers, bufs, piece.p, piece.len, HTTP_EXCHANGE_HEADERS_MAX) < 0;
}

void http_exchange_name(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                        struct str piece)
{
    struct half *h;

    if (!x)
        return;
    h = &x->half[side];
    if (h->part != IN_NAME) {
        static const char length[LENGTH_BYTES];

        h->part = IN_NAME;
        h->at = h->headers.len;
        h->too_long = h->n == HTTP_EXCHANGE_ITEMS_MAX;
        append(h, bufs, str_make(length, LENGTH_BYTES));
    }
    append(h, bufs, piece);
}

static void value_begin(struct half *h, struct bufpool *bufs)
{
    bool name_is_whole = !h->too_long;

    append(h, bufs, SEPARATOR);
    h->part = IN_VALUE;
    h->value_at = name_is_whole && !h->too_long ? h->headers.len : 0;
}

void http_exchange_value(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                         struct str piece)
{
    struct half *h;

    if (!x || x->half[side].part == NO_HEADER)
        return;
    h = &x->half[side];
    if (h->part == IN_NAME)
        value_begin(h, bufs);
    append(h, bufs, piece);
}

static void value_replace(struct half *h, struct bufpool *bufs, struct str value)
{
    h->headers.len = h->value_at;
    h->too_long = false;
    append(h, bufs, value);
}

/* Host, X-Forwarded-Host and their like: an authority, which needs no scheme before it. */
static bool name_is_of_host(struct str name)
{
    return name.len >= 4 && strncasecmp(name.p + name.len - 4, "host", 4) == 0;
}

/* Takes what is secret out of a value that is whole. */
static void value_redact(struct half *h, struct analyzer_ctx *ctx, struct str name)
{
    struct str value = str_make(h->headers.p + h->value_at, h->headers.len - h->value_at);
    enum http_redact_form form = name_is_of_host(name) ? HTTP_REDACT_AUTHORITY : HTTP_REDACT_URI;
    char clear[HTTP_EXCHANGE_VALUE_MAX];
    size_t n;

    if (http_redact_header(ctx->options, name)) {
        value_replace(h, ctx->bufs, HTTP_REDACTED);
        return;
    }
    n = http_redact_text(ctx->options, form, value, clear, sizeof clear);
    if (n > 0)
        value_replace(h, ctx->bufs, str_make(clear, n));
}

static struct str value_trim(struct half *h)
{
    struct str value = str_make(h->headers.p + h->value_at, h->headers.len - h->value_at);
    struct str trimmed = str_trim(value);

    if (trimmed.len > 0)
        memmove(h->headers.p + h->value_at, trimmed.p, trimmed.len);
    h->headers.len = h->value_at + trimmed.len;
    return trimmed;
}

bool http_exchange_header_end(struct http_exchange *x, struct analyzer_ctx *ctx, unsigned side)
{
    struct half *h;
    struct str name;
    uint16_t length;
    bool kept;

    if (!x || x->half[side].part == NO_HEADER)
        return true;
    h = &x->half[side];
    if (h->part == IN_NAME)
        value_begin(h, ctx->bufs);
    h->part = NO_HEADER;
    if (h->value_at == 0) {
        h->headers.len = h->at;
        return false;
    }
    name = str_make(h->headers.p + h->at + LENGTH_BYTES,
                    h->value_at - h->at - LENGTH_BYTES - SEPARATOR.len);
    if (!http_exchange_is_shown(ctx->options) &&
        !http_redact_listed(ctx->options->log_headers, name)) {
        h->headers.len = h->at;
        return true;
    }
    kept = !h->too_long;
    (void)value_trim(h);
    value_redact(h, ctx, name);
    if (!kept || h->too_long)
        value_replace(h, ctx->bufs, STR_LIT("(too long)"));
    length = (uint16_t)(h->headers.len - h->at - LENGTH_BYTES);
    memcpy(h->headers.p + h->at, &length, sizeof length);
    h->n++;
    return kept;
}

/* Those that log_headers names, or all with o NULL, into items. */
static uint32_t headers_list(const struct half *h, const struct options *o, struct str *items)
{
    struct cursor c = cursor_init(h->headers.p ? (const char *)h->headers.p : "", h->headers.len);
    uint32_t n = 0;

    /* A header that is not complete stands behind those that are. */
    for (unsigned i = 0; i < h->n; i++) {
        const uint8_t *head = cursor_bytes(&c, LENGTH_BYTES), *p;
        const char *colon;
        struct str text;
        uint16_t length;

        CHECK(head);
        memcpy(&length, head, sizeof length);
        p = cursor_bytes(&c, length);
        CHECK(p);
        text = str_make(p, length);
        colon = memchr(p, ':', length);
        CHECK(colon);
        if (!o || http_redact_listed(o->log_headers, str_make(text.p, (size_t)(colon - text.p))))
            items[n++] = text;
    }
    return n;
}

uint32_t http_exchange_logged(const struct http_exchange *x, const struct options *o, unsigned side,
                              struct str *items)
{
    return x && o->log_headers[0] != '\0' ? headers_list(&x->half[side], o, items) : 0;
}

/* --- bodies --- */

void http_exchange_body(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                        struct str coding, const uint8_t *data, size_t len)
{
    struct half *h;
    size_t needs, n;

    if (!x || x->body_max == 0 || x->half[side].body_more || x->half[side].body_gap)
        return;
    h = &x->half[side];
    if (h->body.len == 0) {
        needs = http_decode_needs(coding, x->body_max);
        h->body_bound = needs > x->body_max ? (uint32_t)needs : x->body_max;
    }
    n = h->body_bound - h->body.len;
    if (n > len)
        n = len;
    h->body_more = membuf_append(&h->body, bufs, data, n, h->body_bound) < 0 || n < len;
}

void http_exchange_gap(struct http_exchange *x, unsigned side)
{
    if (x && !x->half[side].body_more)
        x->half[side].body_gap = true;
}

/* What is shown of a body: text, and memory of its own if it is not the body as sent. */
struct shown {
    struct str text;
    struct membuf clear;    /* decoded */
    struct membuf redacted; /* without secrets */
    char note[NOTE_BYTES];
    uint32_t note_len;
};

static void note(struct shown *s, struct str text)
{
    if (text.len > NOTE_BYTES - s->note_len)
        text.len = NOTE_BYTES - s->note_len;
    memcpy(s->note + s->note_len, text.p, text.len);
    s->note_len += text.len;
}

/* Begins a remark within the one line. */
static void note_begin(struct shown *s)
{
    note(s, s->note_len == 0 ? STR_LIT("(body: ") : STR_LIT(", "));
}

static bool is_coded(struct str coding)
{
    return coding.len > 0 &&
           (coding.len != 8 || strncasecmp(coding.p, "identity", coding.len) != 0);
}

/* Room of a buffer for n bytes. */
static bool room_get(struct membuf *b, struct bufpool *bufs, size_t n)
{
    size_t capacity;

    b->p = bufpool_get(bufs, n, &capacity);
    b->capacity = b->p ? (uint32_t)capacity : 0;
    return b->p != NULL;
}

static void body_decode(const struct http_exchange *x, struct bufpool *bufs, struct str coding,
                        struct shown *s)
{
    size_t n = 0;

    if (!is_coded(coding))
        return;
    if (room_get(&s->clear, bufs, x->body_max))
        n = http_decode(bufs, coding, s->text, s->clear.p, x->body_max);
    if (coding.len > CODING_SHOWN)
        coding.len = CODING_SHOWN;
    note_begin(s);
    s->clear.len = (uint32_t)n;
    if (n > 0) {
        s->text = str_make(s->clear.p, n);
        note(s, STR_LIT("decoded from "));
        note(s, coding);
    } else {
        note(s, STR_LIT("as sent, since it could not be decoded from "));
        note(s, coding);
    }
}

static bool type_has(struct str type, const char *word)
{
    size_t n = strlen(word);

    for (uint32_t i = 0; i + n <= type.len; i++)
        if (strncasecmp(type.p + i, word, n) == 0)
            return true;
    return false;
}

/* Passwords mostly travel in forms, in one coding or the other, and in JSON. JSON is told by how it
 * begins: of what type it is said to be is often another thing. False: none of these. */
static bool body_form(struct str type, struct str text, enum http_redact_form *form)
{
    while (text.len > 0 && isspace((unsigned char)text.p[0]))
        text = str_make(text.p + 1, text.len - 1);
    if (type_has(type, "form-data"))
        *form = HTTP_REDACT_MULTIPART;
    else if (type_has(type, "json") || (text.len > 0 && (text.p[0] == '{' || text.p[0] == '[')))
        *form = HTTP_REDACT_JSON;
    else if (type_has(type, "x-www-form-urlencoded"))
        *form = HTTP_REDACT_FORM;
    else
        return false;
    return true;
}

static void body_redact(const struct options *o, struct bufpool *bufs, struct str type,
                        struct shown *s)
{
    size_t max = s->text.len + REDACTED_SLACK, n;
    enum http_redact_form form;

    if (!body_form(type, s->text, &form))
        return;
    if (!room_get(&s->redacted, bufs, max)) {
        s->text.len = 0; /* rather nothing than what may be a secret */
        return;
    }
    n = http_redact_text(o, form, s->text, (char *)s->redacted.p, max);
    if (n > 0)
        s->text = str_make(s->redacted.p, n);
}

static void body_show(const struct http_exchange *x, struct analyzer_ctx *ctx, unsigned side,
                      struct str coding, struct str type, struct shown *s)
{
    const struct half *h = &x->half[side];
    char room[STR_DECIMAL_BYTES];
    bool cut;

    s->note_len = 0;
    s->clear = s->redacted = (struct membuf){0};
    s->text = str_make(h->body.p, h->body.len);
    if (h->body.len == 0)
        return;
    body_decode(x, ctx->bufs, coding, s);
    cut = h->body_more || s->text.len > x->body_max || s->clear.len == x->body_max;
    if (s->text.len > x->body_max)
        s->text.len = x->body_max;
    if (cut || h->body_gap) {
        note_begin(s);
        note(s, STR_LIT("the first "));
        note(s, str_decimal(s->text.len, room));
        note(s, h->body_gap ? STR_LIT(" bytes, since some behind them were missed")
                            : STR_LIT(" bytes"));
    }
    if (s->note_len > 0)
        note(s, STR_LIT(")"));
    body_redact(ctx->options, ctx->bufs, type, s);
}

/* --- the record --- */

#define COPY(member)                                                                               \
    do {                                                                                           \
        if (RECORD_HAS(http, r, member))                                                           \
            RECORD_SET(exchange, e, member, r->member);                                            \
    } while (0)

static void record_copy(struct rec_exchange *e, const struct rec_http *r)
{
    bool clear = !RECORD_HAS(http, r, view) || str_equal(r->view, STR_LIT("packet"));

    e->present = 0;
    COPY(ts);
    COPY(method);
    RECORD_SET(exchange, e, scheme, clear ? STR_LIT("http") : STR_LIT("https"));
    COPY(host);
    COPY(uri);
    COPY(version);
    COPY(status_code);
    COPY(status_msg);
    COPY(stream_id);
    COPY(view);
    COPY(process);
    COPY(pid);
    COPY(ttfb);
    COPY(request_body_len);
    COPY(response_body_len);
}

/* As its header says, or as its first bytes do. */
static struct str type_of(bool has_header, struct str header, bool has_mime, struct str_list mimes)
{
    if (has_header)
        return header;
    return has_mime && mimes.n > 0 ? mimes.items[0] : STR_LIT("");
}

void http_exchange_emit(const struct http_exchange *x, struct analyzer_ctx *ctx,
                        const struct rec_http *r, const struct str coding[2])
{
    struct str items[2][HTTP_EXCHANGE_ITEMS_MAX + 1];
    struct str type[2];
    struct shown shown[2];
    struct rec_exchange e;
    uint32_t n[2];

    if (!x || !http_exchange_is_shown(ctx->options))
        return;
    type[0] = type_of(RECORD_HAS(http, r, request_content_type), r->request_content_type,
                      RECORD_HAS(http, r, orig_mime_types), r->orig_mime_types);
    type[1] = type_of(RECORD_HAS(http, r, response_content_type), r->response_content_type,
                      RECORD_HAS(http, r, resp_mime_types), r->resp_mime_types);
    record_copy(&e, r);
    for (unsigned side = 0; side < 2; side++) {
        body_show(x, ctx, side, coding[side], type[side], &shown[side]);
        n[side] = headers_list(&x->half[side], NULL, items[side]);
        if (shown[side].note_len > 0)
            items[side][n[side]++] = str_make(shown[side].note, shown[side].note_len);
    }
    RECORD_SET(exchange, &e, request_headers, ((struct str_list){items[0], n[0]}));
    RECORD_SET(exchange, &e, response_headers, ((struct str_list){items[1], n[1]}));
    if (type[0].len > 0)
        RECORD_SET(exchange, &e, request_type, type[0]);
    if (type[1].len > 0)
        RECORD_SET(exchange, &e, response_type, type[1]);
    if (shown[0].text.len > 0)
        RECORD_SET(exchange, &e, request_body, shown[0].text);
    if (shown[1].text.len > 0)
        RECORD_SET(exchange, &e, response_body, shown[1].text);
    analyzer_record(ctx, RECORD_exchange, &e);
    for (unsigned side = 0; side < 2; side++) {
        membuf_free(&shown[side].clear, ctx->bufs);
        membuf_free(&shown[side].redacted, ctx->bufs);
    }
}
