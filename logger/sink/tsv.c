/* SPDX-License-Identifier: BSD-3-Clause */
/* Log files as Zeek writes them with its ASCII writer: eight header lines that begin with '#', then
 * values with a TAB between them, then #close. zeek-cut and all that reads Zeek logs reads these.
 *
 * A reader splits at TABs, then at commas, and only then undoes escapes. So what would be taken for
 * a separator, for a field that is unset or empty, or for a header line is escaped, and a reader
 * that does not undo escapes still finds every field in its place. */
#include "common/base/clock.h"
#include "logger/sink/logfile.h"

#include <errno.h>

#define TSV_UNSET "-"
#define TSV_EMPTY "(empty)"

/* Room for any value of a short form (record_reader.h). */
#define TSV_SHORT_ROOM (FORMAT_STRING_BYTES(UINT8_MAX) + FORMAT_SCALAR_BYTES)

_Static_assert(RECORD_READER_AHEAD_BYTES >= 2u + UINT8_MAX + FORMAT_AHEAD_BYTES,
               "behind a string of a short form is what its copy reads");

/* Kept free at the end of the buffer for what a line has besides values: TABs, and a '-' for each
 * field that is unset. */
#define TSV_LINE_SPARE 256u

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

static inline char *tsv_text(char *p, const char *text, size_t n)
{
    memcpy(p, text, n);
    return p + n;
}

/* A string must not look like one that is unset or empty. False if it does: written is what stands
 * for it. */
static inline bool tsv_is_plain(char **p, struct str s)
{
    if (s.len == 0)
        *p = tsv_text(*p, TSV_EMPTY, sizeof TSV_EMPTY - 1);
    else if (s.len == 1 && s.p[0] == TSV_UNSET[0])
        *p = tsv_text(*p, "\\x2d", 4);
    else if (s.p[0] == '(' && str_equal(s, STR_LIT(TSV_EMPTY)))
        *p = tsv_text(*p, "\\x28empty)", 10);
    else
        return true;
    return false;
}

static char *tsv_scalar(char *p, enum field_type type, const struct value *v,
                        enum format_escape how)
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
        *p = v->b ? 'T' : 'F';
        return p + 1;
    case FIELD_ADDR:
        return format_addr(p, v->bytes);
    case FIELD_DOUBLE:
        return format_double(p, v->d);
    default:
        return tsv_is_plain(&p, v->bytes) ? format_string(p, v->bytes, how) : p;
    }
}

/* Inside a list a comma separates, outside it is a byte as any other. */
static char *tsv_element(char *p, enum field_type type, const struct value *v)
{
    return tsv_scalar(p, type, v, FORMAT_TSV_ELEMENT);
}

/* The next field, of any form, before end. NULL if it does not parse or fit. */
static char *tsv_any(char *p, const char *end, struct cursor *c, enum field_type type)
{
    struct value v;

    if (record_reader_value(c, &v) < 0 || !record_reader_fits(type, &v) ||
        end - p < (ptrdiff_t)format_room(&v))
        return NULL;
    if (v.kind == VALUE_NIL)
        return tsv_text(p, TSV_UNSET, 1);
    if (v.kind != VALUE_ARRAY)
        return tsv_scalar(p, type, &v, FORMAT_TSV);
    if (v.n > 0)
        return format_list(p, end, c, type, v.n, tsv_element);
    return tsv_text(p, TSV_EMPTY, sizeof TSV_EMPTY - 1);
}

/* The same where there is room for a short form, as nearly always: which one it is likely to be is
 * known from the type, so a field is one jump, and its value needs not be stored to be looked at.
 */
static inline char *tsv_short(char *p, const char *end, struct cursor *c, enum field_type type)
{
    struct str bytes;
    uint64_t u;
    bool b;

    switch (type) {
    case FIELD_TIME:
        if (record_reader_uint(c, &u))
            return format_time(p, u);
        break;
    case FIELD_INTERVAL:
        if (record_reader_uint(c, &u))
            return u <= INT64_MAX ? format_interval(p, (int64_t)u) : NULL;
        break;
    case FIELD_COUNT:
        if (record_reader_uint(c, &u))
            return format_uint(p, u);
        break;
    case FIELD_PORT:
        if (record_reader_uint(c, &u))
            return u <= UINT16_MAX ? format_uint(p, u) : NULL;
        break;
    case FIELD_BOOL:
        if (record_reader_bool(c, &b))
            return tsv_text(p, b ? "T" : "F", 1);
        break;
    case FIELD_STRING:
    case FIELD_ENUM:
        if (record_reader_bytes(c, &bytes))
            return tsv_is_plain(&p, bytes) ? format_string_ahead(p, bytes, FORMAT_TSV) : p;
        break;
    case FIELD_ADDR:
        if (record_reader_bytes(c, &bytes))
            return bytes.len == 4 || bytes.len == 16 ? format_addr(p, bytes) : NULL;
        break;
    default:
        break;
    }
    return tsv_any(p, end, c, type);
}

/* A line that begins with '#' would be taken for a header. */
static char *tsv_guard_line(char *line, char *p)
{
    if (p == line || line[0] != '#')
        return p;
    memmove(line + 4, line + 1, (size_t)(p - line) - 1);
    memcpy(line, "\\x23", 4);
    return p + 3;
}

/* The fields at the cursor, each with a TAB behind it. NULL if one does not parse or fit. */
static char *tsv_fields(char *p, const char *end, struct cursor *c,
                        const struct record_schema *schema)
{
    static const char unset[] = "-\t-\t-\t-\t-\t-\t-\t-\t";
    uint32_t i = 0;

    while (i < schema->n_fields) {
        bool ahead = end - p >= (ptrdiff_t)TSV_SHORT_ROOM && record_reader_ahead(c);
        unsigned nils = ahead ? record_reader_nils(c) : 0;
        enum field_type type = schema->fields[i].type;

        if (nils > 0) {
            memcpy(p, unset, sizeof unset - 1);
            p += 2 * (size_t)nils;
            i += nils;
            continue;
        }
        p = ahead ? tsv_short(p, end, c, type) : tsv_any(p, end, c, type);
        if (!p)
            return NULL;
        *p++ = '\t';
        i++;
    }
    return i == schema->n_fields ? p : NULL;
}

static int tsv_record(struct outbuf *b, struct cursor *c, enum record_type type, void *context)
{
    const struct record_schema *schema = &record_schemas[type];
    const char *end = b->base + OUTBUF_BYTES - TSV_LINE_SPARE;
    char *line = b->base + b->len, *p = line;
    uint32_t n;

    (void)context;
    if (record_reader_begin(c, &n) < 0 || n != schema->n_fields || p >= end)
        return -EBADMSG;
    p = tsv_fields(p, end, c, schema);
    if (!p)
        return -EBADMSG;
    p[-1] = '\n';
    p = tsv_guard_line(line, p);
    outbuf_end(b, p);
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
    LOGFILE_SINK,
};
