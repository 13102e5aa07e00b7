/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks packed records in place: no allocation, every length checked against what is left.
 * For sinks, that turn each field into text, and for tests. */
#ifndef SPLIFF_IPC_RECORD_READER_H
#define SPLIFF_IPC_RECORD_READER_H

#include "common/base/cursor.h"
#include "common/schema/record.h"

enum value_kind {
    VALUE_NIL,
    VALUE_UINT,
    VALUE_INT,
    VALUE_BOOL,
    VALUE_DOUBLE,
    VALUE_BYTES,
    VALUE_ARRAY
};

struct value {
    enum value_kind kind;
    union {
        uint64_t u;
        int64_t i;
        bool b;
        double d;
        struct str bytes; /* str or bin, borrowed */
        uint32_t n;       /* elements that follow */
    };
};

/* Begins a record at the cursor. Returns 0 and its number of fields, or -EBADMSG. */
int record_reader_begin(struct cursor *c, uint32_t *n_fields);

/* Next value. 0, or -EBADMSG (also for MessagePack types that records never hold). */
int record_reader_value(struct cursor *c, struct value *out);

/* Next value if it is of that kind. Else the cursor is in error, and what is returned is zero or
 * empty: so a reader of several values asks once, at the end. */
struct value record_reader_expect(struct cursor *c, enum value_kind kind);

/* Whether v is right for a field of this type (NIL always is). */
bool record_reader_fits(enum field_type type, const struct value *v);

/* What the elements of a SET_ or VECTOR_ field are: they are to fit it, and none of them is NIL. */
enum field_type record_reader_element_type(enum field_type list);

/* Steps over one whole record of `type`, checking each value's kind; elements of lists are never
 * nil. 0 or -EBADMSG. What passed may be walked without asking again. */
int record_reader_check(struct cursor *c, enum record_type type);

#endif
