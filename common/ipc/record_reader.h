/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks packed records in place: no allocation, every length checked against what is left.
 * For sinks, that turn each field into text, and for tests. */
#ifndef SPLIFF_IPC_RECORD_READER_H
#define SPLIFF_IPC_RECORD_READER_H

#include "common/base/cursor.h"
#include "common/base/pack.h"
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

/* Next value, of whatever form. 0, or -EBADMSG (also for MessagePack types that records never
 * hold).
 */
int record_reader_any(struct cursor *c, struct value *out);

/* The same, at its best for the forms that nearly all fields have. */
static inline int record_reader_value(struct cursor *c, struct value *out)
{
    size_t left = cursor_left(c);
    uint8_t tag = left > PACK_SCALAR_BYTES ? *c->p : 0xc1; /* which is no form at all */
    unsigned uint_bytes = 1u << (tag & 3);

    if (tag < 0x80) {
        *out = (struct value){.kind = VALUE_UINT, .u = tag};
        c->p++;
    } else if (tag == 0xc0) {
        out->kind = VALUE_NIL;
        c->p++;
    } else if ((tag & 0xfc) == 0xcc) { /* uint 8, 16, 32, 64 */
        uint64_t v = bytes_be64(c->p + 1) >> (64 - 8 * uint_bytes);

        *out = (struct value){.kind = VALUE_UINT, .u = v};
        c->p += 1 + uint_bytes;
    } else if ((tag & 0xe0) == 0xa0 && left > (tag & 0x1fu)) {
        *out = (struct value){.kind = VALUE_BYTES, .bytes = str_make(c->p + 1, tag & 0x1f)};
        c->p += 1 + (tag & 0x1f);
    } else if ((tag == 0xc4 || tag == 0xd9) && left >= 2 + (size_t)c->p[1]) { /* bin 8, str 8 */
        *out = (struct value){.kind = VALUE_BYTES, .bytes = str_make(c->p + 2, c->p[1])};
        c->p += 2 + (size_t)c->p[1];
    } else if ((tag & 0xfe) == 0xc2) {
        *out = (struct value){.kind = VALUE_BOOL, .b = tag & 1};
        c->p++;
    } else {
        return record_reader_any(c, out);
    }
    return 0;
}

/* Steps over the next value if it is nil. */
static inline bool record_reader_nil(struct cursor *c)
{
    bool nil = cursor_left(c) > 0 && *c->p == 0xc0;

    c->p += nil;
    return nil;
}

/* Next value if it is of that kind. Else the cursor is in error, and what is returned is zero or
 * empty: so a reader of several values asks once, at the end. */
struct value record_reader_expect(struct cursor *c, enum value_kind kind);

/* Whether v is right for a field of this type (NIL always is). */
static inline bool record_reader_fits(enum field_type type, const struct value *v)
{
    if (v->kind == VALUE_NIL)
        return true;
    switch (type) {
    case FIELD_TIME:
    case FIELD_COUNT:
        return v->kind == VALUE_UINT;
    case FIELD_PORT:
        return v->kind == VALUE_UINT && v->u <= UINT16_MAX;
    case FIELD_INTERVAL:
        return v->kind == VALUE_INT || (v->kind == VALUE_UINT && v->u <= INT64_MAX);
    case FIELD_BOOL:
        return v->kind == VALUE_BOOL;
    case FIELD_STRING:
    case FIELD_ENUM:
        return v->kind == VALUE_BYTES;
    case FIELD_ADDR:
        return v->kind == VALUE_BYTES && (v->bytes.len == 4 || v->bytes.len == 16);
    case FIELD_DOUBLE:
        return v->kind == VALUE_DOUBLE;
    case FIELD_SET_STRING:
    case FIELD_SET_ENUM:
    case FIELD_VECTOR_STRING:
    case FIELD_VECTOR_INTERVAL:
    case FIELD_VECTOR_ADDR:
        return v->kind == VALUE_ARRAY;
    }
    return false;
}

/* What the elements of a SET_ or VECTOR_ field are: they are to fit it, and none of them is NIL. */
enum field_type record_reader_element_type(enum field_type list);

/* Steps over one whole record of `type`, checking each value's kind; elements of lists are never
 * nil. 0 or -EBADMSG. What passed may be walked without asking again. */
int record_reader_check(struct cursor *c, enum record_type type);

#endif
