/* SPDX-License-Identifier: BSD-3-Clause */
/* A request and its response as a person reads them (--headers, --body):
 *
 *   12:00:01.123 CHhAvVGS1DHFjwGM9 curl[4711] GET https://www.example.org/ HTTP/2
 *       accept: text/html
 *   HTTP/2 200 OK, 12 ms
 *       content-type: text/html
 *
 *       <!DOCTYPE html>
 *
 * All of it is the peers' text, so all goes through FORMAT_TERMINAL; only backslashes, of which
 * JSON is full, are shown as they are. A body is shown as text if its bytes are, or if its type
 * says so and nothing but its character set speaks against it; else as bytes. */
#include "common/base/check.h"
#include "logger/sink/text.h"

#include <strings.h>

#define INDENT           "    "
#define HEX_LINES_MAX    16u /* of a body */
#define HEX_LINE_BYTES   16u
#define HEX_OFFSET_CHARS 4u

static void put_safely(struct outbuf *b, struct str s)
{
    char *p = outbuf_room(b, FORMAT_STRING_BYTES(s.len));

    if (p)
        outbuf_end(b, format_string(p, s, FORMAT_TERMINAL));
}

/* Up to the next of these characters, or to the end; *s goes on there. */
static struct str piece_take(struct str *s, const char *stops)
{
    uint32_t n = 0;
    struct str piece;

    while (n < s->len && (s->p[n] == '\0' || !strchr(stops, s->p[n])))
        n++;
    piece = str_make(s->p, n);
    *s = str_make(s->p + n, s->len - n);
    return piece;
}

static char character_take(struct str *s)
{
    char c = s->p[0];

    *s = str_make(s->p + 1, s->len - 1);
    return c;
}

static void put_line_text(struct outbuf *b, struct str s)
{
    for (;;) {
        put_safely(b, piece_take(&s, "\\\t"));
        if (s.len == 0)
            return;
        outbuf_text(b, character_take(&s) == '\\' ? "\\" : INDENT);
    }
}

static struct str text_of(const struct text_record *r, unsigned field)
{
    return text_has(r, field) ? r->values[field].bytes : STR_LIT("");
}

static void put_uint(struct outbuf *b, uint64_t v)
{
    char room[STR_DECIMAL_BYTES];
    struct str s = str_decimal(v, room);

    outbuf_bytes(b, s.p, s.len);
}

/* --- first lines --- */

static void put_version(struct outbuf *b, const struct text_record *r)
{
    outbuf_text(b, "HTTP");
    if (text_has(r, RECORD_exchange_version)) {
        outbuf_char(b, '/');
        put_line_text(b, text_of(r, RECORD_exchange_version));
    }
}

/* An absolute target names its host by itself, as does CONNECT's. */
static void put_target(struct outbuf *b, const struct text_record *r)
{
    struct str uri = text_of(r, RECORD_exchange_uri);

    if (uri.len == 0 || uri.p[0] == '/') {
        put_line_text(b, text_of(r, RECORD_exchange_scheme));
        outbuf_text(b, "://");
        put_line_text(b, text_of(r, RECORD_exchange_host));
    }
    put_line_text(b, uri);
}

static void put_request_line(struct outbuf *b, struct text_record *r)
{
    text_put_color(b, r, TEXT_DIM);
    text_put_clock(b, r);
    text_put_between(b, r, " ", RECORD_exchange_uid, "");
    text_put_color(b, r, TEXT_END);
    text_put_between(b, r, " ", RECORD_exchange_process, "");
    text_put_between(b, r, "[", RECORD_exchange_pid, "]");
    outbuf_char(b, ' ');
    text_put_color(b, r, TEXT_STRONG);
    if (text_has(r, RECORD_exchange_method)) {
        text_put(b, r, RECORD_exchange_method);
        outbuf_char(b, ' ');
        put_target(b, r);
        outbuf_char(b, ' ');
        put_version(b, r);
    } else {
        outbuf_text(b, "(a request that was not seen)");
    }
    text_put_color(b, r, TEXT_END);
    outbuf_char(b, '\n');
}

static void put_status_line(struct outbuf *b, struct text_record *r)
{
    if (text_has(r, RECORD_exchange_status_code)) {
        put_version(b, r);
        outbuf_char(b, ' ');
        text_put_color(b, r, text_status_color(&r->values[RECORD_exchange_status_code]));
        text_put(b, r, RECORD_exchange_status_code);
        text_put_color(b, r, TEXT_END);
        text_put_between(b, r, " ", RECORD_exchange_status_msg, "");
        text_put_between(b, r, ", ", RECORD_exchange_ttfb, "");
    } else {
        outbuf_text(b, "(no response was seen)");
    }
    outbuf_char(b, '\n');
}

static void put_headers(struct outbuf *b, struct text_record *r, unsigned field)
{
    struct cursor c = r->elements[field];

    for (uint32_t i = 0; text_has(r, field) && i < r->values[field].n; i++) {
        struct str header, name;
        struct value v;

        CHECK(record_reader_value(&c, &v) == 0 && v.kind == VALUE_BYTES);
        header = v.bytes;
        name = piece_take(&header, ":");
        outbuf_text(b, INDENT);
        text_put_color(b, r, TEXT_PATH);
        put_line_text(b, name);
        text_put_color(b, r, TEXT_END);
        put_line_text(b, header);
        outbuf_char(b, '\n');
    }
}

/* --- bodies --- */

static bool type_is_text(struct str type)
{
    static const char *const words[] = {"text/", "json", "xml", "javascript",
                                        "x-www-form-urlencoded"};

    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++)
        for (size_t i = 0, n = strlen(words[w]); i + n <= type.len; i++)
            if (strncasecmp(type.p + i, words[w], n) == 0)
                return true;
    return false;
}

static bool is_text(struct str body, struct str type)
{
    return format_is_text(body) || (type_is_text(type) && !memchr(body.p, '\0', body.len));
}

static void put_text(struct outbuf *b, struct str body)
{
    while (body.len > 0) {
        struct str line = piece_take(&body, "\n");

        if (body.len > 0)
            character_take(&body);
        if (line.len > 0 && line.p[line.len - 1] == '\r')
            line.len--;
        outbuf_text(b, line.len > 0 ? INDENT : "");
        put_line_text(b, line);
        outbuf_char(b, '\n');
    }
}

static void put_hex(struct outbuf *b, uint32_t v, unsigned digits)
{
    while (digits-- > 0)
        outbuf_char(b, "0123456789abcdef"[v >> 4 * digits & 15]);
}

static void put_hex_line(struct outbuf *b, struct str body, uint32_t at)
{
    uint32_t n = body.len - at < HEX_LINE_BYTES ? body.len - at : HEX_LINE_BYTES;

    outbuf_text(b, INDENT);
    put_hex(b, at, HEX_OFFSET_CHARS);
    outbuf_char(b, ' ');
    for (uint32_t i = 0; i < HEX_LINE_BYTES; i++) {
        outbuf_text(b, i % 8 == 0 ? "  " : " ");
        if (i < n)
            put_hex(b, (uint8_t)body.p[at + i], 2);
        else
            outbuf_text(b, "  ");
    }
    outbuf_text(b, "  ");
    for (uint32_t i = 0; i < n; i++) {
        char c = body.p[at + i];

        outbuf_char(b, c >= ' ' && c <= '~' ? c : '.');
    }
    outbuf_char(b, '\n');
}

static void put_bytes(struct outbuf *b, struct str body)
{
    uint32_t lines = (body.len + HEX_LINE_BYTES - 1) / HEX_LINE_BYTES;

    for (uint32_t i = 0; i < lines && i < HEX_LINES_MAX; i++)
        put_hex_line(b, body, i * HEX_LINE_BYTES);
    outbuf_text(b, INDENT "(");
    if (lines > HEX_LINES_MAX) {
        put_uint(b, HEX_LINES_MAX * HEX_LINE_BYTES);
        outbuf_text(b, " of ");
    }
    put_uint(b, body.len);
    outbuf_text(b, " bytes)\n");
}

/* What was not asked for is at least counted. */
static void put_body(struct outbuf *b, struct text_record *r, unsigned type, unsigned body,
                     unsigned len)
{
    struct str bytes = text_of(r, body);

    if (bytes.len > 0) {
        outbuf_char(b, '\n');
        if (is_text(bytes, text_of(r, type)))
            put_text(b, bytes);
        else
            put_bytes(b, bytes);
    } else if (text_has(r, len) && r->values[len].u > 0) {
        outbuf_text(b, INDENT);
        text_put_color(b, r, TEXT_DIM);
        text_put_between(b, r, "(", len, " bytes of body)");
        text_put_color(b, r, TEXT_END);
        outbuf_char(b, '\n');
    }
}

void text_put_exchange(struct outbuf *b, struct text_record *r)
{
    outbuf_char(b, '\n');
    put_request_line(b, r);
    put_headers(b, r, RECORD_exchange_request_headers);
    put_body(b, r, RECORD_exchange_request_type, RECORD_exchange_request_body,
             RECORD_exchange_request_body_len);
    put_status_line(b, r);
    put_headers(b, r, RECORD_exchange_response_headers);
    put_body(b, r, RECORD_exchange_response_type, RECORD_exchange_response_body,
             RECORD_exchange_response_body_len);
}
