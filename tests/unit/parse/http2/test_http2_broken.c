/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that break the rules, and such as mean harm. */
#include "tests/unit/parse/http2/talk.h"
#include "worker/parse/http2/http2.h"
#include "worker/parse/http2/http2_flow.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MANY 1024

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
