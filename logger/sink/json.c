/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON lines as Zeek writes them: one flat object a line, dotted names, unset fields left out,
 * times as seconds since 1970. Once as log files, and once as a stream of all paths, where each
 * object begins with "_path". */
#include "logger/sink/logfile.h"
#include "logger/sink/stream.h"
#include "logger/sink/table.h"

#include <errno.h>
#include <math.h>

/* What stands before each value: ,"id.orig_h": */
#define RECORD(name, path, id, doc)         static const struct str keys_##name[] = {
#define FIELD(rec, member, name, type, doc) {",\"" name "\":", sizeof(",\"" name "\":") - 1},
#define END(name)                                                                                  \
    }                                                                                              \
    ;
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END

static const struct str *const keys[RECORD_TYPES] = {
#define RECORD(name, path, id, doc) [RECORD_##name] = keys_##name,
#define FIELD(rec, member, name, type, doc)
#define END(name)
#include "common/schema/records.def"
#undef RECORD
#undef FIELD
#undef END
};

static void json_string(struct outbuf *b, struct str s)
{
    outbuf_char(b, '"');
    format_string(b, s, FORMAT_JSON);
    outbuf_char(b, '"');
}

static void json_double(struct outbuf *b, double d)
{
    if (isfinite(d))
        format_double(b, d);
    else
        outbuf_text(b, "null"); /* JSON has no other word for it */
}

static void json_scalar(struct outbuf *b, enum field_type type, const struct value *v)
{
    switch (type) {
    case FIELD_TIME:
        format_time(b, v->u);
        break;
    case FIELD_INTERVAL:
        format_interval(b, format_interval_of(v));
        break;
    case FIELD_COUNT:
    case FIELD_PORT:
        format_uint(b, v->u);
        break;
    case FIELD_BOOL:
        outbuf_text(b, v->b ? "true" : "false");
        break;
    case FIELD_ADDR:
        outbuf_char(b, '"');
        format_addr(b, v->bytes);
        outbuf_char(b, '"');
        break;
    case FIELD_DOUBLE:
        json_double(b, v->d);
        break;
    default:
        json_string(b, v->bytes);
    }
}

static int json_list(struct outbuf *b, struct cursor *c, enum field_type list, uint32_t n)
{
    int rc;

    outbuf_char(b, '[');
    rc = format_list(b, c, list, n, json_scalar);
    outbuf_char(b, ']');
    return rc;
}

/* The members of an object; the first of them goes without its comma. */
static int json_members(struct outbuf *b, struct cursor *c, enum record_type type, bool first)
{
    const struct record_schema *schema = &record_schemas[type];
    const struct str *key = keys[type];
    uint32_t n;

    if (record_reader_begin(c, &n) < 0 || n != schema->n_fields)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        enum field_type t = schema->fields[i].type;
        struct value v;

        if (record_reader_value(c, &v) < 0 || !record_reader_fits(t, &v))
            return -EBADMSG;
        if (v.kind == VALUE_NIL)
            continue;
        outbuf_bytes(b, key[i].p + first, key[i].len - first);
        first = false;
        if (v.kind != VALUE_ARRAY)
            json_scalar(b, t, &v);
        else if (json_list(b, c, t, v.n) < 0)
            return -EBADMSG;
    }
    return 0;
}

static int json_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    int rc;

    (void)context;
    outbuf_char(b, '{');
    rc = json_members(b, c, type, true);
    outbuf_text(b, "}\n");
    return rc;
}

static int json_stream_record(struct outbuf *b, struct cursor *c, enum record_type type,
                              void *context)
{
    int rc;

    (void)context;
    outbuf_text(b, "{\"_path\":");
    json_string(b, str_of(record_schemas[type].path));
    rc = json_members(b, c, type, false);
    outbuf_text(b, "}\n");
    return rc;
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
    .write = logfile_write,
    .flush = logfile_flush,
    .rotate = logfile_rotate,
    .lengths = logfile_lengths,
    .close = logfile_close,
};

const struct sink sink_json_stream = {
    .name = "json stream",
    .wanted = json_stream_wanted,
    .open = json_stream_open,
    .write = stream_write,
    .flush = stream_flush,
    .lengths = stream_lengths,
    .close = stream_close,
};
