/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/correlate/correlate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define SESSIONS 4u

static struct correlate *c;
static struct counters counters;
static struct flow flows[3 * SESSIONS];

static int set_up(void **state)
{
    struct options o;

    (void)state;
    options_init(&o);
    o.plaintext_sessions = SESSIONS;
    memset(&counters, 0, sizeof counters);
    memset(flows, 0, sizeof flows);
    assert_int_equal(correlate_open(&c, &o, &counters), 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    correlate_close(c);
    return 0;
}

static struct correlate_session *join(unsigned flow, unsigned end, uint64_t number)
{
    struct plaintext_item item = {
        .type = PLAINTEXT_OPEN, .session = number, .ts_ns = 1, .open.library = STR_LIT("go")};

    return correlate_join(c, &flows[flow], flow, end, &item);
}

/* All that a flow holds is given up. */
static void end(unsigned flow)
{
    const struct correlate_joint *j = correlate_of(c, &flows[flow]);

    for (unsigned e = 0; e < 2; e++)
        if (j->session[e])
            correlate_detach(c, &flows[flow], j->session[e]);
    correlate_end(c, &flows[flow]);
    assert_null(correlate_of(c, &flows[flow]));
}

static void both_ends_of_a_flow_have_a_session(void **state)
{
    struct correlate_session *a = join(0, 0, 10), *b = join(0, 1, 11);

    (void)state;
    assert_ptr_equal(correlate_find(c, 10), a);
    assert_ptr_equal(correlate_find(c, 11), b);
    assert_null(correlate_find(c, 12));
    assert_ptr_equal(correlate_of(c, &flows[0])->session[0], a);
    assert_ptr_equal(correlate_of(c, &flows[0])->session[1], b);
    assert_int_equal(b->end, 1);
    assert_int_equal(b->flow, 1);
    assert_null(join(0, 1, 13)); /* there is one */
    assert_int_equal(counters.plain_bound, 1);
    assert_int_equal(counters.plain_sessions, 2);
    assert_int_equal(counters.plain_sessions_active, 2);
    end(0);
    assert_true(correlate_is_empty(c));
}

static void a_closed_session_is_forgotten_with_its_flow(void **state)
{
    struct correlate_session *a = join(0, 0, 10);

    (void)state;
    correlate_close_session(c, a);
    assert_int_equal(counters.plain_sessions_active, 0);
    assert_ptr_equal(correlate_find(c, 10), a); /* until it is logged */
    end(0);
    assert_null(correlate_find(c, 10));
}

static void an_open_session_outlives_its_flow(void **state)
{
    struct correlate_session *a = join(0, 0, 10);

    (void)state;
    a->bytes[0] = 7;
    a->offset[0] = 7;
    end(0);
    assert_ptr_equal(correlate_find(c, 10), a);
    assert_int_equal(a->bytes[0], 0); /* those were logged */
    assert_int_equal(a->offset[0], 7);
    assert_true(correlate_rejoin(c, &flows[1], 1, a));
    assert_int_equal(a->flow, 2);
    end(1);
    correlate_close_session(c, a);
    assert_null(correlate_find(c, 10));
}

static void the_one_without_a_flow_for_longest_makes_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SESSIONS; i++)
        assert_non_null(join(i, 0, i));
    assert_null(join(SESSIONS, 0, 100));
    end(2);
    end(1);
    assert_non_null(join(1, 0, 101));
    assert_null(correlate_find(c, 2));
    assert_non_null(correlate_find(c, 1));
    assert_int_equal(counters.plain_sessions_active, SESSIONS);
}

static void watched_flows_leave_room_for_joined_ones(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * SESSIONS; i++)
        correlate_watch(c, &flows[i]);
    for (unsigned i = 0; i < 2 * SESSIONS; i++)
        assert_int_equal(correlate_of(c, &flows[i]) != NULL, i < SESSIONS);
    for (unsigned i = 0; i < SESSIONS; i++)
        assert_non_null(join(SESSIONS + i, 0, i));
}

/* Numbers that have the same home come and go. */
static void sessions_are_found_whatever_came_and_went_before(void **state)
{
    uint64_t number = 1;

    (void)state;
    for (unsigned round = 0; round < 5000; round++) {
        unsigned flow = (round * 7) % SESSIONS;
        const struct correlate_joint *j = correlate_of(c, &flows[flow]);

        if (j) {
            uint64_t gone = j->session[0]->number;

            correlate_close_session(c, j->session[0]);
            end(flow);
            assert_null(correlate_find(c, gone));
        } else {
            assert_non_null(join(flow, 0, number));
            number = number * 6364136223846793005u + 1;
        }
        for (unsigned i = 0; i < SESSIONS; i++) {
            j = correlate_of(c, &flows[i]);
            if (j)
                assert_ptr_equal(correlate_find(c, j->session[0]->number), j->session[0]);
        }
    }
}

static void processes_are_those_of_sessions_or_of_packets(void **state)
{
    const struct frame_process told[2] = {{.pid = 7, .name = "nginx"}, {.pid = 0}},
                               full = {.pid = 8, .name = "sixteen letters!"};
    struct str name;
    uint32_t pid;

    (void)state;
    assert_false(correlate_process(c, &flows[0], 0, &pid, &name));
    correlate_processes(c, &flows[0], told);
    assert_true(correlate_process(c, &flows[0], 0, &pid, &name));
    assert_int_equal(pid, 7);
    assert_true(str_equal(name, STR_LIT("nginx")));
    assert_false(correlate_process(c, &flows[0], 1, &pid, &name));
    correlate_processes(c, &flows[0], (const struct frame_process[2]){{.pid = 0}, full});
    assert_true(correlate_process(c, &flows[0], 0, &pid, &name));
    assert_int_equal(pid, 7);
    assert_true(correlate_process(c, &flows[0], 1, &pid, &name));
    assert_int_equal(name.len, 16);
    join(0, 1, 10)->facts.process.pid = 9;
    assert_true(correlate_process(c, &flows[0], 1, &pid, &name));
    assert_int_equal(pid, 9);
    for (unsigned i = 1; i < 3 * SESSIONS; i++) /* no room for all */
        correlate_processes(c, &flows[i], told);
    assert_false(correlate_process(c, &flows[3 * SESSIONS - 1], 0, &pid, &name));
}

static void times_of_packets_are_found_from_both_sides(void **state)
{
    const struct flow *f = &flows[0];

    (void)state;
    assert_int_equal(correlate_wire_ns(c, f, 0, 10, false), 0);
    correlate_watch(c, &flows[0]);
    correlate_arrival(c, f, 0, 10);
    correlate_arrival(c, f, 0, 20);
    correlate_arrival(c, f, 1, 15);
    assert_int_equal(correlate_wire_ns(c, f, 0, 9, false), 0);
    assert_int_equal(correlate_wire_ns(c, f, 0, 10, false), 10);
    assert_int_equal(correlate_wire_ns(c, f, 0, 19, false), 10);
    assert_int_equal(correlate_wire_ns(c, f, 0, 25, false), 20);
    assert_int_equal(correlate_wire_ns(c, f, 0, 9, true), 10);
    assert_int_equal(correlate_wire_ns(c, f, 0, 10, true), 10);
    assert_int_equal(correlate_wire_ns(c, f, 0, 11, true), 20);
    assert_int_equal(correlate_wire_ns(c, f, 0, 21, true), 0);
    assert_int_equal(correlate_wire_ns(c, f, 1, 15, true), 15);
}

static void times_that_are_no_longer_kept_are_not_known(void **state)
{
    (void)state;
    correlate_watch(c, &flows[0]);
    for (uint64_t i = 1; i <= CORRELATE_ARRIVALS + 1; i++)
        correlate_arrival(c, &flows[0], 0, i * 10);
    assert_int_equal(correlate_wire_ns(c, &flows[0], 0, 15, false), 0);
    assert_int_equal(correlate_wire_ns(c, &flows[0], 0, 15, true), 0); /* 20, or what was lost */
    assert_int_equal(correlate_wire_ns(c, &flows[0], 0, 21, true), 30);
    assert_int_equal(correlate_wire_ns(c, &flows[0], 0, 21, false), 20);
}

static void latencies_are_of_the_session_and_of_all(void **state)
{
    struct correlate_session *a = join(0, 0, 10), *b = join(1, 1, 11);

    (void)state;
    correlate_read(c, &flows[0], a, 5); /* no packet was seen */
    correlate_arrival(c, &flows[0], 1, 100);
    correlate_arrival(c, &flows[1], 0, 100);
    correlate_read(c, &flows[0], a, 300);
    correlate_read(c, &flows[1], b, 500);
    correlate_count(c);
    assert_int_equal(a->latency.n, 1);
    assert_int_equal(a->latency.max_ns, 200);
    assert_int_equal(b->latency.min_ns, 400);
    assert_int_equal(counters.plain_latency_n, 2);
    assert_int_equal(counters.plain_latency_min_ns, 200);
    assert_int_equal(counters.plain_latency_mean_ns, 300);
    assert_int_equal(counters.plain_latency_max_ns, 400);
}

static void long_texts_are_cut_where_the_room_ends(void **state)
{
    static char text[PLAINTEXT_TEXT_MAX];
    struct str all = str_make(text, sizeof text);
    struct plaintext_item item = {
        .type = PLAINTEXT_OPEN,
        .open = {.library = all, .method = all, .path = all, .process = {7, all, all, all, all}}};
    const struct correlate_session *s;
    struct rec_tls_plain r;

    (void)state;
    memset(text, 'x', sizeof text);
    s = correlate_join(c, &flows[0], 0, 0, &item);
    assert_non_null(s);
    memset(text, 'y', sizeof text);
    correlate_record(s, &r);
    assert_int_equal(r.process.len, sizeof text);
    assert_int_equal(r.container.len, sizeof text);
    assert_int_equal(r.container.p[254], 'x');
    assert_int_equal(r.exe.len, CORRELATE_TEXT_BYTES - 4 * sizeof text);
    assert_false(RECORD_HAS(tls_plain, &r, cgroup));
    assert_int_equal(r.pid, 7);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_ends_of_a_flow_have_a_session),
        TEST(a_closed_session_is_forgotten_with_its_flow),
        TEST(an_open_session_outlives_its_flow),
        TEST(the_one_without_a_flow_for_longest_makes_room),
        TEST(watched_flows_leave_room_for_joined_ones),
        TEST(sessions_are_found_whatever_came_and_went_before),
        TEST(processes_are_those_of_sessions_or_of_packets),
        TEST(times_of_packets_are_found_from_both_sides),
        TEST(times_that_are_no_longer_kept_are_not_known),
        TEST(latencies_are_of_the_session_and_of_all),
        TEST(long_texts_are_cut_where_the_room_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
