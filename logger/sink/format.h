/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as text, by hand: a record has some twenty fields, and printf would cost more than all of
 * the rest of its life. What several sinks share; what a value looks like in its line (unset,
 * empty, quotes) is each sink's own.
 *
 * They write at p, where the caller has made sure of room, and return where the next byte goes: so
 * the place stays in a register all along a line, and room is asked for once a field. */
#ifndef SPLIFF_LOGGER_FORMAT_H
#define SPLIFF_LOGGER_FORMAT_H

#include "common/base/str.h"
#include "common/ipc/record_reader.h"
#include "common/ipc/spool.h"
#include "logger/sink/outbuf.h"

#include <stdint.h>

/* How bytes that a line cannot hold are written. Valid UTF-8 always passes. */
enum format_escape {
    FORMAT_TSV,         /* \\, and \xHH for control and invalid bytes */
    FORMAT_TSV_ELEMENT, /* the same, and \x2c for the comma between elements */
    FORMAT_JSON,        /* \", \\, \n, \u00HH; invalid bytes as the text \xHH */
    FORMAT_TERMINAL,    /* as TSV; also the control characters from U+0080 to U+009F */
};

#define FORMAT_SCALAR_BYTES      352u /* room for any number, time or address */
#define FORMAT_AHEAD_BYTES       7u
#define FORMAT_STRING_BYTES(len) (6 * (size_t)(len) + 16)

/* Room for v as it stands in a line; also for a quote or comma on either side. */
static inline size_t format_room(const struct value *v)
{
    return v->kind == VALUE_BYTES ? FORMAT_STRING_BYTES(v->bytes.len) + FORMAT_SCALAR_BYTES
                                  : FORMAT_SCALAR_BYTES;
}

char *format_uint(char *p, uint64_t v);

/* Nanoseconds as seconds with six decimals, rounded. */
char *format_time(char *p, uint64_t ns);
char *format_interval(char *p, int64_t ns);

/* Up to six decimals without trailing zeros, but at least ".0"; nan, inf, -inf. */
char *format_double(char *p, double d);

/* bytes of 4 or 16. */
char *format_addr(char *p, struct str bytes);

/* Needs FORMAT_STRING_BYTES(s.len). */
char *format_string(char *p, struct str s, enum format_escape how);

/* The same of a string with FORMAT_AHEAD_BYTES behind it that may be read, too: so the usual one,
 * short and plain, is copied by words without a look at where it ends. */
char *format_string_ahead(char *p, struct str s, enum format_escape how);

/* Is it valid UTF-8 without control characters other than blanks and ends of lines? Its last
 * character may be cut. */
bool format_is_text(struct str s);

/* The interval in a value that record_reader_fits one. */
int64_t format_interval_of(const struct value *v);

/* The n elements of a list at the cursor, with commas between them, before end. `element` writes
 * one, which fits its type and has format_room. NULL if they do not parse, or find no room. */
char *format_list(char *p, const char *end, struct cursor *c, enum field_type list, uint32_t n,
                  char *(*element)(char *p, enum field_type type, const struct value *v));

/* The batch, record by record. `record` appends the record at the cursor: 0 or -EBADMSG. Returns 0;
 * -EBADMSG when a record is broken, bytes are left over, or it does not fit: then b is as before.
 */
int format_batch(struct outbuf *b, const struct spool_batch *batch,
                 int (*record)(struct outbuf *b, struct cursor *c, enum record_type type,
                               void *context),
                 void *context);

#endif
