/* SPDX-License-Identifier: BSD-3-Clause */
/* One event carries questions, answers, or both; the two lists are flat, because readers of records
 * know no nesting. What comes from the bus is not believed: lengths are bounded before they are
 * used, and an event that breaks gives only what came before the break. */
#include "worker/learn/connections.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/record_reader.h"

#define LISTS         2u
#define ANSWER_FIELDS 4u

_Static_assert(CONNECTIONS_EVENT_MAX *(2 + CONNECTIONS_ASK_BYTES) +
                       CONNECTIONS_EVENT_MAX * (2 + CONNECTIONS_ASK_BYTES + 5 +
                                                CONNECTIONS_UID_MAX + 2 * PACK_SCALAR_BYTES) +
                       3 * 5 <=
                   CONNECTIONS_EVENT_BYTES,
               "any event fits");

size_t connections_event_write(uint8_t out[CONNECTIONS_EVENT_BYTES],
                               const uint8_t (*asked)[CONNECTIONS_ASK_BYTES], unsigned n_asked,
                               const struct connections_answer *told, unsigned n_told)
{
    uint8_t *p = pack_array(out, LISTS);

    CHECK(n_asked <= CONNECTIONS_EVENT_MAX && n_told <= CONNECTIONS_EVENT_MAX);
    p = pack_array(p, n_asked);
    for (unsigned i = 0; i < n_asked; i++)
        p = pack_bin8(p, asked[i], CONNECTIONS_ASK_BYTES);
    p = pack_array(p, (size_t)n_told * ANSWER_FIELDS);
    for (unsigned i = 0; i < n_told; i++) {
        CHECK(told[i].cid.len <= CONNECTIONS_ASK_BYTES && told[i].uid.len <= CONNECTIONS_UID_MAX);
        p = pack_bin8(p, told[i].cid.p, told[i].cid.len);
        p = pack_str(p, told[i].uid.p, told[i].uid.len);
        p = pack_uint(p, told[i].side);
        p = pack_uint(p, told[i].category);
    }
    return (size_t)(p - out);
}

static struct str next_bytes(struct cursor *c, size_t min, size_t max)
{
    struct str s = record_reader_expect(c, VALUE_BYTES).bytes;

    if (s.len < min || s.len > max)
        c->error = true;
    return s;
}

static uint32_t next_list(struct cursor *c, uint32_t fields)
{
    uint32_t n = record_reader_expect(c, VALUE_ARRAY).n;

    if (n % fields != 0 || n / fields > CONNECTIONS_EVENT_MAX)
        c->error = true;
    return cursor_ok(c) ? n / fields : 0;
}

bool connections_event_read(const uint8_t *body, size_t len,
                            const struct connections_event_takers *t)
{
    struct cursor c = cursor_init(body, len);
    uint32_t n;

    if (record_reader_expect(&c, VALUE_ARRAY).n != LISTS)
        return false;
    n = next_list(&c, 1);
    for (uint32_t i = 0; i < n; i++) {
        struct str asked = next_bytes(&c, CONNECTIONS_ASK_BYTES, CONNECTIONS_ASK_BYTES);

        if (cursor_ok(&c))
            t->asked(t->arg, (const uint8_t *)asked.p);
    }
    n = next_list(&c, ANSWER_FIELDS);
    for (uint32_t i = 0; i < n; i++) {
        struct connections_answer a;
        uint64_t side, category;

        a.cid = next_bytes(&c, 1, CONNECTIONS_ASK_BYTES);
        a.uid = next_bytes(&c, 1, CONNECTIONS_UID_MAX);
        side = record_reader_expect(&c, VALUE_UINT).u;
        category = record_reader_expect(&c, VALUE_UINT).u;
        if (!cursor_ok(&c) || side > 1 || category >= CATEGORIES)
            return false;
        a.side = (unsigned)side;
        a.category = (enum category)category;
        t->told(t->arg, &a);
    }
    return cursor_ok(&c) && cursor_left(&c) == 0;
}
