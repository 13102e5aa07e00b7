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

/* More than the longest of the short forms takes, which nearly all values have: numbers, truth
 * values, and bytes up to 255. */
#define RECORD_READER_AHEAD_BYTES 264u

/* Whether so much is there. To be asked before each of the next four, which do not ask. */
static inline bool record_reader_ahead(const struct cursor *c)
{
    return cursor_left(c) >= RECORD_READER_AHEAD_BYTES;
}

/* The next value if it is of the kind and in its short form. Else false, and nothing is moved. */
static inline bool record_reader_uint(struct cursor *c, uint64_t *v)
{
    uint8_t tag = *c->p;
    unsigned bytes = 1u << (tag & 3);

    if (tag < 0x80) {
        *v = tag;
        c->p++;
        return true;
    }
    if ((tag & 0xfc) != 0xcc) /* uint 8, 16, 32, 64 */
        return false;
    *v = bytes_be64(c->p + 1) >> (64 - 8 * bytes);
    c->p += 1 + bytes;
    return true;
}

static inline bool record_reader_bool(struct cursor *c, bool *v)
{
    uint8_t tag = *c->p;

    if ((tag & 0xfe) != 0xc2)
        return false;
    *v = tag & 1;
    c->p++;
    return true;
}

static inline bool record_reader_bytes(struct cursor *c, struct str *bytes)
{
    uint8_t tag = *c->p;

    if ((tag & 0xe0) == 0xa0) {
        *bytes = str_make(c->p + 1, tag & 0x1f);
        c->p += 1 + (tag & 0x1f);
        return true;
    }
    if (tag != 0xc4 && tag != 0xd9) /* bin 8, str 8 */
        return false;
    *bytes = str_make(c->p + 2, c->p[1]);
    c->p += 2 + c->p[1];
    return true;
}

/* Steps over the nils that come next, at most eight. Returns how many: of a record most fields are
 * unset, and they come in runs. */
static inline unsigned record_reader_nils(struct cursor *c)
{
    uint64_t others;
    unsigned n;

    if (*c->p != 0xc0)
        return 0;
    others = bytes_be64(c->p) ^ UINT64_C(0xc0c0c0c0c0c0c0c0);
    n = others == 0 ? 8 : (unsigned)__builtin_clzll(others) / 8;
    c->p += n;
    return n;
}

/* Next value, at its best for the forms that nearly all fields have. */
static inline int record_reader_value(struct cursor *c, struct value *out)
{
    struct str bytes;
    uint64_t u;

    if (!record_reader_ahead(c))
        return record_reader_any(c, out);
    if (record_reader_uint(c, &u)) {
        *out = (struct value){.kind = VALUE_UINT, .u = u};
    } else if (*c->p == 0xc0) {
        *out = (struct value){.kind = VALUE_NIL};
        c->p++;
    } else if (record_reader_bytes(c, &bytes)) {
        *out = (struct value){.kind = VALUE_BYTES, .bytes = bytes};
    } else {
        return record_reader_any(c, out);
    }
    return 0;
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
