/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"
#include "worker/parse/dns/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct build b;

static void header_fields(void **state)
{
    struct dns_message m;

    (void)state;
    build_header(&b, 0x1234, 0xafd3, 1, 2, 3, 4);
    assert_true(dns_message_begin(&m, b.b, b.n));
    assert_int_equal(m.id, 0x1234);
    assert_true(m.response && m.aa && m.tc && m.rd && m.ra);
    assert_int_equal(m.opcode, 5);
    assert_int_equal(m.z, 5);
    assert_int_equal(m.rcode, 3);
    for (int i = 0; i < 4; i++)
        assert_int_equal(m.count[i], i + 1);
}

static void every_short_header_is_refused(void **state)
{
    struct dns_message m;

    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    for (size_t n = 0; n < DNS_HEADER_BYTES; n++) {
        assert_false(dns_message_begin(&m, b.b, n));
        assert_int_equal(m.problem, WEIRD_DNS_SHORT_HEADER);
    }
}

/* Reads the name at `at` of the message in b; returns the problem, the text in *out. */
static enum weird name_at(size_t at, struct dns_name *out, size_t *after)
{
    struct dns_message m;
    struct cursor c = cursor_init(b.b + at, b.n - at);

    assert_true(dns_message_begin(&m, b.b, b.n));
    if (!dns_message_name(&m, &c, out)) {
        assert_false(cursor_ok(&c));
        return m.problem;
    }
    if (after)
        *after = (size_t)(c.p - b.b);
    return WEIRDS;
}

static void assert_name(size_t at, const char *expected, size_t expected_after)
{
    struct dns_name name;
    size_t after;

    assert_int_equal(name_at(at, &name, &after), WEIRDS);
    assert_int_equal(name.len, strlen(expected));
    assert_memory_equal(name.text, expected, name.len);
    assert_int_equal(after, expected_after);
}

static void names_are_joined_and_lowered(void **state)
{
    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_name(&b, "WwW.ExAmple");
    build_name(&b, "");
    assert_name(12, "www.example", 25);
    assert_name(25, "", 26);
}

static void pointers_continue_a_name(void **state)
{
    size_t a, p;

    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_name(&b, "example");
    a = b.n;
    build_raw(&b, "\3www", 4);
    build_pointer(&b, 12);
    p = b.n;
    build_pointer(&b, (unsigned)a);
    assert_name(a, "www.example", p);
    assert_name(p, "www.example", p + 2);
}

static void pointers_must_lead_back(void **state)
{
    struct dns_name name;

    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_pointer(&b, 12); /* itself */
    assert_int_equal(name_at(12, &name, NULL), WEIRD_DNS_BAD_NAME);
    build_pointer(&b, 16); /* forward */
    build_name(&b, "x");
    assert_int_equal(name_at(14, &name, NULL), WEIRD_DNS_BAD_NAME);
}

static void loops_through_labels_end(void **state)
{
    struct dns_name name;

    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_raw(&b, "\1a", 2);
    build_pointer(&b, 12);
    assert_int_equal(name_at(12, &name, NULL), WEIRD_DNS_BAD_NAME);
    assert_int_equal(name_at(14, &name, NULL), WEIRD_DNS_BAD_NAME);
}

/* Each pointer leads to the one before it: no loop, but more steps than any real name takes. */
static void long_chains_of_pointers_end(void **state)
{
    struct dns_name name;

    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_name(&b, "x");
    for (unsigned i = 0; i < 1000; i++)
        build_pointer(&b, i == 0 ? 12 : 15 + 2 * (i - 1));
    assert_int_equal(name_at(15 + 2 * 15, &name, NULL), WEIRDS);
    assert_int_equal(name_at(15 + 2 * 16, &name, NULL), WEIRD_DNS_BAD_NAME);
}

/* Their names are not read, however many there are. */
static void questions_are_skipped(void **state)
{
    struct dns_message m;
    struct dns_rr rr;

    (void)state;
    build_header(&b, 1, BUILD_RESPONSE, 3, 1, 0, 0);
    build_question(&b, "www.example", 1);
    for (unsigned i = 0; i < 2; i++) {
        build_raw(&b, "\1a", 2);
        build_pointer(&b, 0x3fff); /* nowhere */
        build_u32(&b, 0x00010001);
    }
    build_a(&b, "www.example", 0xc0000201);
    assert_true(dns_message_begin(&m, b.b, b.n));
    assert_true(dns_message_skip_questions(&m, 0));
    assert_true(dns_message_rr(&m, &rr));
    assert_int_equal(cursor_left(&m.c), 0);
    for (size_t n = DNS_HEADER_BYTES; n < b.n - 27; n++) {
        assert_true(dns_message_begin(&m, b.b, n));
        assert_false(dns_message_skip_questions(&m, 0));
        assert_int_equal(m.problem, WEIRD_DNS_SHORT_QUESTION);
    }
}

static void odd_labels_are_refused(void **state)
{
    struct dns_name name;

    (void)state;
    for (unsigned first = 64; first < 192; first++) {
        build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
        build_u8(&b, first);
        b.n += 200;
        assert_int_equal(name_at(12, &name, NULL), WEIRD_DNS_BAD_LABEL);
    }
}

static void names_end_at_255_bytes(void **state)
{
    struct dns_name name;

    (void)state;
    for (unsigned labels = 127; labels <= 129; labels++) {
        build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
        for (unsigned i = 0; i < labels; i++)
            build_raw(&b, "\1a", 2);
        build_u8(&b, 0);
        assert_int_equal(name_at(12, &name, NULL),
                         labels <= 128 ? WEIRDS : WEIRD_DNS_NAME_TOO_LONG);
    }
}

static void every_cut_of_a_message_is_seen(void **state)
{
    struct dns_question q;
    struct dns_message m;
    struct dns_rr rr;
    size_t question_end;

    (void)state;
    build_header(&b, 1, BUILD_RESPONSE, 1, 1, 0, 0);
    build_question(&b, "www.example", 1);
    question_end = b.n;
    build_a(&b, "www.example", 0xc0000201);
    for (size_t n = DNS_HEADER_BYTES; n <= b.n; n++) {
        assert_true(dns_message_begin(&m, b.b, n));
        assert_int_equal(dns_message_question(&m, &q), n >= question_end);
        if (n < question_end)
            continue;
        assert_int_equal(dns_message_rr(&m, &rr), n == b.n);
        assert_int_equal(m.problem == WEIRDS, n == b.n);
    }
    assert_int_equal(rr.type, 1);
    assert_int_equal(rr.ttl_s, 60);
    assert_int_equal(cursor_left(&rr.rdata), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_fields),
        cmocka_unit_test(every_short_header_is_refused),
        cmocka_unit_test(names_are_joined_and_lowered),
        cmocka_unit_test(pointers_continue_a_name),
        cmocka_unit_test(pointers_must_lead_back),
        cmocka_unit_test(loops_through_labels_end),
        cmocka_unit_test(long_chains_of_pointers_end),
        cmocka_unit_test(questions_are_skipped),
        cmocka_unit_test(odd_labels_are_refused),
        cmocka_unit_test(names_end_at_255_bytes),
        cmocka_unit_test(every_cut_of_a_message_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
