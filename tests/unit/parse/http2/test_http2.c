/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole conversations by the rules of RFC 9113, run over every split. */
#include "tests/unit/parse/http2/talk.h"
#include "worker/parse/http2/http2.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_all_fields(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":scheme", "http", ":path", "/form?a=b",
            ":authority", "a.example:8080", "host", "b.example", "user-agent", "agent/1", "referer",
            "http://r.example/", "origin", "http://o.example", "content-type", "text/plain",
            "authorization", "Basic dXNlcjpwYXNzOndvcmQ=", "via", "2 p", "x-forwarded-for",
            "1.2.3.4", NULL);
    data(0, 1, 0, "hel");
    data(0, 1, HTTP2_END_STREAM, "lo");
    headers(1, 1, HTTP2_END_HEADERS, ":status", "201", "content-type", "text/html", NULL);
    data(1, 1, HTTP2_END_STREAM, "abc");
    talk_run();
    expect(0, "trans_depth", "1");
    expect(0, "stream_id", "1");
    expect(0, "method", "POST");
    expect(0, "host", "a.example:8080");
    expect(0, "uri", "/form?a=b");
    expect(0, "referrer", "http://r.example/");
    expect(0, "version", "2");
    expect(0, "user_agent", "agent/1");
    expect(0, "origin", "http://o.example");
    expect(0, "request_body_len", "5");
    expect(0, "response_body_len", "3");
    expect(0, "status_code", "201");
    expect(0, "status_msg", "-");
    expect(0, "username", "user");
    expect(0, "password", "-");
    expect(0, "proxied", "VIA -> 2 p,X-FORWARDED-FOR -> 1.2.3.4");
    expect(0, "request_content_type", "text/plain");
    expect(0, "response_content_type", "text/html");
    expect(0, "ttfb", "0");
    expect(0, "view", "packet");
    expect(0, "partial", "-");
    expect(0, "reset", "-");
    expect(0, "pushed", "-");
    assert_int_equal(talk.n_services, 2);
    assert_string_equal(talk.services[0], "http");
    assert_string_equal(talk.services[1], "http2");
    assert_string_equal(talk.category, "web_plain");
    talk_finish(1);
}

static void test_host_without_authority(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, ":method", "GET", ":path", "/", "host", "h.example", NULL);
    headers(1, 1, END_ALL, OK);
    talk_run();
    expect(0, "host", "h.example");
    talk_finish(1);
}

static void test_times(void **state)
{
    (void)state;
    talk_begin();
    talk_feed();
    talk.ctx.ts_ns += 10;
    headers(0, 1, END_ALL, GET("/"));
    talk_feed();
    talk.ctx.ts_ns += 500;
    headers(1, 1, HTTP2_END_HEADERS, OK);
    talk_feed();
    talk.ctx.ts_ns += 70;
    data(1, 1, HTTP2_END_STREAM, "x");
    talk_close();
    expect(0, "ts", "1700000000000000010");
    expect(0, "ttfb", "500");
    talk_finish(1);
}

static void test_streams_interleave(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "PUT", ":path", "/1", NULL);
    headers(0, 3, END_ALL, GET("/3"));
    data(0, 1, 0, "aa");
    headers(1, 3, HTTP2_END_HEADERS, OK);
    data(1, 3, 0, "3");
    headers(1, 1, HTTP2_END_HEADERS, ":status", "404", NULL);
    data(1, 1, 0, "11");
    data(1, 3, HTTP2_END_STREAM, "33");
    data(0, 1, HTTP2_END_STREAM, "aa");
    data(1, 1, HTTP2_END_STREAM, "");
    talk_run();
    expect(0, "uri", "/3");
    expect(0, "trans_depth", "2");
    expect(0, "response_body_len", "3");
    expect(1, "uri", "/1");
    expect(1, "status_code", "404");
    expect(1, "request_body_len", "4");
    expect(1, "response_body_len", "2");
    talk_finish(2);
}

/* RFC 9113 sections 6.1 and 6.2: padding and priority are not content. */
static void test_padding_and_priority(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_HEADERS, END_ALL | HTTP2_PADDED | HTTP2_HAS_PRIORITY, 1,
        "03 80 00 00 00 10 82 86 84 00 00 00");
    hex(0, HTTP2_PRIORITY, 0, 5, "00 00 00 00 10");
    hex(1, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_PADDED, 1, "00 88");
    hex(1, HTTP2_DATA, HTTP2_PADDED, 1, "02 61 62 63 00 00");
    hex(1, HTTP2_DATA, HTTP2_PADDED | HTTP2_END_STREAM, 1, "03 00 00 00");
    talk_run();
    expect(0, "method", "GET");
    expect(0, "status_code", "200");
    expect(0, "response_body_len", "3");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 0);
    talk_finish(1);
}

static void test_continuation(void **state)
{
    uint8_t block[256];
    size_t n = fields(block, sizeof block, GET("/long"));

    (void)state;
    talk_begin();
    frame(0, HTTP2_HEADERS, HTTP2_END_STREAM, 1, block, 5);
    frame(0, HTTP2_CONTINUATION, 0, 1, block + 5, 0);
    frame(0, HTTP2_CONTINUATION, 0, 1, block + 5, 1);
    frame(0, HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, block + 6, n - 6);
    headers(1, 1, END_ALL, OK);
    talk_run();
    expect(0, "uri", "/long");
    expect(0, "host", "a.example");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 0);
    talk_finish(1);
}

static void test_informational_and_trailers(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, GET("/"));
    headers(0, 1, END_ALL, "user-agent", "from trailers", NULL);
    headers(1, 1, HTTP2_END_HEADERS, ":status", "103", "content-type", "of/103", NULL);
    headers(1, 1, HTTP2_END_HEADERS, OK);
    data(1, 1, 0, "x");
    headers(1, 1, END_ALL, "content-type", "from/trailers", NULL);
    talk_run();
    expect(0, "info_code", "103");
    expect(0, "status_code", "200");
    expect(0, "user_agent", "-");
    expect(0, "response_content_type", "-");
    talk_finish(1);
}

/* RFC 9113 section 8.4. */
static void test_push(void **state)
{
    uint8_t payload[256] = {0, 0, 0, 2};
    size_t n = 4 + fields(payload + 4, sizeof payload - 4, GET("/pushed"));

    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    frame(1, HTTP2_PUSH_PROMISE, HTTP2_END_HEADERS, 1, payload, n);
    headers(1, 1, END_ALL, OK);
    headers(1, 2, HTTP2_END_HEADERS, OK);
    data(1, 2, HTTP2_END_STREAM, "pp");
    talk_run();
    expect(0, "uri", "/");
    expect(0, "pushed", "-");
    expect(1, "uri", "/pushed");
    expect(1, "stream_id", "2");
    expect(1, "pushed", "T");
    expect(1, "response_body_len", "2");
    talk_finish(2);
}

/* Not after the client's last word: what the server had sent by then is still taken. */
static void test_reset_by_client(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    hex(0, HTTP2_RST_STREAM, 0, 1, "00 00 00 08");
    headers(1, 1, HTTP2_END_HEADERS, OK);
    data(1, 1, HTTP2_END_STREAM, "late");
    headers(0, 3, END_ALL, GET("/never"));
    hex(0, HTTP2_RST_STREAM, 0, 3, "00 00 00 08");
    talk_run();
    expect(0, "reset", "CANCEL");
    expect(0, "status_code", "200");
    expect(0, "response_body_len", "4");
    expect(1, "uri", "/never");
    expect(1, "reset", "CANCEL");
    expect(1, "status_code", "-");
    talk_finish(2);
}

static void test_reset_lingers_a_second(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    hex(0, HTTP2_RST_STREAM, 0, 1, "00 00 00 08");
    talk_feed();
    assert_int_equal(fake_host_count(&talk, RECORD_http), 0);
    talk.ctx.ts_ns += 1000000000;
    hex(0, HTTP2_PING, 0, 0, "0 0 0 0 0 0 0 0");
    talk_feed();
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    headers(1, 1, END_ALL, OK);
    talk_close();
    talk_finish(1);
}

static void test_reset_by_server(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/", NULL);
    hex(1, HTTP2_RST_STREAM, 0, 1, "00 00 00 07");
    data(0, 1, HTTP2_END_STREAM, "under way");
    hex(1, HTTP2_RST_STREAM, 0, 99, "00 00 00 07");
    talk_run();
    expect(0, "reset", "REFUSED_STREAM");
    expect(0, "request_body_len", "0");
    talk_finish(1);
}

static void test_goaway(void **state)
{
    (void)state;
    talk_begin();
    hex(1, HTTP2_GOAWAY, 0, 0, "00 00 00 01 00 00 00 00");
    hex(1, HTTP2_GOAWAY, 0, 0, "00 00 00 01 00 00 00 0b 62 79 65");
    talk_run();
    expect_weird(WEIRD_HTTP2_CONNECTION_ERROR, 1);
    talk_finish(0);
}

/* RFC 7838 sections 3 and 4. */
static void test_alt_svc(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    headers(1, 1, HTTP2_END_HEADERS, ":status", "200", "alt-svc", "h3=\":1\"", NULL);
    frame(1, HTTP2_ALTSVC, 0, 1, "\0\0h3=\":2\"", 9);
    frame(1, HTTP2_ALTSVC, 0, 0, "\0\x13https://b.example:7h3=\":3\"", 28);
    frame(1, HTTP2_ALTSVC, 0, 0, "\0\0h3=\":4\"", 9);
    frame(1, HTTP2_ALTSVC, 0, 1, "\0\x09c.exampleh3=\":5\"", 18);
    frame(1, HTTP2_ALTSVC, 0, 0, "\0\x7fshort", 7);
    frame(0, HTTP2_ALTSVC, 0, 0, "\0\x13https://b.example:7h3=\":6\"", 28);
    data(1, 1, HTTP2_END_STREAM, "");
    talk_run();
    assert_string_equal(talk.notes, "alt_svc of a.example: h3=\":1\"\n"
                                    "alt_svc of a.example: h3=\":2\"\n"
                                    "alt_svc of b.example:7: h3=\":3\"\n");
    talk_finish(1);
}

/* Lines are one list; what stands in an interim response or with 421 does not count. */
static void test_alt_svc_of_responses(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    headers(1, 1, HTTP2_END_HEADERS, ":status", "103", "alt-svc", "h3=\":1\"", NULL);
    headers(1, 1, END_ALL, ":status", "200", "alt-svc", "h3=\":2\"", "alt-svc", "h3=\":3\"", NULL);
    headers(0, 3, END_ALL, GET("/"));
    headers(1, 3, END_ALL, ":status", "421", "alt-svc", "clear", NULL);
    talk_run();
    assert_string_equal(talk.notes, "alt_svc of a.example: h3=\":2\", h3=\":3\"\n");
    talk_finish(2);
}

/* RFC 7540 section 3.2: the request of the upgrade is stream 1. */
static void test_h2c_upgrade(void **state)
{
    (void)state;
    talk_begin();
    fake_host_tell(&talk, FACT_METHOD, "GET");
    fake_host_tell(&talk, FACT_HOST, "a.example");
    fake_host_tell(&talk, FACT_URI, "/upgraded");
    fake_host_tell(&talk, FACT_USER_AGENT, "curl/1");
    fake_host_tell(&talk, FACT_HTTP2_SETTINGS, "AAMAAABkAAQAAP__");
    fake_host_tell(&talk, FACT_VIEW, "plaintext");
    headers(1, 1, HTTP2_END_HEADERS, OK);
    data(1, 1, HTTP2_END_STREAM, "ok");
    headers(0, 3, END_ALL, GET("/3"));
    headers(1, 3, END_ALL, OK);
    talk_close();
    expect(0, "method", "GET");
    expect(0, "host", "a.example");
    expect(0, "uri", "/upgraded");
    expect(0, "user_agent", "curl/1");
    expect(0, "stream_id", "1");
    expect(0, "status_code", "200");
    expect(0, "partial", "-");
    expect(1, "uri", "/3");
    expect(1, "view", "plaintext");
    talk_finish(2);
}

/* A client has no status to tell. */
static void test_grpc_status_of_a_client(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/pkg.Svc/Do", ":authority",
            "g.example", "content-type", "application/grpc", NULL);
    headers(0, 1, END_ALL, "grpc-status", "0", NULL);
    headers(1, 1, END_ALL, ":status", "200", "content-type", "application/grpc", "grpc-status",
            "13", NULL);
    talk_feed();
    assert_string_equal(talk.facts[FACT_GRPC_STATUS], "13");
    talk_close();
    talk_finish(1);
}

static void test_grpc_is_a_child(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/pkg.Svc/Do", ":authority",
            "g.example", "content-type", "application/grpc+proto", "user-agent", "grpc/1",
            "grpc-encoding", "gzip", NULL);
    data(0, 1, HTTP2_END_STREAM, "ask");
    headers(1, 1, HTTP2_END_HEADERS, ":status", "200", "content-type", "application/grpc", NULL);
    data(1, 1, 0, "an");
    data(1, 1, 0, "swer");
    headers(1, 1, END_ALL, "grpc-status", "5", "grpc-message", "not%20there", NULL);
    talk_run();
    assert_int_equal(talk.n_children, 1);
    assert_string_equal(talk.children[0].name, "grpc");
    assert_int_equal(talk.children[0].len[0], 3);
    assert_int_equal(talk.children[0].len[1], 6);
    assert_memory_equal(talk.children[0].data[1], "answer", 6);
    assert_true(talk.children[0].ended[0] && talk.children[0].ended[1]);
    assert_string_equal(talk.facts[FACT_HOST], "g.example");
    assert_string_equal(talk.facts[FACT_URI], "/pkg.Svc/Do");
    assert_string_equal(talk.facts[FACT_USER_AGENT], "grpc/1");
    assert_string_equal(talk.facts[FACT_CONTENT_TYPE], "application/grpc+proto");
    assert_string_equal(talk.facts[FACT_CONTENT_ENCODING], "gzip");
    assert_string_equal(talk.facts[FACT_STREAM_ID], "1");
    assert_string_equal(talk.facts[FACT_STATUS], "200");
    assert_string_equal(talk.facts[FACT_GRPC_STATUS], "5");
    assert_string_equal(talk.facts[FACT_GRPC_MESSAGE], "not%20there");
    assert_null(talk.facts[FACT_RESET]);
    assert_string_equal(talk.category, "grpc");
    expect(0, "application", "grpc");
    expect(0, "response_body_len", "6");
    talk_finish(1);
}

static void test_grpc_reset(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/pkg.Svc/Do", "content-type",
            "application/grpc", NULL);
    hex(0, HTTP2_RST_STREAM, 0, 1, "00 00 00 08");
    talk_run();
    assert_string_equal(talk.facts[FACT_RESET], "CANCEL");
    talk_finish(1);
}

static void test_no_room_for_children(void **state)
{
    (void)state;
    talk_begin();
    talk.refuse_children = true;
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/pkg.Svc/Do", "content-type",
            "application/grpc", NULL);
    data(0, 1, HTTP2_END_STREAM, "ask");
    hex(1, HTTP2_RST_STREAM, 0, 1, "00 00 00 02");
    talk_close();
    assert_string_equal(talk.notes, "");
    expect(0, "request_body_len", "3");
    talk_finish(1);
}

/* RFC 8441. */
static void test_websocket_is_a_child(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "CONNECT", ":protocol", "websocket", ":path",
            "/chat", ":authority", "w.example", "sec-websocket-protocol", "a, b",
            "sec-websocket-extensions", "permessage-deflate", NULL);
    headers(1, 1, HTTP2_END_HEADERS, ":status", "200", "sec-websocket-protocol", "b", NULL);
    data(0, 1, 0, "\x81\x80");
    data(1, 1, 0, "\x81");
    data(1, 1, HTTP2_END_STREAM, "");
    data(0, 1, HTTP2_END_STREAM, "");
    talk_run();
    assert_string_equal(talk.children[0].name, "websocket");
    assert_int_equal(talk.children[0].len[0], 2);
    assert_int_equal(talk.children[0].len[1], 1);
    assert_string_equal(talk.facts[FACT_URI], "/chat");
    assert_string_equal(talk.facts[FACT_WS_PROTOCOLS], "a, b");
    assert_string_equal(talk.facts[FACT_WS_PROTOCOL], "b");
    assert_string_equal(talk.facts[FACT_WS_EXTENSIONS], "permessage-deflate");
    assert_null(talk.facts[FACT_WS_EXTENSIONS_SET]);
    assert_string_equal(talk.category, "websocket");
    expect(0, "application", "websocket");
    talk_finish(1);
}

static void test_websocket_refused_and_plain_connect(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "CONNECT", ":protocol", "websocket", NULL);
    headers(1, 1, END_ALL, ":status", "403", NULL);
    headers(0, 3, HTTP2_END_HEADERS, ":method", "CONNECT", ":authority", "t.example:443", NULL);
    headers(1, 3, HTTP2_END_HEADERS, OK);
    data(0, 3, 0, "tunnel");
    talk_run();
    assert_int_equal(talk.n_children, 0);
    expect(0, "status_code", "403");
    expect(1, "method", "CONNECT");
    expect(1, "host", "t.example:443");
    expect(1, "request_body_len", "6");
    talk_finish(2);
}

/* RFC 9113 section 5.5: what is not known is skipped, also between and in streams. */
static void test_unknown_frames(void **state)
{
    (void)state;
    talk_begin();
    hex(0, 0xee, 0xff, 77, "01 02 03");
    headers(0, 1, END_ALL, GET("/"));
    hex(1, 0x1f, 0, 1, "");
    headers(1, 1, END_ALL, OK);
    talk_run();
    expect(0, "status_code", "200");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 0);
    talk_finish(1);
}

/* RFC 7541 appendices C.4 and C.6: requests and responses with Huffman codes, a table that is used
 * again, and, in the responses, one of 256 bytes, which SETTINGS have asked for. */
static void test_rfc7541_examples(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_SETTINGS, 0, 0, "00 01 00 00 01 00");
    hex(1, HTTP2_SETTINGS, HTTP2_ACK, 0, "");
    hex(0, HTTP2_HEADERS, END_ALL, 1, "82 86 84 41 8c f1 e3 c2 e5 f2 3a 6b a0 ab 90 f4 ff");
    hex(0, HTTP2_HEADERS, END_ALL, 3, "82 86 84 be 58 86 a8 eb 10 64 9c bf");
    hex(0, HTTP2_HEADERS, END_ALL, 5,
        "82 87 85 bf 40 88 25 a8 49 e9 5b a9 7d 7f 89 25 a8 49 e9 5b b8 e8 b4 bf");
    hex(1, HTTP2_HEADERS, END_ALL, 1,
        "48 82 64 02 58 85 ae c3 77 1a 4b 61 96 d0 7a be 94 10 54 d4 44 a8 20 05 95 04 0b 81 66 "
        "e0 82 a6 2d 1b ff 6e 91 9d 29 ad 17 18 63 c7 8f 0b 97 c8 e9 ae 82 ae 43 d3");
    hex(1, HTTP2_HEADERS, END_ALL, 3, "48 83 64 0e ff c1 c0 bf");
    hex(1, HTTP2_HEADERS, END_ALL, 5,
        "88 c1 61 96 d0 7a be 94 10 54 d4 44 a8 20 05 95 04 0b 81 66 e0 84 a6 2d 1b ff c0 5a 83 9b "
        "d9 ab 77 ad 94 e7 82 1d d7 f2 e6 c7 b3 35 df df cd 5b 39 60 d5 af 27 08 7f 36 72 c1 ab 27 "
        "0f b5 29 1f 95 87 31 60 65 c0 03 ed 4e e5 b1 06 3d 50 07");
    talk_run();
    for (unsigned i = 0; i < 3; i++) {
        expect(i, "method", "GET");
        expect(i, "host", "www.example.com");
        expect(i, "partial", "-");
    }
    expect(0, "uri", "/");
    expect(0, "status_code", "302");
    expect(1, "status_code", "307");
    expect(2, "uri", "/index.html");
    expect(2, "status_code", "200");
    expect_weird(WEIRD_HTTP2_BAD_HEADERS, 0);
    talk_finish(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fields),
        cmocka_unit_test(test_host_without_authority),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_streams_interleave),
        cmocka_unit_test(test_padding_and_priority),
        cmocka_unit_test(test_continuation),
        cmocka_unit_test(test_informational_and_trailers),
        cmocka_unit_test(test_push),
        cmocka_unit_test(test_reset_by_client),
        cmocka_unit_test(test_reset_lingers_a_second),
        cmocka_unit_test(test_reset_by_server),
        cmocka_unit_test(test_goaway),
        cmocka_unit_test(test_alt_svc),
        cmocka_unit_test(test_alt_svc_of_responses),
        cmocka_unit_test(test_h2c_upgrade),
        cmocka_unit_test(test_grpc_is_a_child),
        cmocka_unit_test(test_grpc_status_of_a_client),
        cmocka_unit_test(test_grpc_reset),
        cmocka_unit_test(test_no_room_for_children),
        cmocka_unit_test(test_websocket_is_a_child),
        cmocka_unit_test(test_websocket_refused_and_plain_connect),
        cmocka_unit_test(test_unknown_frames),
        cmocka_unit_test(test_rfc7541_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
