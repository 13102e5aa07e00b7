/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines for people (--format text): time, path, endpoints, and of each path what one looks for
 * first. A path without a row in `essentials` shows all of its fields as name=value, so a new
 * record needs nothing here.
 *
 * The terminal is not to be trusted with what comes from the wire: every string goes through
 * FORMAT_TERMINAL, and is cut at TEXT_STRING_MAX. */
#include "logger/sink/text.h"
#include "common/base/clock.h"
#include "logger/sink/stream.h"
#include "logger/sink/table.h"

#include <errno.h>

#define TEXT_STRING_MAX 256u
static int read_record(struct text_record *r, struct cursor *c, enum record_type type)
{
    uint32_t n;

    r->schema = &record_schemas[type];
    if (record_reader_begin(c, &n) < 0 || n != r->schema->n_fields || n > TEXT_FIELDS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        enum field_type t = r->schema->fields[i].type;
        struct value *v = &r->values[i], element;

        if (record_reader_value(c, v) < 0 || !record_reader_fits(t, v))
            return -EBADMSG;
        r->elements[i] = *c;
        for (uint32_t k = 0; v->kind == VALUE_ARRAY && k < v->n; k++)
            if (record_reader_value(c, &element) < 0 || element.kind == VALUE_NIL ||
                !record_reader_fits(record_reader_element_type(t), &element))
                return -EBADMSG;
    }
    return 0;
}

void text_put_color(struct outbuf *b, const struct text_record *r, const char *color)
{
    if (r->color)
        outbuf_text(b, color);
}

static char *put_string(char *p, struct str s)
{
    bool cut = s.len > TEXT_STRING_MAX;

    if (cut) {
        s.len = TEXT_STRING_MAX;
        while (s.len > TEXT_STRING_MAX - 3 && (s.p[s.len] & 0xc0) == 0x80)
            s.len--; /* not in the middle of a character */
    }
    p = format_string(p, s, FORMAT_TERMINAL);
    return cut ? stpcpy(p, "...") : p;
}

static char *put_duration(char *p, int64_t ns)
{
    uint64_t abs = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    if (ns < 0)
        *p++ = '-';
    if (abs < NS_PER_MS)
        return stpcpy(format_uint(p, abs / NS_PER_US), " us");
    if (abs < 10 * NS_PER_SEC)
        return stpcpy(format_uint(p, abs / NS_PER_MS), " ms");
    return stpcpy(format_uint(p, abs / NS_PER_SEC), " s");
}

static char *put_scalar(char *p, enum field_type type, const struct value *v)
{
    switch (type) {
    case FIELD_TIME:
        return format_time(p, v->u);
    case FIELD_INTERVAL:
        return put_duration(p, format_interval_of(v));
    case FIELD_COUNT:
    case FIELD_PORT:
        return format_uint(p, v->u);
    case FIELD_BOOL:
        return stpcpy(p, v->b ? "yes" : "no");
    case FIELD_ADDR:
        return format_addr(p, v->bytes);
    case FIELD_DOUBLE:
        return format_double(p, v->d);
    default:
        return put_string(p, v->bytes);
    }
}

/* One field, nothing if it is unset. */
void text_put(struct outbuf *b, struct text_record *r, unsigned field)
{
    enum field_type type = r->schema->fields[field].type;
    const struct value *v = &r->values[field];
    struct cursor c = r->elements[field];
    char *p = outbuf_room(b, format_room(v));

    if (!p || v->kind == VALUE_NIL)
        return;
    if (v->kind != VALUE_ARRAY)
        p = put_scalar(p, type, v);
    else
        p = format_list(p, b->base + OUTBUF_BYTES, &c, type, v->n, put_scalar);
    if (p)
        outbuf_end(b, p);
    else
        b->overflow = true; /* read_record has seen that the elements are right */
}

/* The same between two texts. */
void text_put_between(struct outbuf *b, struct text_record *r, const char *before, unsigned field,
                      const char *after)
{
    if (!text_has(r, field))
        return;
    outbuf_text(b, before);
    text_put(b, r, field);
    outbuf_text(b, after);
}

static void put_colored(struct outbuf *b, struct text_record *r, const char *color, unsigned field)
{
    text_put_color(b, r, color);
    text_put(b, r, field);
    text_put_color(b, r, TEXT_END);
}

static void put_conn(struct outbuf *b, struct text_record *r)
{
    text_put_between(b, r, " ", RECORD_conn_proto, "");
    outbuf_char(b, ' ');
    put_colored(b, r, TEXT_STRONG, RECORD_conn_conn_state);
    text_put_between(b, r, " ", RECORD_conn_service, "");
    text_put_between(b, r, " ", RECORD_conn_orig_bytes, " B out");
    text_put_between(b, r, " ", RECORD_conn_resp_bytes, " B in");
    text_put_between(b, r, " ", RECORD_conn_duration, "");
}

const char *text_status_color(const struct value *status)
{
    return status->kind == VALUE_UINT && status->u < 400 ? TEXT_GOOD : TEXT_BAD;
}

static void put_http(struct outbuf *b, struct text_record *r)
{
    const struct value *uri = &r->values[RECORD_http_uri];

    outbuf_char(b, ' ');
    put_colored(b, r, TEXT_STRONG, RECORD_http_method);
    outbuf_char(b, ' ');
    /* An absolute target names its host by itself, as does CONNECT's. */
    if (uri->kind != VALUE_BYTES || (uri->bytes.len > 0 && uri->bytes.p[0] == '/'))
        text_put(b, r, RECORD_http_host);
    text_put(b, r, RECORD_http_uri);
    if (text_has(r, RECORD_http_status_code)) {
        outbuf_text(b, " -> ");
        put_colored(b, r, text_status_color(&r->values[RECORD_http_status_code]),
                    RECORD_http_status_code);
    }
    text_put_between(b, r, " ", RECORD_http_version, "");
    text_put_between(b, r, " ", RECORD_http_response_body_len, " B");
    text_put_between(b, r, " ", RECORD_http_ttfb, "");
}

static void put_ssl(struct outbuf *b, struct text_record *r)
{
    text_put_between(b, r, " ", RECORD_ssl_version, "");
    outbuf_char(b, ' ');
    put_colored(b, r, TEXT_STRONG, RECORD_ssl_server_name);
    text_put_between(b, r, " ", RECORD_ssl_cipher, "");
    text_put_between(b, r, " ", RECORD_ssl_next_protocol, "");
    text_put_between(b, r, " alert:", RECORD_ssl_last_alert, "");
    if (r->values[RECORD_ssl_resumed].kind == VALUE_BOOL && r->values[RECORD_ssl_resumed].b)
        outbuf_text(b, " resumed");
}

static void put_dns(struct outbuf *b, struct text_record *r)
{
    text_put_between(b, r, " ", RECORD_dns_qtype_name, "");
    outbuf_char(b, ' ');
    put_colored(b, r, TEXT_STRONG, RECORD_dns_query);
    text_put_between(b, r, " -> ", RECORD_dns_answers, "");
    text_put_between(b, r, " ", RECORD_dns_rcode_name, "");
    text_put_between(b, r, " ", RECORD_dns_rtt, "");
}

static void put_weird(struct outbuf *b, struct text_record *r)
{
    outbuf_char(b, ' ');
    put_colored(b, r, TEXT_BAD, RECORD_weird_name);
    text_put_between(b, r, " ", RECORD_weird_addl, "");
    text_put_between(b, r, " (", RECORD_weird_source, ")");
}

static void (*const essentials[RECORD_TYPES])(struct outbuf *b, struct text_record *r) = {
    [RECORD_conn] = put_conn, [RECORD_http] = put_http,   [RECORD_ssl] = put_ssl,
    [RECORD_dns] = put_dns,   [RECORD_weird] = put_weird,
};

static void put_all(struct outbuf *b, struct text_record *r)
{
    unsigned first = r->schema->has_flow_id ? RECORD_conn_resp_p + 1 : 1;

    for (unsigned i = first; i < r->schema->n_fields; i++) {
        if (!text_has(r, i))
            continue;
        outbuf_char(b, ' ');
        text_put_color(b, r, TEXT_DIM);
        outbuf_text(b, r->schema->fields[i].name);
        outbuf_char(b, '=');
        text_put_color(b, r, TEXT_END);
        text_put(b, r, i);
    }
}

/* Every record begins with its ts. */
void text_put_clock(struct outbuf *b, const struct text_record *r)
{
    const struct value *ts = &r->values[0];
    uint64_t ns = ts->kind == VALUE_UINT ? ts->u : 0;
    time_t t = (time_t)(ns / NS_PER_SEC);
    char text[16];
    struct tm tm;

    localtime_r(&t, &tm);
    outbuf_bytes(b, text, strftime(text, sizeof text, "%H:%M:%S", &tm));
    outbuf_char(b, '.');
    for (uint64_t unit = 100 * NS_PER_MS; unit >= NS_PER_MS; unit /= 10)
        outbuf_char(b, (char)('0' + ns / unit % 10));
}

static void put_endpoint(struct outbuf *b, struct text_record *r, unsigned addr, unsigned port)
{
    bool v6 = text_has(r, addr) && r->values[addr].bytes.len == 16;

    outbuf_text(b, v6 ? "[" : "");
    text_put(b, r, addr);
    outbuf_text(b, v6 ? "]:" : ":");
    text_put(b, r, port);
}

static int text_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    struct stream_context *stream = context;
    struct text_record r = {.color = stream->color};

    if (read_record(&r, c, type) < 0)
        return -EBADMSG;
    if (type == RECORD_exchange) {
        text_put_exchange(b, &r);
        return 0;
    }
    text_put_color(b, &r, TEXT_DIM);
    text_put_clock(b, &r);
    text_put_color(b, &r, TEXT_END);
    outbuf_char(b, ' ');
    text_put_color(b, &r, TEXT_PATH);
    outbuf_text(b, r.schema->path);
    text_put_color(b, &r, TEXT_END);
    if (r.schema->has_flow_id && text_has(&r, RECORD_conn_orig_h)) { /* a scan has no one flow */
        outbuf_char(b, ' ');
        put_endpoint(b, &r, RECORD_conn_orig_h, RECORD_conn_orig_p);
        outbuf_text(b, " -> ");
        put_endpoint(b, &r, RECORD_conn_resp_h, RECORD_conn_resp_p);
    }
    (essentials[type] ? essentials[type] : put_all)(b, &r);
    outbuf_char(b, '\n');
    return 0;
}

static bool text_wanted(const struct heritage *h)
{
    return stream_wanted(h, OUTPUT_TEXT);
}

/* An exchange says all that the line of its http record would. */
static bool takes_exchanges(enum record_type type)
{
    return type == RECORD_exchange || (type != RECORD_http && stream_takes_logs(type));
}

static int text_open(struct sink_state **state, const struct heritage *h,
                     const struct sink_lengths *committed)
{
    static const struct stream_format lines = {stream_takes_logs, text_record, NULL};
    static const struct stream_format exchanges = {takes_exchanges, text_record, NULL};
    bool shown = h->options.headers || h->options.body;

    return stream_open(state, h, committed, shown ? &exchanges : &lines);
}

const struct sink sink_text = {
    .name = "text",
    .wanted = text_wanted,
    .open = text_open,
    STREAM_SINK,
};
