/* SPDX-License-Identifier: BSD-3-Clause */
/* The subset of MessagePack that records are made of: nil, bool, numbers, bytes and flat arrays.
 * Maps, extensions and nesting are refused rather than skipped, so a reader has no depth that a
 * sender could choose and needs no stack.
 *
 * Lengths come from the wire and are believed only after the cursor has found the bytes. */
#include "common/ipc/record_reader.h"

#include <errno.h>

/* str and bin alike: text here is bytes as seen on the wire, UTF-8 or not. */
static void value_bytes(struct cursor *c, struct value *out, size_t n)
{
    out->kind = VALUE_BYTES;
    out->bytes = str_make(cursor_bytes(c, n), n);
}

static void value_uint(struct value *out, uint64_t v)
{
    out->kind = VALUE_UINT;
    out->u = v;
}

/* Elements take a byte each at least, so a count beyond what is left is a lie that would make a
 * caller loop for long. */
static void value_array(struct cursor *c, struct value *out, uint32_t n)
{
    out->kind = VALUE_ARRAY;
    out->n = n;
    if (n > cursor_left(c))
        c->error = true;
}

/* A number that is not negative is VALUE_UINT, however it was written. */
static void value_int(struct value *out, int64_t v)
{
    if (v >= 0) {
        value_uint(out, (uint64_t)v);
        return;
    }
    out->kind = VALUE_INT;
    out->i = v;
}

static void value_double(struct cursor *c, struct value *out)
{
    uint64_t bits = cursor_be64(c);

    out->kind = VALUE_DOUBLE;
    memcpy(&out->d, &bits, sizeof out->d);
}

/* The forms with a tag byte of their own, 0xc0 to 0xdf. */
static void value_tagged(struct cursor *c, struct value *out, uint8_t tag)
{
    switch (tag) {
    case 0xc0:
        out->kind = VALUE_NIL;
        break;
    case 0xc2:
    case 0xc3:
        out->kind = VALUE_BOOL;
        out->b = tag == 0xc3;
        break;
    case 0xc4: /* bin 8, 16, 32 and str 8, 16, 32 */
    case 0xd9:
        value_bytes(c, out, cursor_u8(c));
        break;
    case 0xc5:
    case 0xda:
        value_bytes(c, out, cursor_be16(c));
        break;
    case 0xc6:
    case 0xdb:
        value_bytes(c, out, cursor_be32(c));
        break;
    case 0xcb:
        value_double(c, out);
        break;
    case 0xcc: /* uint 8, 16, 32, 64 */
        value_uint(out, cursor_u8(c));
        break;
    case 0xcd:
        value_uint(out, cursor_be16(c));
        break;
    case 0xce:
        value_uint(out, cursor_be32(c));
        break;
    case 0xcf:
        value_uint(out, cursor_be64(c));
        break;
    case 0xd0: /* int 8, 16, 32, 64 */
        value_int(out, (int8_t)cursor_u8(c));
        break;
    case 0xd1:
        value_int(out, (int16_t)cursor_be16(c));
        break;
    case 0xd2:
        value_int(out, (int32_t)cursor_be32(c));
        break;
    case 0xd3:
        value_int(out, (int64_t)cursor_be64(c));
        break;
    case 0xdc: /* array 16, 32 */
        value_array(c, out, cursor_be16(c));
        break;
    case 0xdd:
        value_array(c, out, cursor_be32(c));
        break;
    default: /* float 32, ext and map: records never hold them */
        c->error = true;
    }
}

int record_reader_any(struct cursor *c, struct value *out)
{
    uint8_t tag = cursor_u8(c);

    if (tag < 0x80)
        value_uint(out, tag);
    else if (tag >= 0xe0)
        value_int(out, (int8_t)tag);
    else if (tag >= 0xc0)
        value_tagged(c, out, tag);
    else if (tag >= 0xa0)
        value_bytes(c, out, tag & 0x1f);
    else if (tag >= 0x90)
        value_array(c, out, tag & 0x0f);
    else
        c->error = true; /* map */
    return cursor_ok(c) ? 0 : -EBADMSG;
}

struct value record_reader_expect(struct cursor *c, enum value_kind kind)
{
    struct value v;

    if (record_reader_value(c, &v) == 0 && v.kind == kind)
        return v;
    c->error = true;
    return (struct value){.kind = kind, .bytes = {NULL, 0}};
}

int record_reader_begin(struct cursor *c, uint32_t *n_fields)
{
    struct value v;

    if (record_reader_value(c, &v) < 0 || v.kind != VALUE_ARRAY)
        return -EBADMSG;
    *n_fields = v.n;
    return 0;
}

/* A list does not say on the wire what it holds; its field's type does. */
enum field_type record_reader_element_type(enum field_type list)
{
    if (list == FIELD_VECTOR_INTERVAL)
        return FIELD_INTERVAL;
    return list == FIELD_VECTOR_ADDR ? FIELD_ADDR : FIELD_STRING;
}

/* Elements have no way to be unset, so a nil among them is no record of ours. */
static int check_elements(struct cursor *c, enum field_type list, uint32_t n)
{
    enum field_type type = record_reader_element_type(list);
    struct value v;

    for (uint32_t i = 0; i < n; i++)
        if (record_reader_value(c, &v) < 0 || v.kind == VALUE_NIL || !record_reader_fits(type, &v))
            return -EBADMSG;
    return 0;
}

int record_reader_check(struct cursor *c, enum record_type type)
{
    const struct record_schema *schema = &record_schemas[type];
    struct value v;
    uint32_t n;

    if (record_reader_begin(c, &n) < 0 || n != schema->n_fields)
        return -EBADMSG;
    for (uint32_t i = 0; i < n; i++) {
        enum field_type t = schema->fields[i].type;

        if (record_reader_value(c, &v) < 0 || !record_reader_fits(t, &v))
            return -EBADMSG;
        if (v.kind == VALUE_ARRAY && check_elements(c, t, v.n) < 0)
            return -EBADMSG;
    }
    return 0;
}
