/* SPDX-License-Identifier: BSD-3-Clause */
/* When the parts of learn tell the other workers, with a bus that counts what each part says. */
#include "worker/learn/learn_private.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define T0  (1700000000 * NS_PER_SEC)
#define NOW (1000 * NS_PER_SEC)

struct bus {
    unsigned alt_svc, names, connections;
};

static struct bus bus;
static struct heritage heritage;
static struct counters counters;
static struct learn *learn;

int bus_subscribe(struct bus *b, const char *topic)
{
    (void)b, (void)topic;
    return 0;
}

int bus_publish(struct bus *b, const char *topic, const void *body, size_t len)
{
    (void)body, (void)len;
    b->alt_svc += strcmp(topic, "event/alt_svc/worker-1/") == 0;
    b->names += strcmp(topic, "event/names/worker-1/") == 0;
    b->connections += strcmp(topic, "event/connections/worker-1/") == 0;
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&bus, 0, sizeof bus);
    memset(&counters, 0, sizeof counters);
    memset(&heritage, 0, sizeof heritage);
    options_init(&heritage.options);
    heritage.n_workers = 2;
    snprintf(heritage.node, sizeof heritage.node, "worker-1");
    assert_int_equal(learn_open(&learn, &heritage, &bus, &counters), 0);
    learn_run(learn, T0, NOW);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    learn_close(learn);
    return 0;
}

static void on_line(void *arg, struct rec_alt_svc *r)
{
    (void)arg, (void)r;
}

static void see_advert(unsigned port)
{
    struct learn_origin from = {
        .host = STR_LIT("www.example.org"), .port = 443, .uid = STR_LIT("CUid"), .ts_ns = T0};
    char value[48];

    snprintf(value, sizeof value, "h3=\":%u\"; ma=60", port);
    assert_true(learn_alt_svc(learn, &from, str_of(value), on_line, NULL));
}

static void see_answer(uint8_t last)
{
    const struct ipaddr client = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    const struct ipaddr addr = {{0x20, 0x01, 0x0d, 0xb8, [14] = 1, [15] = last}};

    learn_name_add(learn, &client, &addr, str_of("www.example.org"), 60, T0);
}

static void see_unknown_id(uint8_t first)
{
    const uint8_t datagram[40] = {0x41, first};

    assert_true(learn_connection_ask(learn, 0, 0, datagram, sizeof datagram) > 0);
}

static void assert_told(unsigned alt_svc, unsigned names, unsigned connections)
{
    assert_int_equal(bus.alt_svc, alt_svc);
    assert_int_equal(bus.names, names);
    assert_int_equal(bus.connections, connections);
}

/* What each part learns first goes at once, whatever the others told a moment ago. */
static void first_of_each(void)
{
    see_advert(1000);
    learn_run(learn, T0, NOW);
    assert_told(1, 0, 0);
    see_answer(1);
    learn_run(learn, T0, NOW + 10 * NS_PER_MS);
    assert_told(1, 1, 0);
    see_unknown_id(1);
    learn_run(learn, T0, NOW + 20 * NS_PER_MS);
    assert_told(1, 1, 1);
}

static void the_first_after_a_quiet_while_goes_at_once(void **state)
{
    (void)state;
    first_of_each();
}

static void whoever_goes_takes_the_rest_along(void **state)
{
    (void)state;
    first_of_each();
    see_advert(1001);
    see_answer(2);
    see_unknown_id(2);
    assert_int_equal(learn_deadline_ns(learn), NOW + LEARN_PACE_NS);
    learn_run(learn, T0, NOW + LEARN_PACE_NS - 1);
    assert_told(1, 1, 1);
    learn_run(learn, T0, NOW + LEARN_PACE_NS);
    assert_told(2, 2, 2);
    assert_true(learn_deadline_ns(learn) == UINT64_MAX);
}

static void from_then_on_they_keep_pace_together(void **state)
{
    (void)state;
    whoever_goes_takes_the_rest_along(state);
    see_answer(3);
    see_unknown_id(3);
    see_advert(1002);
    learn_run(learn, T0, NOW + 2 * LEARN_PACE_NS - 1);
    assert_told(2, 2, 2);
    learn_run(learn, T0, NOW + 2 * LEARN_PACE_NS);
    assert_told(3, 3, 3);
}

static void what_has_nothing_to_tell_is_silent(void **state)
{
    (void)state;
    first_of_each();
    see_answer(2);
    learn_run(learn, T0, NOW + NS_PER_SEC);
    assert_told(1, 2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_first_after_a_quiet_while_goes_at_once),
        TEST(whoever_goes_takes_the_rest_along),
        TEST(from_then_on_they_keep_pace_together),
        TEST(what_has_nothing_to_tell_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
