/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of bus messages. Both kinds are small maps whose keys come in one fixed order, so a
 * decoder is a list of expectations in that order; the walker under it is record_reader's, and
 * there is no tree, no allocation and no depth that a sender could choose. */
#include "common/ipc/message.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/heritage.h"
#include "common/ipc/record_reader.h"

#include <errno.h>

#define MESSAGE_VERSION 1u
#define BATCH_KEYS      8u
#define ACK_KEYS        4u

/* The writers. Room was made sure of before: their texts are our own names, whose sum the caller's
 * bound covers, and the CHECK at the end would tell if a table ever outgrew it. */

static uint8_t *pack_text(uint8_t *p, const char *s)
{
    struct str text = str_of(s);

    return pack_str(p, text.p, text.len);
}

static uint8_t *pack_text_pair(uint8_t *p, const char *key, const char *value)
{
    return pack_text(pack_text(p, key), value);
}

static uint8_t *pack_uint_pair(uint8_t *p, const char *key, uint64_t value)
{
    return pack_uint(pack_text(p, key), value);
}

size_t message_batch_head(uint8_t *out, size_t capacity, const char *node, uint64_t epoch,
                          uint64_t floor, const struct spool_batch *b)
{
    const struct record_schema *schema = &record_schemas[b->type];
    uint8_t *p = out;

    CHECK(strlen(node) < HERITAGE_NODE_MAX);
    if (capacity < 512 + 32 * (size_t)schema->n_fields)
        return 0;
    p = pack_map(p, BATCH_KEYS);
    p = pack_uint_pair(p, "v", MESSAGE_VERSION);
    p = pack_text_pair(p, "node", node);
    p = pack_uint_pair(p, "epoch", epoch);
    p = pack_uint_pair(p, "seq", b->seq);
    p = pack_uint_pair(p, "floor", floor);
    p = pack_text_pair(p, "path", schema->path);
    p = pack_array(pack_text(p, "fields"), schema->n_fields);
    for (unsigned i = 0; i < schema->n_fields; i++)
        p = pack_text(p, schema->fields[i].name);
    p = pack_array(pack_text(p, "records"), b->count);
    CHECK((size_t)(p - out) <= capacity);
    return (size_t)(p - out);
}

/* The expectations. Each fails by the cursor's sticky error, asked once at the end. */

/* Only the one-byte form: who writes our maps has no reason for a longer one. */
static void expect_map(struct cursor *c, unsigned keys)
{
    if (cursor_u8(c) != (0x80 | keys))
        c->error = true;
}

static struct str expect_text(struct cursor *c, size_t max)
{
    struct value v;

    if (record_reader_value(c, &v) < 0 || v.kind != VALUE_BYTES || v.bytes.len > max) {
        c->error = true;
        return (struct str){NULL, 0};
    }
    return v.bytes;
}

static void expect_key(struct cursor *c, const char *key)
{
    if (!str_equal(expect_text(c, SIZE_MAX), str_of(key)))
        c->error = true;
}

static uint64_t expect_uint(struct cursor *c, const char *key)
{
    struct value v;

    expect_key(c, key);
    if (record_reader_value(c, &v) == 0 && v.kind == VALUE_UINT)
        return v.u;
    c->error = true;
    return 0;
}

static bool expect_bool(struct cursor *c, const char *key)
{
    struct value v;

    expect_key(c, key);
    if (record_reader_value(c, &v) == 0 && v.kind == VALUE_BOOL)
        return v.b;
    c->error = true;
    return false;
}

/* Receivers keep state by node in fields of HERITAGE_NODE_MAX, so a longer name stops here. */
static struct str expect_node(struct cursor *c)
{
    struct str node;

    expect_key(c, "node");
    node = expect_text(c, HERITAGE_NODE_MAX - 1);
    if (node.len == 0)
        c->error = true;
    return node;
}

/* 0 after an error, so that a caller's loop over it ends at once. */
static uint32_t expect_array(struct cursor *c, const char *key)
{
    uint32_t n = 0;

    expect_key(c, key);
    if (record_reader_begin(c, &n) < 0)
        c->error = true;
    return cursor_ok(c) ? n : 0;
}

/* Reads all names, so that what follows can be read even if they are not ours. */
static bool expect_fields(struct cursor *c, enum record_type type)
{
    const struct record_schema *schema = type < RECORD_TYPES ? &record_schemas[type] : NULL;
    uint32_t n = expect_array(c, "fields");
    bool same = schema && n == schema->n_fields;

    for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
        struct str name = expect_text(c, SIZE_MAX);
        same = same && str_equal(name, str_of(schema->fields[i].name));
    }
    return same;
}

int message_batch_decode(const uint8_t *body, size_t len, struct message_batch *out)
{
    struct cursor c = cursor_init(body, len);
    bool same_fields;

    expect_map(&c, BATCH_KEYS);
    /* Of another version nothing more is known, not even where its keys are. */
    if (expect_uint(&c, "v") != MESSAGE_VERSION)
        return cursor_ok(&c) ? -EPROTO : -EBADMSG;
    out->node = expect_node(&c);
    out->epoch = expect_uint(&c, "epoch");
    out->seq = expect_uint(&c, "seq");
    out->floor = expect_uint(&c, "floor");
    expect_key(&c, "path");
    out->type = record_type_of_path(expect_text(&c, SIZE_MAX));
    same_fields = expect_fields(&c, out->type);
    out->count = expect_array(&c, "records");
    out->records = c.p;
    out->bytes = cursor_left(&c);
    /* Sequence numbers begin at 1; 0 would pass for "acknowledged before anything was sent". */
    if (!cursor_ok(&c) || out->seq == 0)
        return -EBADMSG;
    if (out->type == RECORD_TYPES)
        return -ENOENT;
    return same_fields ? 0 : -EPROTO;
}

size_t message_ack_encode(uint8_t *out, size_t capacity, const struct message_ack *a)
{
    uint8_t *p = out;

    CHECK(a->node.len < HERITAGE_NODE_MAX);
    if (capacity < MESSAGE_ACK_BYTES)
        return 0;
    p = pack_map(p, ACK_KEYS);
    p = pack_text(p, "node");
    p = pack_str(p, a->node.p, a->node.len);
    p = pack_uint_pair(p, "epoch", a->epoch);
    p = pack_uint_pair(p, "seq", a->seq);
    p = pack_bool(pack_text(p, "resend"), a->resend);
    CHECK((size_t)(p - out) <= capacity);
    return (size_t)(p - out);
}

int message_ack_decode(const uint8_t *body, size_t len, struct message_ack *out)
{
    struct cursor c = cursor_init(body, len);

    expect_map(&c, ACK_KEYS);
    out->node = expect_node(&c);
    out->epoch = expect_uint(&c, "epoch");
    out->seq = expect_uint(&c, "seq");
    out->resend = expect_bool(&c, "resend");
    return cursor_ok(&c) && cursor_left(&c) == 0 ? 0 : -EBADMSG;
}
