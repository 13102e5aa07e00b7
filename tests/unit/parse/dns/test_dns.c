/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"
#include "tests/unit/parse/fake_host.h"
#include "worker/parse/dns/dns.h"
#include "worker/parse/dns/dns_answers.h"
#include "worker/parse/dns/dns_pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

static struct fake_host h;
static struct build b;
static struct build stream;

static int setup_udp(void **state)
{
    (void)state;
    fake_host_open(&h, &analyzer_dns, ANALYZER_UDP);
    h.ctx.resp_p = 53;
    return 0;
}

static int setup_tcp(void **state)
{
    (void)state;
    stream.n = 0;
    fake_host_open(&h, &analyzer_dns, ANALYZER_TCP);
    h.ctx.resp_p = 53;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
}

static void send(unsigned side)
{
    fake_host_data(&h, side, b.b, b.n);
}

static void build_query(unsigned id, const char *name, unsigned type)
{
    build_header(&b, id, BUILD_QUERY, 1, 0, 0, 0);
    build_question(&b, name, type);
}

static void build_response(unsigned id, const char *name, uint32_t address)
{
    build_header(&b, id, BUILD_RESPONSE, 1, 1, 0, 0);
    build_question(&b, name, 1);
    build_a(&b, name, address);
}

static void assert_field(unsigned nth, const char *field, const char *expected)
{
    const char *got = fake_host_field(&h, RECORD_dns, nth, field);

    if (strcmp(got, expected) != 0) {
        char *dump = fake_host_dump(&h);
        print_error("%s", dump);
        free(dump);
        fail_msg("record %u: %s is %s, not %s", nth, field, got, expected);
    }
}

static void assert_count(unsigned n)
{
    assert_int_equal(fake_host_count(&h, RECORD_dns), n);
}

static void query_and_response_make_one_record(void **state)
{
    (void)state;
    build_query(0x1234, "WWW.example", 1);
    send(0);
    assert_count(0);
    h.ctx.ts_ns += 5 * MS;
    build_header(&b, 0x1234, 0x8580, 1, 2, 0, 1);
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 0xc0000201);
    build_a(&b, "www.example", 0xc0000202);
    build_rdata_end(&b, build_rr(&b, "", 41));
    send(1);
    assert_count(1);
    assert_field(0, "ts", "1700000000000000000");
    assert_field(0, "proto", "udp");
    assert_field(0, "trans_id", "4660");
    assert_field(0, "rtt", "5000000");
    assert_field(0, "query", "www.example");
    assert_field(0, "qclass", "1");
    assert_field(0, "qclass_name", "C_INTERNET");
    assert_field(0, "qtype", "1");
    assert_field(0, "qtype_name", "A");
    assert_field(0, "rcode", "0");
    assert_field(0, "rcode_name", "NOERROR");
    assert_field(0, "AA", "T");
    assert_field(0, "TC", "F");
    assert_field(0, "RD", "T");
    assert_field(0, "RA", "T");
    assert_field(0, "Z", "0");
    assert_field(0, "answers", "192.0.2.1,192.0.2.2");
    assert_field(0, "TTLs", "60000000000,60000000000");
    assert_field(0, "rejected", "F");
    assert_field(0, "opcode", "0");
    assert_field(0, "opcode_name", "query");
    fake_host_close(&h);
    assert_count(1);
    assert_int_equal(h.n_services, 1);
    assert_string_equal(h.services[0], "dns");
    assert_string_equal(h.category, "dns");
}

static void refusal_is_rejected(void **state)
{
    (void)state;
    build_query(1, "x.example", 28);
    send(0);
    build_header(&b, 1, 0x8185, 1, 0, 0, 0);
    build_question(&b, "x.example", 28);
    send(1);
    assert_field(0, "rcode_name", "REFUSED");
    assert_field(0, "rejected", "T");
    assert_field(0, "answers", "-");
    build_query(2, "x.example", 28);
    send(0);
    build_header(&b, 2, 0x8181, 0, 0, 0, 0); /* FORMERR without the question */
    send(1);
    assert_field(1, "rcode_name", "FORMERR");
    assert_field(1, "query", "x.example");
    assert_field(1, "rejected", "T");
}

static void unanswered_queries_come_at_the_end(void **state)
{
    (void)state;
    build_query(1, "", 2);
    send(0);
    build_query(1, "", 2);
    send(0);
    fake_host_close(&h);
    assert_count(2); /* sent twice, logged twice */
    assert_field(0, "query", "");
    assert_field(0, "qtype_name", "NS");
    assert_field(0, "rcode", "-");
    assert_field(0, "rtt", "-");
    assert_field(0, "rejected", "F");
}

static void response_without_query_is_told(void **state)
{
    (void)state;
    build_response(9, "www.example", 1);
    send(1);
    assert_count(1);
    assert_field(0, "query", "www.example");
    assert_field(0, "qtype_name", "A");
    assert_field(0, "rtt", "-");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 1);
}

static void same_id_goes_by_question_then_by_age(void **state)
{
    (void)state;
    build_query(5, "a.example", 1);
    send(0);
    h.ctx.ts_ns += MS;
    build_query(5, "b.example", 1);
    send(0);
    h.ctx.ts_ns += MS;
    build_response(5, "b.example", 2);
    send(1);
    assert_field(0, "query", "b.example");
    assert_field(0, "rtt", "1000000");
    build_response(5, "c.example", 3);
    send(1);
    assert_field(1, "query", "a.example");
    assert_field(1, "answers", "0.0.0.3");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
}

static void answers_come_in_any_order(void **state)
{
    char name[32];

    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "host%u.example", i);
        build_query(i, name, 1);
        send(0);
    }
    for (unsigned i = 40; i-- > 0;) {
        snprintf(name, sizeof name, "host%u.example", i);
        build_response(i, name, i);
        send(1);
        assert_field(39 - i, "query", name);
    }
    fake_host_close(&h);
    assert_count(40);
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
}

static void pending_queries_are_bounded(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DNS_PENDING_MAX + 3; i++) {
        build_query(i, "www.example", 1);
        send(0);
    }
    assert_count(3);
    assert_field(0, "trans_id", "0"); /* the oldest went first */
    assert_field(2, "trans_id", "2");
    assert_int_equal(h.weirds[WEIRD_DNS_EXCESSIVE_PENDING], 3);
    fake_host_close(&h);
    assert_count(DNS_PENDING_MAX + 3);
}

static void thousands_of_transactions_hold_no_memory(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        build_query(i, "www.example", 1);
        send(0);
        build_response(i, "www.example", i);
        send(1);
    }
    assert_count(1000);
    assert_int_equal(h.bufs.used_bytes, 0);
}

static void no_memory_logs_queries_at_once(void **state)
{
    size_t capacity;

    (void)state;
    while (bufpool_get(&h.bufs, BUFPOOL_MIN_BYTES, &capacity))
        continue;
    build_query(1, "www.example", 1);
    send(0);
    assert_count(1);
    assert_field(0, "query", "www.example");
}

static void answers_are_bounded(void **state)
{
    (void)state;
    build_query(1, "www.example", 1);
    send(0);
    build_header(&b, 1, BUILD_RESPONSE, 1, DNS_ANSWERS_MAX + 1, 0, 0);
    build_question(&b, "www.example", 1);
    for (unsigned i = 0; i <= DNS_ANSWERS_MAX; i++)
        build_a(&b, "www.example", i);
    send(1);
    assert_int_equal(((const struct rec_dns *)fake_host_record(&h, RECORD_dns, 0))->answers.n,
                     DNS_ANSWERS_MAX);
    assert_int_equal(h.weirds[WEIRD_DNS_ANSWERS_CUT], 1);
}

/* Those that say nothing count as well: there may be thousands. */
static void empty_answers_are_bounded(void **state)
{
    (void)state;
    build_header(&b, 1, BUILD_RESPONSE, 1, DNS_ANSWERS_MAX + 1, 0, 0);
    build_question(&b, "www.example", 1);
    for (unsigned i = 0; i < DNS_ANSWERS_MAX; i++)
        build_rdata_end(&b, build_rr(&b, "www.example", 41));
    build_a(&b, "www.example", 1);
    send(1);
    assert_field(0, "answers", "-");
    assert_int_equal(h.weirds[WEIRD_DNS_ANSWERS_CUT], 1);
}

/* As much text as a message can be made to hold stays within the answers' buffer. */
static void text_is_bounded(void **state)
{
    static char string[255];
    const struct rec_dns *r;
    size_t total = 0, start;

    (void)state;
    memset(string, 'x', sizeof string);
    build_header(&b, 1, BUILD_RESPONSE, 1, 90, 0, 0);
    build_question(&b, "www.example", 16);
    for (int i = 0; i < 90; i++) {
        start = build_rr(&b, "", 16);
        for (int j = 0; j < 2; j++) {
            build_u8(&b, 255);
            build_raw(&b, string, 255);
        }
        build_rdata_end(&b, start);
    }
    send(1);
    build_header(&b, 2, BUILD_RESPONSE, 1, 90, 0, 0);
    build_question(&b, "www.example", 16);
    for (int i = 0; i < 90; i++) {
        start = build_rr(&b, "", 16);
        for (int j = 0; j < 700; j++)
            build_u8(&b, 0);
        build_rdata_end(&b, start);
    }
    send(1);
    for (unsigned nth = 0; nth < 2; nth++) {
        r = fake_host_record(&h, RECORD_dns, nth);
        total = 0;
        for (uint32_t i = 0; i < r->answers.n; i++)
            total += r->answers.items[i].len;
        assert_in_range(total, 10000, DNS_ANSWERS_MAX_TEXT_BYTES);
        assert_int_equal(r->answers.n, r->ttls.n);
    }
    assert_int_equal(h.weirds[WEIRD_DNS_ANSWERS_CUT], 1);
}

static void broken_answer_keeps_the_others(void **state)
{
    size_t start;

    (void)state;
    build_query(1, "www.example", 1);
    send(0);
    build_header(&b, 1, BUILD_RESPONSE, 1, 3, 0, 0);
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 1);
    start = build_rr(&b, "www.example", 1);
    build_u16(&b, 7); /* half an address */
    build_rdata_end(&b, start);
    build_a(&b, "www.example", 3);
    send(1);
    assert_field(0, "answers", "0.0.0.1,0.0.0.3");
    assert_int_equal(h.weirds[WEIRD_DNS_TRUNCATED], 1);
}

/* Every cut of a response: one record, never a crash, and the cut is told. */
static void cut_responses_still_answer(void **state)
{
    size_t whole;

    (void)state;
    build_response(1, "www.example", 1);
    whole = b.n;
    for (size_t n = 12; n < whole; n++) {
        fake_host_fini(&h);
        setup_udp(NULL);
        build_query(1, "www.example", 1);
        send(0);
        build_response(1, "www.example", 1);
        fake_host_data(&h, 1, b.b, n);
        assert_count(1);
        assert_field(0, "query", "www.example");
        assert_field(0, "rcode", "0");
        assert_field(0, "answers", "-");
        fake_host_close(&h);
        assert_count(1);
        assert_true(h.weirds[WEIRD_DNS_SHORT_QUESTION] + h.weirds[WEIRD_DNS_SHORT_ANSWER] +
                        h.weirds[WEIRD_DNS_LABEL_PAST_END] ==
                    1);
    }
}

static void broken_query_is_logged_without_name(void **state)
{
    (void)state;
    build_header(&b, 1, BUILD_QUERY, 1, 0, 0, 0);
    build_pointer(&b, 12);
    build_u32(&b, 0x00010001);
    send(0);
    fake_host_data(&h, 0, b.b, 5);
    fake_host_close(&h);
    assert_count(1);
    assert_field(0, "query", "-");
    assert_field(0, "trans_id", "1");
    assert_int_equal(h.weirds[WEIRD_DNS_BAD_NAME], 1);
    assert_int_equal(h.weirds[WEIRD_DNS_SHORT_HEADER], 1);
}

static void multicast_messages_stand_alone(void **state)
{
    (void)state;
    h.ctx.resp_p = 5353;
    build_header(&b, 0, 0, 1, 0, 0, 0);
    build_question(&b, "host.local", 1);
    send(0);
    assert_count(1);
    assert_field(0, "query", "host.local");
    assert_field(0, "rcode", "-");
    build_header(&b, 0, 0x8400, 0, 1, 0, 0);
    build_a(&b, "Host.local", 0x0a000001);
    send(0);
    assert_count(2);
    assert_field(1, "query", "host.local");
    assert_field(1, "qtype", "-");
    assert_field(1, "AA", "T");
    assert_field(1, "answers", "10.0.0.1");
    assert_field(1, "rtt", "-");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
}

static void netbios_names_are_decoded(void **state)
{
    (void)state;
    h.ctx.resp_p = 137;
    build_header(&b, 1, 0x0110, 1, 0, 0, 0);
    build_question(&b, "FHFAEBEECACACACACACACACACACACAAA", 32);
    send(0);
    build_header(&b, 2, 0x0000, 1, 0, 0, 0);
    build_question(&b, "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 33);
    send(0);
    build_header(&b, 3, 0x2910, 1, 0, 0, 0);
    build_question(&b, "not-netbios", 32);
    send(0);
    build_header(&b, 4, 0xad80, 0, 1, 0, 0); /* a registration's response has no question */
    build_a(&b, "FHFAEBEECACACACACACACACACACACAAA", 1);
    send(1);
    assert_field(0, "query", "WPAD");
    fake_host_close(&h);
    assert_field(1, "query", "WPAD");
    assert_field(1, "Z", "1");
    assert_field(1, "opcode_name", "netbios-query");
    assert_field(2, "query", "*");
    assert_field(2, "qtype_name", "NBSTAT");
    assert_field(3, "query", "not-netbios");
    assert_field(3, "opcode_name", "netbios-registration");
}

/* One RR of an update, without data. */
static void build_change(const char *owner, unsigned type, unsigned class)
{
    build_name(&b, owner);
    build_u16(&b, type);
    build_u16(&b, class);
    build_u32(&b, 0);
    build_u16(&b, 0);
}

static void updates_tell_what_they_change(void **state)
{
    (void)state;
    build_header(&b, 1, 0x2800, 1, 4, 4, 0);
    build_question(&b, "example", 6);
    build_change("new.example", 5, 254);
    build_change("old.example", 255, 255);
    build_change("old.example", 1, 255);
    build_change("no.example", 255, 254);
    build_change("old.example", 28, 255);
    build_change("gone.example", 255, 255);
    build_a(&b, "new.example", 0xc0000201);
    build_change("old.example", 1, 254);
    send(0);
    build_header(&b, 1, 0xa805, 0, 0, 0, 0);
    send(1);
    assert_count(1);
    assert_field(0, "opcode_name", "dynamic-update");
    assert_field(0, "query", "example");
    assert_field(0, "qtype_name", "SOA");
    assert_field(0, "rcode_name", "REFUSED");
    assert_field(0, "answers",
                 "pre: NoRRSet CNAME new.example,pre: Name old.example,pre: RRSet A old.example,"
                 "pre: NoName no.example,del: RRSet AAAA old.example,del: Name gone.example,"
                 "add: A new.example 192.0.2.1,del: RR A old.example");
}

static void tcp_is_the_same_over_every_split(void **state)
{
    static struct build client, server;
    struct fake_chunk chunks[2];

    (void)state;
    client.n = server.n = 0;
    build_query(1, "a.example", 1);
    build_frame(&client, &b);
    build_query(2, "b.example", 1);
    build_frame(&client, &b);
    build_response(1, "a.example", 1);
    build_frame(&server, &b);
    build_response(2, "b.example", 2);
    build_frame(&server, &b);
    chunks[0] = (struct fake_chunk){0, client.b, client.n};
    chunks[1] = (struct fake_chunk){1, server.b, server.n};
    fake_host_check_splits(&analyzer_dns, ANALYZER_TCP, chunks, 2);
    fake_host_data(&h, 0, client.b, client.n);
    fake_host_data(&h, 1, server.b, server.n);
    assert_count(2);
    assert_field(0, "proto", "tcp");
    assert_field(0, "answers", "0.0.0.1");
    assert_field(1, "answers", "0.0.0.2");
    assert_int_equal(h.bufs.used_bytes, 0);
}

static void largest_tcp_message_fits(void **state)
{
    (void)state;
    build_header(&b, 1, BUILD_RESPONSE, 1, 1, 0, 4);
    build_question(&b, "a.example", 1);
    build_a(&b, "a.example", 1);
    while (b.n < 65535)
        build_u8(&b, 0);
    build_frame(&stream, &b);
    for (size_t at = 0; at < stream.n; at += 1460)
        fake_host_data(&h, 1, stream.b + at, stream.n - at < 1460 ? stream.n - at : 1460);
    assert_count(1);
    assert_field(0, "answers", "0.0.0.1");
    assert_int_equal(h.bufs.used_bytes, 0);
}

static void gap_gives_one_side_up(void **state)
{
    (void)state;
    build_query(1, "a.example", 1);
    build_frame(&stream, &b);
    fake_host_data(&h, 0, stream.b, stream.n);
    build_response(1, "a.example", 1);
    stream.n = 0;
    build_frame(&stream, &b);
    fake_host_data(&h, 1, stream.b, 20);
    fake_host_gap(&h, 1, 10);
    assert_false(h.done);
    fake_host_data(&h, 1, stream.b, stream.n);
    assert_count(0);
    fake_host_gap(&h, 0, 10);
    assert_true(h.done);
    fake_host_close(&h);
    assert_count(1);
    assert_field(0, "rcode", "-");
}

static void impossible_length_gives_one_side_up(void **state)
{
    (void)state;
    fake_host_data(&h, 0, "\0", 1);
    fake_host_data(&h, 0, "\3abc", 4);
    assert_int_equal(h.weirds[WEIRD_DNS_BAD_MESSAGE], 1);
    fake_host_data(&h, 1, "\0\0", 2);
    assert_true(h.done);
}

static void transfer_makes_one_record(void **state)
{
    (void)state;
    build_query(7, "example", 252);
    build_frame(&stream, &b);
    fake_host_data(&h, 0, stream.b, stream.n);
    for (unsigned i = 0; i < 20; i++) {
        stream.n = 0;
        build_header(&b, 7, 0x8400, i == 0, 2, 0, 0);
        if (i == 0)
            build_question(&b, "example", 252);
        build_a(&b, "a.example", 2 * i);
        build_a(&b, "b.example", 2 * i + 1);
        build_frame(&stream, &b);
        fake_host_data(&h, 1, stream.b, stream.n);
    }
    assert_count(1);
    assert_field(0, "qtype_name", "AXFR");
    assert_field(0, "answers", "0.0.0.0,0.0.0.1");
    assert_int_equal(h.weirds[WEIRD_DNS_UNMATCHED_REPLY], 0);
}

#define UDP(f) cmocka_unit_test_setup_teardown(f, setup_udp, teardown)
#define TCP(f) cmocka_unit_test_setup_teardown(f, setup_tcp, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UDP(query_and_response_make_one_record),
        UDP(refusal_is_rejected),
        UDP(unanswered_queries_come_at_the_end),
        UDP(response_without_query_is_told),
        UDP(same_id_goes_by_question_then_by_age),
        UDP(answers_come_in_any_order),
        UDP(pending_queries_are_bounded),
        UDP(thousands_of_transactions_hold_no_memory),
        UDP(no_memory_logs_queries_at_once),
        UDP(answers_are_bounded),
        UDP(empty_answers_are_bounded),
        UDP(text_is_bounded),
        UDP(broken_answer_keeps_the_others),
        UDP(cut_responses_still_answer),
        UDP(broken_query_is_logged_without_name),
        UDP(multicast_messages_stand_alone),
        UDP(netbios_names_are_decoded),
        UDP(updates_tell_what_they_change),
        TCP(tcp_is_the_same_over_every_split),
        TCP(largest_tcp_message_fits),
        TCP(gap_gives_one_side_up),
        TCP(impossible_length_gives_one_side_up),
        TCP(transfer_makes_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
