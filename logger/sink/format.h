/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as text, by hand: a record has some twenty fields, and printf would cost more than all of
 * the rest of its life. What several sinks share; what a value looks like in its line (unset,
 * empty, quotes) is each sink's own.
 *
 * All of them append to an outbuf and leave it unchanged, but for `overflow`, if there is no room.
 */
#ifndef SPLIFF_LOGGER_FORMAT_H
#define SPLIFF_LOGGER_FORMAT_H

#include "common/base/str.h"
#include "common/ipc/message.h"
#include "common/ipc/record_reader.h"
#include "logger/sink/outbuf.h"

#include <stdint.h>

/* How bytes that a line cannot hold are written. Valid UTF-8 always passes. */
enum format_escape {
    FORMAT_TSV,         /* \\, and \xHH for control and invalid bytes */
    FORMAT_TSV_ELEMENT, /* the same, and \x2c for the comma between elements */
    FORMAT_JSON,        /* \", \\, \n, \u00HH; invalid bytes as the text \xHH */
    FORMAT_TERMINAL,    /* as TSV; also the control characters from U+0080 to U+009F */
};

void format_uint(struct outbuf *b, uint64_t v);

/* Nanoseconds as seconds with six decimals, rounded. */
void format_time(struct outbuf *b, uint64_t ns);
void format_interval(struct outbuf *b, int64_t ns);

/* Up to six decimals without trailing zeros, but at least ".0". */
void format_double(struct outbuf *b, double d);

/* bytes of 4 or 16. */
void format_addr(struct outbuf *b, struct str bytes);

void format_string(struct outbuf *b, struct str s, enum format_escape how);

/* The interval in a value that record_reader_fits one. */
int64_t format_interval_of(const struct value *v);

/* The n elements of a list at the cursor, with commas between them; `element` appends one, which
 * fits its type. 0 or -EBADMSG. */
int format_list(struct outbuf *b, struct cursor *c, enum field_type list, uint32_t n,
                void (*element)(struct outbuf *b, enum field_type type, const struct value *v));

/* The batch, record by record. `record` appends the record at the cursor: 0 or -EBADMSG. Returns 0;
 * -EBADMSG when a record is broken, bytes are left over, or it does not fit: then b is as before.
 */
int format_batch(struct outbuf *b, const struct message_batch *batch,
                 int (*record)(struct outbuf *b, struct cursor *c, enum record_type type,
                               void *context),
                 void *context);

#endif
