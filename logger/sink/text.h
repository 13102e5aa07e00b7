/* SPDX-License-Identifier: BSD-3-Clause */
/* What the lines of the text sink and its exchanges share. Private to text.c and text_exchange.c.
 */
#ifndef SPLIFF_LOGGER_TEXT_H
#define SPLIFF_LOGGER_TEXT_H

#include "logger/sink/format.h"

#define TEXT_FIELDS_MAX 64u

#define TEXT_DIM    "\033[2m"
#define TEXT_PATH   "\033[36m"
#define TEXT_GOOD   "\033[32m"
#define TEXT_BAD    "\033[31m"
#define TEXT_STRONG "\033[1m"
#define TEXT_END    "\033[0m"

/* A record taken apart in one pass, since its fields come in the order of the table and are shown
 * in another, so that its fields can be shown in any order. */
struct text_record {
    const struct record_schema *schema;
    bool color;
    struct value values[TEXT_FIELDS_MAX];
    struct cursor elements[TEXT_FIELDS_MAX]; /* of lists: where they begin */
};

static inline bool text_has(const struct text_record *r, unsigned field)
{
    return r->values[field].kind != VALUE_NIL;
}

/* What switches the terminal, if it has colours. */
void text_put_color(struct outbuf *b, const struct text_record *r, const char *color);

/* One field, a long string cut; nothing if it is unset. The same between two texts. */
void text_put(struct outbuf *b, struct text_record *r, unsigned field);
void text_put_between(struct outbuf *b, struct text_record *r, const char *before, unsigned field,
                      const char *after);

/* The time of the record, local, of day. */
void text_put_clock(struct outbuf *b, const struct text_record *r);

/* The colour of a status of HTTP. */
const char *text_status_color(const struct value *status);

/* A record of type exchange, whole, over several lines (text_exchange.c). */
void text_put_exchange(struct outbuf *b, struct text_record *r);

#endif
