/* SPDX-License-Identifier: BSD-3-Clause */
/* Signs that two workers give each other. */
#include "common/base/pack.h"
#include "tests/unit/learn/workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define EVENT_BYTES 64u

static const struct workers_part part = {
    .name = "fence",
    .event_bytes_max = EVENT_BYTES,
    .open = fence_open,
    .close = fence_close,
};

static int setup(void **state)
{
    (void)state;
    if (workers_open(&part) != 0)
        return -1;
    b.h.worker_index = 1;
    a.h.one_shot = b.h.one_shot = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    workers_close();
    return 0;
}

/* What was published last reaches w. */
static bool tell(struct worker_of_test *w)
{
    struct workers_published p = published;

    return fence_event(&w->l, p.body, p.len);
}

static bool tell_values(struct worker_of_test *w, unsigned sign, unsigned from, unsigned to,
                        uint64_t number)
{
    uint8_t body[EVENT_BYTES], *p = pack_array(body, 4);

    p = pack_uint(p, sign);
    p = pack_uint(p, from);
    p = pack_uint(p, to);
    p = pack_uint(p, number);
    return fence_event(&w->l, body, (size_t)(p - body));
}

static void test_stands_until_the_sign(void **state)
{
    (void)state;
    assert_false(learn_fence_stands(&a.l));
    learn_fence_raise(&a.l);
    assert_true(learn_fence_stands(&a.l));
    assert_ptr_equal(published.from, &a.l);
    learn_all_read(&b.l);
    assert_true(tell(&b));
    assert_int_equal(published.n, 2);
    assert_ptr_equal(published.from, &b.l);
    assert_true(learn_fence_stands(&a.l));
    assert_true(tell(&a));
    assert_false(learn_fence_stands(&a.l));
    assert_false(learn_fence_stands(&b.l));
}

/* It may not have read yet what is asked about, so it is asked again. */
static void test_no_sign_before_all_is_read(void **state)
{
    (void)state;
    learn_fence_raise(&a.l);
    assert_true(tell(&b));
    assert_int_equal(published.n, 1);
    learn_all_read(&b.l);
    assert_true(learn_fence_stands(&a.l));
    learn_fence_ask(&a.l);
    assert_int_equal(published.n, 2);
    assert_true(tell(&b));
    assert_true(tell(&a));
    assert_false(learn_fence_stands(&a.l));
}

/* Who leaves waits for those that may still want something, and asks them if he has not heard it.
 */
static void test_wanted_until_all_are_done(void **state)
{
    (void)state;
    assert_true(learn_is_wanted(&a.l));
    learn_all_read(&b.l);
    learn_fence_ask(&a.l);
    assert_true(tell(&b));
    assert_true(tell(&a)); /* the sign: it has read all */
    assert_true(learn_is_wanted(&a.l));
    learn_done(&b.l);
    assert_true(tell(&a));
    assert_false(learn_is_wanted(&a.l));
    assert_true(learn_is_wanted(&b.l));
}

static void test_done_is_said_again(void **state)
{
    (void)state;
    learn_all_read(&b.l);
    learn_done(&b.l);
    learn_fence_ask(&a.l);
    assert_true(tell(&b));
    assert_ptr_equal(published.from, &b.l);
    assert_true(tell(&a));
    assert_false(learn_is_wanted(&a.l));
}

static void test_who_has_left_wants_nothing(void **state)
{
    (void)state;
    fence_close(&b.l);
    assert_true(tell(&a));
    assert_false(learn_is_wanted(&a.l));
}

static void test_a_cluster_gives_signs_at_once(void **state)
{
    (void)state;
    a.h.one_shot = b.h.one_shot = false;
    learn_fence_raise(&a.l);
    assert_true(tell(&b));
    assert_true(tell(&a));
    assert_false(learn_fence_stands(&a.l));
}

static void test_sign_of_an_earlier_time(void **state)
{
    (void)state;
    learn_fence_raise(&a.l);
    assert_true(tell(&b));
    learn_fence_raise(&a.l);
    assert_true(tell_values(&a, 1, 1, 0, 1));
    assert_true(learn_fence_stands(&a.l));
    assert_true(tell_values(&a, 1, 1, 0, 2));
    assert_false(learn_fence_stands(&a.l));
}

static void test_sign_for_another(void **state)
{
    (void)state;
    a.h.n_workers = 3;
    learn_fence_raise(&a.l);
    assert_true(tell_values(&a, 1, 1, 2, 1));
    assert_true(tell_values(&a, 1, 2, 0, 1));
    assert_true(learn_fence_stands(&a.l));
    assert_true(tell_values(&a, 1, 1, 0, 1));
    assert_false(learn_fence_stands(&a.l));
}

static void test_who_has_left_is_not_waited_for(void **state)
{
    (void)state;
    learn_fence_raise(&a.l);
    fence_close(&b.l);
    assert_ptr_equal(published.from, &b.l);
    assert_true(tell(&a));
    assert_false(learn_fence_stands(&a.l));
    learn_fence_raise(&a.l);
    assert_false(learn_fence_stands(&a.l));
}

/* A worker that is stopped in a cluster that goes on comes again. */
static void test_only_a_replay_has_an_end(void **state)
{
    (void)state;
    b.h.one_shot = false;
    fence_close(&b.l);
    assert_int_equal(published.n, 0);
}

static void test_alone(void **state)
{
    (void)state;
    fence_close(&a.l);
    a.h.n_workers = 1;
    assert_int_equal(fence_open(&a.l), 0);
    published.n = 0;
    learn_fence_raise(&a.l);
    assert_false(learn_fence_stands(&a.l));
    assert_int_equal(published.n, 0);
}

static void test_broken(void **state)
{
    uint8_t body[EVENT_BYTES];

    (void)state;
    learn_fence_raise(&a.l);
    memcpy(body, published.body, published.len);
    for (size_t len = 0; len < published.len; len++)
        assert_false(fence_event(&b.l, body, len));
    assert_false(fence_event(&b.l, body, published.len + 1));
    assert_false(tell_values(&a, 4, 1, 0, 1));
    assert_false(tell_values(&a, 1, 2, 0, 1));
    assert_false(tell_values(&a, 0, 1, 0, UINT64_C(1) << 32));
    assert_true(learn_fence_stands(&a.l));
    assert_int_equal(published.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stands_until_the_sign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_sign_before_all_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_cluster_gives_signs_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wanted_until_all_are_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_done_is_said_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_left_wants_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_of_an_earlier_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_for_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_left_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_a_replay_has_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
