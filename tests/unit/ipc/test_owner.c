/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/owner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>

static void make_question(struct owner_question *q)
{
    static const struct ipaddr a = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    static const struct ipaddr b = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

    q->id = UINT64_MAX;
    q->start_ns = UINT64_C(1700000000123456789);
    (void)flow_key_set(&q->key, &b, 443, &a, 50000, IPPROTO_TCP);
}

static void a_question_comes_back(void **state)
{
    uint8_t body[OWNER_QUESTION_BYTES];
    struct owner_question q, back;
    size_t n;

    (void)state;
    make_question(&q);
    n = owner_question_encode(body, &q);
    assert_int_equal(owner_question_decode(body, n, &back), 0);
    assert_true(back.id == q.id && back.start_ns == q.start_ns);
    assert_true(flow_key_equal(&back.key, &q.key));
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(owner_question_decode(body, cut, &back), -EBADMSG);
    body[n] = 0;
    assert_int_equal(owner_question_decode(body, n + 1, &back), -EBADMSG);
}

/* Else the end that the answer names would be the other one. */
static void a_question_with_its_ends_in_the_wrong_order_is_refused(void **state)
{
    uint8_t body[OWNER_QUESTION_BYTES];
    struct owner_question q, back, turned;

    (void)state;
    make_question(&q);
    turned = q;
    for (unsigned i = 0; i < 2; i++) {
        turned.key.addr[i] = q.key.addr[!i];
        turned.key.port[i] = q.key.port[!i];
    }
    assert_int_equal(owner_question_decode(body, owner_question_encode(body, &turned), &back),
                     -EBADMSG);
}

static void an_answer_comes_back(void **state)
{
    const struct owner_answer a = {
        .id = 5,
        .found = true,
        .end = 1,
        .process = {77, STR_LIT("nginx"), STR_LIT("/usr/sbin/nginx"), STR_LIT(""), STR_LIT("/a/b")},
        .missed = STR_LIT("/opt/lib/libssl.so.4"),
        .build_id = STR_LIT("abc"),
    };
    uint8_t body[OWNER_ANSWER_BYTES];
    struct owner_answer back;
    size_t n = owner_answer_encode(body, &a);

    (void)state;
    assert_int_equal(owner_answer_decode(body, n, &back), 0);
    assert_true(back.id == 5 && back.found && back.end == 1 && back.process.pid == 77);
    assert_true(str_equal(back.process.exe, a.process.exe) && back.process.container.len == 0 &&
                str_equal(back.process.cgroup, a.process.cgroup));
    assert_true(str_equal(back.missed, a.missed) && str_equal(back.build_id, a.build_id));
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(owner_answer_decode(body, cut, &back), -EBADMSG);
}

static void nobody_is_an_answer_and_the_longest_one_fits(void **state)
{
    static char text[2000];
    uint8_t body[OWNER_ANSWER_BYTES];
    struct owner_answer a = {.id = UINT64_MAX}, back;
    size_t n = owner_answer_encode(body, &a);

    (void)state;
    assert_int_equal(owner_answer_decode(body, n, &back), 0);
    assert_false(back.found);
    memset(text, 'x', sizeof text);
    a.missed = a.build_id = a.process.name = a.process.exe = a.process.container =
        a.process.cgroup = str_make(text, sizeof text);
    a.process.pid = UINT32_MAX;
    n = owner_answer_encode(body, &a);
    assert_in_range(n, 6 * PLAINTEXT_TEXT_MAX, OWNER_ANSWER_BYTES);
    assert_int_equal(owner_answer_decode(body, n, &back), 0);
    assert_int_equal(back.build_id.len, PLAINTEXT_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_comes_back),
        cmocka_unit_test(a_question_with_its_ends_in_the_wrong_order_is_refused),
        cmocka_unit_test(an_answer_comes_back),
        cmocka_unit_test(nobody_is_an_answer_and_the_longest_one_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
