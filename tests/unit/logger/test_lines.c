/* SPDX-License-Identifier: BSD-3-Clause */
/* How records look as TSV, JSON and text: each test is one record and its line. */
#include "logger/sink/format.h"
#include "tests/unit/logger/sink_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FLOW_TSV "1700000000.123457\tCHhAvVGS1DHFjwGM9\t192.0.2.1\t49152\t198.51.100.7\t80\t"
#define FLOW_JSON                                                                                  \
    "{\"ts\":1700000000.123457,\"uid\":\"CHhAvVGS1DHFjwGM9\",\"id.orig_h\":\"192.0.2.1\","         \
    "\"id.orig_p\":49152,\"id.resp_h\":\"198.51.100.7\",\"id.resp_p\":80"

static struct rec_conn a_conn(void)
{
    static const struct str parents[] = {STR_LIT("CParent1"), STR_LIT("CParent2")};
    struct rec_conn r = {0};

    SINK_FIXTURE_FLOW(conn, &r);
    RECORD_SET(conn, &r, proto, STR_LIT("tcp"));
    RECORD_SET(conn, &r, duration, 1500000);
    RECORD_SET(conn, &r, orig_bytes, UINT64_MAX);
    RECORD_SET(conn, &r, resp_bytes, 0);
    RECORD_SET(conn, &r, conn_state, STR_LIT("SF"));
    RECORD_SET(conn, &r, local_orig, true);
    RECORD_SET(conn, &r, local_resp, false);
    RECORD_SET(conn, &r, tunnel_parents, ((struct str_list){parents, 2}));
    RECORD_SET(conn, &r, ip_proto, 6);
    return r;
}

static void test_tsv_conn(void **state)
{
    struct rec_conn r = a_conn();

    assert_string_equal(sink_fixture_line(*state, &sink_tsv, RECORD_conn, &r),
                        FLOW_TSV "tcp\t-\t0.001500\t18446744073709551615\t0\tSF\tT\tF\t-\t-\t-\t-"
                                 "\t-\t-\tCParent1,CParent2\t6\t-\t-\t-\t-\t-\t-\t-\t-\t-");
}

static void test_json_conn(void **state)
{
    struct rec_conn r = a_conn();
    struct sink_fixture *f = *state;

    f->heritage.options.log_format = LOG_FORMAT_JSON;
    assert_string_equal(
        sink_fixture_line(f, &sink_json, RECORD_conn, &r),
        FLOW_JSON ",\"proto\":\"tcp\",\"duration\":0.001500,\"orig_bytes\":18446744073709551615,"
                  "\"resp_bytes\":0,\"conn_state\":\"SF\",\"local_orig\":true,\"local_resp\":false,"
                  "\"tunnel_parents\":[\"CParent1\",\"CParent2\"],\"ip_proto\":6}");
}

static void test_json_stream_names_the_path(void **state)
{
    struct rec_conn r = {0};

    RECORD_SET(conn, &r, proto, STR_LIT("udp"));
    assert_string_equal(sink_fixture_line(*state, &sink_json_stream, RECORD_conn, &r),
                        "{\"_path\":\"conn\",\"proto\":\"udp\"}");
}

static void test_json_first_field_unset(void **state)
{
    struct rec_conn r = {0};

    RECORD_SET(conn, &r, proto, STR_LIT("udp"));
    assert_string_equal(sink_fixture_line(*state, &sink_json, RECORD_conn, &r),
                        "{\"proto\":\"udp\"}");
}

struct string_case {
    struct str in;
    const char *tsv;
    const char *element; /* in a list, as TSV */
    const char *json;
    const char *text;
};

#define SAME(in, out)                                                                              \
    {                                                                                              \
        STR_LIT(in), out, out, out, out                                                            \
    }

static const struct string_case string_cases[] = {
    SAME("/index.html", "/index.html"),
    {STR_LIT(""), "(empty)", "(empty)", "", ""},
    {STR_LIT("-"), "\\x2d", "\\x2d", "-", "-"},
    {STR_LIT("(empty)"), "\\x28empty)", "\\x28empty)", "(empty)", "(empty)"},
    SAME("--", "--"),
    {STR_LIT("a,b"), "a,b", "a\\x2cb", "a,b", "a,b"},
    {STR_LIT("a\\b"), "a\\\\b", "a\\\\b", "a\\\\b", "a\\\\b"},
    {STR_LIT("say \"hi\""), "say \"hi\"", "say \"hi\"", "say \\\"hi\\\"", "say \"hi\""},
    {STR_LIT("tab\there\n"), "tab\\x09here\\x0a", "tab\\x09here\\x0a", "tab\\there\\n",
     "tab\\x09here\\x0a"},
    {STR_LIT("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f", "\\x1b[31mred\\x7f", "\\u001b[31mred\\u007f",
     "\\x1b[31mred\\x7f"},
    {STR_LIT("nul\0nul"), "nul\\x00nul", "nul\\x00nul", "nul\\u0000nul", "nul\\x00nul"},
    SAME("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac "
                                                             "\xf0\x9f\x98\x80"),
    /* invalid: lone continuation, cut, overlong, surrogate, past U+10FFFF */
    {STR_LIT("a\x80z"), "a\\x80z", "a\\x80z", "a\\\\x80z", "a\\x80z"},
    {STR_LIT("cut\xe2\x82"), "cut\\xe2\\x82", "cut\\xe2\\x82", "cut\\\\xe2\\\\x82",
     "cut\\xe2\\x82"},
    {STR_LIT("\xc0\xaf"), "\\xc0\\xaf", "\\xc0\\xaf", "\\\\xc0\\\\xaf", "\\xc0\\xaf"},
    {STR_LIT("\xed\xa0\x80"), "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\\\xed\\\\xa0\\\\x80",
     "\\xed\\xa0\\x80"},
    {STR_LIT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80",
     "\\\\xf4\\\\x90\\\\x80\\\\x80", "\\xf4\\x90\\x80\\x80"},
    /* U+009B is CSI to a terminal */
    {STR_LIT("c1\xc2\x9b"), "c1\xc2\x9b", "c1\xc2\x9b", "c1\xc2\x9b", "c1\\xc2\\x9b"},
    /* an escape in each place of an eight-byte step, and a high byte right after it */
    SAME("0123456789abcdef", "0123456789abcdef"),
    {STR_LIT("0123456\x01\x80"
             "9abcdef"),
     "0123456\\x01\\x809abcdef", "0123456\\x01\\x809abcdef", "0123456\\u0001\\\\x809abcdef",
     "0123456\\x01\\x809abcdef"},
    {STR_LIT("\\!\\\"#,-./0"), "\\\\!\\\\\"#,-./0", "\\\\!\\\\\"#\\x2c-./0", "\\\\!\\\\\\\"#,-./0",
     "\\\\!\\\\\"#,-./0"},
};

static const char *between(const char *line, const char *before, const char *after)
{
    static char text[4096];
    const char *p = strstr(line, before), *end;

    if (!p)
        return "(not there)";
    p += strlen(before);
    end = strstr(p, after);
    snprintf(text, sizeof text, "%.*s", end ? (int)(end - p) : (int)strlen(p), p);
    return text;
}

static void test_strings(void **state)
{
    for (size_t i = 0; i < sizeof string_cases / sizeof string_cases[0]; i++) {
        const struct string_case *c = &string_cases[i];
        struct rec_http h = {0};
        struct rec_weird w = {0};

        print_message("string case %zu\n", i);
        RECORD_SET(http, &h, uri, c->in);
        RECORD_SET(http, &h, proxied, ((struct str_list){&c->in, 1}));
        assert_string_equal(between(sink_fixture_line(*state, &sink_tsv, RECORD_http, &h),
                                    "-\t-\t-\t-\t-\t-\t-\t-\t-\t", "\t"),
                            c->tsv);
        assert_non_null(strstr(sink_fixture_line(*state, &sink_tsv, RECORD_http, &h), c->element));
        assert_string_equal(between(sink_fixture_line(*state, &sink_json, RECORD_http, &h),
                                    "{\"uri\":\"", "\",\"proxied\""),
                            c->json);
        RECORD_SET(weird, &w, name, STR_LIT("<"));
        RECORD_SET(weird, &w, addl, c->in);
        RECORD_SET(weird, &w, source, STR_LIT("end"));
        assert_string_equal(
            between(sink_fixture_line(*state, &sink_text, RECORD_weird, &w), "< ", " (end)"),
            c->text);
    }
}

/* Every byte at every place of a string longer than two steps: the fast path must not miss one. */
static void test_every_byte_everywhere(void **state)
{
    struct sink_fixture *f = *state;

    for (unsigned c = 1; c < 256; c++) {
        char in[19];
        struct rec_http r = {0};
        const char *line;

        memset(in, 'x', sizeof in);
        in[c % sizeof in] = (char)c;
        RECORD_SET(http, &r, uri, str_make(in, sizeof in));
        line = sink_fixture_line(f, &sink_tsv, RECORD_http, &r);
        for (const char *p = line; *p; p++)
            if (((unsigned char)*p < 0x20 && *p != '\t') || (unsigned char)*p >= 0x7f)
                fail_msg("byte %02x at %zu came through raw", c, c % sizeof in);
        if (c > 0x20 && c < 0x7f && c != '\\')
            assert_memory_equal(strstr(line, "xx") - (c % sizeof in == 1 ? 2 : 0) +
                                    (c % sizeof in == 0 ? -1 : 0),
                                in, sizeof in);
    }
}

static void test_empty_lists(void **state)
{
    struct rec_dns r = {0};
    struct sink_fixture *f = *state;

    RECORD_SET(dns, &r, answers, ((struct str_list){NULL, 0}));
    assert_non_null(strstr(sink_fixture_line(f, &sink_tsv, RECORD_dns, &r), "\t(empty)\t"));
    assert_string_equal(sink_fixture_line(f, &sink_json, RECORD_dns, &r), "{\"answers\":[]}");
}

static void test_lists_of_other_types(void **state)
{
    static const int64_t ttls[] = {60000000000, -500000, -400};
    struct ipaddr ips[2] = {sink_fixture_v4(203, 0, 113, 9), {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}};
    struct rec_dns d = {0};
    struct rec_x509 x = {0};

    RECORD_SET(dns, &d, ttls, ((struct interval_list){ttls, 3}));
    assert_string_equal(sink_fixture_line(*state, &sink_json, RECORD_dns, &d),
                        "{\"TTLs\":[60.000000,-0.000500,0.000000]}");
    assert_non_null(strstr(sink_fixture_line(*state, &sink_tsv, RECORD_dns, &d),
                           "\t60.000000,-0.000500,0.000000\t"));
    RECORD_SET(x509, &x, san_ip, ((struct addr_list){ips, 2}));
    assert_string_equal(sink_fixture_line(*state, &sink_json, RECORD_x509, &x),
                        "{\"san.ip\":[\"203.0.113.9\",\"2001:db8::1\"]}");
    assert_non_null(
        strstr(sink_fixture_line(*state, &sink_tsv, RECORD_x509, &x), "203.0.113.9,2001:db8::1"));
}

static void test_doubles(void **state)
{
    static const struct {
        double d;
        const char *tsv, *json;
    } cases[] = {
        {0, "0.0", "0.0"},         {100, "100.0", "100.0"},
        {3.25, "3.25", "3.25"},    {1.0 / 3, "0.333333", "0.333333"},
        {-2.5e-9, "-0.0", "-0.0"}, {1e15, "1000000000000000.0", "1000000000000000.0"},
        {NAN, "nan", "null"},      {INFINITY, "inf", "null"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rec_capture_loss r = {0};

        RECORD_SET(capture_loss, &r, percent_lost, cases[i].d);
        assert_string_equal(between(sink_fixture_line(*state, &sink_tsv, RECORD_capture_loss, &r),
                                    "-\t-\t-\t-\t-\t", "\n"),
                            cases[i].tsv);
        assert_string_equal(
            between(sink_fixture_line(*state, &sink_json, RECORD_capture_loss, &r), ":", "}"),
            cases[i].json);
    }
}

static void test_times_are_rounded(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {
        {0, "0.000000"},
        {499, "0.000000"},
        {500, "0.000001"},
        {999999999, "1.000000"},
        {UINT64_C(9) * NS_PER_SEC, "9.000000"},
        {UINT64_C(10) * NS_PER_SEC, "10.000000"},
        {UINT64_MAX, "18446744073.709552"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rec_capture_loss r = {0};

        RECORD_SET(capture_loss, &r, ts, cases[i].ns);
        assert_string_equal(
            between(sink_fixture_line(*state, &sink_json, RECORD_capture_loss, &r), ":", "}"),
            cases[i].text);
    }
}

static void test_short_numbers_are_those_of_the_c_library(void **state)
{
    (void)state;
    for (unsigned v = 0; v < 20000; v++) {
        char text[FORMAT_SCALAR_BYTES], expected[16];

        *format_uint(text, v) = '\0';
        snprintf(expected, sizeof expected, "%u", v);
        assert_string_equal(text, expected);
    }
}

static void test_numbers_of_every_length(void **state)
{
    uint64_t v = 1;

    for (unsigned digits = 1; digits <= 20; digits++, v *= 10) {
        for (int delta = -1; delta <= 1; delta++) {
            struct rec_conn r = {0};
            char expected[64];

            RECORD_SET(conn, &r, orig_bytes, v + (uint64_t)delta);
            snprintf(expected, sizeof expected, "{\"orig_bytes\":%ju}",
                     (uintmax_t)(v + (uint64_t)delta));
            assert_string_equal(sink_fixture_line(*state, &sink_json, RECORD_conn, &r), expected);
        }
    }
}

static void test_text(void **state)
{
    struct rec_http h = {0};
    struct rec_conn c = a_conn();
    struct rec_ssl s = {0};

    SINK_FIXTURE_FLOW(http, &h);
    RECORD_SET(http, &h, method, STR_LIT("GET"));
    RECORD_SET(http, &h, host, STR_LIT("example.com"));
    RECORD_SET(http, &h, uri, STR_LIT("/a?b"));
    RECORD_SET(http, &h, version, STR_LIT("1.1"));
    RECORD_SET(http, &h, status_code, 200);
    RECORD_SET(http, &h, response_body_len, 1234);
    RECORD_SET(http, &h, ttfb, 12345678);
    assert_string_equal(sink_fixture_line(*state, &sink_text, RECORD_http, &h),
                        "22:13:20.123 http 192.0.2.1:49152 -> 198.51.100.7:80 GET "
                        "example.com/a?b -> 200 1.1 1234 B 12 ms");
    assert_string_equal(sink_fixture_line(*state, &sink_text, RECORD_conn, &c),
                        "22:13:20.123 conn 192.0.2.1:49152 -> 198.51.100.7:80 tcp SF "
                        "18446744073709551615 B out 0 B in 1 ms");
    SINK_FIXTURE_FLOW(ssl, &s);
    s.resp_h = (struct ipaddr){{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
    RECORD_SET(ssl, &s, version, STR_LIT("TLSv13"));
    RECORD_SET(ssl, &s, server_name, STR_LIT("example.com"));
    RECORD_SET(ssl, &s, resumed, true);
    assert_string_equal(sink_fixture_line(*state, &sink_text, RECORD_ssl, &s),
                        "22:13:20.123 ssl 192.0.2.1:49152 -> [2001:db8::1]:80 TLSv13 example.com "
                        "resumed");
}

static void test_text_of_a_record_without_a_row(void **state)
{
    struct rec_capture_loss r = {0};

    RECORD_SET(capture_loss, &r, ts, 0);
    RECORD_SET(capture_loss, &r, peer, STR_LIT("worker-1"));
    RECORD_SET(capture_loss, &r, gaps, 3);
    assert_string_equal(sink_fixture_line(*state, &sink_text, RECORD_capture_loss, &r),
                        "00:00:00.000 capture_loss peer=worker-1 gaps=3");
}

static void test_text_of_a_notice_about_no_one_flow(void **state)
{
    struct rec_notice r = {0};

    RECORD_SET(notice, &r, ts, 0);
    RECORD_SET(notice, &r, note, STR_LIT("Scan::Port_Scan"));
    RECORD_SET(notice, &r, n, 15);
    assert_string_equal(sink_fixture_line(*state, &sink_text, RECORD_notice, &r),
                        "00:00:00.000 notice note=Scan::Port_Scan n=15");
}

static void test_text_colors_only_for_a_terminal(void **state)
{
    struct sink_fixture *f = *state;
    struct rec_weird r = {0};

    RECORD_SET(weird, &r, name, STR_LIT("odd"));
    f->heritage.output_tty = true;
    assert_non_null(strchr(sink_fixture_line(f, &sink_text, RECORD_weird, &r), '\033'));
    f->heritage.options.no_color = true;
    assert_null(strchr(sink_fixture_line(f, &sink_text, RECORD_weird, &r), '\033'));
}

static void test_text_cuts_long_strings(void **state)
{
    char in[400];
    struct rec_weird r = {0};
    const char *line;

    memset(in, 'x', sizeof in);
    memcpy(in + 255, "\xe2\x82\xac", 3); /* across the place of the cut */
    RECORD_SET(weird, &r, name, str_make(in, sizeof in));
    line = sink_fixture_line(*state, &sink_text, RECORD_weird, &r);
    assert_non_null(strstr(line, "xxx..."));
    assert_null(strstr(line, "\\x"));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sink_fixture_setup, sink_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tsv_conn),
        TEST(test_json_conn),
        TEST(test_json_stream_names_the_path),
        TEST(test_json_first_field_unset),
        TEST(test_strings),
        TEST(test_every_byte_everywhere),
        TEST(test_empty_lists),
        TEST(test_lists_of_other_types),
        TEST(test_doubles),
        TEST(test_times_are_rounded),
        TEST(test_short_numbers_are_those_of_the_c_library),
        TEST(test_numbers_of_every_length),
        TEST(test_text),
        TEST(test_text_of_a_record_without_a_row),
        TEST(test_text_of_a_notice_about_no_one_flow),
        TEST(test_text_colors_only_for_a_terminal),
        TEST(test_text_cuts_long_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
