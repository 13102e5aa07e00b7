/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON lines as Zeek writes them: one flat object a line, dotted names, unset fields left out,
 * times as seconds since 1970. Once as log files, and once as a stream of all paths, where each
 * object begins with "_path".
 *
 * JSON is text, records hold bytes: what is not UTF-8 becomes the four characters \xHH, as Zeek has
 * it. So a string that really holds these characters looks the same as one that holds the byte; who
 * must tell them apart reads TSV. */
#include "logger/sink/logfile.h"
#include "logger/sink/stream.h"
#include "logger/sink/table.h"

#include <errno.h>
#include <math.h>

/* What stands before each value: ,"id.orig_h": and padding, so that it is copied without a look at
 * how long it is. */
#define KEY_BYTES 40u

struct json_key {
    char text[KEY_BYTES];
    uint8_t len;
};

#define RECORD(name, path, id, doc)         static const struct json_key keys_##name[] = {
#define FIELD(rec, member, name, type, doc) {",\"" name "\":", sizeof(",\"" name "\":") - 1},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END

static const struct json_key *const keys[RECORD_TYPES] = {
#define RECORD(name, path, id, doc) [RECORD_##name] = keys_##name,
#define FIELD(rec, member, name, type, doc)
#define END(name)
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END
};

#define LINE_SPARE                                                                                 \
    128u /* kept free at the end of the buffer for what a line has besides values                  \
          */

static char *json_text(char *p, const char *text)
{
    size_t n = strlen(text);

    memcpy(p, text, n);
    return p + n;
}

static char *json_string(char *p, struct str s)
{
    *p++ = '"';
    p = format_string(p, s, FORMAT_JSON);
    *p++ = '"';
    return p;
}

static char *json_addr(char *p, struct str bytes)
{
    *p++ = '"';
    p = format_addr(p, bytes);
    *p++ = '"';
    return p;
}

static char *json_scalar(char *p, enum field_type type, const struct value *v)
{
    switch (type) {
    case FIELD_TIME:
        return format_time(p, v->u);
    case FIELD_INTERVAL:
        return format_interval(p, format_interval_of(v));
    case FIELD_COUNT:
    case FIELD_PORT:
        return format_uint(p, v->u);
    case FIELD_BOOL:
        return json_text(p, v->b ? "true" : "false");
    case FIELD_ADDR:
        return json_addr(p, v->bytes);
    case FIELD_DOUBLE: /* JSON has no word for those that are no number */
        return isfinite(v->d) ? format_double(p, v->d) : json_text(p, "null");
    default:
        return json_string(p, v->bytes);
    }
}

static char *json_list(char *p, const char *end, struct cursor *c, enum field_type list, uint32_t n)
{
    *p++ = '[';
    p = format_list(p, end, c, list, n, json_scalar);
    if (p)
        *p++ = ']';
    return p;
}

/* The members of an object at p, before end; the first of them goes without its comma. NULL if the
 * record does not parse, or finds no room. */
static char *json_members(char *p, const char *end, struct cursor *c, enum record_type type,
                          bool first)
{
    const struct record_schema *schema = &record_schemas[type];
    const struct json_key *key = keys[type];
    uint32_t n;

    if (record_reader_begin(c, &n) < 0 || n != schema->n_fields)
        return NULL;
    for (uint32_t i = 0; i < n && p; i++, key++) {
        enum field_type t = schema->fields[i].type;
        struct value v;

        if (record_reader_value(c, &v) < 0 || !record_reader_fits(t, &v) || p >= end ||
            (size_t)(end - p) < KEY_BYTES + format_room(&v))
            return NULL;
        if (v.kind == VALUE_NIL)
            continue;
        memcpy(p, key->text, KEY_BYTES);
        if (first)
            memmove(p, p + 1, KEY_BYTES - 1);
        p += key->len - first;
        first = false;
        p = v.kind == VALUE_ARRAY ? json_list(p, end, c, t, v.n) : json_scalar(p, t, &v);
    }
    return p;
}

/* One line; path: to begin it with, or NULL. */
static int json_line(struct outbuf *b, struct cursor *c, enum record_type type, const char *path)
{
    const char *end = b->base + OUTBUF_BYTES - LINE_SPARE;
    char *p = outbuf_room(b, LINE_SPARE);

    if (!p)
        return -EBADMSG;
    *p++ = '{';
    if (path) {
        p = json_text(p, "\"_path\":\"");
        p = json_text(p, path);
        *p++ = '"';
    }
    p = json_members(p, end, c, type, path == NULL);
    if (!p)
        return -EBADMSG;
    outbuf_end(b, json_text(p, "}\n"));
    return 0;
}

static int json_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    (void)context;
    return json_line(b, c, type, NULL);
}

static int json_stream_record(struct outbuf *b, struct cursor *c, enum record_type type,
                              void *context)
{
    (void)context;
    return json_line(b, c, type, record_schemas[type].path);
}

static bool json_wanted(const struct heritage *h)
{
    return logfile_wanted(h, LOG_FORMAT_JSON);
}

static int json_open(struct sink_state **state, const struct heritage *h,
                     const struct sink_lengths *committed)
{
    static const struct logfile_format format = {NULL, NULL, json_record};

    return logfile_open(state, h, committed, &format);
}

static bool json_stream_wanted(const struct heritage *h)
{
    return stream_wanted(h, OUTPUT_JSON);
}

static int json_stream_open(struct sink_state **state, const struct heritage *h,
                            const struct sink_lengths *committed)
{
    static const struct stream_format format = {stream_takes_logs, json_stream_record, NULL};

    return stream_open(state, h, committed, &format);
}

const struct sink sink_json = {
    .name = "json",
    .wanted = json_wanted,
    .open = json_open,
    LOGFILE_SINK,
};

const struct sink sink_json_stream = {
    .name = "json stream",
    .wanted = json_stream_wanted,
    .open = json_stream_open,
    STREAM_SINK,
};
