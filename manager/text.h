/* SPDX-License-Identifier: BSD-3-Clause */
/* A growing text, and JSON written into it. For the manager's reports (status, check, docs), which
 * are rare and small; never in a packet path.
 *
 * JSON: json_key and json_item put the comma where one is due by looking at the last byte, so a
 * writer keeps no state and a document is written in reading order. */
#ifndef SPLIFF_MANAGER_TEXT_H
#define SPLIFF_MANAGER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. `p` is NUL-terminated once something was added. */
struct text {
    char *p;
    size_t len;
    size_t capacity;
};

void text_free(struct text *t);

void text_add(struct text *t, const char *data, size_t n);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* `"key":`, with a comma before it unless it is the first of its object. */
void json_key(struct text *t, const char *key);
/* The comma before the next element of an array, if one is due. */
void json_item(struct text *t);
/* A quoted string; control bytes and bytes that are not UTF-8 are escaped (as U+FFFD), RFC 8259. */
void json_string(struct text *t, const char *s);
void json_bool(struct text *t, bool v);
void json_uint(struct text *t, uint64_t v);

#endif
