/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of RFC 6455 section 5.7 and RFC 7692 section 7.2.3, broken frames, gaps, tunnels. */
#include "worker/parse/websocket/websocket.h"

#include "tests/unit/parse/chunks.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define say(side, text) fake_host_data(&h, side, text, sizeof(text) - 1)

#define HELLO          "\x81\x05Hello"
#define HELLO_MASKED   "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
#define HELLO_DEFLATED "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"

static struct fake_host h;

/* The reader that tunnels are offered to: of bytes that begin with "TUNNEL" or "tunnel". */
static enum probe_result probe(const uint8_t *data, size_t len, uint8_t transport)
{
    size_t n = len < 6 ? len : 6;

    (void)transport;
    if (memcmp(data, "TUNNEL", n) != 0 && memcmp(data, "tunnel", n) != 0)
        return PROBE_NO;
    if (n < 6)
        return PROBE_MORE;
    return data[0] == 'T' ? PROBE_CLIENT : PROBE_SERVER;
}

static const struct analyzer inside = {
    .name = "inside", .transports = ANALYZER_TCP, .probe = probe};
const struct analyzer *const analyzers[] = {&inside, NULL};

static void begin(void)
{
    fake_host_open(&h, &analyzer_websocket, ANALYZER_TCP);
}

static void run(const struct fake_chunk *chunks, size_t n)
{
    fake_host_check_splits(&analyzer_websocket, ANALYZER_TCP, chunks, (unsigned)n);
    fake_host_run(&h, &analyzer_websocket, ANALYZER_TCP, chunks, n);
}

static void expect_field(const char *field, const char *value, int line)
{
    const char *found = fake_host_field(&h, RECORD_websocket, 0, field);

    if (strcmp(found, value) != 0)
        fail_msg("line %d: %s is \"%s\", expected \"%s\"", line, field, found, value);
}

#define expect(field, value) expect_field(field, value, __LINE__)

static void finish(void)
{
    assert_int_equal(fake_host_count(&h, RECORD_websocket), 1);
    fake_host_fini(&h);
}

static void test_examples_of_the_rfc(void **state)
{
    static const struct fake_chunk chunks[] = {
        S(HELLO),
        C(HELLO_MASKED),
        S("\x01\x03Hel\x80\x02lo"),
        S("\x89\x05Hello"),
        C("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
        /* 03 e8 "bye", masked; the server's without a reason */
        C("\x88\x85\x01\x02\x03\x04\x02\xea\x61\x7d\x64"),
        S("\x88\x02\x03\xe9"),
    };

    (void)state;
    run(chunks, N(chunks));
    expect("orig_text_frames", "1");
    expect("orig_text_bytes", "5");
    expect("resp_text_frames", "2");
    expect("resp_text_bytes", "8");
    expect("resp_continuation_frames", "1");
    expect("resp_continuation_bytes", "2");
    expect("resp_ping_frames", "1");
    expect("resp_ping_bytes", "5");
    expect("orig_pong_frames", "1");
    expect("orig_close_frames", "1");
    expect("orig_close_bytes", "5");
    expect("orig_close_code", "1000");
    expect("resp_close_code", "1001");
    expect("resp_binary_frames", "0");
    expect("deflate", "F");
    expect("view", "packet");
    for (unsigned w = 0; w < WEIRDS; w++)
        assert_int_equal(h.weirds[w], 0);
    assert_string_equal(h.services[0], "websocket");
    assert_string_equal(h.category, "websocket");
    finish();
}

static void test_lengths(void **state)
{
    static uint8_t payload[65536];

    (void)state;
    begin();
    say(1, "\x82\x7e\x01\x00");
    fake_host_data(&h, 1, payload, 256);
    say(1, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
    fake_host_data(&h, 1, payload, 65536);
    /* Far more than memory could hold. */
    say(1, "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00xyz");
    fake_host_gap(&h, 1, (UINT64_C(1) << 40) - 4);
    say(1, "!" HELLO);
    fake_host_close(&h);
    expect("resp_binary_frames", "3");
    expect("resp_binary_bytes", "1099511693568");
    expect("resp_text_bytes", "5");
    finish();
}

static void test_facts(void **state)
{
    (void)state;
    begin();
    fake_host_tell(&h, FACT_HOST, "a.example");
    fake_host_tell(&h, FACT_URI, "/chat?x=1");
    fake_host_tell(&h, FACT_USER_AGENT, "ua");
    fake_host_tell(&h, FACT_WS_PROTOCOLS, "chat,  superchat , ");
    fake_host_tell(&h, FACT_WS_PROTOCOL, "chat");
    fake_host_tell(&h, FACT_WS_EXTENSIONS, "x-other, permessage-deflate; a=1");
    fake_host_tell(&h, FACT_WS_EXTENSIONS_SET, "PerMessage-Deflate;a=1");
    fake_host_tell(&h, FACT_STREAM_ID, "17");
    fake_host_tell(&h, FACT_VIEW, "plaintext");
    h.ctx.ts_ns += 1000;
    say(1, HELLO_DEFLATED "\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00" HELLO);
    fake_host_close(&h);
    expect("ts", "1700000000000000000");
    expect("host", "a.example");
    expect("uri", "/chat?x=1");
    expect("user_agent", "ua");
    expect("subprotocol", "chat");
    expect("client_protocols", "chat,superchat");
    expect("client_extensions", "x-other,permessage-deflate; a=1");
    expect("server_extensions", "PerMessage-Deflate;a=1");
    expect("stream_id", "17");
    expect("view", "plaintext");
    expect("deflate", "T");
    expect("compressed_frames", "2");
    expect("resp_text_frames", "3");
    expect("resp_continuation_bytes", "4");
    assert_int_equal(h.weirds[WEIRD_WEBSOCKET_BAD_FRAME], 0);
    finish();
}

static void test_nothing_told(void **state)
{
    (void)state;
    begin();
    fake_host_close(&h);
    expect("host", "-");
    expect("client_protocols", "-");
    expect("orig_close_code", "-");
    expect("stream_id", "-");
    finish();
}

/* Rules broken, frames still counted. */
static void test_odd_frames(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        unsigned side;
        enum weird weird;
    } cases[] = {
        {"\x81\x02hi", 4, 0, WEIRD_WEBSOCKET_BAD_MASK},
        {"\x81\x80mask", 6, 1, WEIRD_WEBSOCKET_BAD_MASK},
        {"\x80\x02hi", 4, 1, WEIRD_WEBSOCKET_BAD_FRAME},         /* continues nothing */
        {"\x01\x01h\x81\x01i", 6, 1, WEIRD_WEBSOCKET_BAD_FRAME}, /* message in a message */
        {"\xc1\x02hi", 4, 1, WEIRD_WEBSOCKET_BAD_FRAME},         /* compressed, not agreed */
        {"\xa1\x02hi", 4, 1, WEIRD_WEBSOCKET_BAD_FRAME},         /* RSV2 */
        {"\xc9\x02hi", 4, 1, WEIRD_WEBSOCKET_BAD_FRAME},         /* RSV1 in a ping */
        {"\x01\x01h\xc0\x01i", 6, 1, WEIRD_WEBSOCKET_BAD_FRAME}, /* RSV1 in a continuation */
    };

    (void)state;
    for (size_t i = 0; i < N(cases); i++) {
        begin();
        fake_host_data(&h, cases[i].side, cases[i].bytes, cases[i].len);
        say(1, "\x82\x03"
               "end");
        fake_host_close(&h);
        if (h.weirds[cases[i].weird] != 1)
            fail_msg("case %zu: weird %s %u times", i, weird_schemas[cases[i].weird].name,
                     h.weirds[cases[i].weird]);
        expect("resp_binary_bytes", "3");
        finish();
    }
}

/* What cannot be a header loses the side, and that side only. */
static void test_impossible_frames(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\x83\x02hi", 4},                                /* reserved opcode */
        {"\x8b\x02hi", 4},                                /* reserved control opcode */
        {"\x89\x7e\x00\x7e", 4},                          /* a ping of 126 bytes */
        {"\x09\x02hi", 4},                                /* a ping with more to come */
        {"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10}, /* a length of 2^63 */
    };

    (void)state;
    for (size_t i = 0; i < N(cases); i++) {
        begin();
        fake_host_data(&h, 1, cases[i].bytes, cases[i].len);
        say(1, HELLO);
        fake_host_gap(&h, 1, 100);
        say(0, HELLO_MASKED);
        fake_host_close(&h);
        if (h.weirds[WEIRD_WEBSOCKET_BAD_FRAME] != 1)
            fail_msg("case %zu: %u weirds", i, h.weirds[WEIRD_WEBSOCKET_BAD_FRAME]);
        expect("resp_text_frames", "0");
        expect("orig_text_frames", "1");
        finish();
    }
}

static void test_gap_over_a_header(void **state)
{
    (void)state;
    begin();
    say(1, "\x82\x05H");
    fake_host_gap(&h, 1, 4); /* to the very end */
    say(1, HELLO "\x82\x05H");
    fake_host_gap(&h, 1, 5);
    say(1, HELLO);
    fake_host_close(&h);
    expect("resp_binary_frames", "2");
    expect("resp_binary_bytes", "10");
    expect("resp_text_frames", "1");
    assert_int_equal(h.weirds[WEIRD_WEBSOCKET_GAP], 1);
    finish();
}

static void test_gap_in_a_close_code(void **state)
{
    (void)state;
    begin();
    say(1, "\x88\x04\x03");
    fake_host_gap(&h, 1, 1);
    say(1, "ab\x88\x02\x03\xea\x88\x02\x03\xeb");
    fake_host_close(&h);
    expect("resp_close_frames", "3");
    expect("resp_close_code", "1002");
    finish();
}

/* Two messages of a tunnel's client, one of its server; pings between do not disturb. */
static void test_tunnel(void **state)
{
    static const struct fake_chunk chunks[] = {
        C("\x82\x83\x01\x02\x03\x04UWM"),
        S("\x89\x00"),
        C("\x82\x85\x01\x02\x03\x04OGO$\x30"),
        S("\x02\x03tun\x89\x00\x80\x04nel!"),
    };

    (void)state;
    run(chunks, N(chunks));
    assert_int_equal(h.n_children, 1);
    assert_string_equal(h.children[0].name, "inside");
    assert_int_equal(h.children[0].len[0], 8);
    assert_memory_equal(h.children[0].data[0], "TUNNEL 1", 8);
    assert_int_equal(h.children[0].len[1], 7);
    assert_memory_equal(h.children[0].data[1], "tunnel!", 7);
    assert_true(h.children[0].closed);
    expect("orig_binary_bytes", "8");
    finish();
}

static void test_no_tunnel(void **state)
{
    (void)state;
    begin();
    say(0, "\x81\x86\x00\x00\x00\x00TUNNEL"); /* text is no tunnel */
    say(1, "\x82\x06tunnel");
    fake_host_close(&h);
    assert_int_equal(h.n_children, 0);
    finish();
    begin();
    h.refuse_children = true;
    say(1, "\x82\x06tunnel\x82\x02hi");
    fake_host_close(&h);
    expect("resp_binary_bytes", "8");
    finish();
}

static void test_gaps_in_a_tunnel(void **state)
{
    (void)state;
    begin();
    say(1, "\x82\x0ctunnel");
    fake_host_gap(&h, 1, 4);
    say(1, "zz\x82\x04z");
    fake_host_gap(&h, 1, 50);
    fake_host_end(&h, 1);
    fake_host_close(&h);
    assert_int_equal(h.children[0].len[1], 9);
    assert_int_equal(h.children[0].gap[1], 4);
    assert_true(h.children[0].ended[1]);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_nothing_told),
        cmocka_unit_test(test_odd_frames),
        cmocka_unit_test(test_impossible_frames),
        cmocka_unit_test(test_gap_over_a_header),
        cmocka_unit_test(test_gap_in_a_close_code),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_no_tunnel),
        cmocka_unit_test(test_gaps_in_a_tunnel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
