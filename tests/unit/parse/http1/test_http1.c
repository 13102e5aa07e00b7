/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole conversations, run over every split, and the bounds. */
#include "tests/unit/parse/http1/talk.h"
#include "worker/parse/http/http_transaction.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_all_fields(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("POST /form?a=b HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent:  agent/1 \r\n"
          "referer: http://r.example/\r\nOrigin: http://o.example\r\nContent-Type: text/plain\r\n"
          "Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\nVia: 1.1 p\r\nX-Forwarded-For: 1.2.3.4\r\n"
          "Via: 1.1 p\r\nContent-Length: 5\r\n\r\nhello"),
        S("HTTP/1.0 201 Created here\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\nabc"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "trans_depth", "1");
    expect(0, "method", "POST");
    expect(0, "host", "a.example:8080");
    expect(0, "uri", "/form?a=b");
    expect(0, "referrer", "http://r.example/");
    expect(0, "version", "1.1");
    expect(0, "user_agent", "agent/1");
    expect(0, "origin", "http://o.example");
    expect(0, "request_body_len", "5");
    expect(0, "response_body_len", "3");
    expect(0, "status_code", "201");
    expect(0, "status_msg", "Created here");
    expect(0, "info_code", "-");
    expect(0, "tags", "(empty)");
    expect(0, "username", "user");
    expect(0, "password", "-");
    expect(0, "proxied", "VIA -> 1.1 p,X-FORWARDED-FOR -> 1.2.3.4");
    expect(0, "view", "packet");
    expect(0, "request_content_type", "text/plain");
    expect(0, "response_content_type", "text/html");
    expect(0, "ttfb", "0");
    assert_int_equal(talk.n_services, 1);
    assert_string_equal(talk.services[0], "http");
    assert_string_equal(talk.category, "web_plain");
    talk_finish(1);
}

static void test_password_only_when_asked(void **state)
{
    (void)state;
    talk_begin();
    fake_host_options.log_secrets = true;
    talk_say(0,
             "GET /1 HTTP/1.1\r\nAuthorization: basic   dXNlcjpwYXNzOndvcmQ=\r\nHost: x\r\n\r\n");
    talk_say(0, "GET /2 HTTP/1.1\r\nAuthorization: Bearer abc\r\nHost: y\r\n\r\n");
    talk_say(0, "GET /3 HTTP/1.1\r\nAuthorization: Basic !!\r\nHost: z\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "username", "user");
    expect(0, "password", "pass:word");
    expect(0, "host", "x");
    expect(1, "username", "-");
    expect(1, "password", "-");
    expect(1, "host", "y");
    expect(2, "username", "-");
    expect(2, "host", "z");
    talk_finish(3);
    fake_host_options.log_secrets = false;
}

static void test_times(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET / HT");
    talk.ctx.ts_ns += 1000;
    talk_say(0, "TP/1.1\r\n\r\n");
    talk.ctx.ts_ns += 500;
    talk_say(1, "HT");
    talk.ctx.ts_ns += 70;
    talk_say(1, "TP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "ts", "1700000000000000000");
    expect(0, "ttfb", "500");
    talk_finish(1);
}

/* Of plaintext the host knows when the packets came by. */
static void test_times_of_packets(void **state)
{
    (void)state;
    talk_begin();
    talk.wire_lead_ns[0] = 40;
    talk.wire_lead_ns[1] = 100;
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk.ctx.ts_ns += 500;
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    talk.wire_lead_ns[1] = 1000; /* an answer before the question is none */
    talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
    talk.ctx.ts_ns += 500;
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "ttfb", "500");
    expect(0, "ttfb_packets", "440");
    expect(1, "ttfb", "500");
    expect(1, "ttfb_packets", "-");
    talk_finish(2);
}

static void test_pipelining(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /1 HTTP/1.1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab\r\n"
          "GET /3 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 A\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 404 B\r\nContent-Length: "
          "2\r\n\r\n22"
          "\r\nHTTP/1.1 200 C\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "uri", "/1");
    expect(0, "status_msg", "A");
    expect(1, "uri", "/2");
    expect(1, "status_code", "404");
    expect(1, "request_body_len", "2");
    expect(1, "response_body_len", "2");
    expect(2, "uri", "/3");
    expect(2, "status_msg", "C");
    expect(2, "trans_depth", "3");
    talk_finish(3);
}

static void test_chunked_with_trailers(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n\r\n"
          "5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nContent-Type: x/y\r\nVia: t\r\n\r\n"),
        C("GET /next HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 204 None\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "request_body_len", "3");
    expect(0, "response_body_len", "15");
    expect(0, "response_content_type", "a/b");
    expect(1, "uri", "/next");
    expect(1, "status_code", "204");
    talk_finish(2);
}

static void test_bodies_that_are_not_there(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("HEAD /1 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        C("HEAD /2 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        C("GET /3 HTTP/1.1\r\n\r\n"),  S("HTTP/1.1 304 Same\r\nContent-Length: 1000\r\n\r\n"),
        C("GET /4 HTTP/1.1\r\n\r\n"),  S("HTTP/1.1 204 Nothing\r\n\r\n"),
        C("GET /5 HTTP/1.1\r\n\r\n"),  S("HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n"),
    };
    static const char *const status[] = {"200", "200", "304", "204", "200"};

    (void)state;
    talk_run(chunks, N(chunks));
    for (unsigned i = 0; i < N(status); i++) {
        expect(i, "status_code", status[i]);
        expect(i, "response_body_len", "0");
    }
    talk_finish(5);
}

static void test_continue(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("PUT /big HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"),
        S("HTTP/1.1 100 Go on\r\n\r\n"),
        C("data"),
        S("HTTP/1.1 102 Wait\r\nContent-Type: a/b\r\nAlt-Svc: h3=\":1\"\r\n\r\n"
          "HTTP/1.1 201 Done\r\nContent-Length: 2\r\nAlt-Svc: h3=\":2\"\r\n\r\nok"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "status_code", "201");
    expect(0, "status_msg", "Done");
    expect(0, "info_code", "102");
    expect(0, "info_msg", "Wait");
    expect(0, "response_content_type", "-");
    assert_string_equal(talk.notes, "alt_svc of : h3=\":2\"\n");
    expect(0, "request_body_len", "4");
    expect(0, "response_body_len", "2");
    talk_finish(1);
}

static void test_connect(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
        S("HTTP/1.1 200 Connection established\r\n\r\n220 inside"),
    };

    (void)state;
    talk_begin();
    talk_feed(chunks, N(chunks));
    fake_host_close(&talk);
    expect(0, "method", "CONNECT");
    expect(0, "uri", "a.example:443");
    expect(0, "status_code", "200");
    assert_true(talk.handed_over);
    assert_null(talk.successor);
    assert_int_equal(talk.rest_side, 1);
    assert_int_equal(talk.rest_len, 10);
    assert_memory_equal(talk.rest, "220 inside", 10);
    talk_finish(1);
}

static void test_connect_refused(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("CONNECT a.example:443 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno"),
        C("GET / HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "status_code", "407");
    expect(0, "response_body_len", "2");
    expect(1, "method", "GET");
    expect(1, "status_code", "200");
    assert_false(talk.handed_over);
    talk_finish(2);
}

static void test_upgrade(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        S("HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "status_code", "101");
    expect(0, "info_code", "101");
    expect(0, "info_msg", "Switching");
    assert_true(talk.handed_over);
    assert_int_equal(talk.rest_len, 0);
    talk_finish(1);
}

static void test_upgrade_declined(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
        C("POST /2 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
          "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET /3 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nxy"
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(1, "request_body_len", "1");
    expect(1, "response_body_len", "2");
    expect(2, "uri", "/3");
    expect(2, "status_code", "200");
    talk_finish(3);
}

static void test_body_until_close(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET / HTTP/1.0\n\n");
    talk_say(1, "HTTP/1.0 200 OK\nServer: s\n\nline\nHTTP/1.1 500 is text\n");
    fake_host_gap(&talk, 1, 1000);
    talk_say(1, "rest");
    assert_int_equal(fake_host_count(&talk, RECORD_http), 0);
    fake_host_end(&talk, 1);
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    fake_host_close(&talk);
    expect(0, "status_code", "200");
    expect(0, "version", "1.0");
    expect(0, "response_body_len", "1030");
    talk_finish(1);
}

static void test_http_09(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /old\r\n"),
        S("\n<html>\nno headers here"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "uri", "/old");
    expect(0, "version", "0.9");
    expect(0, "status_code", "-");
    expect(0, "response_body_len", "23");
    expect_weird(WEIRD_HTTP_BAD_RESPONSE_LINE, 0);
    talk_finish(1);
}

static void test_http_09_answered_in_1_0(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("PUT /HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        S("HTTP/1.0 411 Length\r\nContent-Length: 1\r\n\r\n!"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "uri", "/HTTP/1.1");
    expect(0, "host", "a.example");
    expect(0, "status_code", "411");
    talk_finish(1);
}

static void test_lenient(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("\r\n\nGET /a b HTTP/1.\nHost:x\nX-Odd\x01: y\r\n\r\n"),
        C("BREW /pot HTTP/1.1\r\nHost: first\r\nHost: second\r\nUser-Agent: folded\r\n here\r\n"
          "Referer:\r\nX: caf\xe9 \x02\r\n\r\n"),
        S("HTTP/1.1 200\r\nContent-Length : 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks + 1, 2);
    expect(0, "method", "BREW");
    expect(0, "host", "second");
    expect(0, "referrer", "");
    expect(0, "status_code", "200");
    expect(0, "status_msg", "");
    talk_finish(1);

    talk_run(chunks, 1);
    expect(0, "uri", "/a b");
    expect(0, "version", "-");
    expect(0, "host", "x");
    expect_weird(WEIRD_HTTP_BAD_REQUEST_LINE, 1);
    talk_finish(1);
}

static void test_requests_without_response(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nHost: h");
    fake_host_end(&talk, 0);
    fake_host_close(&talk);
    expect(0, "uri", "/1");
    expect(0, "status_code", "-");
    expect(1, "uri", "/2");
    expect(1, "trans_depth", "2");
    talk_finish(2);
}

static void test_response_without_request(void **state)
{
    static const struct fake_chunk chunks[] = {
        S("HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),
        C("GET /1 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "method", "-");
    expect(0, "version", "1.1");
    expect(0, "status_code", "200");
    expect(0, "info_code", "100");
    expect(0, "response_body_len", "2");
    expect(0, "ttfb", "-");
    expect(1, "uri", "/1");
    expect(1, "status_code", "404");
    expect_weird(WEIRD_HTTP_UNMATCHED_REPLY, 1);
    talk_finish(2);
}

/* The server answers before it has the whole request. */
static void test_early_response(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc"),
        S("HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n"),
        C("defghij"),
        C("POST /2 HTTP/1.1\r\nContent-Length: 9\r\nHost: par"),
        S("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\nHTTP/1.1 408 Slow\r\nContent-Length: "
          "0\r\n\r\n"),
        C("tly\r\n\r\n"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "status_code", "413");
    expect(0, "request_body_len", "10");
    expect(1, "uri", "/2");
    expect(1, "status_code", "400");
    expect(2, "method", "-");
    expect(2, "status_code", "408");
    talk_finish(3);
}

/* 70 requests at once: the 6 oldest go without a response, and their responses without a request.
 */
static void test_excessive_pipelining(void **state)
{
    char text[80], number[8];

    (void)state;
    talk_begin();
    for (int i = 1; i <= 70; i++) {
        snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\n\r\n", i);
        talk_say(0, text);
    }
    expect_weird(WEIRD_HTTP_EXCESSIVE_PIPELINING, 6);
    for (int i = 1; i <= 70; i++) {
        snprintf(text, sizeof text, "HTTP/1.1 %d OK\r\nContent-Length: 0\r\n\r\n", 200 + i);
        talk_say(1, text);
    }
    fake_host_close(&talk);
    for (unsigned i = 0; i < 76; i++) {
        snprintf(text, sizeof text, "/%u", i < 6 ? i + 1 : i - 5);
        snprintf(number, sizeof number, "%u", i < 6 ? 0 : 200 + i - 5);
        expect(i, "uri", i >= 6 && i < 12 ? "-" : text);
        expect(i, "status_code", i < 6 ? "-" : number);
    }
    talk_finish(76);
}

static void test_oversize_fields(void **state)
{
    static char uri[20000], value[40000], request[70000];
    struct fake_chunk chunks[] = {{0, request, 0},
                                  S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")};
    struct str s;
    const struct rec_http *r;

    (void)state;
    memset(uri, 'u', sizeof uri - 1);
    memset(value, 'v', sizeof value - 1);
    chunks[0].len =
        (size_t)snprintf(request, sizeof request,
                         "GET /%s HTTP/1.1\r\nUser-Agent: %s\r\nHost: h\r\n\r\n", uri, value);
    for (size_t cut = 0; cut < chunks[0].len; cut += cut < 20 ? 1 : 509) {
        talk_begin();
        fake_host_data(&talk, 0, request, cut);
        fake_host_data(&talk, 0, request + cut, chunks[0].len - cut);
        talk_feed(chunks + 1, 1);
        fake_host_close(&talk);
        r = fake_host_record(&talk, RECORD_http, 0);
        s = r->uri;
        assert_int_equal(s.len, HTTP_URI_MAX);
        assert_int_equal(r->user_agent.len, HTTP_VALUE_MAX);
        expect(0, "version", "1.1");
        expect(0, "host", "h");
        expect(0, "status_code", "200");
        expect_weird(WEIRD_HTTP_FIELD_CUT, 1);
        expect_weird(WEIRD_HTTP_BAD_REQUEST_LINE, 0);
        talk_finish(1);
    }
}

static void test_many_proxy_headers(void **state)
{
    char line[64];

    (void)state;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 30; i++) {
        snprintf(line, sizeof line, "Via: 1.1 proxy%d\r\n", i);
        talk_say(0, line);
    }
    talk_say(0, "\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "/");
    assert_int_equal(((const struct rec_http *)fake_host_record(&talk, RECORD_http, 0))->proxied.n,
                     HTTP_PROXY_MAX);
    expect_weird(WEIRD_HTTP_FIELD_CUT, 1);
    talk_finish(1);
}

/* The pool has nothing left: transactions are lost and told of, pairs stay right. */
static void test_no_memory(void **state)
{
    struct bufpool empty;
    struct bufpool *real;

    (void)state;
    assert_int_equal(bufpool_init(&empty, BUFPOOL_MAX_BYTES), 0);
    empty.fresh = (uint32_t)(empty.bound_bytes / BUFPOOL_MAX_BYTES);
    talk_begin();
    real = talk.ctx.bufs;
    talk.ctx.bufs = &empty;
    talk_say(0, "GET /1 HT");
    talk_say(0, "TP/1.1\r\nHost: a\r\n\r\n");
    talk_say(0, "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
    talk.ctx.bufs = real;
    talk_say(0, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    talk_say(1, "HTTP/1.1 203 OK\r\nContent-Length: 3\r\n\r\nabc");
    fake_host_close(&talk);
    expect(0, "uri", "/3");
    expect(0, "status_code", "203");
    assert_true(talk.weirds[WEIRD_HTTP_FIELD_CUT] > 0);
    assert_true(empty.failures > 0);
    talk_finish(1);
    bufpool_fini(&empty);
}

/* Types by content, however the bodies come. */
static void test_bodies(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("POST /graphql HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
          "{\"a\": 1}"),
        S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "2;x=y\r\n<h\r\n10\r\ntml> and so on..\r\n0\r\nTrailer: x\r\n\r\n"),
        C("GET /file HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
          "Content-Disposition: attachment; filename=a.gif\r\n\r\nGIF89a to the end"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    expect(0, "orig_mime_types", "text/json");
    expect(0, "resp_mime_types", "text/html");
    expect(0, "response_body_len", "18");
    expect(0, "application", "graphql");
    expect(1, "resp_mime_types", "image/gif");
    expect(1, "resp_filenames", "a.gif");
    expect(1, "orig_mime_types", "-");
    expect(1, "partial", "-");
    talk_finish(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_password_only_when_asked),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_of_packets),
        cmocka_unit_test(test_pipelining),
        cmocka_unit_test(test_chunked_with_trailers),
        cmocka_unit_test(test_bodies_that_are_not_there),
        cmocka_unit_test(test_continue),
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_connect_refused),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_upgrade_declined),
        cmocka_unit_test(test_body_until_close),
        cmocka_unit_test(test_http_09),
        cmocka_unit_test(test_http_09_answered_in_1_0),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_requests_without_response),
        cmocka_unit_test(test_response_without_request),
        cmocka_unit_test(test_early_response),
        cmocka_unit_test(test_excessive_pipelining),
        cmocka_unit_test(test_oversize_fields),
        cmocka_unit_test(test_many_proxy_headers),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
