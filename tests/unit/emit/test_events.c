/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes by the bus waits while it must not be taken; over a bus that only keeps count of what
 * is held. */
#include "worker/emit/events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static unsigned held, taken;
static struct events events;
static uint64_t lost;

struct bus_held *bus_hold(struct bus *b, struct bus_message *m)
{
    (void)b;
    (void)m;
    held++;
    return malloc(1);
}

void bus_let_go(struct bus_held *h)
{
    held--;
    free(h);
}

static void put(void)
{
    struct bus_message m = {.kind = BUS_MESSAGE, .topic_len = taken};

    events_put(&events, NULL, &m);
}

/* Each third one brings another one while it is taken. */
static void take(void *arg, const struct bus_message *m)
{
    (void)arg;
    (void)m;
    if (taken++ % 3 == 0)
        put();
}

static int begin(void **state)
{
    (void)state;
    held = taken = 0;
    lost = 0;
    events = (struct events){.take = take, .lost = &lost};
    return 0;
}

static void is_taken_at_once(void **state)
{
    (void)state;
    put();
    assert_int_equal(taken, 2); /* the first has brought another one */
    assert_int_equal(held, 0);
    assert_false(events_due(&events));
}

static void or_when_nothing_holds_it_up(void **state)
{
    (void)state;
    events.holds = 1;
    put();
    put();
    events_run(&events);
    assert_int_equal(taken, 0);
    events.holds = 0;
    assert_true(events_due(&events));
    events_run(&events);
    assert_int_equal(taken, 3);
    assert_int_equal(held, 0);
}

static void too_many_are_lost_and_counted(void **state)
{
    (void)state;
    events.holds = 1;
    for (unsigned i = 0; i < EVENTS_MAX + 5; i++)
        put();
    assert_int_equal(lost, 5);
    assert_int_equal(held, EVENTS_MAX);
    events_close(&events);
    assert_int_equal(held, 0);
    assert_int_equal(taken, 0);
}

static void where_nobody_takes_them_none_is_lost(void **state)
{
    (void)state;
    events.take = NULL;
    put();
    assert_int_equal(lost + held, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(is_taken_at_once, begin),
        cmocka_unit_test_setup(or_when_nothing_holds_it_up, begin),
        cmocka_unit_test_setup(too_many_are_lost_and_counted, begin),
        cmocka_unit_test_setup(where_nobody_takes_them_none_is_lost, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
