/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/probe/sessions_bench.h"

static int setup(void **state)
{
    (void)state;
    return open_sessions(NULL);
}

static void a_session_is_opened_with_its_first_item(void **state)
{
    struct probe_event *e;

    (void)state;
    data(1, true, true, 0, "GET");
    data(1, true, false, 0, "200");
    event(make(PROBE_EVENT_ALPN, 1, true, "h2"));
    e = make(PROBE_EVENT_CLOSE, 1, true, "");
    e->offset = 3;
    e->offset_write = 4;
    event(e);
    expect("1: open 1 at 1000500\n1: write 1 +0 GET\n1: read 1 +0 200\n1: alpn 1 h2\n"
           "1: close 1 3 4\n");
    assert_true(str_equal(last_open.library, STR_LIT("openssl")));
    assert_true(str_equal(last_open.hook, STR_LIT("site")));
    assert_true(str_equal(last_open.method, STR_LIT("socket")));
    assert_int_equal(last_open.local_port, 50000);
    assert_int_equal(last_open.remote_port, 443);
    assert_int_equal(last_open.process.pid, PID);
    assert_int_equal(last_open.foreign, 0);
    assert_int_equal(counters.probe_sessions, 1);
    assert_int_equal(counters.probe_sessions_active, 0);
    assert_int_equal(counters.probe_method_socket, 1);
}

static void a_session_without_bytes_is_told_of(void **state)
{
    (void)state;
    event(make(PROBE_EVENT_TUPLE, 1, true, ""));
    expect("1: open 1 at 1000500\n");
    data(1, true, true, 0, "GET /");
    expect("1: write 1 +0 GET /\n");
}

static void what_comes_before_the_tuple_waits_for_it(void **state)
{
    (void)state;
    data(1, false, true, 0, "GET /");
    data(1, false, false, 0, "200");
    expect("");
    assert_in_range(counters.probe_pending_bytes, 8, 1000);
    event(make(PROBE_EVENT_TUPLE, 1, true, ""));
    expect("1: open 1 at 1000500\n1: write 1 +0 GET /\n1: read 1 +0 200\n");
    assert_int_equal(counters.probe_pending_bytes, 0);
    data(1, false, false, 3, "OK");
    expect("1: read 1 +3 OK\n");
}

static void what_waits_has_a_bound(void **state)
{
    char text[1001];
    unsigned n = 0;

    (void)state;
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (; counters.probe_pending_lost == 0; n++)
        data(1, false, true, n * 1000, text);
    assert_in_range(n, 100, 1000);
    assert_int_equal(counters.probe_pending_lost, 1000);
    assert_in_range(counters.probe_pending_bytes, 1000 * (n - 1), PENDING_BYTES);
    event(make(PROBE_EVENT_CLOSE, 1, false, ""));
    expect("");
    assert_int_equal(counters.probe_pending_lost, 1000 * n);
    assert_int_equal(counters.probe_pending_bytes, 0);
    assert_int_equal(counters.probe_no_tuple, 1);
    assert_int_equal(counters.probe_sessions_active, 0);
}

static void loopback_of_another_namespace_is_foreign(void **state)
{
    struct probe_event *e = make(PROBE_EVENT_DATA, 1, true, "x");

    (void)state;
    e->tuple.netns = 56;
    event(e);
    assert_int_equal(last_open.foreign, 56);
    e = make(PROBE_EVENT_DATA, 2, true, "x");
    e->tuple.netns = 56;
    e->tuple.local[12] = e->tuple.remote[12] = 10;
    event(e);
    assert_int_equal(last_open.foreign, 0);
}

static void a_full_queue_is_counted_and_the_offsets_tell(void **state)
{
    (void)state;
    refuse = true;
    data(1, true, true, 0, "lost");
    data(1, true, true, 4, "too");
    assert_int_equal(counters.probe_queue_bytes, 7);
    refuse = false;
    data(1, true, true, 7, "seen");
    expect("1: open 1 at 1000500\n1: write 1 +7 seen\n");
}

static void a_new_worker_is_told_again(void **state)
{
    (void)state;
    data(1, true, true, 0, "a");
    data(2, true, true, 0, "b");
    sessions_forget_worker(sessions, 0);
    data(1, true, true, 1, "c");
    said[0] = '\0';
    sessions_forget_worker(sessions, 1);
    data(1, true, true, 2, "d");
    data(1, true, true, 3, "e");
    data(2, true, true, 1, "f");
    expect("1: open 1 at 1000500\n1: write 1 +2 d\n1: write 1 +3 e\n"
           "1: open 2 at 1000500\n1: write 2 +1 f\n");
}

/* With what was seen last: the kernel says nothing of sessions that nobody frees. */
static void the_sessions_of_a_process_end_with_it(void **state)
{
    struct probe_event *e;

    (void)state;
    data(1, true, true, 0, "abc");
    data(2, false, true, 0, "waits");
    e = make(PROBE_EVENT_DATA, 3, true, "other");
    e->pid = PID + 1;
    event(e);
    data(4, true, false, 10, "xy");
    said[0] = '\0';
    sessions_exit(sessions, PID, 9);
    expect("1: close 4 12 0\n1: close 1 0 3\n");
    assert_int_equal(counters.probe_no_tuple, 1);
    assert_int_equal(counters.probe_pending_lost, 5);
    assert_int_equal(counters.probe_sessions_active, 1);
    sessions_exit(sessions, PID, 9);
    event(make(PROBE_EVENT_CLOSE, 1, true, ""));
    expect("");
    sessions_exit(sessions, PID + 1, 9);
    expect("1: close 3 5 0\n");
}

static void the_quietest_session_makes_room(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= CAPACITY; i++)
        data(i, true, false, 0, "x");
    data(1, true, false, 1, "y");
    said[0] = '\0';
    data(5, true, false, 0, "z");
    expect("1: close 2 1 0\n1: open 5 at 1000500\n1: read 5 +0 z\n");
    assert_int_equal(counters.probe_table_full, 1);
    assert_int_equal(counters.probe_sessions_active, CAPACITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_is_opened_with_its_first_item, setup, teardown),
        cmocka_unit_test_setup_teardown(a_session_without_bytes_is_told_of, setup, teardown),
        cmocka_unit_test_setup_teardown(what_comes_before_the_tuple_waits_for_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_waits_has_a_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(loopback_of_another_namespace_is_foreign, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_is_counted_and_the_offsets_tell, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_new_worker_is_told_again, setup, teardown),
        cmocka_unit_test_setup_teardown(the_sessions_of_a_process_end_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_quietest_session_makes_room, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
