/* SPDX-License-Identifier: BSD-3-Clause */
/* The walker under this is record_reader's, so there is no tree, no allocation and no depth that a
 * sender could choose. */
#include "common/ipc/body.h"

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

uint8_t *body_put_key(uint8_t *p, const struct flow_key *key)
{
    for (unsigned i = 0; i < 2; i++)
        p = pack_uint(pack_bin8(p, key->addr[i].b, sizeof key->addr[i].b), key->port[i]);
    return p;
}

/* Only the one-byte form: who writes our maps has no reason for a longer one. */
void body_map(struct cursor *c, unsigned keys)
{
    if (cursor_u8(c) != (0x80 | keys))
        c->error = true;
}

static void expect_key(struct cursor *c, const char *key)
{
    if (key && !str_equal(record_reader_expect(c, VALUE_BYTES).bytes, str_of(key)))
        c->error = true;
}

struct str body_text(struct cursor *c, const char *key, size_t max_bytes)
{
    struct str text;

    expect_key(c, key);
    text = record_reader_expect(c, VALUE_BYTES).bytes;
    if (text.len <= max_bytes)
        return text;
    c->error = true;
    return (struct str){NULL, 0};
}

uint64_t body_uint(struct cursor *c, const char *key, uint64_t max)
{
    uint64_t u;

    expect_key(c, key);
    u = record_reader_expect(c, VALUE_UINT).u;
    if (u <= max)
        return u;
    c->error = true;
    return 0;
}

bool body_bool(struct cursor *c, const char *key)
{
    expect_key(c, key);
    return record_reader_expect(c, VALUE_BOOL).b;
}

void body_key(struct cursor *c, uint8_t proto, struct flow_key *out)
{
    struct ipaddr addr[2] = {{{0}}, {{0}}};
    uint16_t port[2];

    for (unsigned i = 0; i < 2; i++) {
        struct str s = body_text(c, NULL, sizeof addr[i].b);

        if (s.len == sizeof addr[i].b)
            memcpy(addr[i].b, s.p, sizeof addr[i].b);
        else
            c->error = true;
        port[i] = (uint16_t)body_uint(c, NULL, UINT16_MAX);
    }
    if (flow_key_set(out, &addr[0], port[0], &addr[1], port[1], proto) != 0)
        c->error = true;
}

uint32_t body_array(struct cursor *c, const char *key)
{
    expect_key(c, key);
    return record_reader_expect(c, VALUE_ARRAY).n;
}
