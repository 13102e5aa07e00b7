/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions whose worker is not known by our hash. The interface of loopback is one whose workers
 * claim their flows; by the hash they would all be worker 1's. */
#include "tests/unit/probe/sessions_bench.h"

#include "common/base/clock.h"

#include <netinet/in.h>

#define WAIT_NS (500 * NS_PER_MS)

static struct claims *claims;

static int setup(void **state)
{
    (void)state;
    heritage.probe.claims[1] = true;
    claims = claims_new(CAPACITY, &heritage, &counters);
    return claims ? open_sessions(claims) : -1;
}

static int teardown_all(void **state)
{
    claims_free(claims);
    return teardown(state);
}

/* The flow of all events: its packets are worker 0's. */
static void claim(uint64_t mono_ns)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    struct flow_key key;

    (void)flow_key_set_v4(&key, loopback, 50000, loopback, 443, IPPROTO_TCP);
    claims_add(claims, &key, 0, mono_ns);
    sessions_claimed(sessions);
}

static void run(uint64_t mono_ns, uint64_t next_ns)
{
    assert_true(sessions_run(sessions, mono_ns) == next_ns);
}

static void a_flow_that_was_claimed_is_sent_at_once(void **state)
{
    (void)state;
    claim(400);
    data(1, true, true, 0, "GET");
    expect("0: open 1 at 1000500\n0: write 1 +0 GET\n");
    run(1000, UINT64_MAX);
    assert_int_equal(counters.probe_unclaimed, 0);
}

static void a_session_waits_for_its_claim(void **state)
{
    (void)state;
    data(1, true, true, 0, "GET");
    data(1, true, false, 0, "200");
    run(WAIT_NS + 499, WAIT_NS + 500);
    expect("");
    assert_true(counters.probe_pending_bytes > 6);
    claim(WAIT_NS + 499);
    expect("0: open 1 at 1000500\n0: write 1 +0 GET\n0: read 1 +0 200\n");
    assert_int_equal(counters.probe_pending_bytes, 0);
    data(1, true, false, 3, "OK");
    expect("0: read 1 +3 OK\n");
    run(WAIT_NS + 500, UINT64_MAX);
    assert_int_equal(counters.probe_unclaimed, 0);
}

/* Both ends of a connection on this host have a session each, and each record of what one said has
 * facts of the other. */
static void sessions_of_a_flow_are_all_opened_before_any_of_them_speaks(void **state)
{
    (void)state;
    data(1, true, true, 0, "a");
    data(2, true, false, 0, "a");
    claim(600);
    data(3, true, true, 0, "b");
    expect("0: open 1 at 1000500\n0: open 2 at 1000500\n0: write 1 +0 a\n0: read 2 +0 a\n"
           "0: open 3 at 1000500\n0: write 3 +0 b\n");
}

/* Half of a session is of no use to a worker, so what comes too late comes too late, also for the
 * session of the other end. */
static void after_a_while_the_hash_decides(void **state)
{
    (void)state;
    data(1, true, true, 0, "GET");
    run(WAIT_NS + 500, UINT64_MAX);
    expect("1: open 1 at 1000500\n1: write 1 +0 GET\n");
    assert_int_equal(counters.probe_unclaimed, 1);
    claim(WAIT_NS + 600);
    data(1, true, false, 0, "200");
    data(2, true, false, 0, "GET");
    expect("1: read 1 +0 200\n1: open 2 at 1000500\n1: read 2 +0 GET\n");
    assert_int_equal(counters.probe_unclaimed, 1);
}

/* A session of another flow than the others. */
static void other_flow(uint64_t session, uint64_t ts_ns)
{
    struct probe_event *e = make(PROBE_EVENT_DATA, session, true, "x");

    e->tuple.local_port = (unsigned short)(50000 + session);
    e->ts_ns = ts_ns;
    event(e);
}

static void waiting_ends_in_the_order_in_which_it_began(void **state)
{
    (void)state;
    other_flow(1, 1000);
    other_flow(2, 3000);
    other_flow(3, 2000); /* another CPU's */
    run(WAIT_NS, WAIT_NS + 1000);
    run(WAIT_NS + 1000, WAIT_NS + 3000);
    expect("1: open 1 at 1001000\n1: read 1 +0 x\n");
    claim(0); /* of none of them */
    expect("");
    run(WAIT_NS + 3000, UINT64_MAX);
    expect("1: open 2 at 1003000\n1: open 3 at 1002000\n1: read 2 +0 x\n1: read 3 +0 x\n");
    assert_int_equal(counters.probe_unclaimed, 3);
}

static void an_end_waits_as_well(void **state)
{
    struct probe_event *e;

    (void)state;
    data(1, true, true, 0, "GET");
    e = make(PROBE_EVENT_CLOSE, 1, true, "");
    e->offset = 7;
    e->offset_write = 3;
    event(e);
    data(1, true, true, 3, "stray"); /* the kernel would not */
    data(2, true, true, 0, "POST");
    sessions_exit(sessions, PID, 1000600);
    expect("");
    sessions_exit(sessions, PID, 1000600);
    assert_int_equal(counters.probe_sessions_active, 2);
    claim(600);
    expect("0: open 1 at 1000500\n0: open 2 at 1000500\n0: write 1 +0 GET\n0: close 1 7 3\n"
           "0: write 2 +0 POST\n0: close 2 0 4\n");
    assert_int_equal(counters.probe_sessions_active, 0);
    assert_int_equal(counters.probe_pending_bytes, 0);
    assert_int_equal(counters.probe_no_tuple, 0);
    event(make(PROBE_EVENT_CLOSE, 1, true, ""));
    sessions_exit(sessions, PID, 1000600);
    run(WAIT_NS, UINT64_MAX);
    expect("");
}

static void a_tuple_that_is_late_may_wait_on(void **state)
{
    (void)state;
    data(1, false, true, 0, "GET");
    event(make(PROBE_EVENT_TUPLE, 1, true, ""));
    expect("");
    claim(600);
    expect("0: open 1 at 1000500\n0: write 1 +0 GET\n");
}

/* Nothing is lost for want of memory, but the wait is over. */
static void full_memory_ends_the_wait(void **state)
{
    char text[1001];
    unsigned n = 0;

    (void)state;
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (; counters.probe_unclaimed == 0 && n < 2000; n++) {
        said[0] = '\0';
        data(1, true, true, n * 1000, text);
    }
    assert_in_range(n, 100, 1000);
    assert_int_equal(counters.probe_pending_lost, 0);
    assert_int_equal(counters.probe_pending_bytes, 0);
    assert_non_null(strstr(said, "1: open 1"));
    run(WAIT_NS + 500, UINT64_MAX);
    assert_int_equal(counters.probe_unclaimed, 1);
}

/* With that of the older half: those that come after it are not to pay for it each by each. */
static void a_full_table_ends_the_wait_of_the_quietest(void **state)
{
    struct probe_event *e;

    (void)state;
    for (uint64_t i = 1; i <= CAPACITY; i++)
        other_flow(i, 500);
    e = make(PROBE_EVENT_CLOSE, 2, true, "");
    e->offset = 1;
    event(e);
    other_flow(5, 500);
    expect("1: open 1 at 1000500\n1: open 2 at 1000500\n1: read 1 +0 x\n1: read 2 +0 x\n"
           "1: close 2 1 0\n1: close 1 1 0\n");
    assert_int_equal(counters.probe_table_full, 1);
    assert_int_equal(counters.probe_unclaimed, 2);
    assert_int_equal(counters.probe_sessions_active, 3);
    run(600, WAIT_NS + 500);
}

/* Of which there are no packets, and of an interface that the hash shares out. */
static void others_do_not_wait(void **state)
{
    struct probe_event *e = make(PROBE_EVENT_DATA, 1, true, "a");

    (void)state;
    e->tuple.netns = 56;
    event(e);
    expect("1: open 1 at 1000500\n1: read 1 +0 a\n");
    e = make(PROBE_EVENT_DATA, 2, true, "b");
    e->tuple.local[12] = e->tuple.remote[12] = 10;
    event(e);
    expect("0: open 2 at 1000500\n0: read 2 +0 b\n");
}

static void at_the_end_nobody_waits(void **state)
{
    (void)state;
    data(1, true, true, 0, "GET");
    run(UINT64_MAX, UINT64_MAX);
    expect("1: open 1 at 1000500\n1: write 1 +0 GET\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flow_that_was_claimed_is_sent_at_once),
        TEST(a_session_waits_for_its_claim),
        TEST(sessions_of_a_flow_are_all_opened_before_any_of_them_speaks),
        TEST(after_a_while_the_hash_decides),
        TEST(waiting_ends_in_the_order_in_which_it_began),
        TEST(an_end_waits_as_well),
        TEST(a_tuple_that_is_late_may_wait_on),
        TEST(full_memory_ends_the_wait),
        TEST(a_full_table_ends_the_wait_of_the_quietest),
        TEST(others_do_not_wait),
        TEST(at_the_end_nobody_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
