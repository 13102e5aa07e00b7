/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/emit/taps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct taps taps;

static int setup(void **state)
{
    (void)state;
    memset(&taps, 0, sizeof taps);
    return 0;
}

static void note(enum bus_kind kind, const char *topic)
{
    struct bus_message m = {.kind = kind, .topic = topic, .topic_len = strlen(topic)};

    taps_note(&taps, &m);
}

static void topics_are_prefixes(void **state)
{
    (void)state;
    assert_false(taps_want(&taps, "log/http/worker-1/"));
    note(BUS_SUBSCRIBED, "log/http/");
    assert_true(taps_want(&taps, "log/http/worker-1/"));
    assert_false(taps_want(&taps, "log/http2/worker-1/"));
    note(BUS_SUBSCRIBED, "log/http2/worker-2/");
    assert_false(taps_want(&taps, "log/http2/worker-1/"));
    note(BUS_SUBSCRIBED, "log/conn/worker-1/and more");
    assert_false(taps_want(&taps, "log/conn/worker-1/"));
    note(BUS_SUBSCRIBED, "");
    assert_true(taps_want(&taps, "log/conn/worker-1/"));
}

static void a_prefix_ends_once_however_often_it_began(void **state)
{
    (void)state;
    note(BUS_SUBSCRIBED, "log/http/");
    note(BUS_SUBSCRIBED, "log/dns/");
    note(BUS_SUBSCRIBED, "log/http/");
    note(BUS_UNSUBSCRIBED, "log/http/");
    assert_false(taps_want(&taps, "log/http/worker-1/"));
    assert_true(taps_want(&taps, "log/dns/worker-1/"));
    note(BUS_UNSUBSCRIBED, "log/http/");
    note(BUS_UNSUBSCRIBED, "log/dns/");
    assert_int_equal(taps.n, 0);
}

static void others_topics_are_none_of_ours(void **state)
{
    char longer[TAPS_TOPIC_BYTES + 1];

    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    memcpy(longer, "log/", 4);
    longer[sizeof longer - 1] = '\0';
    note(BUS_SUBSCRIBED, "logger/logger-1/");
    note(BUS_SUBSCRIBED, "batches/");
    note(BUS_SUBSCRIBED, longer);
    note(BUS_MESSAGE, "log/");
    assert_int_equal(taps.n, 0);
}

static void more_than_there_is_room_for_is_everything(void **state)
{
    char topic[32];

    (void)state;
    for (unsigned i = 0; i < TAPS_MAX; i++) {
        snprintf(topic, sizeof topic, "log/%u/", i);
        note(BUS_SUBSCRIBED, topic);
    }
    assert_false(taps_want(&taps, "log/http/worker-1/"));
    note(BUS_SUBSCRIBED, "log/0/"); /* again */
    assert_false(taps_want(&taps, "log/http/worker-1/"));
    note(BUS_SUBSCRIBED, "log/32/");
    assert_true(taps_want(&taps, "log/http/worker-1/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(topics_are_prefixes, setup),
        cmocka_unit_test_setup(a_prefix_ends_once_however_often_it_began, setup),
        cmocka_unit_test_setup(others_topics_are_none_of_ours, setup),
        cmocka_unit_test_setup(more_than_there_is_room_for_is_everything, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
