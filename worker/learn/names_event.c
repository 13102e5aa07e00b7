/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers are packed as they come, behind room for the head that says how many there are: so that
 * sending is no second walk, and a message has no other bound than its bytes. What arrives from the
 * bus is not believed: lengths are bounded before they are used, and a body that breaks gives only
 * what came before the break. */
#include "worker/learn/names.h"

#include "common/base/pack.h"
#include "common/ipc/record_reader.h"

#define HEAD_BYTES       5u /* array 32: how many there are is known at the end */
#define ANSWER_FIELDS    5u
#define ADDR_BYTES       (2 + 16u) /* bin 8 */
#define ANSWER_BYTES_MAX (1 + 2 * ADDR_BYTES + 5 + NAMES_TEXT_MAX + 2 * PACK_SCALAR_BYTES)

bool names_event_add(struct names_event *e, const struct names_answer *a)
{
    uint8_t *p;

    if (e->n == 0)
        e->len = HEAD_BYTES;
    if (sizeof e->body - e->len < ANSWER_BYTES_MAX)
        return false;
    p = pack_array(e->body + e->len, ANSWER_FIELDS);
    p = pack_bin8(p, a->client.b, sizeof a->client.b);
    p = pack_bin8(p, a->addr.b, sizeof a->addr.b);
    p = pack_str(p, a->name.p, a->name.len);
    p = pack_uint(p, a->ttl_s);
    p = pack_uint(p, a->ts_ns);
    e->len = (size_t)(p - e->body);
    e->n++;
    return true;
}

const uint8_t *names_event_take(struct names_event *e, size_t *len)
{
    if (e->n == 0)
        return NULL;
    (void)pack_head32(e->body, 0xdd, e->n);
    *len = e->len;
    e->n = 0;
    return e->body;
}

static void read_addr(struct cursor *c, struct ipaddr *out)
{
    struct value v = record_reader_expect(c, VALUE_BYTES);

    if (v.bytes.len == sizeof out->b)
        memcpy(out->b, v.bytes.p, sizeof out->b);
    else
        c->error = true;
}

static bool read_answer(struct cursor *c, struct names_answer *a)
{
    uint64_t ttl_s;

    if (record_reader_expect(c, VALUE_ARRAY).n != ANSWER_FIELDS)
        return false;
    read_addr(c, &a->client);
    read_addr(c, &a->addr);
    a->name = record_reader_expect(c, VALUE_BYTES).bytes;
    ttl_s = record_reader_expect(c, VALUE_UINT).u;
    a->ttl_s = (uint32_t)ttl_s;
    a->ts_ns = record_reader_expect(c, VALUE_UINT).u;
    return cursor_ok(c) && a->name.len <= NAMES_TEXT_MAX && ttl_s <= UINT32_MAX &&
           a->ts_ns <= INT64_MAX;
}

bool names_event_read(const uint8_t *body, size_t len,
                      void (*take)(void *arg, const struct names_answer *a), void *arg)
{
    struct cursor c = cursor_init(body, len);
    uint32_t n = record_reader_expect(&c, VALUE_ARRAY).n;
    struct names_answer a;

    for (uint32_t i = 0; i < n; i++) {
        if (!read_answer(&c, &a))
            return false;
        take(arg, &a);
    }
    return cursor_ok(&c) && cursor_left(&c) == 0;
}
