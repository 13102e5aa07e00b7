/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations with bytes missing or bytes that are no HTTP. */
#include "tests/unit/parse/http1/talk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_gap_in_known_length(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\nabc");
    fake_host_gap(&talk, 1, 9999999996);
    assert_int_equal(fake_host_count(&talk, RECORD_http), 0);
    talk_say(1, "zHTTP/1.1 500 next");
    fake_host_close(&talk);
    expect(0, "response_body_len", "10000000000");
    expect(0, "partial", "T");
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 0);
    talk_finish(1);
}

/* Of a long body nothing more is asked than its beginning, and what is left out then is no loss. */
static void test_spared_body(void **state)
{
    static char page[4096] = "<html>";

    (void)state;
    memset(page + 6, ' ', sizeof page - 7);
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    talk_say(1, page);
    assert_int_equal(talk.spared[1], 1000000 - 4095);
    assert_int_equal(talk.spared[0], 0);
    talk.ctx.spared = true;
    fake_host_gap(&talk, 1, 900000);
    fake_host_gap(&talk, 1, 100000 - 4095 - 1);
    talk.ctx.spared = false;
    talk_say(1, "z");
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "response_body_len", "1000000");
    expect(0, "resp_mime_types", "text/html");
    expect(0, "partial", "-");
    expect(1, "status_code", "404");
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 0);
    talk_finish(2);
}

static void test_gap_in_chunk(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\nab");
    fake_host_gap(&talk, 1, 0x20000 - 3);
    talk_say(1, "z\r\n1\r\n");
    fake_host_gap(&talk, 1, 1);
    talk_say(1, "\r\n0\r\n\r\n");
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    fake_host_close(&talk);
    expect(0, "response_body_len", "131073");
    expect(0, "partial", "T");
    expect(0, "resp_mime_types", "-"); /* what stands in for missing bytes is not looked at */
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 0);
    talk_finish(1);
}

/* As far ahead as a sequence number can point; it must cost no more than a short one. */
static void test_gap_in_chunk_of_any_length(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\nab");
    fake_host_gap(&talk, 1, 0xffffffffffffffe);
    talk_say(1, "\r\n0\r\n\r\n");
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    fake_host_close(&talk);
    expect(0, "response_body_len", "1152921504606846976");
    talk_finish(1);
}

/* The end of one response and the beginning of the next are missing. */
static void test_gap_over_the_end_of_a_body(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    talk.ctx.ts_ns++;
    talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
    fake_host_gap(&talk, 1, 100);
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 1);
    talk_say(1, "length: 3\r\n\r\nabc");
    talk.ctx.ts_ns++;
    talk_say(0, "GET /3 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 203 Third\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "response_body_len", "10");
    expect(1, "uri", "/2");
    expect(1, "status_code", "-");
    expect(2, "uri", "/3");
    expect(2, "status_code", "203");
    talk_finish(3);
}

static void test_gap_in_response_headers(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 202 Known\r\nContent-Ty");
    fake_host_gap(&talk, 1, 100);
    talk_say(1, "x\r\n\r\nbody\n");
    talk.ctx.ts_ns++;
    talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "status_code", "202");
    expect(1, "uri", "/2");
    expect(1, "status_code", "404");
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 1);
    expect_weird(WEIRD_HTTP_BAD_RESPONSE_LINE, 0);
    talk_finish(2);
}

static void test_gap_in_request_headers(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\nHost: a\r\nUser");
    fake_host_gap(&talk, 0, 100);
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk_say(0, "tail\r\nof it\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "host", "a");
    expect(0, "status_code", "200");
    expect(1, "uri", "/2");
    expect(1, "status_code", "404");
    talk_finish(2);
}

/* A whole request is missing, its response is not. */
static void test_gap_over_a_request(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 201 One\r\nContent-Length: 0\r\n\r\n");
    fake_host_gap(&talk, 0, 40);
    talk_say(1, "HTTP/1.1 202 Two\r\nContent-Length: 0\r\n\r\n");
    talk_say(0, "GET /3 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 203 Three\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "status_code", "201");
    expect(1, "uri", "-");
    expect(1, "status_code", "202");
    expect(2, "uri", "/3");
    expect(2, "status_code", "203");
    talk_finish(3);
}

/* With pipelining a lost response cannot be told from a late one: nothing is paired from there. */
static void test_gap_with_pipelining(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 201 One\r\nContent-Length: 0\r\n\r\n");
    fake_host_gap(&talk, 1, 40);
    talk_say(1, "HTTP/1.1 203 Three\r\nContent-Length: 0\r\n\r\n");
    talk_say(0, "GET /4 HTTP/1.1\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "status_code", "201");
    expect(1, "uri", "/2");
    expect(1, "status_code", "-");
    expect(2, "uri", "/3");
    expect(2, "status_code", "-");
    expect(3, "method", "-");
    expect(3, "status_code", "203");
    expect(4, "uri", "/4");
    talk_finish(5);
}

static void test_gap_in_pipelined_requests(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    fake_host_gap(&talk, 0, 40);
    talk_say(0, "GET /4 HTTP/1.1\r\n\r\n");
    talk_say(
        1, "HTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 x\r\nContent-Length: 0\r\n\r\n"
           "HTTP/1.1 203 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204 x\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "status_code", "201");
    expect(1, "status_code", "202");
    expect(2, "uri", "/4");
    expect(2, "status_code", "-");
    expect(3, "uri", "-");
    expect(3, "status_code", "203");
    expect(4, "status_code", "204");
    talk_finish(5);
}

static void test_garbage_then_message(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /1 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\x01\x02 odd bytes\nmore\r\n"
          "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        C("\x80\x81 binary\nand text that is none\nGET /2 HTTP/1.1\r\n\r\n"),
        C("GET /3 HTTP/1.1\r\nbad header\r\n\r\nGET /4 HTTP/1.1\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "uri", "/1");
    expect(0, "status_code", "200");
    expect(1, "uri", "-");
    expect(1, "status_code", "404");
    expect(2, "uri", "/2");
    expect(3, "uri", "/3");
    expect(4, "uri", "/4");
    expect_weird(WEIRD_HTTP_BAD_RESPONSE_LINE, 1);
    expect_weird(WEIRD_HTTP_BAD_REQUEST_LINE, 2);
    talk_finish(5);
}

/* Senders begin messages at packets; a body that was lost sight of need not end with a line. */
static void test_search_at_packet(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    fake_host_gap(&talk, 1, 200);
    talk_say(1, "body without end of line");
    talk_say(1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "status_code", "404");
    talk_finish(1);
}

/* Whatever ends a record in the middle of them: no record shows credentials. */
static void test_credentials_that_are_cut(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 3; how++) {
        talk_begin();
        talk_say(0, "GET /1 HTTP/1.1\r\nUser-Agent: a\r\nAuthorization: Bearer c2VjcmV0");
        if (how == 0)
            fake_host_gap(&talk, 0, 100);
        else if (how == 1)
            fake_host_end(&talk, 0);
        fake_host_close(&talk);
        expect(0, "user_agent", "a");
        expect(0, "username", "-");
        talk_finish(1);
    }
}

/* What detection has refused it tells of as a gap, before all else. */
static void test_refused_before_detection(void **state)
{
    (void)state;
    talk_begin();
    fake_host_gap(&talk, 0, 20);
    talk_say(1, "HTTP/1.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "status_code", "400");
    expect_weird(WEIRD_HTTP_BAD_REQUEST_LINE, 1);
    expect_weird(WEIRD_HTTP_CONTENT_GAP, 0);
    talk_finish(1);
}

/* RFC 9112 section 6.3: headers of a response, and the length of the body behind them. */
static void test_body_lengths(void **state)
{
    static const struct {
        const char *headers;
        const char *bytes;
        const char *len; /* NULL: refused */
    } cases[] = {
        {"Content-Length: 3\r\n", "abc", "3"},
        {"Content-Length: 3\r\nX: y\r\nContent-Length: 3\r\n", "abc", "3"},
        {"Content-Length: 3\r\nContent-Length: 5\r\n", "abc", NULL},
        {"Content-Length: 0\r\nContent-Length: 5\r\n", "abcde", NULL},
        {"Content-Length: -3\r\n", "abc", NULL},
        {"Content-Length: 3x\r\n", "abc", NULL},
        {"Content-Length: 99999999999999999999999\r\n", "abc", NULL},
        {"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n", "1"},
        {"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n", "1\r\na\r\n0\r\n\r\n", "1"},
        {"Transfer-Encoding: gzip, chunked\r\n", "1\r\na\r\n0\r\n\r\n", "1"},
        {"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n", "1"},
        {"Transfer-Encoding: identity\r\nContent-Length: 3\r\n", "abc", "3"},
    };

    (void)state;
    for (size_t i = 0; i < N(cases); i++) {
        const char *len = cases[i].len;

        talk_begin();
        talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
        talk_say(1, "HTTP/1.1 200 OK\r\n");
        talk_say(1, cases[i].headers);
        talk_say(1, "\r\n");
        talk_say(1, cases[i].bytes);
        talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
        talk_say(1, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
        fake_host_close(&talk);
        talk_expect_weird(WEIRD_HTTP_BAD_RESPONSE_LINE, len ? 0 : 1, (int)i);
        talk_expect(0, "status_code", "200", (int)i);
        talk_expect(0, "response_body_len", len ? len : "0", (int)i);
        talk_expect(1, "status_code", "404", (int)i);
        talk_finish(2);
    }
}

static void test_bad_chunk(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /1 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\nno chunk\r\n"),
        C("GET /2 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "response_body_len", "2");
    expect(1, "uri", "/2");
    expect(1, "status_code", "404");
    expect_weird(WEIRD_HTTP_BAD_CHUNK, 1);
    talk_finish(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gap_in_known_length),
        cmocka_unit_test(test_spared_body),
        cmocka_unit_test(test_gap_in_chunk),
        cmocka_unit_test(test_gap_in_chunk_of_any_length),
        cmocka_unit_test(test_gap_over_the_end_of_a_body),
        cmocka_unit_test(test_gap_in_response_headers),
        cmocka_unit_test(test_gap_in_request_headers),
        cmocka_unit_test(test_gap_over_a_request),
        cmocka_unit_test(test_gap_with_pipelining),
        cmocka_unit_test(test_gap_in_pipelined_requests),
        cmocka_unit_test(test_garbage_then_message),
        cmocka_unit_test(test_search_at_packet),
        cmocka_unit_test(test_credentials_that_are_cut),
        cmocka_unit_test(test_refused_before_detection),
        cmocka_unit_test(test_body_lengths),
        cmocka_unit_test(test_bad_chunk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
