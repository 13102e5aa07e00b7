/* SPDX-License-Identifier: BSD-3-Clause */
/* Log files as Zeek writes them with its ASCII writer: eight header lines that begin with '#', then
 * values with a TAB between them, then #close. zeek-cut and all that reads Zeek logs reads these.
 */
#include "common/base/clock.h"
#include "logger/sink/logfile.h"

#include <errno.h>

#define TSV_UNSET '-'
#define TSV_EMPTY "(empty)"

/* "#open\t2026-08-21-10-00-00\n", local time as Zeek has it. */
static void tsv_time_line(struct outbuf *b, const char *key, uint64_t wall_ns)
{
    time_t t = (time_t)(wall_ns / NS_PER_SEC);
    struct tm tm;
    char text[64];
    size_t n;

    localtime_r(&t, &tm);
    n = strftime(text, sizeof text, "%Y-%m-%d-%H-%M-%S\n", &tm);
    outbuf_text(b, key);
    outbuf_bytes(b, text, n);
}

static void tsv_header(struct outbuf *b, enum record_type type, uint64_t open_ns)
{
    const struct record_schema *schema = &record_schemas[type];

    outbuf_text(b, "#separator \\x09\n#set_separator\t,\n#empty_field\t" TSV_EMPTY
                   "\n#unset_field\t-\n#path\t");
    outbuf_text(b, schema->path);
    tsv_time_line(b, "\n#open\t", open_ns);
    outbuf_text(b, "#fields");
    for (unsigned i = 0; i < schema->n_fields; i++) {
        outbuf_char(b, '\t');
        outbuf_text(b, schema->fields[i].name);
    }
    outbuf_text(b, "\n#types");
    for (unsigned i = 0; i < schema->n_fields; i++) {
        outbuf_char(b, '\t');
        outbuf_text(b, field_type_name(schema->fields[i].type));
    }
    outbuf_char(b, '\n');
}

static void tsv_footer(struct outbuf *b, uint64_t close_ns)
{
    tsv_time_line(b, "#close\t", close_ns);
}

/* A string must not look like one that is unset or empty. */
static void tsv_string(struct outbuf *b, struct str s, enum format_escape how)
{
    if (s.len == 0) {
        outbuf_text(b, TSV_EMPTY);
    } else if (s.len == 1 && s.p[0] == TSV_UNSET) {
        outbuf_text(b, "\\x2d");
    } else if (s.p[0] == '(' && str_equal(s, STR_LIT(TSV_EMPTY))) {
        outbuf_text(b, "\\x28empty)");
    } else {
        format_string(b, s, how);
    }
}

static inline void tsv_scalar(struct outbuf *b, enum field_type type, const struct value *v,
                              enum format_escape how)
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
        outbuf_char(b, v->b ? 'T' : 'F');
        break;
    case FIELD_ADDR:
        format_addr(b, v->bytes);
        break;
    case FIELD_DOUBLE:
        format_double(b, v->d);
        break;
    default:
        tsv_string(b, v->bytes, how);
    }
}

static void tsv_element(struct outbuf *b, enum field_type type, const struct value *v)
{
    tsv_scalar(b, type, v, FORMAT_TSV_ELEMENT);
}

static int tsv_value(struct outbuf *b, struct cursor *c, enum field_type type)
{
    struct value v;

    if (record_reader_value(c, &v) < 0 || !record_reader_fits(type, &v))
        return -EBADMSG;
    if (v.kind == VALUE_NIL)
        outbuf_char(b, TSV_UNSET);
    else if (v.kind != VALUE_ARRAY)
        tsv_scalar(b, type, &v, FORMAT_TSV);
    else if (v.n > 0)
        return format_list(b, c, type, v.n, tsv_element);
    else
        outbuf_text(b, TSV_EMPTY);
    return 0;
}

/* A line that begins with '#' would be taken for a header. */
static void tsv_guard_line(struct outbuf *b, size_t start)
{
    static const char escape[] = "\\x23";
    size_t n = sizeof escape - 2; /* more than the byte it replaces */

    if (b->len == start || b->base[start] != '#' || !outbuf_room(b, n))
        return;
    memmove(b->base + start + n, b->base + start, b->len - start);
    memcpy(b->base + start, escape, n + 1);
    b->len += n;
}

static int tsv_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    const struct record_schema *schema = &record_schemas[type];
    size_t start = b->len;
    uint32_t n;

    (void)context;
    if (record_reader_begin(c, &n) < 0 || n != schema->n_fields)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0)
            outbuf_char(b, '\t');
        if (tsv_value(b, c, schema->fields[i].type) < 0)
            return -EBADMSG;
    }
    tsv_guard_line(b, start);
    outbuf_char(b, '\n');
    return 0;
}

static bool tsv_wanted(const struct heritage *h)
{
    return logfile_wanted(h, LOG_FORMAT_TSV);
}

static int tsv_open(struct sink_state **state, const struct heritage *h,
                    const struct sink_lengths *committed)
{
    static const struct logfile_format format = {tsv_header, tsv_footer, tsv_record};

    return logfile_open(state, h, committed, &format);
}

const struct sink sink_tsv = {
    .name = "tsv",
    .wanted = tsv_wanted,
    .open = tsv_open,
    .write = logfile_write,
    .flush = logfile_flush,
    .rotate = logfile_rotate,
    .lengths = logfile_lengths,
    .close = logfile_close,
};
