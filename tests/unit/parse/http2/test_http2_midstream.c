/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections of which something is missing: joined in the middle, with gaps, seen of one side,
 * late packets. */
#include "tests/unit/parse/http2/talk.h"
#include "worker/parse/http2/http2.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_joined_between_requests(void **state)
{
    (void)state;
    talk_midstream();
    headers(0, 5, END_ALL, GET("/5"));
    headers(1, 5, HTTP2_END_HEADERS, OK);
    data(1, 5, HTTP2_END_STREAM, "five");
    talk_close();
    expect(0, "method", "GET");
    expect(0, "uri", "/5");
    expect(0, "status_code", "200");
    expect(0, "response_body_len", "4");
    expect(0, "partial", "-");
    talk_finish(1);
}

/* :path and :authority stand in a table that was filled before; what is not known stays unset. */
static void test_joined_with_a_table_that_is_lost(void **state)
{
    (void)state;
    talk_midstream();
    hex(0, HTTP2_HEADERS, END_ALL, 5, "82 86 be bf 7a 03 61 2f 31");
    hex(1, HTTP2_HEADERS, END_ALL, 5, "88 c0");
    hex(0, HTTP2_HEADERS, END_ALL, 7, "82 86 84 be");
    hex(1, HTTP2_HEADERS, END_ALL, 7, "c1");
    talk_close();
    expect(0, "method", "GET");
    expect(0, "uri", "-");
    expect(0, "host", "-");
    expect(0, "user_agent", "a/1");
    expect(0, "status_code", "200");
    expect(0, "partial", "T");
    expect(1, "uri", "/");
    expect(1, "user_agent", "a/1");
    expect(1, "status_code", "-");
    expect(1, "partial", "T");
    expect_weird(WEIRD_HTTP2_BAD_HEADERS, 0);
    talk_finish(2);
}

static void test_joined_inside_a_response(void **state)
{
    (void)state;
    talk_midstream();
    say(1, "the end of some frame or other", 30);
    talk_feed();
    data(1, 3, 0, "abc");
    data(1, 3, HTTP2_END_STREAM, "defg");
    headers(1, 5, HTTP2_END_HEADERS, ":status", "404", NULL);
    data(1, 5, HTTP2_END_STREAM, "five");
    headers(0, 7, END_ALL, GET("/7"));
    headers(1, 7, END_ALL, OK);
    talk_close();
    expect(0, "stream_id", "3");
    expect(0, "method", "-");
    expect(0, "status_code", "-");
    expect(0, "response_body_len", "7");
    expect(0, "partial", "T");
    expect(1, "stream_id", "5");
    expect(1, "status_code", "404");
    expect(1, "partial", "T");
    expect(2, "uri", "/7");
    expect(2, "partial", "-");
    expect_weird(WEIRD_HTTP_UNMATCHED_REPLY, 2);
    talk_finish(3);
}

/* Whose bytes are whose was only supposed: detection is to turn it, from this frame on. */
static void test_joined_the_wrong_way_round(void **state)
{
    (void)state;
    talk_midstream();
    data(1, 3, 0, "upload");
    headers(0, 3, END_ALL, "grpc-status", "0", NULL);
    hex(0, HTTP2_PING, 0, 0, "0 0 0 0 0 0 0 0");
    hex(0, HTTP2_HEADERS, END_ALL, 5, "88");
    talk_feed();
    assert_true(talk.handed_over);
    assert_null(talk.successor);
    assert_int_equal(talk.rest_side, 0);
    assert_int_equal(talk.rest_len, 3 * HTTP2_HEAD_BYTES + 15 + 8 + 1);
    talk_close();
    talk_finish(0);
}

/* A server may begin with HTTP/2 to a client that never heard of it: its bytes are for whoever
 * knows them, all of them. */
static void test_client_of_another_protocol(void **state)
{
    (void)state;
    fake_host_open(&talk, &analyzer_http2, ANALYZER_TCP);
    settings(1);
    say(0, "PRO", 3); /* as the preface begins, and then not */
    talk_feed();
    assert_true(talk.handed_over);
    assert_null(talk.successor);
    assert_int_equal(talk.left_len[0], 2);
    assert_memory_equal(talk.left[0], "PR", 2);
    assert_int_equal(talk.rest_side, 0);
    assert_int_equal(talk.rest_len, 1);
    assert_memory_equal(talk.rest, "O", 1);
    talk_close();
    talk_finish(0);
}

/* Trailers do not tell whose they are, and are not taken for a request. */
static void test_joined_and_never_told(void **state)
{
    (void)state;
    talk_midstream();
    headers(0, 3, END_ALL, "grpc-status", "0", NULL);
    data(1, 5, 0, "x");
    hex(1, HTTP2_HEADERS, END_ALL, 5, "be bf");
    talk_close();
    assert_false(talk.handed_over);
    talk_finish(0);
}

/* Frames inside a packet, behind the end of another one. */
static void test_frames_are_found_inside_a_packet(void **state)
{
    (void)state;
    talk_midstream();
    say(0, "\0\0\0\0\0\0\0\0\0\0 rest \0\0", 18);
    headers(0, 5, END_ALL, GET("/5"));
    hex(0, HTTP2_WINDOW_UPDATE, 0, 0, "00 00 10 00");
    headers(0, 7, END_ALL, GET("/7"));
    talk_close();
    expect(0, "uri", "/5");
    expect(1, "uri", "/7");
    talk_finish(2);
}

/* A capture without handshake that has the preface all the same. */
static void test_midstream_with_preface(void **state)
{
    (void)state;
    talk_midstream();
    say(0, HTTP2_PREFACE, HTTP2_PREFACE_BYTES);
    settings(0);
    hex(0, HTTP2_HEADERS, END_ALL, 1, "82 86 84 41 01 61");
    settings(1);
    hex(1, HTTP2_HEADERS, END_ALL, 1, "88 5f 03 61 2f 62");
    hex(1, HTTP2_HEADERS, END_ALL, 3, "88 be");
    hex(0, HTTP2_HEADERS, END_ALL, 3, "82 86 84 be");
    talk_close();
    for (unsigned i = 0; i < 2; i++) {
        expect(i, "host", "a");
        expect(i, "response_content_type", "a/b");
        expect(i, "partial", "-");
    }
    talk_finish(2);
}

/* A gap inside DATA costs bytes, not frames. */
static void test_gap_in_data(void **state)
{
    static const uint8_t head[] = {0, 0, 10, HTTP2_DATA, HTTP2_END_STREAM, 0, 0, 0, 1, 'x', 'y'};

    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":path", "/a", "content-type",
            "application/grpc", NULL);
    say(0, head, sizeof head);
    talk_gap(0, 8);
    headers(0, 3, END_ALL, GET("/next"));
    headers(1, 1, END_ALL, OK);
    headers(1, 3, END_ALL, OK);
    talk_close();
    assert_int_equal(talk.children[0].gap[0], 8);
    expect(0, "uri", "/a");
    expect(0, "request_body_len", "10");
    expect(0, "partial", "T");
    expect(1, "uri", "/next");
    expect(1, "partial", "-");
    expect_weird(WEIRD_HTTP2_CONTENT_GAP, 0);
    talk_finish(2);
}

/* Behind it nothing is known of the table any more, but of what stands in the blocks. */
static void test_gap_between_frames(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_HEADERS, HTTP2_END_HEADERS, 1, "83 86 84 41 01 61 7a 01 75");
    talk_gap(0, 500);
    hex(0, HTTP2_HEADERS, END_ALL, 5, "82 86 84 bf 7a 01 75");
    hex(1, HTTP2_HEADERS, END_ALL, 1, "88");
    hex(1, HTTP2_HEADERS, END_ALL, 3, "8d");
    hex(1, HTTP2_HEADERS, END_ALL, 5, "88");
    talk_close();
    expect(0, "stream_id", "3");
    expect(0, "status_code", "404");
    expect(0, "partial", "T");
    expect(1, "stream_id", "5");
    expect(1, "host", "-");
    expect(1, "user_agent", "u");
    expect(1, "partial", "T");
    expect(2, "stream_id", "1");
    expect(2, "host", "a");
    expect(2, "partial", "T");
    expect_weird(WEIRD_HTTP2_CONTENT_GAP, 1);
    talk_finish(3);
}

/* Each stream loses what may have been missed of it, those that begin afterwards do not. */
static void test_gap_and_streams(void **state)
{
    (void)state;
    talk_begin();
    for (uint32_t id = 1; id <= 7; id += 2)
        headers(0, id, id == 7 ? END_ALL : HTTP2_END_HEADERS, ":method", "POST", ":scheme", "http",
                ":path", "/", "content-type", "application/grpc", NULL);
    talk_feed();
    talk_gap(0, 500);
    data(0, 1, 0, "abc");
    data(0, 1, HTTP2_END_STREAM, "def");
    headers(0, 9, END_ALL, GET("/after"));
    talk_feed();
    assert_int_equal(talk.children[0].len[0], 6);
    for (uint32_t id = 1; id <= 9; id += id == 1 ? 6 : 2)
        headers(1, id, END_ALL, OK);
    talk_feed();
    talk_close();
    for (unsigned n = 0; n < 5; n++) { /* 1, 7 and 9 were answered, 3 and 5 are at the close */
        const char *stream = n < 3 ? (const char *[]){"1", "7", "9"}[n] : n == 3 ? "3" : "5";

        expect(n, "stream_id", stream);
        expect(n, "partial", stream[0] == '7' || stream[0] == '9' ? "-" : "T");
    }
    talk_finish(5);
}

static void test_gap_in_headers(void **state)
{
    static const uint8_t head[] = {0, 0, 12, HTTP2_HEADERS, END_ALL, 0, 0, 0, 1, 0x82, 0x86, 0x84};

    (void)state;
    talk_begin();
    say(0, head, sizeof head);
    talk_gap(0, 9);
    headers(0, 3, END_ALL, GET("/3"));
    headers(1, 1, END_ALL, OK);
    headers(1, 3, END_ALL, OK);
    talk_close();
    expect(0, "method", "GET");
    expect(0, "status_code", "200");
    expect(0, "partial", "T");
    expect(1, "uri", "/3");
    expect(1, "partial", "-");
    expect_weird(WEIRD_HTTP2_CONTENT_GAP, 0);
    talk_finish(2);
}

static void test_one_side_only(void **state)
{
    (void)state;
    talk_begin();
    talk_feed();
    for (uint32_t id = 1; id <= 5; id += 2)
        headers(0, id, END_ALL, GET("/"));
    talk_close();
    expect(2, "stream_id", "5");
    expect(2, "status_code", "-");
    talk_finish(3);
}

/* The packet with the request came late: its response waits for it. */
static void test_response_before_request(void **state)
{
    (void)state;
    talk_begin();
    headers(1, 1, HTTP2_END_HEADERS, OK);
    data(1, 1, HTTP2_END_STREAM, "x");
    headers(0, 1, END_ALL, GET("/late"));
    talk_run();
    expect(0, "uri", "/late");
    expect(0, "status_code", "200");
    expect(0, "response_body_len", "1");
    expect(0, "partial", "-");
    talk_finish(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_joined_between_requests),
        cmocka_unit_test(test_joined_with_a_table_that_is_lost),
        cmocka_unit_test(test_joined_inside_a_response),
        cmocka_unit_test(test_joined_the_wrong_way_round),
        cmocka_unit_test(test_client_of_another_protocol),
        cmocka_unit_test(test_joined_and_never_told),
        cmocka_unit_test(test_frames_are_found_inside_a_packet),
        cmocka_unit_test(test_midstream_with_preface),
        cmocka_unit_test(test_gap_in_data),
        cmocka_unit_test(test_gap_between_frames),
        cmocka_unit_test(test_gap_and_streams),
        cmocka_unit_test(test_gap_in_headers),
        cmocka_unit_test(test_one_side_only),
        cmocka_unit_test(test_response_before_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
