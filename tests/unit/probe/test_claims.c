/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/claims.h"

#include "common/base/clock.h"
#include "common/ipc/claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>

#define CAPACITY 4u
#define T0       (1000 * NS_PER_SEC)

static struct heritage heritage;
static struct counters counters;
static struct claims *claims;
static struct claim_message message;

static int setup(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    heritage.n_workers = 2;
    strcpy(heritage.workers[0], "worker-1");
    strcpy(heritage.workers[1], "worker-10");
    message.n = 0;
    claims = claims_new(CAPACITY, &heritage, &counters);
    return claims ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    claims_free(claims);
    return 0;
}

static struct flow_key key_of(uint16_t port)
{
    static const uint8_t a[4] = {192, 0, 2, 1}, b[4] = {192, 0, 2, 2};
    struct flow_key key;

    (void)flow_key_set_v4(&key, a, port, b, 443, IPPROTO_TCP);
    return key;
}

static void add(uint16_t port, unsigned worker, uint64_t at_ns)
{
    struct flow_key key = key_of(port);

    claims_add(claims, &key, worker, T0 + at_ns);
}

static unsigned find(uint16_t port)
{
    struct flow_key key = key_of(port);

    return claims_find(claims, &key);
}

static void who_claims_a_flow_has_it(void **state)
{
    (void)state;
    assert_int_equal(find(1), CLAIMS_NONE);
    add(1, 1, 0);
    add(2, 0, 0);
    assert_int_equal(find(1), 1);
    assert_int_equal(find(2), 0);
    assert_int_equal(find(3), CLAIMS_NONE);
}

/* Both directions of one connection; and, later, another connection with the same five-tuple. */
static void the_first_of_two_has_it_until_it_is_another_connection(void **state)
{
    (void)state;
    add(1, 1, 0);
    add(1, 0, 1900 * NS_PER_MS);
    assert_int_equal(find(1), 1);
    add(1, 0, 2 * NS_PER_SEC);
    assert_int_equal(find(1), 0);
    add(1, 0, 3 * NS_PER_SEC); /* claimed again by the same: that is when it was claimed now */
    add(1, 1, 4 * NS_PER_SEC);
    assert_int_equal(find(1), 0);
    add(1, 1, 5 * NS_PER_SEC);
    assert_int_equal(find(1), 1);
}

static void what_was_not_asked_for_longest_makes_room(void **state)
{
    (void)state;
    for (uint16_t port = 1; port <= CAPACITY; port++)
        add(port, 1, 0);
    assert_int_equal(find(1), 1);
    add(5, 0, 0);
    assert_int_equal(counters.probe_claims_evicted, 1);
    assert_int_equal(find(2), CLAIMS_NONE);
    assert_int_equal(find(1), 1);
    assert_int_equal(find(5), 0);
}

static void tell(const char *topic, const uint8_t *body, size_t len)
{
    struct bus_message m = {
        .topic = topic, .topic_len = strlen(topic), .body = body, .body_len = len};

    claims_message(claims, &m, T0);
}

static void a_message_is_of_the_worker_that_its_topic_names(void **state)
{
    struct flow_key one = key_of(1), two = key_of(2);
    const uint8_t *body;
    size_t len;

    (void)state;
    (void)claim_add(&message, &one);
    (void)claim_add(&message, &two);
    body = claim_take(&message, &len);
    tell("event/claim/worker-10/", body, len);
    assert_int_equal(find(1), 1);
    assert_int_equal(find(2), 1);
    assert_int_equal(counters.probe_claims, 2);
    assert_int_equal(counters.probe_claims_bad, 0);
}

static void what_cannot_be_read_is_counted(void **state)
{
    struct flow_key one = key_of(1);
    const uint8_t *body;
    size_t len;

    (void)state;
    (void)claim_add(&message, &one);
    body = claim_take(&message, &len);
    tell("event/claim/", body, len);
    tell("event/claim/worker-1", body, len);
    tell("event/claim/worker-2/", body, len);
    assert_int_equal(find(1), CLAIMS_NONE);
    tell("event/claim/worker-1/", body, len - 1);
    tell("event/claim/worker-1/", body, 0);
    assert_int_equal(counters.probe_claims_bad, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_claims_a_flow_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_of_two_has_it_until_it_is_another_connection,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_not_asked_for_longest_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(a_message_is_of_the_worker_that_its_topic_names, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_counted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
