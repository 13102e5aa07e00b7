/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of one worker, and what two workers tell each other. */
#include "common/base/clock.h"
#include "tests/unit/learn/workers.h"
#include "worker/learn/connections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define CAPACITY 4u

static const struct workers_part part = {
    .name = "connections",
    .event_bytes_max = CONNECTIONS_EVENT_BYTES,
    .options = {.quic_table_size = CAPACITY},
    .open = connections_open,
    .close = connections_close,
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

static uint32_t add(struct worker_of_test *w, uint32_t connection, const char *uid, unsigned side,
                    const char *cid)
{
    return learn_connection_id(&w->l, connection, str_of(uid), side, (const uint8_t *)cid,
                               strlen(cid));
}

#define DATAGRAM_BYTES 64u

/* With these bytes behind the first one; valid until the next. */
static const uint8_t *datagram_of(const char *bytes)
{
    static uint8_t datagram[DATAGRAM_BYTES];

    memset(datagram, 0x77, sizeof datagram);
    datagram[0] = 0x41;
    memcpy(datagram + 1, bytes, strlen(bytes));
    return datagram;
}

static uint32_t ask(struct worker_of_test *w, uint32_t question, unsigned end, const char *bytes)
{
    return learn_connection_ask(&w->l, question, end, datagram_of(bytes), DATAGRAM_BYTES);
}

/* Uid of what such a datagram belongs to, which is asked if it is unknown; holds nothing. */
static const char *find(struct worker_of_test *w, const char *bytes, unsigned side)
{
    static char uid[CONNECTIONS_UID_MAX + 1];
    unsigned to = 7;
    uint32_t connection = learn_connection_find(&w->l, datagram_of(bytes), DATAGRAM_BYTES, &to);
    struct str s;

    if (connection == 0) {
        learn_question_close(&w->l, ask(w, 0, 0, bytes));
        return "none";
    }
    assert_int_equal(to, side);
    s = learn_connection_uid(&w->l, connection);
    memcpy(uid, s.p, s.len);
    uid[s.len] = 0;
    learn_connection_release(&w->l, connection);
    return uid;
}

static void test_found_by_either_id(void **state)
{
    uint32_t c;

    (void)state;
    c = add(&a, 0, "Cone", 0, "client-id");
    assert_int_equal(add(&a, c, "Cone", 1, "serv"), c);
    assert_string_equal(find(&a, "client-id", 0), "Cone");
    assert_string_equal(find(&a, "serv", 1), "Cone");
    assert_string_equal(find(&a, "client-i", 0), "none");
    assert_int_equal(a.c.learn_connections, 1);
    learn_connection_release(&a.l, c);
}

/* The whole of it counts, not a shorter id that it begins with. */
static void test_longest_first(void **state)
{
    (void)state;
    add(&a, 0, "Cshort", 1, "abcd");
    add(&a, 0, "Clong", 1, "abcdefgh");
    assert_string_equal(find(&a, "abcdefgh", 1), "Clong");
    assert_string_equal(find(&a, "abcdefgx", 1), "Cshort");
}

static void test_short_ids_are_not_kept(void **state)
{
    (void)state;
    assert_int_equal(add(&a, 0, "Cone", 1, ""), 0);
    assert_int_equal(add(&a, 0, "Cone", 1, "abc"), 0);
    assert_int_equal(a.c.learn_connections, 0);
}

/* What was let go longest ago makes room; what is held stays. */
static void test_oldest_makes_room(void **state)
{
    static const char *const ids[] = {"id-0", "id-1", "id-2", "id-3", "id-4", "id-5"};
    uint32_t c[6];

    (void)state;
    for (unsigned i = 0; i < CAPACITY; i++)
        assert_true((c[i] = add(&a, 0, ids[i], 0, ids[i])) > 0);
    assert_int_equal(add(&a, 0, ids[4], 0, ids[4]), 0); /* all are held */
    assert_int_equal(a.c.learn_connections_bound, 1);
    learn_connection_release(&a.l, c[2]);
    learn_connection_release(&a.l, c[1]);
    assert_string_equal(find(&a, "id-1", 0), "id-1"); /* known after its flow has ended */
    assert_true(add(&a, 0, ids[4], 0, ids[4]) > 0);
    assert_string_equal(find(&a, "id-2", 0), "none");
    assert_true(add(&a, 0, ids[5], 0, ids[5]) > 0);
    assert_string_equal(find(&a, "id-1", 0), "none");
    assert_string_equal(find(&a, "id-0", 0), "id-0");
    assert_string_equal(find(&a, "id-5", 0), "id-5");
}

/* Ids of one connection are bounded. */
static void test_many_ids(void **state)
{
    char cid[] = "id-0";
    uint32_t c = 0;

    (void)state;
    for (unsigned i = 0; i < 6; i++, cid[3]++)
        c = add(&a, c, "Cone", 0, cid);
    assert_int_equal(a.c.learn_connections_bound, 2);
    assert_string_equal(find(&a, "id-3", 0), "Cone");
    assert_string_equal(find(&a, "id-4", 0), "none");
}

/* Two connections with one id: the one that lives has it, else the newer one. */
static void test_same_id(void **state)
{
    uint32_t one = add(&a, 0, "Cone", 1, "same-id"), two;

    (void)state;
    two = add(&a, 0, "Ctwo", 1, "same-id");
    assert_int_equal(two, 0);
    assert_string_equal(find(&a, "same-id", 1), "Cone");
    learn_connection_release(&a.l, one);
    two = add(&a, 0, "Ctwo", 1, "same-id");
    assert_true(two > 0);
    assert_string_equal(find(&a, "same-id", 1), "Ctwo");
    learn_connection_release(&a.l, two);
}

static void deliver(struct worker_of_test *to)
{
    assert_true(published.len > 0);
    assert_ptr_not_equal(published.from, &to->l);
    assert_true(connections_event(&to->l, published.body, published.len));
}

static void test_others_are_asked(void **state)
{
    uint8_t datagram[] = "Aserver-id and what is behind it";
    unsigned side;
    uint32_t c = add(&a, 0, "Cone", 1, "server-id");

    (void)state;
    learn_connection_set_category(&a.l, c, CATEGORY_web_quic);
    assert_string_equal(find(&b, "server-id", 1), "none");
    connections_run(&b.l, 0, NS_PER_SEC);
    assert_int_equal(published.n, 1);
    deliver(&a);
    assert_int_equal(published.n, 2);
    deliver(&b);
    assert_string_equal(find(&b, "server-id", 1), "Cone");
    assert_int_equal(published.n, 2);
    c = learn_connection_find(&b.l, datagram, sizeof datagram, &side);
    assert_int_equal(learn_connection_category(&b.l, c), CATEGORY_web_quic);
    learn_connection_release(&b.l, c);
    assert_int_equal(learn_connection_category(&b.l, 0), CATEGORY_unknown);
}

/* An answer that nobody here asked for is of no use here, nor is one to another question. */
static void test_answers_that_were_not_asked_for(void **state)
{
    struct connections_answer told = {STR_LIT("server-id"), STR_LIT("Cone"), 1, CATEGORY_unknown};

    (void)state;
    published.len = connections_event_write(published.body, NULL, 0, &told, 1);
    deliver(&b);
    assert_string_equal(find(&b, "server-id", 1), "none");
    assert_int_equal(b.c.learn_connections, 0);
}

/* What was heard from others is theirs to answer. */
static void test_hearsay_is_not_told(void **state)
{
    (void)state;
    test_others_are_asked(state);
    published.n = 0;
    find(&a, "server-ix", 1);
    connections_run(&a.l, 0, NS_PER_SEC);
    connections_event(&b.l, published.body, published.len);
    assert_int_equal(published.n, 1);
}

static void test_same_question_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        find(&a, "same-id", 1);
    connections_run(&a.l, 0, LEARN_PACE_NS);
    assert_int_equal(published.n, 1);
    connections_run(&a.l, 0, NS_PER_SEC); /* another second */
    find(&a, "same-id", 1);
    connections_run(&a.l, 0, NS_PER_SEC + LEARN_PACE_NS);
    assert_int_equal(published.n, 1);
    connections_run(&a.l, 0, 2 * NS_PER_SEC);
    find(&a, "same-id", 1);
    connections_run(&a.l, 0, 2 * NS_PER_SEC + LEARN_PACE_NS);
    assert_int_equal(published.n, 2);
}

static unsigned ask_anew(unsigned number)
{
    uint8_t datagram[40] = {0x41};

    memcpy(datagram + 1, &number, sizeof number);
    return learn_connection_ask(&a.l, 0, 0, datagram, sizeof datagram) > 0;
}

static void test_questions_are_few(void **state)
{
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        n += ask_anew(i);
        connections_run(&a.l, 0, LEARN_PACE_NS);
    }
    connections_run(&a.l, 0, 2 * LEARN_PACE_NS);
    assert_int_equal(n, 512);
    assert_int_equal(published.n, 1 + 512 / CONNECTIONS_EVENT_MAX);
    assert_true(a.c.learn_connections_unasked > 1000);
    connections_run(&a.l, 0, NS_PER_SEC); /* another second */
    assert_int_equal(ask_anew(2000), 1);
    connections_run(&a.l, 0, NS_PER_SEC + LEARN_PACE_NS);
    assert_int_equal(published.n, 2 + 512 / CONNECTIONS_EVENT_MAX);
}

static void test_questions_are_gathered(void **state)
{
    (void)state;
    assert_true(connections_deadline_ns(&a.l) == UINT64_MAX);
    ask_anew(1);
    connections_run(&a.l, 0, NS_PER_SEC);
    assert_int_equal(published.n, 1); /* it was quiet */
    ask_anew(2);
    assert_int_equal(connections_deadline_ns(&a.l), NS_PER_SEC + LEARN_PACE_NS);
    connections_run(&a.l, 0, NS_PER_SEC + LEARN_PACE_NS - 1);
    ask_anew(3);
    assert_int_equal(published.n, 1);
    connections_run(&a.l, 0, NS_PER_SEC + LEARN_PACE_NS);
    assert_int_equal(published.n, 2);
}

/* At the end: those that were sent before, too, since nobody may have heard them. */
static void test_what_is_open_is_asked_again(void **state)
{
    uint8_t datagram[] = "Aserver-id and what is behind it";
    uint32_t question;

    (void)state;
    connections_ask_again(&a.l);
    assert_int_equal(published.n, 0);
    for (unsigned i = 0; i < CONNECTIONS_EVENT_MAX; i++)
        ask_anew(i);
    connections_run(&a.l, 0, NS_PER_SEC);
    assert_int_equal(published.n, 1);
    for (unsigned i = 0; i < CONNECTIONS_EVENT_MAX; i++)
        ask_anew(i); /* other flows, and the same ids: once will do */
    question = learn_connection_ask(&a.l, 0, 1, datagram, sizeof datagram - 1);
    assert_true(question > 0);
    connections_ask_again(&a.l);
    assert_int_equal(published.n, 3);
    connections_run(&a.l, 0, NS_PER_SEC + LEARN_PACE_NS);
    assert_int_equal(published.n, 3);

    add(&b, 0, "Cone", 1, "server-id");
    deliver(&b);
    deliver(&a);
    assert_false(learn_question_is_open(&a.l, question));
    published.n = 0;
    connections_ask_again(&a.l);
    assert_int_equal(published.n, 1);
}

/* The second in which it was asked is over before the answer is there. */
static void test_answer_in_the_next_second(void **state)
{
    (void)state;
    add(&a, 0, "Cone", 1, "server-id");
    find(&b, "server-id", 1);
    connections_run(&b.l, 0, 5 * NS_PER_SEC);
    deliver(&a);
    deliver(&b);
    assert_string_equal(find(&b, "server-id", 1), "Cone");
}

static void expect_question(struct worker_of_test *w, uint32_t question, unsigned end,
                            const char *bytes)
{
    struct str s = learn_question_datagram(&w->l, question, end);

    if (!bytes) {
        assert_int_equal(s.len, 0);
        return;
    }
    assert_int_equal(s.len, 1 + CONNECTIONS_ASK_BYTES);
    assert_memory_equal(s.p, datagram_of(bytes), s.len);
}

/* What is kept of the question finds the connection, when nothing else of the flow is left. */
static void test_answer_after_the_last_datagram(void **state)
{
    uint32_t question = ask(&b, 0, 1, "server-id"), connection;
    struct str s;
    unsigned side;

    (void)state;
    add(&a, 0, "Cone", 1, "server-id");
    connections_run(&b.l, 0, NS_PER_SEC);
    deliver(&a);
    deliver(&b);
    s = learn_question_datagram(&b.l, question, 1);
    connection = learn_connection_find(&b.l, (const uint8_t *)s.p, s.len, &side);
    assert_memory_equal(learn_connection_uid(&b.l, connection).p, "Cone", 4);
    learn_connection_release(&b.l, connection);
}

/* Of each end the first one: those that come later may have an id that nobody can know. */
static void test_question_of_each_end(void **state)
{
    uint32_t question = ask(&a, 0, 1, "first-of-1");

    (void)state;
    assert_true(question > 0);
    expect_question(&a, question, 0, NULL);
    assert_int_equal(ask(&a, question, 0, "first-of-0"), question);
    assert_int_equal(ask(&a, question, 1, "second-of-1"), question);
    expect_question(&a, question, 0, "first-of-0");
    expect_question(&a, question, 1, "first-of-1");
    learn_question_close(&a.l, question);
    expect_question(&a, question, 1, NULL);
    assert_int_equal(published.n, 0);
}

/* Flows of the same unknown protocol ask alike, again and again, and never come back. */
static void test_newest_questions_stay(void **state)
{
    uint32_t first = ask(&a, 0, 0, "same"), last = 0;

    (void)state;
    learn_question_close(&a.l, ask(&a, 0, 0, "same"));
    for (unsigned i = 0; i < 40000; i++)
        last = ask(&a, 0, 0, "same");
    assert_true(a.c.learn_connections_bound > 0);
    assert_int_equal(a.c.learn_connections_bound + 32768 + 1, last); /* but the closed one */
    expect_question(&a, first, 0, NULL);
    expect_question(&a, last, 0, "same");
    assert_int_equal(ask(&a, first, 0, "same"), last + 1);
}

/* What a worker that ends waits for: not what was answered, nor what nobody asks any more, nor what
 * nobody can answer, for that was asked long ago. */
static void test_open_questions(void **state)
{
    uint32_t first, second;

    (void)state;
    add(&a, 0, "Cone", 1, "server-id");
    assert_false(learn_questions_open(&b.l));
    assert_false(learn_question_is_open(&b.l, 0));
    first = ask(&b, 0, 1, "server-id");
    assert_int_equal(ask(&b, first, 0, "unknown-id"), first);
    assert_true(learn_questions_open(&b.l));
    assert_true(learn_question_is_open(&b.l, first));
    connections_run(&b.l, 0, NS_PER_SEC);
    deliver(&a);
    assert_true(learn_questions_open(&b.l));
    deliver(&b);
    assert_false(learn_questions_open(&b.l)); /* one end's will do */
    assert_false(learn_question_is_open(&b.l, first));
    second = ask(&b, 0, 0, "other-id");
    assert_true(learn_questions_open(&b.l));
    learn_question_close(&b.l, second);
    assert_false(learn_questions_open(&b.l));
    ask(&b, 0, 0, "yet-another");
    connections_run(&b.l, 0, 2 * NS_PER_SEC);
    assert_true(learn_questions_open(&b.l));
    connections_run(&b.l, 0, 3 * NS_PER_SEC);
    assert_false(learn_questions_open(&b.l));
}

static void test_short_datagrams_are_not_asked_about(void **state)
{
    (void)state;
    assert_int_equal(
        learn_connection_ask(&a.l, 0, 0, datagram_of("server-id"), CONNECTIONS_ASK_BYTES), 0);
    connections_run(&a.l, 0, NS_PER_SEC);
    assert_int_equal(published.n, 0);
}

static void test_alone_nobody_is_asked(void **state)
{
    (void)state;
    workers_close();
    a.h.n_workers = 1;
    assert_int_equal(connections_open(&a.l), 0);
    assert_int_equal(connections_open(&b.l), 0);
    assert_int_equal(ask(&a, 0, 0, "server-id"), 0);
    connections_run(&a.l, 0, NS_PER_SEC);
    assert_int_equal(published.n, 0);
}

/* Nothing of a broken event is believed beyond the place where it breaks. */
static void test_broken_events(void **state)
{
    const uint8_t asked[1][CONNECTIONS_ASK_BYTES] = {"0123456789"};
    struct connections_answer told = {STR_LIT("server-id"), STR_LIT("Cone"), 1, CATEGORY_unknown};
    size_t len = connections_event_write(published.body, asked, 1, &told, 1);

    (void)state;
    assert_true(connections_event(&a.l, published.body, len));
    for (size_t n = 0; n < len; n++)
        assert_false(connections_event(&a.l, published.body, n));
    published.body[len - 2] = 2; /* a side that there is not */
    assert_false(connections_event(&a.l, published.body, len));
    published.body[len - 2] = 1;
    published.body[len - 1] = CATEGORIES; /* a category that there is not */
    assert_false(connections_event(&a.l, published.body, len));
    published.body[len - 1] = 0;
    published.body[0] = 0x93;
    assert_false(connections_event(&a.l, published.body, len));
}

static void test_switched_off(void **state)
{
    (void)state;
    workers_close();
    a.h.options.quic_table_size = 0;
    assert_int_equal(connections_open(&a.l), 0);
    assert_int_equal(connections_open(&b.l), 0);
    assert_int_equal(add(&a, 0, "Cone", 1, "server-id"), 0);
    assert_string_equal(find(&a, "server-id", 1), "none");
    assert_false(learn_questions_open(&a.l));
    learn_connection_release(&a.l, 0);
    connections_run(&a.l, 0, NS_PER_SEC);
    assert_true(connections_event(&a.l, (const uint8_t *)"x", 1));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_found_by_either_id),
        TEST(test_longest_first),
        TEST(test_short_ids_are_not_kept),
        TEST(test_oldest_makes_room),
        TEST(test_many_ids),
        TEST(test_same_id),
        TEST(test_others_are_asked),
        TEST(test_answers_that_were_not_asked_for),
        TEST(test_hearsay_is_not_told),
        TEST(test_same_question_once),
        TEST(test_questions_are_few),
        TEST(test_questions_are_gathered),
        TEST(test_what_is_open_is_asked_again),
        TEST(test_answer_in_the_next_second),
        TEST(test_answer_after_the_last_datagram),
        TEST(test_question_of_each_end),
        TEST(test_newest_questions_stay),
        TEST(test_open_questions),
        TEST(test_short_datagrams_are_not_asked_about),
        TEST(test_alone_nobody_is_asked),
        TEST(test_broken_events),
        TEST(test_switched_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
