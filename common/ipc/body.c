/* SPDX-License-Identifier: BSD-3-Clause */
/* The walker under this is record_reader's, so there is no tree, no allocation and no depth that a
 * sender could choose. */
#include "common/ipc/body.h"

#include "common/base/pack.h"
#include "common/ipc/record_reader.h"

uint8_t *body_put_text(uint8_t *p, const char *s)
{
    struct str text = str_of(s);

    return pack_str(p, text.p, text.len);
}

uint8_t *body_put_text_pair(uint8_t *p, const char *key, const char *value)
{
    return body_put_text(body_put_text(p, key), value);
}

uint8_t *body_put_uint_pair(uint8_t *p, const char *key, uint64_t value)
{
    return pack_uint(body_put_text(p, key), value);
}

uint8_t *body_put_bool_pair(uint8_t *p, const char *key, bool value)
{
    return pack_bool(body_put_text(p, key), value);
}

/* Only the one-byte form: who writes our maps has no reason for a longer one. */
void body_map(struct cursor *c, unsigned keys)
{
    if (cursor_u8(c) != (0x80 | keys))
        c->error = true;
}

/* The next value if it is of that kind; else the error is set and false returned. */
static bool take(struct cursor *c, enum value_kind kind, struct value *v)
{
    if (cursor_ok(c) && record_reader_value(c, v) == 0 && v->kind == kind)
        return true;
    c->error = true;
    return false;
}

static void expect_key(struct cursor *c, const char *key)
{
    struct value v;

    if (key && (!take(c, VALUE_BYTES, &v) || !str_equal(v.bytes, str_of(key))))
        c->error = true;
}

struct str body_text(struct cursor *c, const char *key, size_t max_bytes)
{
    struct value v;

    expect_key(c, key);
    if (take(c, VALUE_BYTES, &v) && v.bytes.len <= max_bytes)
        return v.bytes;
    c->error = true;
    return (struct str){NULL, 0};
}

uint64_t body_uint(struct cursor *c, const char *key, uint64_t max)
{
    struct value v;

    expect_key(c, key);
    if (take(c, VALUE_UINT, &v) && v.u <= max)
        return v.u;
    c->error = true;
    return 0;
}

bool body_bool(struct cursor *c, const char *key)
{
    struct value v;

    expect_key(c, key);
    return take(c, VALUE_BOOL, &v) && v.b;
}

uint32_t body_array(struct cursor *c, const char *key)
{
    struct value v;

    expect_key(c, key);
    return take(c, VALUE_ARRAY, &v) ? v.n : 0;
}
