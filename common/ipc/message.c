/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies of bus messages. All kinds are small maps whose keys come in one fixed order, so a
 * decoder is a list of expectations in that order (body.h). */
#include "common/ipc/message.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/body.h"
#include "common/ipc/heritage.h"

#include <errno.h>

#define MESSAGE_VERSION 1u
#define BATCH_KEYS      8u
#define SEALED_KEYS     7u
#define BATCH_VALUES    4u
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

size_t message_sealed_encode(uint8_t *out, size_t capacity, uint64_t fields,
                             const struct message_sealed *m)
{
    uint8_t *p = out;

    CHECK(m->node.len < HERITAGE_NODE_MAX && m->n > 0 && m->n <= MESSAGE_SEALED_BATCHES);
    if (capacity < MESSAGE_SEALED_BYTES)
        return 0;
    p = pack_map(p, SEALED_KEYS);
    p = body_put_uint_pair(p, "v", MESSAGE_VERSION);
    p = body_put_text(p, "node");
    p = pack_str(p, m->node.p, m->node.len);
    p = body_put_uint_pair(p, "epoch", m->epoch);
    p = body_put_uint_pair(p, "fields", fields);
    p = body_put_uint_pair(p, "floor", m->floor);
    p = body_put_uint_pair(p, "seq", m->batches[0].seq);
    p = pack_array(body_put_text(p, "batches"), m->n * BATCH_VALUES);
    for (uint32_t i = 0; i < m->n; i++) {
        const struct spool_batch *b = &m->batches[i];

        p = pack_uint(pack_uint(p, b->type), b->count);
        p = pack_uint(pack_uint(p, b->slot), b->bytes);
    }
    CHECK((size_t)(p - out) <= capacity);
    return (size_t)(p - out);
}

/* The last sequence number is left out, so that whoever adds one to any does not come to 0. */
static void sealed_batches(struct cursor *c, struct message_sealed *out)
{
    uint64_t seq = body_uint(c, "seq", UINT64_MAX - MESSAGE_SEALED_BATCHES);
    uint32_t values = body_array(c, "batches");

    /* Sequence numbers begin at 1; 0 would pass for "acknowledged before anything was sent". */
    if (seq == 0 || values == 0 || values % BATCH_VALUES != 0 ||
        values > MESSAGE_SEALED_BATCHES * BATCH_VALUES)
        c->error = true;
    for (uint32_t i = 0; cursor_ok(c) && i < values / BATCH_VALUES; i++) {
        struct spool_batch *b = &out->batches[out->n++];

        *b = (struct spool_batch){.seq = seq + i};
        b->type = (enum record_type)body_uint(c, NULL, INT32_MAX);
        b->count = (uint32_t)body_uint(c, NULL, UINT32_MAX);
        b->slot = (uint32_t)body_uint(c, NULL, UINT32_MAX);
        b->bytes = (size_t)body_uint(c, NULL, SPOOL_SLOT_BYTES);
    }
}

static bool types_are_known(const struct message_sealed *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->batches[i].type >= RECORD_TYPES)
            return false;
    return true;
}

int message_sealed_decode(const uint8_t *body, size_t len, uint64_t fields,
                          struct message_sealed *out)
{
    struct cursor c = cursor_init(body, len);
    bool same_fields;

    out->n = 0;
    out->node = (struct str){NULL, 0};
    body_map(&c, SEALED_KEYS);
    /* Of another version nothing more is known, not even where its keys are. */
    if (body_uint(&c, "v", UINT64_MAX) != MESSAGE_VERSION)
        return cursor_ok(&c) ? -EPROTO : -EBADMSG;
    out->node = expect_node(&c);
    out->epoch = body_uint(&c, "epoch", UINT64_MAX);
    same_fields = body_uint(&c, "fields", UINT64_MAX) == fields;
    out->floor = body_uint(&c, "floor", UINT64_MAX);
    sealed_batches(&c, out);
    if (!cursor_ok(&c) || cursor_left(&c) > 0)
        return -EBADMSG;
    if (!same_fields)
        return -EPROTO;
    return types_are_known(out) ? 0 : -EBADMSG;
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
