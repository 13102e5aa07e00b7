/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of bus messages. Both kinds are small maps whose keys come in one fixed order, so a
 * decoder is a list of expectations in that order (body.h). */
#include "common/ipc/message.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/body.h"
#include "common/ipc/heritage.h"

#include <errno.h>

#define MESSAGE_VERSION 1u
#define BATCH_KEYS      8u
#define ACK_KEYS        4u

/* Room was made sure of before: the texts are our own names, whose sum the caller's bound covers,
 * and the CHECK at the end would tell if a table ever outgrew it. */
size_t message_batch_head(uint8_t *out, size_t capacity, const char *node, uint64_t epoch,
                          uint64_t floor, const struct spool_batch *b)
{
    const struct record_schema *schema = &record_schemas[b->type];
    uint8_t *p = out;

    CHECK(strlen(node) < HERITAGE_NODE_MAX);
    if (capacity < 512 + 32 * (size_t)schema->n_fields)
        return 0;
    p = pack_map(p, BATCH_KEYS);
    p = body_put_uint_pair(p, "v", MESSAGE_VERSION);
    p = body_put_text_pair(p, "node", node);
    p = body_put_uint_pair(p, "epoch", epoch);
    p = body_put_uint_pair(p, "seq", b->seq);
    p = body_put_uint_pair(p, "floor", floor);
    p = body_put_text_pair(p, "path", schema->path);
    p = pack_array(body_put_text(p, "fields"), schema->n_fields);
    for (unsigned i = 0; i < schema->n_fields; i++)
        p = body_put_text(p, schema->fields[i].name);
    p = pack_array(body_put_text(p, "records"), b->count);
    CHECK((size_t)(p - out) <= capacity);
    return (size_t)(p - out);
}

/* Receivers keep state by node in fields of HERITAGE_NODE_MAX, so a longer name stops here. */
static struct str expect_node(struct cursor *c)
{
    struct str node = body_text(c, "node", HERITAGE_NODE_MAX - 1);

    if (node.len == 0)
        c->error = true;
    return node;
}

/* Reads all names, so that what follows can be read even if they are not ours. */
static bool expect_fields(struct cursor *c, enum record_type type)
{
    const struct record_schema *schema = type < RECORD_TYPES ? &record_schemas[type] : NULL;
    uint32_t n = body_array(c, "fields");
    bool same = schema && n == schema->n_fields;

    for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
        struct str name = body_text(c, NULL, SIZE_MAX);
        same = same && str_equal(name, str_of(schema->fields[i].name));
    }
    return same;
}

int message_batch_decode(const uint8_t *body, size_t len, struct message_batch *out)
{
    struct cursor c = cursor_init(body, len);
    bool same_fields;

    body_map(&c, BATCH_KEYS);
    /* Of another version nothing more is known, not even where its keys are. */
    if (body_uint(&c, "v", UINT64_MAX) != MESSAGE_VERSION)
        return cursor_ok(&c) ? -EPROTO : -EBADMSG;
    out->node = expect_node(&c);
    out->epoch = body_uint(&c, "epoch", UINT64_MAX);
    out->seq = body_uint(&c, "seq", UINT64_MAX);
    out->floor = body_uint(&c, "floor", UINT64_MAX);
    out->type = record_type_of_path(body_text(&c, "path", SIZE_MAX));
    same_fields = expect_fields(&c, out->type);
    out->count = body_array(&c, "records");
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
    p = body_put_text(p, "node");
    p = pack_str(p, a->node.p, a->node.len);
    p = body_put_uint_pair(p, "epoch", a->epoch);
    p = body_put_uint_pair(p, "seq", a->seq);
    p = body_put_bool_pair(p, "resend", a->resend);
    CHECK((size_t)(p - out) <= capacity);
    return (size_t)(p - out);
}

int message_ack_decode(const uint8_t *body, size_t len, struct message_ack *out)
{
    struct cursor c = cursor_init(body, len);

    body_map(&c, ACK_KEYS);
    out->node = expect_node(&c);
    out->epoch = body_uint(&c, "epoch", UINT64_MAX);
    out->seq = body_uint(&c, "seq", UINT64_MAX);
    out->resend = body_bool(&c, "resend");
    return cursor_ok(&c) && cursor_left(&c) == 0 ? 0 : -EBADMSG;
}
