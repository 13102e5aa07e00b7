/* SPDX-License-Identifier: BSD-3-Clause */
/* Conversations that go on as something else: upgrades and tunnels; and what responses advertise.
 */
#include "tests/unit/parse/http1/talk.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 6455 section 1.3. */
#define KEY    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define ASK(more)                                                                                  \
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUser-Agent: ua\r\n"                         \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n" more "\r\n"
#define GRANT(more)                                                                                \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" more "\r"  \
    "\n"

static void expect_fact(enum analyzer_fact fact, const char *text, int line)
{
    if (!talk.facts[fact] || strcmp(talk.facts[fact], text) != 0)
        fail_msg("line %d: fact %d is \"%s\", expected \"%s\"", line, (int)fact,
                 talk.facts[fact] ? talk.facts[fact] : "(not told)", text);
}

#define expect_fact(fact, text) expect_fact(fact, text, __LINE__)

static void test_websocket(void **state)
{
    static const struct fake_chunk chunks[] = {
        C(ASK(KEY "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n"
                  "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
        S(GRANT(ACCEPT "Sec-WebSocket-Protocol: chat\r\n"
                       "Sec-WebSocket-Extensions: permessage-deflate; a=1\r\n") "\x81\x02hi"),
    };

    (void)state;
    talk_begin();
    talk_feed(chunks, N(chunks));
    assert_true(talk.handed_over);
    assert_string_equal(talk.successor, "websocket");
    assert_int_equal(talk.rest_side, 1);
    assert_int_equal(talk.rest_len, 4);
    expect_fact(FACT_HOST, "server.example.com");
    expect_fact(FACT_URI, "/chat");
    expect_fact(FACT_USER_AGENT, "ua");
    expect_fact(FACT_WS_PROTOCOLS, "chat, superchat");
    expect_fact(FACT_WS_PROTOCOL, "chat");
    expect_fact(FACT_WS_EXTENSIONS, "permessage-deflate");
    expect_fact(FACT_WS_EXTENSIONS_SET, "permessage-deflate; a=1");
    fake_host_close(&talk);
    expect(0, "status_code", "101");
    expect(0, "application", "websocket");
    expect_weird(WEIRD_WEBSOCKET_WRONG_ACCEPT, 0);
    talk_finish(1);
}

static void run_handshake(const char *request, const char *response)
{
    talk_begin();
    talk_say(0, request);
    talk_say(1, response);
    assert_true(talk.handed_over);
    fake_host_close(&talk);
}

static void test_sloppy_handshakes(void **state)
{
    (void)state;
    run_handshake(ASK(KEY), GRANT("Sec-WebSocket-Accept: wrong\r\n"));
    assert_string_equal(talk.successor, "websocket");
    expect_weird(WEIRD_WEBSOCKET_WRONG_ACCEPT, 1);
    talk_finish(1);
    run_handshake(ASK(KEY), GRANT(""));
    assert_string_equal(talk.successor, "websocket");
    expect_weird(WEIRD_WEBSOCKET_MISSING_ACCEPT, 1);
    talk_finish(1);
    run_handshake(ASK(""), GRANT(ACCEPT));
    assert_string_equal(talk.successor, "websocket");
    expect_weird(WEIRD_WEBSOCKET_MISSING_KEY, 1);
    talk_finish(1);
    /* Neither: a draft of old times, or no WebSocket at all. */
    run_handshake(ASK("Sec-WebSocket-Key1: 12998 5 Y3 1  .P00\r\n"), GRANT(""));
    assert_null(talk.successor);
    expect(0, "application", "-");
    talk_finish(1);
}

static void test_upgrade_without_its_request(void **state)
{
    (void)state;
    talk_begin();
    talk_say(1, GRANT(ACCEPT));
    fake_host_close(&talk);
    assert_string_equal(talk.successor, "websocket");
    expect_weird(WEIRD_WEBSOCKET_MISSING_KEY, 0);
    talk_finish(1);
}

static void test_h2c(void **state)
{
    (void)state;
    run_handshake("GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
                  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  "Upgrade: h2c\r\n\r\n");
    assert_string_equal(talk.successor, "http2");
    expect_fact(FACT_METHOD, "GET");
    expect_fact(FACT_HOST, "h");
    expect_fact(FACT_URI, "/a");
    expect_fact(FACT_HTTP2_SETTINGS, "AAMAAABk");
    talk_finish(1);
}

static void test_other_upgrade(void **state)
{
    (void)state;
    run_handshake("POST /attach HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
                  "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_null(talk.successor);
    talk_finish(1);
}

/* The response was captured after what the client said on its strength. */
static void test_client_is_early(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, ASK(KEY));
    talk_say(0, "\x81\x80");
    talk_say(0, "abcd");
    talk_say(1, GRANT(ACCEPT));
    fake_host_close(&talk);
    assert_int_equal(talk.left_len[0], 6);
    assert_memory_equal(talk.left[0],
                        "\x81\x80"
                        "abcd",
                        6);
    expect_weird(WEIRD_HTTP_BAD_REQUEST_LINE, 0);
    talk_finish(1);
}

/* An offer that is not taken: the client goes on with HTTP, waiting or not. */
static void test_upgrade_ignored(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("GET /1 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        C("GET /2 HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
        S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"),
        S("HTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\n2"),
        C("BREW /3 HTTP/1.1\r\n\r\n"),
        S("HTTP/1.1 202 OK\r\nContent-Length: 1\r\n\r\n3"),
    };

    (void)state;
    talk_run(chunks, N(chunks));
    assert_false(talk.handed_over);
    expect(0, "status_code", "200");
    expect(1, "uri", "/2");
    expect(1, "status_code", "201");
    expect(2, "method", "BREW");
    expect(2, "status_code", "202");
    expect_weird(WEIRD_HTTP_UNKNOWN_METHOD, 1);
    talk_finish(3);
}

/* What was kept for a tunnel is read after its refusal, with the time that it was sent at. */
static void test_kept_after_refusal(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    talk.ctx.ts_ns += 5;
    talk_say(0, "GET /in-clear HTTP/1.1\r\n\r\n");
    talk.ctx.ts_ns += 5;
    talk_say(1, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    expect(0, "status_code", "403");
    expect(1, "uri", "/in-clear");
    expect(1, "ts", "1700000000000000005");
    expect(1, "status_code", "200");
    assert_int_equal(fake_host_count(&talk, RECORD_tunnel), 0);
    talk_finish(2);
}

static void test_connect(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    talk_say(0, "early");
    talk_say(1, "HTTP/1.1 200 Go\r\n\r\n");
    fake_host_close(&talk);
    assert_true(talk.handed_over);
    assert_null(talk.successor);
    assert_int_equal(talk.left_len[0], 5);
    assert_string_equal(fake_host_field(&talk, RECORD_tunnel, 0, "tunnel_type"), "Tunnel::HTTP");
    assert_string_equal(fake_host_field(&talk, RECORD_tunnel, 0, "action"), "Tunnel::DISCOVER");
    talk_finish(1);
}

/* More than is kept, and a gap in it: the tunnel is found all the same. */
static void test_too_early(void **state)
{
    static char much[40000];

    (void)state;
    memset(much, 'x', sizeof much);
    talk_begin();
    talk_say(0, "CONNECT a.example:443 HTTP/1.1\r\n\r\n");
    fake_host_data(&talk, 0, much, sizeof much);
    fake_host_data(&talk, 0, much, sizeof much);
    fake_host_gap(&talk, 0, 10);
    talk_say(1, "HTTP/1.1 200 Go\r\n\r\n");
    fake_host_close(&talk);
    assert_true(talk.handed_over);
    assert_int_equal(talk.left_len[0], 40000);
    talk_finish(1);
}

static void test_alt_svc(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"
                "GET http://u:p@b.example:81/x?@ HTTP/1.1\r\nHost: proxy\r\n\r\n"
                "GET / HTTP/1.1\r\nHost: c.example\r\n\r\n");
    talk_say(1, "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\nAlt-Svc: h2=\":444\"\r\n"
                "Content-Length: 0\r\n\r\n"
                "HTTP/1.1 200 OK\r\nAlt-Svc: clear\r\nContent-Length: 0\r\n\r\n"
                "HTTP/1.1 421 Misdirected\r\nAlt-Svc: h3=\":9\"\r\nContent-Length: 0\r\n\r\n");
    fake_host_close(&talk);
    assert_string_equal(talk.notes, "alt_svc of a.example:8080: h3=\":443\", h2=\":444\"\n"
                                    "alt_svc of b.example:81: clear\n");
    talk_finish(3);
}

static void test_view(void **state)
{
    (void)state;
    talk_begin();
    fake_host_tell(&talk, FACT_VIEW, "plaintext");
    talk_say(0, ASK(KEY));
    talk_say(1, GRANT(ACCEPT));
    fake_host_close(&talk);
    expect(0, "view", "plaintext");
    expect_fact(FACT_VIEW, "plaintext");
    talk_finish(1);
}

static void test_start_line_oddities(void **state)
{
    (void)state;
    talk_begin();
    talk_say(0, "GET /1 HTTP/1.0\r\n\r\nGET /2 HTTP/1.1\r\n\r\nPOST /3\r\n\r\n");
    fake_host_close(&talk);
    expect_weird(WEIRD_HTTP_VERSION_MISMATCH, 2);
    expect_weird(WEIRD_HTTP_BAD_SIMPLE_METHOD, 1);
    expect_weird(WEIRD_HTTP_UNKNOWN_METHOD, 0);
    talk_finish(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_sloppy_handshakes),
        cmocka_unit_test(test_upgrade_without_its_request),
        cmocka_unit_test(test_h2c),
        cmocka_unit_test(test_other_upgrade),
        cmocka_unit_test(test_client_is_early),
        cmocka_unit_test(test_upgrade_ignored),
        cmocka_unit_test(test_kept_after_refusal),
        cmocka_unit_test(test_connect),
        cmocka_unit_test(test_too_early),
        cmocka_unit_test(test_alt_svc),
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_start_line_oddities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
