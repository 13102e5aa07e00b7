/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile plaintext messages, questions and answers: what decodes lies inside the input and can be
 * said again. */
#include "common/base/check.h"
#include "common/ipc/owner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads what a text points to, so that a wrong one is seen. */
static void touch(struct str s)
{
    unsigned ones = 0;

    for (uint32_t i = 0; i < s.len; i++)
        ones += s.p[i] & 1;
    CHECK(ones <= s.len);
}

static void touch_process(const struct process_facts *p)
{
    touch(p->name);
    touch(p->exe);
    touch(p->container);
    touch(p->cgroup);
}

static void check_item(const struct plaintext_item *item)
{
    static uint8_t body[PLAINTEXT_MESSAGE_BYTES_MAX];
    struct plaintext_reader r;
    struct plaintext_item again;
    size_t n = 0;

    if (item->type == PLAINTEXT_OPEN) {
        touch(item->open.hook);
        touch_process(&item->open.process);
    } else if (item->type == PLAINTEXT_DATA) {
        touch(item->data.bytes);
    } else if (item->type == PLAINTEXT_ALPN) {
        touch(item->alpn);
    }
    CHECK(plaintext_encode(body, sizeof body, &n, item));
    CHECK(plaintext_reader_init(&r, body, n) == 0 && plaintext_read(&r, &again) == 1);
    CHECK(again.type == item->type && again.session == item->session && again.ts_ns == item->ts_ns);
    CHECK(plaintext_read(&r, &again) == 0);
}

static void fuzz_message(const uint8_t *data, size_t size)
{
    struct plaintext_reader r;
    struct plaintext_item item;

    if (plaintext_reader_init(&r, data, size) < 0)
        return;
    while (plaintext_read(&r, &item) == 1)
        check_item(&item);
}

static void fuzz_owner(const uint8_t *data, size_t size)
{
    uint8_t body[OWNER_ANSWER_BYTES];
    struct owner_question q, q_again;
    struct owner_answer a, a_again;

    if (owner_question_decode(data, size, &q) == 0) {
        CHECK(owner_question_decode(body, owner_question_encode(body, &q), &q_again) == 0);
        CHECK(flow_key_equal(&q.key, &q_again.key) && q.id == q_again.id);
    }
    if (owner_answer_decode(data, size, &a) == 0) {
        touch_process(&a.process);
        touch(a.missed);
        touch(a.build_id);
        CHECK(owner_answer_decode(body, owner_answer_encode(body, &a), &a_again) == 0);
        CHECK(a.id == a_again.id && str_equal(a.build_id, a_again.build_id));
    }
}

/* The names of facts are longer than chance will find: the input is also tried as the tail of a
 * true item, cut where its first byte says. */
static void fuzz_behind_a_head(const uint8_t *data, size_t size)
{
    static const struct plaintext_item open = {.type = PLAINTEXT_OPEN, .session = 1, .ts_ns = 1};
    static uint8_t body[8192];
    size_t n = 0, cut;

    if (size < 1 || size > 4096)
        return;
    CHECK(plaintext_encode(body, sizeof body, &n, &open));
    cut = data[0] < n ? data[0] : n;
    memcpy(body + cut, data + 1, size - 1);
    fuzz_message(body, cut + size - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_message(data, size);
    fuzz_behind_a_head(data, size);
    fuzz_owner(data, size);
    return 0;
}
