/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct alt_svc_advert example = {
    .server = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
    .server_port = 8443,
    .origin = {"www.example.org:8443", 20},
    .uid = {"CHhAvVGS1DHFjwGM9", 17},
    .node = {"worker-1", 8},
    .learned_ns = UINT64_C(1700000000123456789),
    .n = 2,
    .services = {{{"h3", 2}, {"", 0}, 86400, 443, false},
                 {{"w=x:y#z\0\xff", 9}, {"alt.example.org", 15}, 0x7fffffff, 65535, true}},
};

static void assert_same(const struct alt_svc_advert *a, const struct alt_svc_advert *b)
{
    assert_memory_equal(&a->server, &b->server, sizeof a->server);
    assert_int_equal(a->server_port, b->server_port);
    assert_true(str_equal(a->origin, b->origin) && str_equal(a->uid, b->uid) &&
                str_equal(a->node, b->node));
    assert_true(a->learned_ns == b->learned_ns);
    assert_int_equal(a->n, b->n);
    for (unsigned i = 0; i < a->n; i++) {
        assert_true(str_equal(a->services[i].protocol, b->services[i].protocol));
        assert_true(str_equal(a->services[i].host, b->services[i].host));
        assert_int_equal(a->services[i].port, b->services[i].port);
        assert_int_equal(a->services[i].max_age_s, b->services[i].max_age_s);
        assert_int_equal(a->services[i].persist, b->services[i].persist);
    }
}

/* One event that is the whole body. */
static int decode(const uint8_t *body, size_t n, uint64_t *seq, struct alt_svc_advert *a)
{
    struct cursor c = cursor_init(body, n);
    int rc = event_alt_svc_decode(&c, seq, a);

    return rc == 0 && cursor_left(&c) > 0 ? -EBADMSG : rc;
}

static void an_advert_comes_back(void **state)
{
    uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert a, clear = example;
    uint64_t seq;
    size_t n = event_alt_svc_encode(body, 7, &example);

    (void)state;
    assert_int_equal(decode(body, n, &seq, &a), 0);
    assert_true(seq == 7);
    assert_same(&a, &example);
    clear.n = 0;
    clear.origin = clear.uid = STR_LIT("");
    n = event_alt_svc_encode(body, UINT64_MAX, &clear);
    assert_int_equal(decode(body, n, &seq, &a), 0);
    assert_true(seq == UINT64_MAX);
    assert_same(&a, &clear);
}

static void several_come_one_after_the_other(void **state)
{
    uint8_t body[3 * EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert a;
    struct cursor c;
    uint64_t seq;
    size_t n = 0;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++)
        n += event_alt_svc_encode(body + n, i, &example);
    c = cursor_init(body, n);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(event_alt_svc_decode(&c, &seq, &a), 0);
        assert_true(seq == i);
        assert_same(&a, &example);
    }
    assert_int_equal(cursor_left(&c), 0);
}

static void the_longest_advert_fits(void **state)
{
    static char long_text[ALT_SVC_HOST_MAX];
    uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert a = example, b;
    uint64_t seq;

    (void)state;
    memset(long_text, 'x', sizeof long_text);
    a.origin = str_make(long_text, ALT_SVC_HOST_MAX);
    a.uid = str_make(long_text, ALT_SVC_UID_MAX);
    a.node = str_make(long_text, ALT_SVC_NODE_MAX);
    a.learned_ns = INT64_MAX;
    a.n = ALT_SVC_SERVICES_MAX;
    for (unsigned i = 0; i < a.n; i++)
        a.services[i] = (struct alt_svc_service){str_make(long_text, ALT_SVC_PROTOCOL_MAX),
                                                 str_make(long_text, ALT_SVC_HOST_MAX),
                                                 ALT_SVC_MAX_AGE_S, 65535, true};
    assert_int_equal(decode(body, event_alt_svc_encode(body, UINT64_MAX, &a), &seq, &b), 0);
    assert_same(&a, &b);
}

/* In memory of exactly its size, so that a byte read too far is seen. */
static int decode_exact(const uint8_t *body, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    struct alt_svc_advert a;
    uint64_t seq;
    int rc;

    assert_non_null(exact);
    memcpy(exact, body, n);
    rc = decode(exact, n, &seq, &a);
    free(exact);
    return rc;
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
    uint8_t body[EVENT_ALT_SVC_BYTES];
    size_t n = event_alt_svc_encode(body, 7, &example);

    (void)state;
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(decode_exact(body, cut), -EBADMSG);
    for (size_t i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            body[i] ^= (uint8_t)(1u << bit);
            (void)decode_exact(body, n);
            body[i] ^= (uint8_t)(1u << bit);
        }
    }
    assert_int_equal(decode_exact(body, n), 0);
    body[n] = 0;
    assert_int_equal(decode_exact(body, n + 1), -EBADMSG);
}

/* Values where MessagePack is right and the meaning is not. */
static void bounds_are_held(void **state)
{
    uint8_t body[EVENT_ALT_SVC_BYTES];
    struct alt_svc_advert a = example;
    size_t n;

    (void)state;
    a.learned_ns = (uint64_t)INT64_MAX + 1;
    n = event_alt_svc_encode(body, 1, &a);
    assert_int_equal(decode_exact(body, n), -EBADMSG);
    a = example;
    a.services[0].max_age_s = ALT_SVC_MAX_AGE_S + 1;
    n = event_alt_svc_encode(body, 1, &a);
    assert_int_equal(decode_exact(body, n), -EBADMSG);
    n = event_alt_svc_encode(body, 1, &example);
    body[3] = 2; /* the version, behind the map's head and "v" */
    assert_int_equal(decode_exact(body, n), -EPROTO);
}

static void hello_is_told_from_others(void **state)
{
    uint8_t body[EVENT_HELLO_BYTES];
    size_t n = event_hello_encode(body);

    (void)state;
    assert_int_equal(event_hello_decode(body, n), 0);
    assert_int_equal(event_hello_decode(body, n - 1), -EBADMSG);
    assert_int_equal(event_hello_decode(body, 0), -EBADMSG);
    body[n] = 0;
    assert_int_equal(event_hello_decode(body, n + 1), -EBADMSG);
    body[n - 1] = 9;
    assert_int_equal(event_hello_decode(body, n), -EPROTO);
}

static void fill(struct alt_svc_table *t, unsigned origins)
{
    for (unsigned i = 0; i < origins; i++) {
        struct alt_svc_advert a = example;
        char origin[32];

        snprintf(origin, sizeof origin, "o%u.example", i);
        a.origin = str_of(origin);
        a.learned_ns += i;
        (void)alt_svc_table_set(t, &a, NULL, NULL);
    }
}

static void copy_into(void *arg, const struct alt_svc_advert *a)
{
    (void)alt_svc_table_set(arg, a, NULL, NULL);
}

static void pass_over(void *arg, const struct alt_svc_advert *a)
{
    (void)arg;
    (void)a;
}

static void a_table_goes_over_in_several_messages(void **state)
{
    static uint8_t body[EVENT_TABLE_BYTES];
    struct alt_svc_table *from, *to;
    struct alt_svc_advert a, b;
    uint32_t position = 0, p = 0, q = 0;
    unsigned messages = 0;
    bool last = false;

    (void)state;
    assert_int_equal(alt_svc_table_new(&from, 4096), 0);
    assert_int_equal(alt_svc_table_new(&to, 4096), 0);
    fill(from, 2000);
    while (!last) {
        size_t n = event_table_encode(body, from, &position, &last);
        struct cursor c = cursor_init(body, n);
        bool was_last;

        assert_true(n <= sizeof body);
        assert_int_equal(event_table_decode(&c, &was_last, copy_into, to), 0);
        assert_int_equal(was_last, last);
        assert_true(cursor_left(&c) == 0);
        c = cursor_init(body, n - 1);
        assert_int_equal(event_table_decode(&c, &was_last, pass_over, NULL), -EBADMSG);
        messages++;
    }
    assert_in_range(messages, 3, 10);
    while (alt_svc_table_next(from, &p, &a)) {
        assert_true(alt_svc_table_next(to, &q, &b));
        assert_same(&a, &b);
    }
    assert_false(alt_svc_table_next(to, &q, &b));
    alt_svc_table_free(from);
    alt_svc_table_free(to);
}

static void an_empty_table_is_an_answer_too(void **state)
{
    static uint8_t body[EVENT_TABLE_BYTES];
    struct alt_svc_table *t;
    uint32_t position = 0;
    struct cursor c;
    bool last;

    (void)state;
    assert_int_equal(alt_svc_table_new(&t, 4), 0);
    c = cursor_init(body, event_table_encode(body, t, &position, &last));
    assert_true(last);
    last = false;
    assert_int_equal(event_table_decode(&c, &last, copy_into, t), 0);
    assert_true(last);
    alt_svc_table_free(t);
}

static void missing_numbers_are_counted(void **state)
{
    static struct event_senders s;
    char name[32];

    (void)state;
    assert_true(event_senders_note(&s, STR_LIT("worker-1"), 5) ==
                0); /* heard of for the first time */
    assert_true(event_senders_note(&s, STR_LIT("worker-1"), 6) == 0);
    assert_true(event_senders_note(&s, STR_LIT("worker-10"), 1) == 0);
    assert_true(event_senders_note(&s, STR_LIT("worker-1"), 10) == 3);
    assert_true(event_senders_note(&s, STR_LIT("worker-1"), 1) == 0); /* it was restarted */
    assert_true(event_senders_note(&s, STR_LIT("worker-1"), 3) == 1);
    for (unsigned i = 0; i < 2 * EVENT_SENDERS; i++) {
        snprintf(name, sizeof name, "n%u", i);
        assert_true(event_senders_note(&s, str_of(name), 9) == 0);
    }
    assert_true(event_senders_note(&s, STR_LIT("worker-10"), 3) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_advert_comes_back),
        cmocka_unit_test(several_come_one_after_the_other),
        cmocka_unit_test(the_longest_advert_fits),
        cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
        cmocka_unit_test(bounds_are_held),
        cmocka_unit_test(hello_is_told_from_others),
        cmocka_unit_test(a_table_goes_over_in_several_messages),
        cmocka_unit_test(an_empty_table_is_an_answer_too),
        cmocka_unit_test(missing_numbers_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
