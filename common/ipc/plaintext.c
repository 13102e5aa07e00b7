/* SPDX-License-Identifier: BSD-3-Clause */
/* Items are written one after the other into a message whose head has room for any number, so that
 * the sender batches without knowing how many there will be. The bytes of an item are copied once
 * when they are written, and not at all when they are read.
 *
 * Facts are told by name, in one fixed order: a session is opened once, and what is written seldom
 * may be easy to read. Offsets and times stay below 2^63, so that a reader may add to them. */
#include "common/ipc/plaintext.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/body.h"

#include <errno.h>

#define HEAD_BYTES    5u  /* array 32 */
#define ITEM_BYTES    64u /* enough for an item without its bytes, text or facts */
#define TEXT_BYTES    (5u + PLAINTEXT_TEXT_MAX)
#define FACTS         11u
#define FACT_TEXTS    5u
#define PROCESS_FACTS 5u
#define PROCESS_BYTES (PACK_SCALAR_BYTES + 1u + 4u * TEXT_BYTES)
#define OPEN_BYTES    (ITEM_BYTES + 256u + FACT_TEXTS * TEXT_BYTES + PROCESS_BYTES)

/* Values of an item, with its type. */
#define OPEN_VALUES  4u
#define DATA_VALUES  7u
#define ALPN_VALUES  4u
#define CLOSE_VALUES 5u

_Static_assert(ITEM_BYTES >= 1 + 2 + 4 * PACK_SCALAR_BYTES + 3 && PLAINTEXT_DATA_BYTES_MAX <= 65535,
               "an item's head fits, its bytes are bin 16");

static struct str text_cut(struct str s)
{
    return str_make(s.p, s.len < PLAINTEXT_TEXT_MAX ? s.len : PLAINTEXT_TEXT_MAX);
}

static uint8_t *put_text(uint8_t *p, struct str s)
{
    s = text_cut(s);
    return pack_str(p, s.p, s.len);
}

static uint8_t *put_fact(uint8_t *p, const char *key, struct str s)
{
    return put_text(body_put_text(p, key), s);
}

static uint8_t *put_process(uint8_t *p, const struct process_facts *f)
{
    p = pack_uint(pack_array(p, PROCESS_FACTS), f->pid);
    p = put_text(put_text(p, f->name), f->exe);
    return put_text(put_text(p, f->container), f->cgroup);
}

static uint8_t *put_session(uint8_t *p, const struct plaintext_session *s)
{
    p = pack_map(p, FACTS);
    p = pack_bin8(body_put_text(p, "local"), s->local.b, sizeof s->local.b);
    p = body_put_uint_pair(p, "local_port", s->local_port);
    p = pack_bin8(body_put_text(p, "remote"), s->remote.b, sizeof s->remote.b);
    p = body_put_uint_pair(p, "remote_port", s->remote_port);
    p = body_put_uint_pair(p, "foreign", s->foreign);
    p = put_fact(p, "library", s->library);
    p = put_fact(p, "path", s->path);
    p = put_fact(p, "build_id", s->build_id);
    p = put_fact(p, "method", s->method);
    p = put_fact(p, "hook", s->hook);
    return put_process(body_put_text(p, "process"), &s->process);
}

/* What an item may take at most. */
static size_t item_bytes_max(const struct plaintext_item *item)
{
    switch (item->type) {
    case PLAINTEXT_OPEN:
        return OPEN_BYTES;
    case PLAINTEXT_DATA:
        CHECK(item->data.bytes.len <= PLAINTEXT_DATA_BYTES_MAX);
        return ITEM_BYTES + item->data.bytes.len;
    case PLAINTEXT_ALPN:
        return ITEM_BYTES + TEXT_BYTES;
    case PLAINTEXT_CLOSE:
        break;
    }
    return ITEM_BYTES;
}

static uint8_t *put_head(uint8_t *p, unsigned values, const struct plaintext_item *item)
{
    p = pack_uint(pack_array(p, values), item->type);
    return pack_uint(pack_uint(p, item->session), item->ts_ns);
}

static uint8_t *put_item(uint8_t *p, const struct plaintext_item *item)
{
    switch (item->type) {
    case PLAINTEXT_OPEN:
        return put_session(put_head(p, OPEN_VALUES, item), &item->open);
    case PLAINTEXT_DATA:
        p = pack_bool(put_head(p, DATA_VALUES, item), item->data.write);
        p = pack_uint(pack_uint(p, item->data.offset), item->data.entry_ns);
        p = pack_head16(p, 0xc5, item->data.bytes.len);
        return pack_copy(p, item->data.bytes.p, item->data.bytes.len);
    case PLAINTEXT_ALPN:
        return put_text(put_head(p, ALPN_VALUES, item), item->alpn);
    case PLAINTEXT_CLOSE:
        p = put_head(p, CLOSE_VALUES, item);
        return pack_uint(pack_uint(p, item->close.offset[0]), item->close.offset[1]);
    }
    CHECK(false);
}

bool plaintext_encode(uint8_t *out, size_t capacity, size_t *len, const struct plaintext_item *item)
{
    size_t at = *len > 0 ? *len : HEAD_BYTES;
    uint32_t n = *len > 0 ? bytes_be32(out + 1) : 0;

    if (at + item_bytes_max(item) > capacity)
        return false;
    pack_head32(out, 0xdd, n + 1);
    *len = (size_t)(put_item(out + at, item) - out);
    return true;
}

static struct str take_text(struct cursor *c, const char *key)
{
    return body_text(c, key, PLAINTEXT_TEXT_MAX);
}

static void take_address(struct cursor *c, const char *key, struct ipaddr *out)
{
    struct str s = body_text(c, key, sizeof out->b);

    if (s.len == sizeof out->b)
        memcpy(out->b, s.p, sizeof out->b);
    else
        c->error = true;
}

static void take_process(struct cursor *c, const char *key, struct process_facts *out)
{
    if (body_array(c, key) != PROCESS_FACTS)
        c->error = true;
    out->pid = (uint32_t)body_uint(c, NULL, UINT32_MAX);
    out->name = take_text(c, NULL);
    out->exe = take_text(c, NULL);
    out->container = take_text(c, NULL);
    out->cgroup = take_text(c, NULL);
}

static void take_session(struct cursor *c, struct plaintext_session *out)
{
    body_map(c, FACTS);
    take_address(c, "local", &out->local);
    out->local_port = (uint16_t)body_uint(c, "local_port", UINT16_MAX);
    take_address(c, "remote", &out->remote);
    out->remote_port = (uint16_t)body_uint(c, "remote_port", UINT16_MAX);
    out->foreign = (uint32_t)body_uint(c, "foreign", UINT32_MAX);
    out->library = take_text(c, "library");
    out->path = take_text(c, "path");
    out->build_id = take_text(c, "build_id");
    out->method = take_text(c, "method");
    out->hook = take_text(c, "hook");
    take_process(c, "process", &out->process);
}

/* What follows type, session and time. values: what the array's head has promised. */
static void take_rest(struct cursor *c, uint32_t values, struct plaintext_item *item)
{
    uint32_t expected = 0;

    switch (item->type) {
    case PLAINTEXT_OPEN:
        expected = OPEN_VALUES;
        take_session(c, &item->open);
        break;
    case PLAINTEXT_DATA:
        expected = DATA_VALUES;
        item->data.write = body_bool(c, NULL);
        item->data.offset = body_uint(c, NULL, INT64_MAX);
        item->data.entry_ns = body_uint(c, NULL, INT64_MAX);
        item->data.bytes = body_text(c, NULL, PLAINTEXT_DATA_BYTES_MAX);
        break;
    case PLAINTEXT_ALPN:
        expected = ALPN_VALUES;
        item->alpn = take_text(c, NULL);
        break;
    case PLAINTEXT_CLOSE:
        expected = CLOSE_VALUES;
        item->close.offset[0] = body_uint(c, NULL, INT64_MAX);
        item->close.offset[1] = body_uint(c, NULL, INT64_MAX);
        break;
    }
    if (expected == 0 || values != expected)
        c->error = true;
}

int plaintext_reader_init(struct plaintext_reader *r, const uint8_t *body, size_t len)
{
    r->c = cursor_init(body, len);
    r->left = body_array(&r->c, NULL);
    return cursor_ok(&r->c) ? 0 : -EBADMSG;
}

int plaintext_read(struct plaintext_reader *r, struct plaintext_item *item)
{
    struct cursor *c = &r->c;
    uint32_t values;

    if (r->left == 0)
        return cursor_ok(c) && cursor_left(c) == 0 ? 0 : -EBADMSG;
    memset(item, 0, sizeof *item);
    values = body_array(c, NULL);
    item->type = (enum plaintext_type)body_uint(c, NULL, PLAINTEXT_CLOSE);
    item->session = body_uint(c, NULL, UINT64_MAX);
    item->ts_ns = body_uint(c, NULL, INT64_MAX);
    take_rest(c, values, item);
    if (!cursor_ok(c))
        return -EBADMSG;
    r->left--;
    return 1;
}

size_t process_facts_encode(uint8_t *out, size_t capacity, const struct process_facts *p)
{
    CHECK(capacity >= PROCESS_BYTES);
    return (size_t)(put_process(out, p) - out);
}

int process_facts_decode(struct cursor *c, struct process_facts *out)
{
    take_process(c, NULL, out);
    return cursor_ok(c) ? 0 : -EBADMSG;
}
