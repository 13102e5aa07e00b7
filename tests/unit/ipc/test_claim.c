/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/claim.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>

static struct claim_message message;
static struct flow_key taken[CLAIM_FLOWS_MAX];
static unsigned n_taken;

static int setup(void **state)
{
    (void)state;
    message.n = 0;
    n_taken = 0;
    return 0;
}

/* The longest that there can be, of IPv6; told apart by a port. */
static struct flow_key key_of(uint16_t port)
{
    static const struct ipaddr a = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    static const struct ipaddr b = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};
    struct flow_key key;

    (void)flow_key_set(&key, &b, 443, &a, port, IPPROTO_TCP);
    return key;
}

static void take(void *arg, const struct flow_key *key)
{
    assert_ptr_equal(arg, &message);
    assert_in_range(n_taken, 0, CLAIM_FLOWS_MAX - 1);
    taken[n_taken++] = *key;
}

static int read_back(const uint8_t *body, size_t len)
{
    n_taken = 0;
    return claim_read(body, len, take, &message);
}

static void flows_come_back_in_order(void **state)
{
    struct flow_key a = key_of(50000), b = key_of(1);
    const uint8_t *body;
    size_t len;

    (void)state;
    assert_null(claim_take(&message, &len));
    assert_true(claim_add(&message, &a) && claim_add(&message, &b));
    body = claim_take(&message, &len);
    assert_int_equal(read_back(body, len), 0);
    assert_int_equal(n_taken, 2);
    assert_true(flow_key_equal(&taken[0], &a) && flow_key_equal(&taken[1], &b));
    assert_null(claim_take(&message, &len)); /* it was taken */
    assert_true(claim_add(&message, &b));
    body = claim_take(&message, &len);
    assert_int_equal(read_back(body, len), 0);
    assert_int_equal(n_taken, 1);
}

static void a_full_message_is_read_whole(void **state)
{
    const uint8_t *body;
    struct flow_key key;
    size_t len;

    (void)state;
    for (unsigned i = 0; i < CLAIM_FLOWS_MAX; i++) {
        key = key_of((uint16_t)(65535 - i));
        assert_true(claim_add(&message, &key));
    }
    assert_false(claim_add(&message, &key));
    body = claim_take(&message, &len);
    assert_int_equal(read_back(body, len), 0);
    assert_int_equal(n_taken, CLAIM_FLOWS_MAX);
    assert_true(flow_key_equal(&taken[CLAIM_FLOWS_MAX - 1], &key));
}

static void what_is_broken_gives_what_came_before(void **state)
{
    struct flow_key a = key_of(50000), b = key_of(50001);
    uint8_t body[256];
    size_t len, one;

    (void)state;
    (void)claim_add(&message, &a);
    (void)claim_add(&message, &b);
    memcpy(body, claim_take(&message, &len), 256);
    one = 6 + (len - 6) / 2; /* behind the head and the first flow */
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(read_back(body, cut), -EBADMSG);
        assert_int_equal(n_taken, cut >= one);
    }
    assert_int_equal(read_back(body, len + 1), -EBADMSG);
}

/* Where a byte of the body is another, nothing is taken. */
static void expect_refused(size_t at, uint8_t value)
{
    struct flow_key a = key_of(50000);
    uint8_t body[256];
    size_t len;

    (void)claim_add(&message, &a);
    memcpy(body, claim_take(&message, &len), sizeof body);
    body[at] = value;
    assert_int_equal(read_back(body, len), -EBADMSG);
    assert_int_equal(n_taken, 0);
}

static void heads_and_keys_are_checked(void **state)
{
    (void)state;
    expect_refused(5, 2);     /* another version */
    expect_refused(4, 4);     /* not four values a flow */
    expect_refused(3, 8);     /* 2,053 values: more than CLAIM_FLOWS_MAX flows */
    expect_refused(7, 15);    /* an address of 15 bytes */
    expect_refused(23, 9);    /* the ends are in the wrong order */
    expect_refused(24, 0xc0); /* a port that is no number */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(flows_come_back_in_order, setup),
        cmocka_unit_test_setup(a_full_message_is_read_whole, setup),
        cmocka_unit_test_setup(what_is_broken_gives_what_came_before, setup),
        cmocka_unit_test_setup(heads_and_keys_are_checked, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
