/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/http1/http1.h"
#include "worker/parse/http1/http1_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_str(struct str s, const char *expected, const char *line)
{
    if (!str_equal(s, str_of(expected)))
        fail_msg("\"%s\": found \"%.*s\", expected \"%s\"", line, (int)s.len, s.p, expected);
}

static void test_request_lines(void **state)
{
    static const struct {
        const char *line, *method, *uri, *version;
        bool simple;
    } cases[] = {
        {"GET / HTTP/1.1\r", "GET", "/", "1.1", false},
        {"GET / HTTP/1.0", "GET", "/", "1.0", false},
        {"get /a http/1.1\r", "get", "/a", "1.1", false},
        {"GET  /two%20blanks \tHTTP/1.1 \r", "GET", "/two%20blanks", "1.1", false},
        {"POST /a b c HTTP/1.1\r", "POST", "/a b c", "1.1", false},
        {"PUT /x HTTP/1.\r", "PUT", "/x", "", false},
        {"BREW /pot HTTP/1.1\r", "BREW", "/pot", "1.1", false},
        {"M-SEARCH * HTTP/1.1\r", "M-SEARCH", "*", "1.1", false},
        {"CONNECT a.example:443 HTTP/1.1\r", "CONNECT", "a.example:443", "1.1", false},
        {"GET http://a.example/HTTP/1.1 HTTP/1.0\r", "GET", "http://a.example/HTTP/1.1", "1.0",
         false},
        {"OPTIONS HTTP/1.1\r", "OPTIONS", "", "1.1", false},
        {"GET /old\r", "GET", "/old", "0.9", true},
        {"BREW /HTTP/1.1\r", "BREW", "/HTTP/1.1", "0.9", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http1_request_line r;

        if (!http1_request_line_parse(str_of(cases[i].line), &r))
            fail_msg("\"%s\" was refused", cases[i].line);
        assert_str(r.method, cases[i].method, cases[i].line);
        assert_str(r.uri, cases[i].uri, cases[i].line);
        assert_str(r.version, cases[i].version, cases[i].line);
        if (r.simple != cases[i].simple)
            fail_msg("\"%s\": simple is %d", cases[i].line, r.simple);
    }
}

static void test_request_lines_refused(void **state)
{
    static const char *const lines[] = {
        "",
        " GET / HTTP/1.1",
        "GET",
        "GET ",
        "GET /\tpart two",
        "G<T / HTTP/1.1",
        "USER anonymous",
        "BREW /pot",
        "PRI * HTTP/2.0",
        "OPTIONS * RTSP/1.0",
        "NOTIFY sip:a@b SIP/2.0",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ / HTTP/1.1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct http1_request_line r;

        if (http1_request_line_parse(str_of(lines[i]), &r))
            fail_msg("\"%s\" was taken for a request", lines[i]);
    }
}

static void test_status_lines(void **state)
{
    static const struct {
        const char *line, *version, *reason;
        unsigned status;
    } cases[] = {
        {"HTTP/1.1 200 OK\r", "1.1", "OK", 200},
        {"HTTP/1.0 404 Not Found", "1.0", "Not Found", 404},
        {"HTTP/1.1 200\r", "1.1", "", 200},
        {"HTTP/1.1  503   \r", "1.1", "", 503},
        {"HTTP/1. 999 odd\r", "", "odd", 999},
    };
    static const char *const refused[] = {"HTTP/1.1 20\r", "HTTP/1.1 OK 200", "HTTP/1.1",
                                          "ICY 200 OK", "HTTQ/1.1 200 OK"};
    struct http1_status_line r;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!http1_status_line_parse(str_of(cases[i].line), &r))
            fail_msg("\"%s\" was refused", cases[i].line);
        assert_str(r.version, cases[i].version, cases[i].line);
        assert_str(r.reason, cases[i].reason, cases[i].line);
        assert_int_equal(r.status, cases[i].status);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (http1_status_line_parse(str_of(refused[i]), &r))
            fail_msg("\"%s\" was taken for a status line", refused[i]);
}

static void test_probe(void **state)
{
    static const struct {
        const char *bytes;
        enum probe_result result;
    } cases[] = {
        {"G", PROBE_MORE},
        {"GET", PROBE_MORE},
        {"GET ", PROBE_MORE},
        {"GET /", PROBE_CLIENT},
        {"\r\nGET /", PROBE_CLIENT},
        {"\r\n", PROBE_MORE},
        {"\r\n\r\n\r\n\r\n\r\n", PROBE_NO},
        {"CONNECT a.example:443", PROBE_MORE},
        {"CONNECT a.example:443 HTTP/1.1\r\n", PROBE_CLIENT},
        {"OPTIONS /", PROBE_MORE},
        {"OPTIONS * HTTP/1.1\r\n", PROBE_CLIENT},
        {"OPTIONS * RTSP/1.0\r\n", PROBE_NO},
        {"OPTIONS rtsp://a/b RTSP/1.0\r\n", PROBE_NO},
        {"DESCRIBE rtsp://a/b RTSP/1.0\r\n", PROBE_NO},
        {"INVITE sip:a@b SIP/2.0\r\n", PROBE_NO},
        {"BREW /pot HTTP/1.1\n", PROBE_CLIENT},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", PROBE_NO},
        {"PRI * HT", PROBE_MORE},
        {"H", PROBE_MORE},
        {"HTTP/", PROBE_MORE},
        {"HTTP/1.1 200 OK\r\n", PROBE_SERVER},
        {"HTTP/1", PROBE_SERVER},
        {"HEAD /", PROBE_CLIENT},
        {"HELO mail\r\n", PROBE_NO},
        {"RTSP/1.0 200 OK\r\n", PROBE_NO},
        {"SIP/2.0 200 OK\r\n", PROBE_NO},
        {"SSH-2.0-x\r\n", PROBE_NO},
        {"\x16\x03\x01", PROBE_NO},
        {"220 ready\r\n", PROBE_NO},
        {"GET key\r\n", PROBE_NO},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *p = cases[i].bytes;
        enum probe_result r = http1_probe((const uint8_t *)p, strlen(p), ANALYZER_TCP);

        if (r != cases[i].result)
            fail_msg("probe of \"%s\" gave %d, expected %d", p, r, cases[i].result);
    }
}

/* A probe that said no must not have said yes to more bytes, nor the other way round. */
static void test_probe_is_steady(void **state)
{
    static const char *const texts[] = {"GET /index.html HTTP/1.1\r\n", "HTTP/1.1 200 OK\r\n",
                                        "BREW coffee://pot HTTP/1.1\r\n", "EHLO a.example\r\n",
                                        "OPTIONS * RTSP/1.0\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        enum probe_result last = PROBE_MORE;

        for (size_t n = 1; n <= strlen(texts[i]); n++) {
            enum probe_result r = http1_probe((const uint8_t *)texts[i], n, ANALYZER_TCP);

            if (last != PROBE_MORE && r != last)
                fail_msg("\"%s\": %d at %zu bytes, %d before", texts[i], r, n, last);
            last = r;
        }
        assert_int_not_equal(last, PROBE_MORE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_lines),   cmocka_unit_test(test_request_lines_refused),
        cmocka_unit_test(test_status_lines),    cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_is_steady),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
