/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers' learning and a manager's answer, with a bus that keeps what is published until the
 * test delivers it. */
#include "worker/learn/learn_private.h"

#include "common/base/alt_svc_table.h"
#include "common/base/clock.h"
#include "common/ipc/event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0 (1700000000 * NS_PER_SEC)

struct bus {
    char subscriptions[512];
    char topic[128];
    uint8_t body[EVENT_TABLE_BYTES];
    size_t len;
    unsigned published;
    bool full;
};

static struct bus buses[2];
static struct heritage heritages[2];
static struct counters counters[2];
static struct learn *learns[2];
static char lines[4096];
static size_t lines_len;

int bus_subscribe(struct bus *b, const char *topic)
{
    strcat(b->subscriptions, topic);
    strcat(b->subscriptions, " ");
    return 0;
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    if (b->full)
        return -EAGAIN;
    assert_true(len <= sizeof b->body);
    snprintf(b->topic, sizeof b->topic, "%s", topic);
    memcpy(b->body, body, len);
    b->len = len;
    b->published++;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(buses, 0, sizeof buses);
    memset(counters, 0, sizeof counters);
    for (int i = 0; i < 2; i++) {
        memset(&heritages[i], 0, sizeof heritages[i]);
        options_init(&heritages[i].options);
        heritages[i].options.alt_svc_table_size = 64;
        heritages[i].live = true;
        snprintf(heritages[i].node, sizeof heritages[i].node, "worker-%d", i + 1);
        assert_int_equal(learn_open(&learns[i], &heritages[i], &buses[i], &counters[i]), 0);
    }
    lines_len = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    learn_close(learns[0]);
    learn_close(learns[1]);
    return 0;
}

static void on_line(void *arg, struct rec_alt_svc *r)
{
    (void)arg;
    assert_true(r->present & 1);
    lines_len += (size_t)snprintf(
        lines + lines_len, sizeof lines - lines_len, "%.*s %.*s %.*s:%u %d; ", (int)r->action.len,
        r->action.p, (int)r->origin.len, r->origin.p, (int)r->protocol.len, r->protocol.p, r->port,
        r->present >> RECORD_alt_svc_expires & 1 ? (int)((r->expires - T0) / NS_PER_SEC) : -1);
}

static const struct ipaddr server = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};

/* Worker w sees a response of www.Example.org at T0 + seconds. Returns its lines. */
static const char *see(unsigned w, unsigned seconds, const char *value, bool good)
{
    struct learn_origin from = {.host = STR_LIT("www.Example.org"),
                                .server = server,
                                .port = 443,
                                .uid = STR_LIT("CUid"),
                                .ts_ns = T0 + seconds * NS_PER_SEC};

    lines_len = 0;
    lines[0] = '\0';
    assert_int_equal(learn_alt_svc(learns[w], &from, str_of(value), on_line, NULL), good);
    return lines;
}

static const char *alpn(unsigned w, unsigned seconds)
{
    const char *found =
        learn_alpn(learns[w], &server, 8443, STR_LIT(""), T0 + seconds * NS_PER_SEC);

    return found ? found : "-";
}

static void deliver(unsigned from, unsigned to)
{
    struct bus_message m = {.topic = buses[from].topic,
                            .topic_len = strlen(buses[from].topic),
                            .body = buses[from].body,
                            .body_len = buses[from].len};

    learn_message(learns[to], &m);
}

static void what_one_learns_the_other_knows(void **state)
{
    (void)state;
    assert_string_equal(see(0, 0, "h3=\":8443\"; ma=60", true),
                        "learn www.Example.org h3:8443 60; ");
    assert_string_equal(buses[0].topic, "event/alt_svc/worker-1/");
    assert_string_equal(alpn(0, 1), "h3");
    assert_string_equal(alpn(1, 1), "-");
    assert_false(learn_alpn_port(learns[1], 8443));
    deliver(0, 1);
    assert_string_equal(alpn(1, 1), "h3");
    assert_true(learn_alpn_port(learns[1], 8443));
    assert_string_equal(alpn(1, 60), "-");
    /* The other one sees it too: no second line, no event. */
    assert_string_equal(see(1, 0, "h3=\":8443\"; ma=60", true), "");
    assert_int_equal(buses[1].published, 0);
    assert_int_equal(counters[1].learn_alt_svc_same, 1);
    assert_string_equal(see(1, 2, "clear", true), "clear www.Example.org h3:8443 -1; ");
    deliver(1, 0);
    assert_string_equal(alpn(0, 3), "-");
    assert_int_equal(counters[0].learn_events, 1);
}

static void its_own_event_is_not_taken(void **state)
{
    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    deliver(0, 0);
    assert_int_equal(counters[0].learn_events + counters[0].learn_events_bad, 0);
}

static void a_broken_value_says_nothing(void **state)
{
    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    assert_string_equal(see(0, 1, "h3=:8443", false), "");
    assert_string_equal(alpn(0, 2), "h3");
    assert_string_equal(see(0, 1, "junk, h3=\":8444\"; ma=60", false),
                        "clear www.Example.org h3:8443 -1; learn www.Example.org h3:8444 61; ");
    assert_string_equal(alpn(0, 2), "-");
}

static void a_broken_event_is_counted(void **state)
{
    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    buses[0].len--;
    deliver(0, 1);
    assert_int_equal(counters[1].learn_events_bad, 1);
    assert_string_equal(alpn(1, 1), "-");
}

static void what_has_run_out_leaves_the_table(void **state)
{
    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    learn_run(learns[0], T0 + 59 * NS_PER_SEC, 1);
    assert_true(learn_alpn_port(learns[0], 8443));
    learn_run(learns[0], T0 + 60 * NS_PER_SEC, 1);
    assert_false(learn_alpn_port(learns[0], 8443));
}

/* A manager that has heard worker 0 answers worker 1. */
static void answer(void)
{
    struct bus_message m = {.topic = "event/table/worker-2/", .body = buses[0].body};
    static uint8_t body[EVENT_TABLE_BYTES];
    struct alt_svc_table *t;
    struct alt_svc_advert a;
    struct cursor c = cursor_init(buses[0].body, buses[0].len);
    uint32_t position = 0;
    uint64_t seq;
    bool last;

    assert_int_equal(alt_svc_table_new(&t, 16), 0);
    assert_int_equal(event_alt_svc_decode(&c, &seq, &a), 0);
    (void)alt_svc_table_set(t, &a, NULL, NULL);
    m.topic_len = strlen(m.topic);
    m.body = body;
    m.body_len = event_table_encode(body, t, &position, &last);
    learn_message(learns[1], &m);
    alt_svc_table_free(t);
}

static void a_new_worker_asks_until_it_is_answered(void **state)
{
    uint64_t now = 1000 * NS_PER_SEC;

    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    assert_true(learn_deadline_ns(learns[1]) <= now);
    learn_run(learns[1], T0, now);
    assert_string_equal(buses[1].topic, "event/hello/worker-2/");
    assert_int_equal(event_hello_decode(buses[1].body, buses[1].len), 0);
    learn_run(learns[1], T0, now);
    assert_int_equal(buses[1].published, 1);
    for (int second = 1; second <= 20; second++)
        learn_run(learns[1], T0, now + (unsigned)second * 2 * NS_PER_SEC);
    assert_int_equal(buses[1].published, 21);
    answer();
    assert_string_equal(alpn(1, 1), "h3");
    assert_true(learn_deadline_ns(learns[1]) == UINT64_MAX);
    learn_run(learns[1], T0, now + 100 * NS_PER_SEC);
    assert_int_equal(buses[1].published, 21);
}

static void a_later_event_is_believed_more_than_the_table(void **state)
{
    (void)state;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    see(1, 5, "h3=\":9443\"; ma=60", true);
    answer();
    assert_string_equal(alpn(1, 6), "-");
    assert_true(learn_alpn_port(learns[1], 9443));
}

/* Worker 0 again, of a replay: it publishes nothing but what it learns. */
static void replay(void)
{
    learn_close(learns[0]);
    memset(&buses[0], 0, sizeof buses[0]);
    heritages[0].live = false;
    assert_int_equal(learn_open(&learns[0], &heritages[0], &buses[0], &counters[0]), 0);
}

/* Worker 0 sees another port advertised; worker 1 hears of it, if it is published. */
static void see_port(unsigned port)
{
    unsigned before = buses[0].published;
    char value[48];

    snprintf(value, sizeof value, "h3=\":%u\"; ma=60", port);
    see(0, 0, value, true);
    if (buses[0].published > before)
        deliver(0, 1);
}

static void run_until(uint64_t mono_ns)
{
    unsigned before = buses[0].published;

    learn_run(learns[0], T0, mono_ns);
    if (buses[0].published > before)
        deliver(0, 1);
}

#define NOW (1000 * NS_PER_SEC)

static void lost_events_are_counted_and_asked_for(void **state)
{
    (void)state;
    replay();
    learn_run(learns[1], T0, NOW);
    see_port(8443);
    answer();
    see(0, 1, "h3=\":8444\"; ma=60", true);
    see(0, 2, "h3=\":8445\"; ma=60", true);
    learn_run(learns[0], T0, NOW + NS_PER_SEC);
    see(0, 3, "h3=\":8446\"; ma=60", true);
    learn_run(learns[0], T0, NOW + 2 * NS_PER_SEC);
    assert_int_equal(buses[0].published, 3);
    deliver(0, 1);
    assert_int_equal(counters[1].learn_events_lost, 2);
    assert_true(learn_deadline_ns(learns[1]) < UINT64_MAX);
    learn_run(learns[1], T0, 2 * NOW);
    assert_int_equal(buses[1].published, 2);
}

static void a_full_bus_is_counted(void **state)
{
    (void)state;
    buses[0].full = true;
    see(0, 0, "h3=\":8443\"; ma=60", true);
    assert_int_equal(counters[0].learn_events_lost, 1);
    assert_string_equal(alpn(0, 1), "h3");
}

static void a_flood_is_told_of_only_in_part(void **state)
{
    (void)state;
    replay();
    run_until(NOW);
    for (unsigned i = 0; i < 5000; i++)
        see_port(1000 + i);
    assert_in_range(buses[0].published, 2, 500);
    assert_in_range(counters[0].learn_alt_svc_untold, 3000, 4900);
    run_until(NOW + NS_PER_SEC);
    run_until(NOW + 2 * NS_PER_SEC);
    assert_false(learn_alpn_port(learns[1], 5999));
    see_port(8443);
    assert_true(learn_alpn_port(learns[1], 8443));
    assert_int_equal(counters[1].learn_events_lost, 0); /* what was not sent has no number */
}

static void the_first_is_told_at_once_and_the_next_together(void **state)
{
    uint64_t send_ns;

    (void)state;
    replay();
    run_until(NOW);
    assert_int_equal(buses[0].published, 0);
    see_port(1001);
    assert_int_equal(buses[0].published, 1);
    assert_true(learn_alpn_port(learns[1], 1001));
    assert_true(alt_svc_deadline_ns(learns[0]) == UINT64_MAX);
    see_port(1002);
    see_port(1003);
    assert_int_equal(buses[0].published, 1);
    send_ns = alt_svc_deadline_ns(learns[0]);
    assert_in_range(send_ns - NOW, NS_PER_MS, 100 * NS_PER_MS);
    assert_true(learn_deadline_ns(learns[0]) <= send_ns);
    run_until(send_ns - 1);
    assert_int_equal(buses[0].published, 1);
    run_until(send_ns);
    assert_int_equal(buses[0].published, 2);
    assert_true(learn_alpn_port(learns[1], 1003));
    assert_true(alt_svc_deadline_ns(learns[0]) == UINT64_MAX);
    assert_int_equal(counters[1].learn_events_lost + counters[1].learn_events_bad, 0);
}

/* As long as there is something each time, nothing goes at once; after a pause it does. */
static void the_pace_is_kept_until_it_is_quiet(void **state)
{
    uint64_t now = NOW, pace;

    (void)state;
    replay();
    run_until(now);
    see_port(1000);
    see_port(1001);
    pace = alt_svc_deadline_ns(learns[0]) - now;
    for (unsigned i = 1; i <= 20; i++) {
        now += pace;
        run_until(now);
        assert_int_equal(buses[0].published, 1 + i);
        see_port(1001 + i);
        assert_int_equal(buses[0].published, 1 + i);
        assert_true(alt_svc_deadline_ns(learns[0]) == now + pace);
    }
    run_until(now += pace);
    run_until(now += pace);
    assert_int_equal(buses[0].published, 22);
    see_port(2000);
    assert_int_equal(buses[0].published, 23);
    assert_true(learn_alpn_port(learns[1], 2000));
    assert_int_equal(counters[1].learn_events_lost + counters[1].learn_events_bad, 0);
}

static void a_full_message_does_not_wait(void **state)
{
    (void)state;
    replay();
    run_until(NOW);
    for (unsigned i = 0; i < 900; i++)
        see_port(1000 + i);
    assert_in_range(buses[0].published, 3, 300);
    assert_int_equal(counters[0].learn_alt_svc_untold, 0);
    run_until(alt_svc_deadline_ns(learns[0]));
    assert_true(learn_alpn_port(learns[1], 1899));
    /* Numbers tell that none was left out. */
    assert_int_equal(counters[1].learn_events_lost + counters[1].learn_events_bad, 0);
}

static void what_was_gathered_is_told_at_the_end(void **state)
{
    (void)state;
    replay();
    run_until(NOW);
    see_port(1001);
    see_port(1002);
    see_port(1003);
    learn_close(learns[0]);
    assert_int_equal(buses[0].published, 2);
    deliver(0, 1);
    assert_true(learn_alpn_port(learns[1], 1003));
    assert_int_equal(counters[1].learn_events_lost + counters[1].learn_events_bad, 0);
    memset(&buses[0], 0, sizeof buses[0]);
    assert_int_equal(learn_open(&learns[0], &heritages[0], &buses[0], &counters[0]), 0);
    learn_close(learns[0]); /* with nothing to say */
    assert_int_equal(buses[0].published, 0);
    assert_int_equal(learn_open(&learns[0], &heritages[0], &buses[0], &counters[0]), 0);
}

static void of_a_message_that_breaks_off_the_first_is_taken(void **state)
{
    (void)state;
    replay();
    run_until(NOW);
    see_port(1001);
    see_port(1002);
    see_port(1003);
    learn_run(learns[0], T0, NOW + NS_PER_SEC);
    buses[0].len--;
    deliver(0, 1);
    assert_true(learn_alpn_port(learns[1], 1002));
    assert_false(learn_alpn_port(learns[1], 1003));
    assert_int_equal(counters[1].learn_events_bad, 1);
}

static void topics_that_it_listens_to(void **state)
{
    (void)state;
    assert_non_null(strstr(buses[0].subscriptions, "event/alt_svc/ "));
    assert_non_null(strstr(buses[0].subscriptions, "event/table/worker-1/ "));
    assert_null(strstr(buses[0].subscriptions, "event/hello/"));
}

static void alone_it_listens_to_the_manager_only(void **state)
{
    struct bus bus = {.full = false};
    struct counters c = {0};
    struct learn *l;

    (void)state;
    heritages[0].n_workers = 1;
    assert_int_equal(learn_open(&l, &heritages[0], &bus, &c), 0);
    assert_string_equal(bus.subscriptions, "event/table/worker-1/ ");
    learn_close(l);
}

static void switched_off_nothing_is_learned(void **state)
{
    struct bus bus = {.full = false};
    struct counters c = {0};
    struct learn *l;

    (void)state;
    heritages[0].options.no_learn_alt_svc = true;
    assert_int_equal(learn_open(&l, &heritages[0], &bus, &c), 0);
    learn_close(learns[0]);
    learns[0] = l;
    assert_string_equal(see(0, 0, "h3=\":8443\"; ma=60", true), "");
    assert_string_equal(alpn(0, 1), "-");
    assert_false(learn_alpn_port(l, 8443));
    learn_run(l, T0, 1);
    assert_int_equal(bus.published, 0);
    see(1, 0, "h3=\":8443\"; ma=60", true);
    deliver(1, 0);
    assert_string_equal(alpn(0, 1), "-");
}

static void a_replay_asks_nobody(void **state)
{
    struct bus bus = {.full = false};
    struct counters c = {0};
    struct learn *l;

    (void)state;
    heritages[0].live = false;
    assert_int_equal(learn_open(&l, &heritages[0], &bus, &c), 0);
    learn_run(l, T0, 1000 * NS_PER_SEC);
    assert_int_equal(bus.published, 0);
    learn_close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_one_learns_the_other_knows),
        TEST(its_own_event_is_not_taken),
        TEST(a_broken_value_says_nothing),
        TEST(a_broken_event_is_counted),
        TEST(what_has_run_out_leaves_the_table),
        TEST(a_new_worker_asks_until_it_is_answered),
        TEST(a_later_event_is_believed_more_than_the_table),
        TEST(lost_events_are_counted_and_asked_for),
        TEST(a_full_bus_is_counted),
        TEST(a_flood_is_told_of_only_in_part),
        TEST(the_first_is_told_at_once_and_the_next_together),
        TEST(the_pace_is_kept_until_it_is_quiet),
        TEST(a_full_message_does_not_wait),
        TEST(what_was_gathered_is_told_at_the_end),
        TEST(of_a_message_that_breaks_off_the_first_is_taken),
        TEST(topics_that_it_listens_to),
        TEST(alone_it_listens_to_the_manager_only),
        TEST(switched_off_nothing_is_learned),
        TEST(a_replay_asks_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
