/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of HTTP/2 for people, and the secrets in them. */
#include "tests/unit/parse/http2/talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define exchange(nth, field, value)                                                                \
    assert_string_equal(fake_host_field(&talk, RECORD_exchange, nth, field), value)

static int setup(void **state)
{
    (void)state;
    fake_host_options = (struct options){
        .format = OUTPUT_TEXT, .body = true, .body_max = 64, .redact_parameters = "password,pwd"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_options = (struct options){0};
    return 0;
}

static void test_exchange(void **state)
{
    (void)state;
    talk_begin();
    headers(0, 1, HTTP2_END_HEADERS, ":method", "POST", ":scheme", "https", ":path", "/x?pwd=hush",
            ":authority", "u:hush@a.example", "host", "b.example", "x-a", "1", "cookie", "hush",
            NULL);
    data(0, 1, 0, "abc");
    headers(0, 1, END_ALL, "x-trailer", "2", NULL);
    headers(1, 1, HTTP2_END_HEADERS, ":status", "103", "link", "x", NULL);
    headers(1, 1, HTTP2_END_HEADERS, ":status", "200", "set-cookie", "hush", "x-b", "3", NULL);
    data(1, 1, 0, "def");
    headers(1, 1, END_ALL, "grpc-status", "0", NULL);
    talk_run();
    expect(0, "uri", "/x?pwd=(redacted)");
    expect(0, "host", "u:(redacted)@a.example");
    exchange(0, "version", "2");
    exchange(0, "stream_id", "1");
    exchange(0, "uri", "/x?pwd=(redacted)");
    exchange(0, "request_headers", "host: b.example,x-a: 1,cookie: (redacted),x-trailer: 2");
    exchange(0, "response_headers", "set-cookie: (redacted),x-b: 3,grpc-status: 0");
    exchange(0, "request_body", "abc");
    exchange(0, "response_body", "def");
    talk_finish(1);
}

/* What the server promises is a request. */
static void test_pushed(void **state)
{
    uint8_t block[256] = {0, 0, 0, 2};
    size_t n;

    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, GET("/"));
    n = 4 +
        fields(block + 4, sizeof block - 4, ":method", "GET", ":path", "/pushed", "x-c", "4", NULL);
    frame(1, HTTP2_PUSH_PROMISE, HTTP2_END_HEADERS, 1, block, n);
    headers(1, 2, END_ALL, ":status", "200", "x-d", "5", NULL);
    headers(1, 1, END_ALL, OK);
    talk_run();
    exchange(0, "uri", "/pushed");
    exchange(0, "request_headers", "x-c: 4");
    exchange(0, "response_headers", "x-d: 5");
    talk_finish(2);
}

/* What other analyzers and tables are told is redacted, too. */
static void test_facts(void **state)
{
    char *seen;

    (void)state;
    talk_begin();
    headers(0, 1, END_ALL, ":method", "POST", ":path", "/pkg.Svc/Call?pwd=hush", ":authority",
            "u:hush@a.example", "content-type", "application/grpc", NULL);
    headers(1, 1, HTTP2_END_HEADERS, ":status", "200", "alt-svc", "h3=\":443\"", NULL);
    talk_run();
    seen = fake_host_dump(&talk);
    if (strstr(seen, "hush"))
        fail_msg("a secret is in\n%s", seen);
    free(seen);
    talk_finish(1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_exchange),
        TEST(test_pushed),
        TEST(test_facts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
