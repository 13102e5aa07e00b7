/* SPDX-License-Identifier: BSD-3-Clause */
/* What of headers, URIs and bodies gets into records, and what never does. */
#include "tests/unit/parse/http1/talk.h"

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
        .format = OUTPUT_TEXT, .body_max = 64, .redact_parameters = "password,pwd"};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_host_options = (struct options){0};
    return 0;
}

static const char secret_request[] = "GET http://u:hush@h.example/x?pwd=hush&a=1 HTTP/1.1\r\n"
                                     "Host: u:hush@h.example\r\n"
                                     "Referer: http://h.example/?password=hush\r\n"
                                     "Origin: http://u:hush@h.example\r\n"
                                     "Cookie: session=hush\r\n"
                                     "authorization: Basic dXNlcjpodXNo\r\n"
                                     "Proxy-Authorization: Bearer hush\r\n"
                                     "X-Api-Key: hush\r\n"
                                     "X-Forwarded-For: hush\r\n"
                                     "User-Agent: hush\r\n"
                                     "From: someone@h.example\r\n"
                                     "Content-Type: application/x-www-form-urlencoded\r\n"
                                     "Content-Length: 13\r\n\r\n"
                                     "a=1&pwd=hush1";
static const char secret_response[] = "HTTP/1.1 200 OK\r\n"
                                      "Set-Cookie: session=hush\r\n"
                                      "Location: https://u:hush@h.example/?a=2&password=hush\r\n"
                                      "Content-Type: application/problem+json\r\n"
                                      "Content-Length: 14\r\n\r\n"
                                      "{\"pwd\":\"hush\"}";

static void run_secrets(void)
{
    const struct fake_chunk chunks[] = {
        {0, secret_request, sizeof secret_request - 1},
        {1, secret_response, sizeof secret_response - 1},
    };

    talk_run(chunks, 2);
}

static void test_no_secret_leaves(void **state)
{
    char *seen;

    (void)state;
    fake_host_options.body = true;
    strcpy(fake_host_options.log_headers,
           "cookie,authorization,x-api-key,location,set-cookie,from");
    strcpy(fake_host_options.redact_headers, "x-api-key,x-forwarded-for,USER-AGENT");
    run_secrets();
    seen = fake_host_dump(&talk);
    if (strstr(seen, "hush"))
        fail_msg("a secret is in\n%s", seen);
    free(seen);
    expect(0, "uri", "http://u:(redacted)@h.example/x?pwd=(redacted)&a=1");
    expect(0, "host", "u:(redacted)@h.example");
    expect(0, "referrer", "http://h.example/?password=(redacted)");
    expect(0, "origin", "http://u:(redacted)@h.example");
    expect(0, "user_agent", "(redacted)");
    expect(0, "proxied", "X-FORWARDED-FOR -> (redacted)");
    expect(0, "username", "user");
    expect(0, "password", "-");
    expect(0, "request_headers",
           "Cookie: (redacted),authorization: (redacted),X-Api-Key: (redacted),"
           "From: someone@h.example");
    expect(0, "response_headers",
           "Set-Cookie: (redacted),Location: "
           "https://u:(redacted)@h.example/?a=2&password=(redacted)");
    exchange(0, "request_body", "a=1&pwd=(redacted)");
    exchange(0, "response_body", "{\"pwd\":\"(redacted)\"}");
    talk_finish(1);
}

static void test_secrets_that_are_asked_for(void **state)
{
    (void)state;
    fake_host_options.log_secrets = true;
    strcpy(fake_host_options.log_headers, "Cookie");
    strcpy(fake_host_options.redact_headers, "user-agent");
    run_secrets();
    expect(0, "uri", "http://u:hush@h.example/x?pwd=hush&a=1");
    expect(0, "host", "u:hush@h.example");
    expect(0, "user_agent", "hush");
    expect(0, "password", "hush");
    expect(0, "request_headers", "Cookie: session=hush");
    assert_int_equal(fake_host_count(&talk, RECORD_exchange), 0);
    talk_finish(1);
}

/* Programs say that JSON is a form, since that is what their tool says of all they post. */
static void test_json_of_another_type(void **state)
{
    (void)state;
    fake_host_options.body = true;
    talk_begin();
    talk_say(0, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
                " [{\"pwd\":\"hush1\"}]");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\n"
                "{\"pwd\":\"hush\"}");
    fake_host_close(&talk);
    exchange(0, "request_body", " [{\"pwd\":\"(redacted)\"}]");
    exchange(0, "response_body", "{\"pwd\":\"(redacted)\"}");
    talk_finish(1);
}

/* A tunnel's target is an authority. */
static void test_connect(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "CONNECT u:hush@h.example:443 HTTP/1.1\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "uri", "u:(redacted)@h.example:443");
    talk_finish(1);
}

static const char plain_request[] = "POST /x HTTP/1.1\r\nhost: h\r\nX-Empty:\r\nVIA:  a \r\n"
                                    "Via: b\r\nContent-Length: 3\r\n\r\nabc";
static const char plain_response[] =
    "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    "HTTP/1.1 200 Fine\r\nVia: c\r\nTransfer-Encoding: chunked\r\n\r\n"
    "2\r\nde\r\n1\r\nf\r\n0\r\nX-Sum: 6\r\n\r\n";

static void run_plain(void)
{
    const struct fake_chunk chunks[] = {
        {0, plain_request, sizeof plain_request - 1},
        {1, plain_response, sizeof plain_response - 1},
    };

    talk_run(chunks, 2);
}

static void test_headers_in_order(void **state)
{
    (void)state;
    fake_host_options.headers = true;
    run_plain();
    exchange(0, "method", "POST");
    exchange(0, "scheme", "http");
    exchange(0, "host", "h");
    exchange(0, "version", "1.1");
    exchange(0, "status_code", "200");
    exchange(0, "status_msg", "Fine");
    exchange(0, "view", "packet");
    exchange(0, "request_headers", "host: h,X-Empty: ,VIA: a,Via: b,Content-Length: 3");
    exchange(0, "response_headers", "Via: c,Transfer-Encoding: chunked,X-Sum: 6");
    exchange(0, "request_body", "-");
    exchange(0, "request_body_len", "3");
    exchange(0, "response_body_len", "3");
    expect(0, "request_headers", "-");
    talk_finish(1);
}

static void test_bodies(void **state)
{
    (void)state;
    fake_host_options.body = true;
    run_plain();
    exchange(0, "request_body", "abc");
    exchange(0, "response_body", "def");
    talk_finish(1);
}

static void test_named_headers(void **state)
{
    (void)state;
    strcpy(fake_host_options.log_headers, "via, x-sum, x-empty");
    run_plain();
    expect(0, "request_headers", "X-Empty: ,VIA: a,Via: b");
    expect(0, "response_headers", "Via: c,X-Sum: 6");
    assert_int_equal(fake_host_count(&talk, RECORD_exchange), 0);
    talk_finish(1);
}

/* Nothing is kept for those who did not ask: not for JSON, not without an option. */
static void test_not_asked_for(void **state)
{
    (void)state;
    run_plain();
    assert_int_equal(fake_host_count(&talk, RECORD_exchange), 0);
    talk_finish(1);
    fake_host_options.body = true;
    fake_host_options.format = OUTPUT_JSON;
    run_plain();
    assert_int_equal(fake_host_count(&talk, RECORD_exchange), 0);
    talk_finish(1);
}

static void test_long_body(void **state)
{
    static const char hundred[] = "0123456789012345678901234567890123456789012345678901234567890123"
                                  "456789012345678901234567890123456789";

    (void)state;
    fake_host_options.body = true;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    talk_say(1, hundred);
    fake_host_close(&talk);
    assert_int_equal(strlen(fake_host_field(&talk, RECORD_exchange, 0, "response_body")), 64);
    exchange(0, "response_headers", "Content-Length: 100,(body: the first 64 bytes)");
    exchange(0, "response_body_len", "100");
    talk_finish(1);
}

static void test_missing_bytes(void **state)
{
    (void)state;
    fake_host_options.body = true;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    fake_host_gap(&talk, 1, 3);
    talk_say(1, "ghij");
    fake_host_close(&talk);
    exchange(0, "response_body", "abc");
    exchange(0, "response_headers",
             "Content-Length: 10,(body: the first 3 bytes, since some behind them were missed)");
    talk_finish(1);
}

static void test_codings(void **state)
{
    static const uint8_t gzip[] = {0x1f, 0x8b, 8, 0,    0,    0,    0,    0, 0, 3, 0x4b, 0x4c,
                                   0x4a, 6,    0, 0xc2, 0x41, 0x24, 0x35, 3, 0, 0, 0}; /* "abc" */

    (void)state;
    fake_host_options.body = true;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 23\r\n\r\n");
    fake_host_data(&talk, 1, gzip, sizeof gzip);
    talk_say(0, "GET /2 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 3\r\n\r\nnop");
    talk_say(0, "GET /3 HTTP/1.1\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 3\r\n\r\nabc");
    fake_host_close(&talk);
    exchange(0, "response_body", "abc");
    exchange(0, "response_headers",
             "Content-Encoding: gzip,Content-Length: 23,(body: decoded from gzip)");
    exchange(1, "response_body", "nop");
    exchange(1, "response_headers",
             "Content-Encoding: rot13,Content-Length: 3,"
             "(body: as sent, since it could not be decoded from rot13)");
    exchange(2, "response_body", "abc");
    exchange(2, "response_headers", "Content-Encoding: Identity,Content-Length: 3");
    talk_finish(3);
}

/* A value over the bound is left out, and a secret one says no more than any other. */
static void test_bounds(void **state)
{
    static char value[20000];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    fake_host_options.headers = true;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\nA: 1\r\nB: ");
    talk_say(0, value);
    talk_say(0, "\r\nC: 2\r\n");
    for (int i = 0; i < 200; i++)
        talk_say(0, "D: 3\r\n");
    talk_say(0, "\r\n");
    fake_host_close(&talk);
    assert_memory_equal(fake_host_field(&talk, RECORD_exchange, 0, "request_headers"),
                        "A: 1,B: (too long),C: 2,D: 3,", 29);
    assert_int_equal(strlen(fake_host_field(&talk, RECORD_exchange, 0, "request_headers")),
                     strlen("A: 1,B: (too long),C: 2") + 125 * strlen(",D: 3"));
    expect_weird(WEIRD_HTTP_FIELD_CUT, 1);
    talk_finish(1);
}

static void test_no_memory(void **state)
{
    void *held[4096];
    size_t capacity[4096];
    unsigned n = 0;

    (void)state;
    fake_host_options.body = true;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\nCookie: hush\r\n\r\n");
    for (size_t bytes = BUFPOOL_MAX_BYTES; bytes >= BUFPOOL_MIN_BYTES; bytes /= 2)
        while (n < 4096 && (held[n] = bufpool_get(&talk.bufs, bytes, &capacity[n])) != NULL)
            n++;
    talk_say(1, "HTTP/1.1 200 OK\r\nSet-Cookie: hush\r\nContent-Encoding: gzip\r\n\r\nabc");
    while (n-- > 0)
        bufpool_put(&talk.bufs, held[n], capacity[n]);
    fake_host_close(&talk);
    exchange(0, "request_headers", "Cookie: (redacted)");
    talk_finish(1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_no_secret_leaves),
        TEST(test_secrets_that_are_asked_for),
        TEST(test_json_of_another_type),
        TEST(test_headers_in_order),
        TEST(test_connect),
        TEST(test_headers_in_order),
        TEST(test_bodies),
        TEST(test_named_headers),
        TEST(test_not_asked_for),
        TEST(test_long_body),
        TEST(test_missing_bytes),
        TEST(test_codings),
        TEST(test_bounds),
        TEST(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
