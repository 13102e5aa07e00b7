/* SPDX-License-Identifier: BSD-3-Clause */
/* Which names and addresses the host is told of, and DNS that something else encloses. */
#include "build.h"
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/dns/dns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fake_host h;
static struct build b;

static void open(const struct analyzer *a, uint8_t transport, uint16_t resp_p)
{
    fake_host_open(&h, a, transport);
    h.ctx.resp_p = resp_p;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
}

static int setup_udp(void **state)
{
    (void)state;
    open(&analyzer_dns, ANALYZER_UDP, 53);
    return 0;
}

static int setup_mdns(void **state)
{
    (void)state;
    open(&analyzer_dns, ANALYZER_UDP, 5353);
    return 0;
}

static int setup_llmnr(void **state)
{
    (void)state;
    open(&analyzer_dns, ANALYZER_UDP, 5355);
    return 0;
}

static int setup_enclosed(void **state)
{
    (void)state;
    open(&analyzer_dns_message, ANALYZER_TCP, 443);
    return 0;
}

static void send(unsigned side)
{
    fake_host_data(&h, side, b.b, b.n);
}

static void ask(const char *name, unsigned type)
{
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0, 0);
    build_question(&b, name, type);
    send(0);
}

/* Header and question of a response. */
static void begin_response(const char *name, unsigned type, unsigned answers)
{
    build_header(&b, 7, BUILD_RESPONSE, 1, answers, 0, 0);
    build_question(&b, name, type);
}

static void build_rr_raw(const char *owner, unsigned type, const void *data, size_t n)
{
    size_t start = build_rr(&b, owner, type);

    build_raw(&b, data, n);
    build_rdata_end(&b, start);
}

static void build_cname(const char *owner, const char *target)
{
    size_t start = build_rr(&b, owner, 5);

    build_name(&b, target);
    build_rdata_end(&b, start);
}

static void build_aaaa(const char *owner, uint8_t last)
{
    uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = last};

    build_rr_raw(owner, 28, address, sizeof address);
}

static void assert_told(const char *expected)
{
    h.notes[h.notes_len] = '\0';
    assert_string_equal(h.notes, expected);
}

static void addresses_are_of_the_name_that_was_asked_for(void **state)
{
    (void)state;
    ask("WWW.example", 1);
    begin_response("www.example", 1, 2);
    build_a(&b, "www.example", 0xc0000201);
    build_a(&b, "www.example", 0xc0000202);
    send(1);
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n"
                "resolved www.example to 192.0.2.2 for 60 s\n");
}

static void aliases_lead_back_to_it(void **state)
{
    (void)state;
    ask("www.example", 28);
    begin_response("www.example", 28, 4);
    build_cname("www.example", "cdn.example");
    build_aaaa("edge.example", 1); /* in whatever order */
    build_cname("cdn.example", "edge.example");
    build_aaaa("edge.example", 2);
    send(1);
    assert_told("resolved www.example to 2001:db8::1 for 60 s\n"
                "resolved www.example to 2001:db8::2 for 60 s\n");
}

static void what_was_not_asked_for_is_its_owners(void **state)
{
    (void)state;
    ask("example", 255);
    begin_response("example", 255, 1);
    build_a(&b, "www.example", 0xc0000201);
    send(1);
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n");
}

static void hints_are_addresses(void **state)
{
    static const char data[] = "\0\1\0\0\1\0\3\2h3\0\4\0\x08\xc0\0\2\1\xc0\0\2\2\0\6\0\x10"
                               "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1";

    (void)state;
    ask("_8443._https.www.example", 65);
    begin_response("_8443._https.www.example", 65, 1);
    build_rr_raw("_8443._https.www.example", 65, data, sizeof data - 1);
    send(1);
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n"
                "resolved www.example to 192.0.2.2 for 60 s\n"
                "resolved www.example to 2001:db8::1 for 60 s\n");
}

static void what_nobody_asked_for_is_not_told(void **state)
{
    (void)state;
    begin_response("www.example", 1, 1);
    build_a(&b, "www.example", 0xc0000201);
    send(1);
    assert_told("");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 1);
}

static void refusals_other_classes_and_broken_data_tell_nothing(void **state)
{
    (void)state;
    ask("www.example", 1);
    begin_response("www.example", 1, 1);
    build_a(&b, "www.example", 0xc0000201);
    b.b[3] |= 3; /* NXDOMAIN */
    send(1);
    ask("www.example", 1);
    begin_response("www.example", 1, 1);
    build_a(&b, "www.example", 0xc0000201);
    b.b[b.n - 11] = 3; /* CHAOS */
    send(1);
    ask("www.example", 1);
    begin_response("www.example", 1, 1);
    build_rr_raw("www.example", 1, "\xc0\0\2", 3);
    send(1);
    ask("www.example", 65);
    begin_response("www.example", 65, 1);
    build_rr_raw("www.example", 65, "\0\1\0\0\4\0\3\xc0\0\2", 10);
    send(1);
    assert_told("");
    assert_int_equal(fake_host_count(&h, RECORD_dns), 4);
}

/* An announcement: nobody's answer, and the addresses are additional. */
static void multicast_tells_of_owners(void **state)
{
    size_t class_at;

    (void)state;
    build_header(&b, 0, 0x8400, 0, 1, 0, 3);
    build_rr_raw("_http._tcp.local", 12, "\7Printer\xc0\x0c", 10);
    class_at = b.n + sizeof "\7printer\5local" + 2;
    build_a(&b, "printer.local", 0xc0000201);
    b.b[class_at] |= 0x80; /* cache-flush */
    build_aaaa("printer.local", 1);
    build_a(&b, "gone.local", 0xc0000202);
    memset(b.b + b.n - 10, 0, 4); /* TTL 0: goodbye */
    send(0);
    assert_told("resolved printer.local to 192.0.2.1 for 60 s\n"
                "resolved printer.local to 2001:db8::1 for 60 s\n");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
}

static void unicast_additional_records_are_not_believed(void **state)
{
    (void)state;
    ask("www.example", 1);
    build_header(&b, 7, BUILD_RESPONSE, 1, 1, 0, 1);
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 0xc0000201);
    build_a(&b, "bank.example", 0xc0000266);
    send(1);
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n");
}

static void llmnr_answers_on_a_flow_without_the_query(void **state)
{
    (void)state;
    begin_response("workstation", 1, 1);
    build_a(&b, "workstation", 0xc0000201);
    send(1);
    assert_told("resolved workstation to 192.0.2.1 for 60 s\n");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
    assert_int_equal(fake_host_count(&h, RECORD_dns), 1);
}

static void enclosed_messages_are_whole(void **state)
{
    (void)state;
    ask("www.example", 1);
    h.ctx.ts_ns += 1000;
    begin_response("www.example", 1, 1);
    build_a(&b, "www.example", 0xc0000201);
    send(1);
    assert_int_equal(fake_host_count(&h, RECORD_dns), 1);
    assert_string_equal(fake_host_field(&h, RECORD_dns, 0, "proto"), "tcp");
    assert_string_equal(fake_host_field(&h, RECORD_dns, 0, "query"), "www.example");
    assert_string_equal(fake_host_field(&h, RECORD_dns, 0, "answers"), "192.0.2.1");
    assert_string_equal(fake_host_field(&h, RECORD_dns, 0, "rtt"), "1000");
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n");
    assert_string_equal(h.services[0], "dns");
    assert_null(h.category); /* the enclosing protocol's to set */
}

static void enclosed_answers_need_no_query(void **state)
{
    (void)state;
    fake_host_gap(&h, 0, 100);
    begin_response("www.example", 1, 1);
    build_a(&b, "www.example", 0xc0000201);
    send(1);
    assert_int_equal(fake_host_count(&h, RECORD_dns), 1);
    assert_told("resolved www.example to 192.0.2.1 for 60 s\n");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
    fake_host_data(&h, 1, "short", 5);
    assert_int_equal(h.weirds[WEIRD_DNS_SHORT_HEADER], 1);
}

static void odd_messages_have_names(void **state)
{
    (void)state;
    ask("www.example", 65400);
    begin_response("www.example", 65400, 1);
    build_rr_raw("www.example", 65400, "abc", 3);
    send(1);
    assert_int_equal(h.weirds[WEIRD_DNS_UNKNOWN_TYPE], 1);
    ask("www.example", 1);
    begin_response("www.example", 1, 1);
    build_rr_raw("www.example", 1, "", 0);
    send(1);
    assert_int_equal(h.weirds[WEIRD_DNS_ZERO_RDLENGTH], 1);
    for (unsigned n = 25; n <= 26; n++) {
        build_header(&b, 8, BUILD_QUERY, n, 0, 0, 0);
        for (unsigned i = 0; i < n; i++)
            build_question(&b, "a.example", 1);
        send(0);
        assert_int_equal(h.weirds[WEIRD_DNS_QUESTIONS], n - 25);
    }
}

#define CASE(f, setup) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(addresses_are_of_the_name_that_was_asked_for, setup_udp),
        CASE(aliases_lead_back_to_it, setup_udp),
        CASE(what_was_not_asked_for_is_its_owners, setup_udp),
        CASE(hints_are_addresses, setup_udp),
        CASE(what_nobody_asked_for_is_not_told, setup_udp),
        CASE(refusals_other_classes_and_broken_data_tell_nothing, setup_udp),
        CASE(unicast_additional_records_are_not_believed, setup_udp),
        CASE(multicast_tells_of_owners, setup_mdns),
        CASE(llmnr_answers_on_a_flow_without_the_query, setup_llmnr),
        CASE(enclosed_messages_are_whole, setup_enclosed),
        CASE(enclosed_answers_need_no_query, setup_enclosed),
        CASE(odd_messages_have_names, setup_udp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
