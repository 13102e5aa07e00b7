/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of one worker, and what two workers tell each other. */
#include "common/base/clock.h"
#include "tests/unit/learn/workers.h"
#include "worker/learn/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 8u /* pairs of a client and an address, and as many addresses */
#define GRACE_S  3600u
#define MINUTE   (60 * NS_PER_SEC)
#define HOUR     (60 * MINUTE)
#define START    (UINT64_C(1700000000) * NS_PER_SEC)

static const struct workers_part part = {
    .name = "names",
    .event_bytes_max = NAMES_EVENT_BYTES_MAX,
    .publisher = &a.l,
    .options = {.names_table_size = CAPACITY},
    .open = names_open,
    .close = names_close,
};

static int setup(void **state)
{
    (void)state;
    return workers_open(&part);
}

static int teardown(void **state)
{
    (void)state;
    workers_close();
    return 0;
}

static struct ipaddr client(unsigned n)
{
    const uint8_t v4[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};
    struct ipaddr addr;

    ipaddr_set_v4(&addr, v4);
    return addr;
}

static struct ipaddr server(unsigned n)
{
    struct ipaddr addr = {{0x20, 0x01, 0x0d, 0xb8, [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n}};

    return addr;
}

static void add(struct worker_of_test *w, unsigned c, unsigned s, const char *name, uint32_t ttl_s,
                uint64_t ts_ns)
{
    struct ipaddr from = client(c), to = server(s);

    learn_name_add(&w->l, &from, &to, str_of(name), ttl_s, ts_ns);
}

static uint32_t hold(struct worker_of_test *w, unsigned c, unsigned s, uint64_t at_ns)
{
    struct ipaddr from = client(c), to = server(s);

    return learn_name_find(&w->l, &from, &to, at_ns);
}

/* The name; holds nothing. */
static const char *find(struct worker_of_test *w, unsigned c, unsigned s, uint64_t at_ns)
{
    static char text[NAMES_TEXT_MAX + 1];
    uint32_t name = hold(w, c, s, at_ns);
    struct str str = learn_name_text(&w->l, name);

    memcpy(text, str.p, str.len);
    text[str.len] = '\0';
    learn_name_release(&w->l, name);
    return text;
}

static void an_answer_names_the_address_for_who_asked(void **state)
{
    (void)state;
    assert_string_equal(find(&a, 1, 1, START), "");
    add(&a, 1, 1, "www.example", 60, START);
    assert_string_equal(find(&a, 1, 1, START), "www.example");
    assert_string_equal(find(&a, 1, 1, START + MINUTE), "www.example");
    assert_string_equal(find(&a, 1, 2, START), "");
    assert_int_equal(a.c.learn_names, 1);
}

static void another_clients_answer_will_do(void **state)
{
    (void)state;
    add(&a, 1, 1, "www.example", 60, START);
    assert_string_equal(find(&a, 2, 1, START), "www.example");
}

static void two_clients_know_one_address_by_two_names(void **state)
{
    (void)state;
    add(&a, 1, 1, "one.example", 60, START);
    add(&a, 2, 1, "two.example", 60, START + 1);
    assert_string_equal(find(&a, 1, 1, START + 2), "one.example");
    assert_string_equal(find(&a, 2, 1, START + 2), "two.example");
    assert_string_equal(find(&a, 3, 1, START + 2), "two.example"); /* told last */
}

static void a_later_answer_replaces_an_earlier_one(void **state)
{
    (void)state;
    add(&a, 1, 1, "old.example", 60, START);
    add(&a, 1, 1, "new.example", 60, START + MINUTE);
    assert_string_equal(find(&a, 1, 1, START + MINUTE), "new.example");
}

/* A clock was set back, or an earlier capture follows. */
static void ones_own_answer_replaces_a_later_one(void **state)
{
    (void)state;
    add(&a, 1, 1, "new.example", 60, START + 9 * HOUR);
    add(&a, 1, 1, "old.example", 60, START);
    assert_string_equal(find(&a, 1, 1, START), "old.example");
    assert_string_equal(find(&a, 2, 1, START), "old.example");
}

static void anothers_answer_may_be_late(void **state)
{
    (void)state;
    add(&b, 1, 1, "new.example", 60, START + MINUTE);
    add(&a, 1, 1, "old.example", 60, START);
    names_run(&a.l, START, HOUR);
    assert_true(names_event(&b.l, published.body, published.len));
    assert_string_equal(find(&b, 1, 1, START + MINUTE), "new.example");
    assert_string_equal(find(&b, 1, 1, START), "");
}

static void what_began_before_the_answer_was_not_led_by_it(void **state)
{
    (void)state;
    add(&a, 1, 1, "www.example", 60, START);
    assert_string_equal(find(&a, 1, 1, START - 1), "");
    /* Asked again: known since the first time all the same. */
    add(&a, 1, 1, "www.example", 60, START + HOUR);
    assert_string_equal(find(&a, 1, 1, START + MINUTE), "www.example");
    /* Of two answers the earlier one may come second. */
    add(&a, 1, 1, "www.example", 60, START - MINUTE);
    assert_string_equal(find(&a, 1, 1, START - 1), "www.example");
}

static void an_answer_is_believed_for_its_ttl_and_an_hour(void **state)
{
    uint64_t end = START + (300 + GRACE_S) * NS_PER_SEC;

    (void)state;
    add(&a, 1, 1, "www.example", 300, START);
    assert_string_equal(find(&a, 1, 1, end), "www.example");
    assert_string_equal(find(&a, 1, 1, end + 1), "");
    add(&a, 1, 1, "www.example", 300, end + MINUTE); /* believed anew, from then on */
    assert_string_equal(find(&a, 1, 1, end + 1), "");
    assert_string_equal(find(&a, 1, 1, end + 2 * MINUTE), "www.example");
}

static void no_ttl_is_longer_than_a_day(void **state)
{
    (void)state;
    add(&a, 1, 1, "www.example", UINT32_MAX, START);
    assert_string_equal(find(&a, 1, 1, START + 25 * HOUR), "www.example");
    assert_string_equal(find(&a, 1, 1, START + 25 * HOUR + 1), "");
}

static void the_longest_unused_makes_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CAPACITY; i++)
        add(&a, 1, i, "www.example", 60, START);
    assert_int_equal(a.c.learn_names_evicted, 0);
    assert_string_equal(find(&a, 1, 0, START), "www.example"); /* used again */
    add(&a, 1, CAPACITY, "new.example", 60, START);
    assert_string_equal(find(&a, 1, 0, START), "www.example");
    assert_string_equal(find(&a, 1, 1, START), "");
    assert_string_equal(find(&a, 1, 2, START), "www.example");
    assert_string_equal(find(&a, 1, CAPACITY, START), "new.example");
    assert_int_equal(a.c.learn_names_evicted, 2); /* the client's and that for any */
}

static void a_held_name_outlives_its_entry(void **state)
{
    uint32_t name;

    (void)state;
    add(&a, 1, 0, "held.example", 60, START);
    name = hold(&a, 1, 0, START);
    assert_true(name > 0);
    for (unsigned i = 1; i <= 4 * CAPACITY; i++)
        add(&a, 1, i, "other.example", 60, START);
    assert_string_equal(find(&a, 1, 0, START), "");
    assert_int_equal(learn_name_text(&a.l, name).len, strlen("held.example"));
    assert_memory_equal(learn_name_text(&a.l, name).p, "held.example", strlen("held.example"));
    learn_name_release(&a.l, name);
}

static void room_for_texts_is_made_too(void **state)
{
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "host-%u.example", i);
        add(&a, i, 1, name, 60, START + i); /* entries: one a client, and one for any */
        assert_string_equal(find(&a, i, 1, START + i), name);
    }
    assert_true(a.c.learn_names_evicted > 0);
}

/* All texts are held by flows: nothing can be learned, nothing breaks, and it is counted. */
static void no_room_is_no_harm(void **state)
{
    uint32_t held[CAPACITY];
    char name[32];

    (void)state;
    for (unsigned i = 0; i < CAPACITY; i++) {
        snprintf(name, sizeof name, "host-%u.example", i);
        add(&a, 1, i, name, 60, START);
        held[i] = hold(&a, 1, i, START);
        assert_true(held[i] > 0);
    }
    add(&a, 1, 100, "more.example", 60, START);
    assert_string_equal(find(&a, 1, 100, START), "");
    assert_true(a.c.learn_names_evicted > 0);
    for (unsigned i = 0; i < CAPACITY; i++)
        learn_name_release(&a.l, held[i]);
    add(&a, 1, 100, "more.example", 60, START);
    assert_string_equal(find(&a, 1, 100, START), "more.example");
}

static void names_have_bounds(void **state)
{
    char longest[NAMES_TEXT_MAX + 2];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[NAMES_TEXT_MAX + 1] = '\0';
    add(&a, 1, 1, longest, 60, START);
    add(&a, 1, 1, "", 60, START);
    assert_string_equal(find(&a, 1, 1, START), "");
    longest[NAMES_TEXT_MAX] = '\0';
    add(&a, 1, 1, longest, 60, START);
    assert_string_equal(find(&a, 1, 1, START), longest);
}

static void without_a_table_nothing_is_known(void **state)
{
    struct worker_of_test w = {0};

    (void)state;
    w.l = (struct learn){.h = &w.h, .c = &w.c};
    assert_int_equal(names_open(&w.l), 0);
    add(&w, 1, 1, "www.example", 60, START);
    assert_string_equal(find(&w, 1, 1, START), "");
    names_run(&w.l, 0, 1);
    assert_true(names_event(&w.l, (const uint8_t *)"\x90", 1));
    names_close(&w.l);
}

static void the_other_worker_learns_it(void **state)
{
    (void)state;
    add(&a, 1, 1, "www.example", 60, START);
    add(&a, 2, 2, "two.example", 60, START);
    assert_int_equal(published.n, 0);
    names_run(&a.l, START, HOUR);
    assert_int_equal(published.n, 1);
    assert_true(names_event(&b.l, published.body, published.len));
    assert_string_equal(find(&b, 1, 1, START), "www.example");
    assert_string_equal(find(&b, 2, 2, START), "two.example");
    assert_string_equal(find(&b, 1, 1, START - 1), "");
    assert_int_equal(b.c.learn_names, 2);
    names_run(&b.l, START, HOUR); /* what was told is not told again: learn_publish would see it */
}

static void at_most_one_message_a_pace(void **state)
{
    (void)state;
    assert_true(names_deadline_ns(&a.l) == UINT64_MAX);
    add(&a, 1, 1, "www.example", 60, START);
    assert_true(names_deadline_ns(&a.l) <= HOUR); /* after a quiet while: at once */
    names_run(&a.l, START, HOUR);
    assert_int_equal(published.n, 1);
    assert_true(names_deadline_ns(&a.l) == UINT64_MAX);
    add(&a, 1, 2, "two.example", 60, START);
    assert_true(names_deadline_ns(&a.l) == HOUR + LEARN_PACE_NS);
    names_run(&a.l, START, HOUR + LEARN_PACE_NS - 1);
    assert_int_equal(published.n, 1);
    names_run(&a.l, START, HOUR + LEARN_PACE_NS);
    assert_int_equal(published.n, 2);
}

static void what_is_known_is_no_news(void **state)
{
    (void)state;
    add(&a, 1, 1, "www.example", 300, START);
    names_run(&a.l, START, HOUR);
    add(&a, 1, 1, "www.example", 300, START + MINUTE);
    names_run(&a.l, START, 2 * HOUR);
    assert_int_equal(published.n, 1);
    add(&a, 1, 1, "www.example", 300, START + MINUTE + 1); /* believed over a minute longer */
    names_run(&a.l, START, 3 * HOUR);
    assert_int_equal(published.n, 2);
    add(&a, 1, 1, "other.example", 300, START + HOUR);
    names_run(&a.l, START, 4 * HOUR);
    assert_int_equal(published.n, 3);
    assert_int_equal(a.c.learn_names, 3);
}

static void a_full_message_goes_at_once(void **state)
{
    char name[NAMES_TEXT_MAX + 1];
    unsigned n = 0;

    (void)state;
    memset(name, 'x', NAMES_TEXT_MAX);
    name[NAMES_TEXT_MAX] = '\0';
    for (; published.n == 0; n++)
        add(&a, n, n, name, 60, START);
    assert_in_range(n, 40, 60); /* 16 KiB by about 310 bytes */
    assert_true(names_event(&b.l, published.body, published.len));
    assert_int_equal(b.c.learn_names, n - 1);
    names_run(&a.l, START, HOUR); /* the one that had no room */
    assert_int_equal(published.n, 2);
}

static void a_flood_is_told_of_only_in_part(void **state)
{
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "host-%u.example", i);
        add(&a, i, i, name, 60, START);
    }
    assert_int_equal(published.n, NAMES_EVENTS_FULL_MAX);
    assert_in_range(a.c.learn_names_untold, 1, 4999);
    names_run(&a.l, START, HOUR);
    assert_int_equal(published.n, NAMES_EVENTS_FULL_MAX + 1);
    assert_true(names_event(&b.l, published.body, published.len));
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "more-%u.example", i);
        add(&a, i, i, name, 60, START + 1);
    }
    assert_int_equal(published.n, 2 * NAMES_EVENTS_FULL_MAX + 1);
}

static void alone_there_is_nobody_to_tell(void **state)
{
    (void)state;
    names_close(&a.l);
    a.h.n_workers = 1;
    assert_int_equal(names_open(&a.l), 0);
    add(&a, 1, 1, "www.example", 60, START);
    assert_true(names_deadline_ns(&a.l) == UINT64_MAX);
}

static void broken_events_are_refused_wherever_they_end(void **state)
{
    uint8_t body[sizeof published.body];

    (void)state;
    add(&a, 1, 1, "www.example", 60, START);
    add(&a, 1, 2, "two.example", 60, START);
    names_run(&a.l, START, HOUR);
    for (size_t n = 0; n < published.len; n++) {
        memcpy(body, published.body, published.len);
        if (names_event(&b.l, body, n))
            fail_msg("read an event of %zu bytes that ends after %zu", published.len, n);
    }
    body[published.len] = 0xc0;
    assert_false(names_event(&b.l, body, published.len + 1));
}

static void events_of_other_kinds_are_refused(void **state)
{
    static const char *const bodies[] = {
        "\xc0", "\x81\xa1x\x01", "\x91\xc0", "\x91\x91\xc0",
        /* an address of 4 bytes */
        "\x91\x95\xc4\x04\x0a\x01\x01\x01\xc4\x04\x0a\x01\x01\x02\xa1x\x01\x01"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        if (names_event(&b.l, (const uint8_t *)bodies[i], strlen(bodies[i])))
            fail_msg("event %zu was taken", i);
    assert_int_equal(b.c.learn_names, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_names_the_address_for_who_asked),
        TEST(another_clients_answer_will_do),
        TEST(two_clients_know_one_address_by_two_names),
        TEST(a_later_answer_replaces_an_earlier_one),
        TEST(ones_own_answer_replaces_a_later_one),
        TEST(anothers_answer_may_be_late),
        TEST(what_began_before_the_answer_was_not_led_by_it),
        TEST(an_answer_is_believed_for_its_ttl_and_an_hour),
        TEST(no_ttl_is_longer_than_a_day),
        TEST(the_longest_unused_makes_room),
        TEST(a_held_name_outlives_its_entry),
        TEST(room_for_texts_is_made_too),
        TEST(no_room_is_no_harm),
        TEST(names_have_bounds),
        TEST(without_a_table_nothing_is_known),
        TEST(the_other_worker_learns_it),
        TEST(at_most_one_message_a_pace),
        TEST(what_is_known_is_no_news),
        TEST(a_full_message_goes_at_once),
        TEST(a_flood_is_told_of_only_in_part),
        TEST(alone_there_is_nobody_to_tell),
        TEST(broken_events_are_refused_wherever_they_end),
        TEST(events_of_other_kinds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
