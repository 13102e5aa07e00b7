/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends of a question's key come in the key's own order, because the answer names one of them by
 * its index: a question in another order is refused, not put right. */
#include "common/ipc/owner.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/body.h"

#include <errno.h>

#define OWNER_VERSION   1u
#define QUESTION_VALUES 8u
#define ANSWER_VALUES   7u

_Static_assert(6 * (PLAINTEXT_TEXT_MAX + 5) + 64 <= OWNER_ANSWER_BYTES, "any answer fits");

/* The head of a message's array and its version. */
static void begin(struct cursor *c, uint32_t values)
{
    if (body_array(c, NULL) != values || body_uint(c, NULL, UINT64_MAX) != OWNER_VERSION)
        c->error = true;
}

static int end(const struct cursor *c)
{
    return cursor_ok(c) && cursor_left(c) == 0 ? 0 : -EBADMSG;
}

size_t owner_question_encode(uint8_t out[OWNER_QUESTION_BYTES], const struct owner_question *q)
{
    uint8_t *p = pack_array(out, QUESTION_VALUES);

    p = pack_uint(pack_uint(p, OWNER_VERSION), q->id);
    p = body_put_key(pack_uint(pack_uint(p, q->start_ns), q->key.proto), &q->key);
    return (size_t)(p - out);
}

int owner_question_decode(const uint8_t *body, size_t len, struct owner_question *out)
{
    struct cursor c = cursor_init(body, len);

    begin(&c, QUESTION_VALUES);
    out->id = body_uint(&c, NULL, UINT64_MAX);
    out->start_ns = body_uint(&c, NULL, UINT64_MAX);
    body_key(&c, (uint8_t)body_uint(&c, NULL, UINT8_MAX), &out->key);
    return end(&c);
}

static uint8_t *put_text(uint8_t *p, struct str s)
{
    return pack_str(p, s.p, s.len < PLAINTEXT_TEXT_MAX ? s.len : PLAINTEXT_TEXT_MAX);
}

size_t owner_answer_encode(uint8_t out[OWNER_ANSWER_BYTES], const struct owner_answer *a)
{
    uint8_t *p = pack_array(out, ANSWER_VALUES);

    CHECK(a->end < 2);
    p = pack_uint(pack_uint(p, OWNER_VERSION), a->id);
    p = pack_uint(pack_bool(p, a->found), a->end);
    p += process_facts_encode(p, OWNER_ANSWER_BYTES - (size_t)(p - out), &a->process);
    p = put_text(put_text(p, a->missed), a->build_id);
    return (size_t)(p - out);
}

int owner_answer_decode(const uint8_t *body, size_t len, struct owner_answer *out)
{
    struct cursor c = cursor_init(body, len);

    begin(&c, ANSWER_VALUES);
    out->id = body_uint(&c, NULL, UINT64_MAX);
    out->found = body_bool(&c, NULL);
    out->end = (unsigned)body_uint(&c, NULL, 1);
    (void)process_facts_decode(&c, &out->process);
    out->missed = body_text(&c, NULL, PLAINTEXT_TEXT_MAX);
    out->build_id = body_text(&c, NULL, PLAINTEXT_TEXT_MAX);
    return end(&c);
}
