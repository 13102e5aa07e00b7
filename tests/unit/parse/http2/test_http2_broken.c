/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections of which something is missing, and such as mean harm. */
#include "tests/unit/parse/http2/talk.h"
#include "worker/parse/http2/http2.h"
#include "worker/parse/http2/http2_flow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 1024

/* --- joined in the middle, gaps --- */

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

/* --- what breaks the rules --- */

static void test_server_that_knows_no_http2(void **state)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    talk_begin_client();
    headers(0, 1, END_ALL, GET("/"));
    say(1, answer, sizeof answer - 1);
    talk_close();
    expect(0, "uri", "/");
    expect(0, "status_code", "-");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 1);
    talk_finish(1);
}

static void test_frames_that_break_rules(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_PING, 0, 0, "00");                                  /* length */
    hex(0, HTTP2_SETTINGS, 0, 1, "");                                /* on a stream */
    hex(0, HTTP2_SETTINGS, HTTP2_ACK, 0, "00 00 00 00 00 00");       /* with content */
    hex(0, HTTP2_DATA, 0, 0, "61");                                  /* of no stream */
    hex(0, HTTP2_RST_STREAM, 0, 1, "00 00 00");                      /* length */
    hex(0, HTTP2_CONTINUATION, HTTP2_END_HEADERS, 1, "82");          /* of no block */
    hex(0, HTTP2_PUSH_PROMISE, HTTP2_END_HEADERS, 1, "0 0 0 2");     /* from a client */
    hex(0, HTTP2_DATA, HTTP2_PADDED, 1, "05 61 62");                 /* more padding than frame */
    hex(0, HTTP2_HEADERS, END_ALL | HTTP2_HAS_PRIORITY, 1, "00 00"); /* too short for priority */
    headers(0, 3, END_ALL, GET("/after"));
    headers(1, 3, END_ALL, OK);
    talk_run();
    expect(0, "uri", "/after");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 9);
    talk_finish(1);
}

/* RFC 9113 section 6.10: nothing comes between. */
static void test_block_that_is_interrupted(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_HEADERS, HTTP2_END_STREAM, 1, "82 86");
    hex(0, HTTP2_PING, 0, 0, "0 0 0 0 0 0 0 0");
    headers(0, 3, END_ALL, GET("/3"));
    headers(1, 3, END_ALL, OK);
    talk_run();
    expect(0, "uri", "/3");
    expect(1, "method", "GET");
    expect_weird(WEIRD_HTTP2_BAD_FRAME, 1);
    talk_finish(2);
}

static void test_block_that_is_broken(void **state)
{
    (void)state;
    talk_begin();
    hex(0, HTTP2_HEADERS, END_ALL, 1, "82 ff 84");
    headers(0, 3, END_ALL, GET("/3"));
    hex(1, HTTP2_HEADERS, END_ALL, 1, "88");
    hex(1, HTTP2_HEADERS, END_ALL, 3, "88");
    talk_run();
    expect(0, "method", "GET");
    expect(0, "uri", "-");
    expect(0, "partial", "T");
    expect(1, "uri", "/3");
    expect(1, "partial", "-");
    expect_weird(WEIRD_HTTP2_BAD_HEADERS, 1);
    talk_finish(2);
}

static void test_frames_of_streams_that_are_over(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    headers(1, 1, END_ALL, OK);
    headers(1, 1, END_ALL, OK);
    data(1, 1, HTTP2_END_STREAM, "x");
    data(0, 1, HTTP2_END_STREAM, "x");
    headers(0, 1, END_ALL, GET("/again"));
    headers(0, 2, END_ALL, GET("/even"));
    headers(1, 4, END_ALL, OK);
    data(1, 77, 0, "x");
    talk_run();
    talk_finish(1);
}

static void test_bad_status(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    headers(1, 1, END_ALL, ":status", "2x0", NULL);
    headers(0, 3, END_ALL, GET("/"));
    headers(1, 3, END_ALL, ":status", "20", NULL);
    talk_run();
    expect(0, "status_code", "-");
    expect(1, "status_code", "-");
    talk_finish(2);
}

/* --- floods --- */

static void test_rapid_reset(void **state)
{
    (void)state;
    talk_begin();
    for (uint32_t id = 1; id < 2 * MANY; id += 2) {
        headers(0, id, END_ALL, GET("/"));
        hex(0, HTTP2_RST_STREAM, 0, id, "00 00 00 08");
        talk_feed();
        assert_true(talk.bufs.used_bytes < 128 * 1024);
    }
    talk_close();
    expect_weird(WEIRD_HTTP2_RAPID_RESET, 1);
    expect(MANY - 1, "reset", "CANCEL");
    talk_finish(MANY);
}

static void test_slow_resets(void **state)
{
    (void)state;
    talk_begin();
    for (uint32_t id = 1; id < 400; id += 2) {
        headers(0, id, END_ALL, GET("/"));
        hex(0, HTTP2_RST_STREAM, 0, id, "00 00 00 08");
        talk_feed();
        talk.ctx.ts_ns += 20000000;
    }
    talk_close();
    expect_weird(WEIRD_HTTP2_RAPID_RESET, 0);
    talk_finish(200);
}

/* The oldest gives way. */
static void test_too_many_streams(void **state)
{
    (void)state;
    talk_begin();
    for (uint32_t id = 1; id <= 2 * HTTP2_STREAMS_MAX + 1; id += 2) {
        headers(0, id, END_ALL, GET("/"));
        talk_feed();
    }
    assert_int_equal(fake_host_count(&talk, RECORD_http), 1);
    expect(0, "stream_id", "1");
    expect(0, "partial", "T");
    talk_close();
    expect_weird(WEIRD_HTTP2_STREAMS_BOUND, 1);
    assert_int_equal(talk.n_records, HTTP2_STREAMS_MAX + 1);
    fake_host_fini(&talk);
}

/* Bytes of a block that each name a header of a kilobyte, on one stream after another. */
static void test_hpack_bomb_over_streams(void **state)
{
    static const char names[][15] = {"user-agent", "referer", "origin", "content-type"};
    static uint8_t block[10000];
    uint8_t *p = block;
    size_t most = 0;

    (void)state;
    talk_begin();
    for (unsigned i = 0; i < 4; i++) {
        *p++ = 0x40;
        *p++ = (uint8_t)strlen(names[i]);
        memcpy(p, names[i], strlen(names[i]));
        p += strlen(names[i]);
        memcpy(p, "\x7f\x85\x06", 3); /* a value of 127 + 773 bytes */
        memset(p + 3, 'b', 900);
        p += 3 + 900;
    }
    frame(0, HTTP2_HEADERS, HTTP2_END_HEADERS, 1, block, (size_t)(p - block));
    for (uint32_t id = 3; id < 2 * HTTP2_STREAMS_MAX; id += 2) {
        hex(0, HTTP2_HEADERS, HTTP2_END_HEADERS, id, "82 84 be bf c0 c1");
        talk_feed();
        most = talk.bufs.used_bytes > most ? talk.bufs.used_bytes : most;
    }
    assert_true(talk.weirds[WEIRD_HTTP2_STREAMS_BOUND] > 0);
    assert_true(most < HTTP2_TEXTS_MAX / 2 * 3);
    talk_close();
    expect(0, "stream_id", "1");
    expect(0, "partial", "T");
    assert_int_equal(talk.n_records, HTTP2_STREAMS_MAX);
    fake_host_fini(&talk);
}

/* CVE-2024-27316: a block without end. Nothing is kept of it. */
static void test_continuation_flood(void **state)
{
    uint8_t block[64];
    size_t n = fields(block, sizeof block, "x-flood", "0123456789012345678901234567890", NULL);
    size_t used;

    (void)state;
    talk_begin();
    frame(0, HTTP2_HEADERS, 0, 1, block, n);
    talk_feed();
    used = talk.bufs.used_bytes;
    for (unsigned i = 0; i < 4000; i++) {
        frame(0, HTTP2_CONTINUATION, 0, 1, block, n);
        talk_feed();
    }
    assert_int_equal(talk.bufs.used_bytes, used);
    talk_close();
    expect_weird(WEIRD_HTTP2_CONTINUATION_FLOOD, 1);
    expect_weird(WEIRD_HTTP2_HEADER_LIST, 1);
    talk_finish(1);
}

/* HPACK bomb: a large field that is named again by a byte each time. */
static void test_hpack_bomb(void **state)
{
    static uint8_t block[16000];
    uint8_t *p = block;

    (void)state;
    talk_begin();
    memcpy(p, "\x40\1a\x7f\xa1\x1e", 6); /* a value of 127 + 3873 bytes */
    memset(p + 6, 'b', 4000);
    memset(p + 4006, 0xbe, sizeof block - 4006);
    frame(0, HTTP2_HEADERS, END_ALL, 1, block, sizeof block);
    headers(0, 3, END_ALL, GET("/after"));
    talk_close();
    expect_weird(WEIRD_HTTP2_HEADER_LIST, 1);
    expect(1, "uri", "/after");
    talk_finish(2);
}

static void test_control_floods(void **state)
{
    (void)state;
    talk_begin();
    for (unsigned i = 0; i < 200; i++) {
        settings(0);
        hex(1, HTTP2_SETTINGS, HTTP2_ACK, 0, "");
        talk_feed();
    }
    expect_weird(WEIRD_HTTP2_CONTROL_FLOOD, 1);
    talk.ctx.ts_ns += 2000000000;
    for (unsigned i = 0; i < 1000; i++) {
        hex(1, HTTP2_PING, 0, 0, "0 0 0 0 0 0 0 0");
        talk_feed();
    }
    talk_close();
    expect_weird(WEIRD_HTTP2_CONTROL_FLOOD, 2);
    talk_finish(0);
}

static void test_no_memory(void **state)
{
    size_t capacity[64];
    void *taken[64];
    unsigned n = 0;

    (void)state;
    talk_begin();
    talk_feed();
    while ((taken[n] = bufpool_get(&talk.bufs, BUFPOOL_MAX_BYTES, &capacity[n])))
        n++;
    headers(0, 1, END_ALL, GET("/"));
    data(0, 1, 0, "x");
    headers(1, 1, END_ALL, OK);
    talk_feed();
    while (n-- > 0)
        bufpool_put(&talk.bufs, taken[n], capacity[n]);
    headers(0, 3, END_ALL, GET("/3"));
    headers(1, 3, END_ALL, OK);
    talk_close();
    expect(0, "uri", "/3");
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
        cmocka_unit_test(test_server_that_knows_no_http2),
        cmocka_unit_test(test_frames_that_break_rules),
        cmocka_unit_test(test_block_that_is_interrupted),
        cmocka_unit_test(test_block_that_is_broken),
        cmocka_unit_test(test_frames_of_streams_that_are_over),
        cmocka_unit_test(test_bad_status),
        cmocka_unit_test(test_rapid_reset),
        cmocka_unit_test(test_slow_resets),
        cmocka_unit_test(test_too_many_streams),
        cmocka_unit_test(test_continuation_flood),
        cmocka_unit_test(test_hpack_bomb),
        cmocka_unit_test(test_hpack_bomb_over_streams),
        cmocka_unit_test(test_control_floods),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
