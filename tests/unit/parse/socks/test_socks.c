/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/chunks.h"
#include "worker/parse/socks/socks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fake_host h;

/* A flow, left in h. */
#define TALK(...) CHUNKS_RUN(&h, &analyzer_socks, __VA_ARGS__)

#define CONNECT5  "\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"
#define REPLY5    "\x05\x00\x00\x01\x7f\x00\x00\x01\x04\x38"
#define CONNECT4  "\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00"
#define CONNECT4A "\x04\x01\x00\x50\x00\x00\x00\x01\x00www.example.com\x00"
#define GRANTED4  "\x00\x5a\x00\x00\x00\x00\x00\x00"

static int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
}

static void assert_tunnel(void)
{
    assert_true(h.handed_over);
    assert_null(h.successor);
    assert_int_equal(h.n_services, 1);
    assert_string_equal(h.services[0], "socks");
    assert_int_equal(fake_host_count(&h, RECORD_tunnel), 1);
    assert_string_equal(fake_host_field(&h, RECORD_tunnel, 0, "tunnel_type"), "Tunnel::SOCKS");
    assert_string_equal(fake_host_field(&h, RECORD_tunnel, 0, "action"), "Tunnel::DISCOVER");
}

static void assert_left(unsigned side, const char *text)
{
    assert_int_equal(h.left_len[side], strlen(text));
    assert_memory_equal(h.left[side], text, strlen(text));
}

static void test_version5(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), S("\x05\x00"), C(CONNECT5), S(REPLY5));
    assert_tunnel();
}

static void test_version5_name_and_ipv6(void **state)
{
    (void)state;
    TALK(C("\x05\x02\x00\x02"), S("\x05\x00"),
         C("\x05\x01\x00\x03\x0b"
           "example.com\x00\x50"),
         S("\x05\x00\x00\x04"
           "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
           "\x04\x38"));
    assert_tunnel();
}

static void test_user_name(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x02"), S("\x05\x02"), C("\x01\x02me\x06secret"), S("\x01\x00"), C(CONNECT5),
         S(REPLY5));
    assert_tunnel();
}

static void test_user_name_refused(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x02"), S("\x05\x02"), C("\x01\x02me\x06secret"), S("\x01\x01"));
    assert_true(h.done);
    assert_false(h.handed_over);
    assert_int_equal(h.n_services, 1);
}

static void test_no_method_accepted(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x02"), S("\x05\xff"));
    assert_true(h.done);
    assert_int_equal(fake_host_count(&h, RECORD_tunnel), 0);
}

static void test_request_refused(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), S("\x05\x00"), C(CONNECT5),
         S("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"));
    assert_true(h.done);
    assert_false(h.handed_over);
    assert_int_equal(fake_host_count(&h, RECORD_tunnel), 0);
}

static void test_version4(void **state)
{
    (void)state;
    TALK(C(CONNECT4), S("\x00\x5a\x01\xbb\xc0\x00\x02\x01"));
    assert_tunnel();
}

static void test_version4a(void **state)
{
    (void)state;
    TALK(C(CONNECT4A), S(GRANTED4));
    assert_tunnel();
}

static void test_version4_refused(void **state)
{
    (void)state;
    TALK(C(CONNECT4), S("\x00\x5b\x00\x00\x00\x00\x00\x00"));
    assert_true(h.done);
    assert_false(h.handed_over);
}

/* What runs ahead of the answer, and what comes with it, is the tunnel's. */
static void test_early_bytes(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00" CONNECT5 "GET / HTTP/1.0\r\n"), S("\x05\x00"), C("\r\n"),
         S(REPLY5 "HTTP/1.0 200 OK\r\n"));
    assert_tunnel();
    assert_left(0, "GET / HTTP/1.0\r\n\r\n");
    assert_left(1, "HTTP/1.0 200 OK\r\n");
    assert_int_equal(h.rest_len, 0);
}

static void test_client_alone(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), C(CONNECT5), C("GET / HTTP/1.0\r\n\r\n"));
    assert_tunnel();
    assert_left(0, "GET / HTTP/1.0\r\n\r\n");
}

static void test_server_alone(void **state)
{
    (void)state;
    TALK(S("\x05\x00"), S(REPLY5), S("unread"));
    assert_tunnel();
    assert_int_equal(h.left_len[1], 0);
}

static void test_bind_takes_two_replies(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), S("\x05\x00"), C("\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x15"),
         S(REPLY5));
    assert_false(h.handed_over);
    assert_int_equal(h.weirds[WEIRD_SOCKS_BIND], 1);
    fake_host_fini(&h);
    TALK(C("\x05\x01\x00"), S("\x05\x00"), C("\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x15"), S(REPLY5),
         S(REPLY5 "220 "));
    assert_tunnel();
    assert_left(1, "220 ");
}

static void test_udp_associate(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), S("\x05\x00"), C("\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"),
         S(REPLY5));
    assert_int_equal(fake_host_count(&h, RECORD_tunnel), 1);
    assert_int_equal(h.weirds[WEIRD_SOCKS_UDP], 1);
    assert_true(h.done);
    assert_false(h.handed_over);
}

/* A greeting that is answered with something else was none. */
static void test_another_protocol(void **state)
{
    (void)state;
    TALK(C("\x05\x01\x00"), S("hello\r\n"), C(CONNECT5));
    assert_true(h.done);
    assert_int_equal(h.n_services, 0);
}

static void test_gap(void **state)
{
    (void)state;
    fake_host_open(&h, &analyzer_socks, ANALYZER_TCP);
    fake_host_data(&h, 0, "\x05\x01\x00", 3);
    fake_host_gap(&h, 1, 2);
    assert_true(h.done);
    fake_host_close(&h);
}

static void test_flood_of_early_bytes(void **state)
{
    static const uint8_t zeros[1024];

    (void)state;
    fake_host_open(&h, &analyzer_socks, ANALYZER_TCP);
    fake_host_data(&h, 0, CONNECT4, sizeof CONNECT4 - 1);
    for (unsigned i = 0; i < 64 && !h.done; i++)
        fake_host_data(&h, 0, zeros, sizeof zeros);
    assert_true(h.done);
    fake_host_close(&h);
}

static void test_splits(void **state)
{
    static const struct fake_chunk five[] = {
        C("\x05\x02\x00\x02"), S("\x05\x02"), C("\x01\x02me\x06secret"),
        S("\x01\x00"),         C(CONNECT5),   S(REPLY5)};
    static const struct fake_chunk four[] = {C(CONNECT4A), S(GRANTED4)};

    (void)state;
    fake_host_check_splits(&analyzer_socks, ANALYZER_TCP, five, 6);
    fake_host_check_splits(&analyzer_socks, ANALYZER_TCP, four, 2);
    memset(&h, 0, sizeof h);
}

static void test_probe(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum probe_result is;
    } cases[] = {
#define CASE(text, result) {text, sizeof(text) - 1, result}
        CASE("\x05", PROBE_MORE),
        CASE("\x05\x01", PROBE_MORE),
        CASE("\x05\x01\x00", PROBE_CLIENT),
        CASE("\x05\x02\x01\x00", PROBE_CLIENT),
        CASE("\x05\x01\x00" CONNECT5, PROBE_CLIENT),
        CASE("\x05\x01\x00\x16\x03\x01", PROBE_NO),
        CASE("\x05\x02\x00\x00", PROBE_NO),
        CASE("\x05\x01\xff", PROBE_NO),
        CASE("\x05\x01\x50", PROBE_NO),
        CASE("\x05\x00", PROBE_MORE),
        CASE("\x05\x00" REPLY5, PROBE_SERVER),
        CASE("\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00", PROBE_NO), /* DCE/RPC */
        CASE("\x04", PROBE_MORE),
        CASE("\x04\x01\x01\xbb\xc0\x00\x02\x01", PROBE_MORE),
        CASE(CONNECT4, PROBE_CLIENT),
        CASE(CONNECT4A, PROBE_CLIENT),
        CASE("\x04\x03\x01\xbb\xc0\x00\x02\x01\x00", PROBE_NO),
        CASE("\x04\x01\x00\x00\xc0\x00\x02\x01\x00", PROBE_NO),
        CASE("\x04\x01\x01\xbb\x00\x00\x01\x00\x00", PROBE_NO),
        CASE("\x04\x01\x01\xbb\xc0\x00\x02\x01m\x80\x00", PROBE_NO),
        CASE(GRANTED4, PROBE_SERVER),
        CASE("\x00\x5a\x12\x34\x01\x00\x00\x01", PROBE_NO), /* DNS over TCP */
        CASE("GET / HTTP/1.1\r\n", PROBE_NO),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *p = (const uint8_t *)cases[i].bytes;

        if (analyzer_socks.probe(p, cases[i].len, ANALYZER_TCP) != cases[i].is)
            fail_msg("case %zu: %d, not %d", i,
                     (int)analyzer_socks.probe(p, cases[i].len, ANALYZER_TCP), (int)cases[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_version5, teardown),
        cmocka_unit_test_teardown(test_version5_name_and_ipv6, teardown),
        cmocka_unit_test_teardown(test_user_name, teardown),
        cmocka_unit_test_teardown(test_user_name_refused, teardown),
        cmocka_unit_test_teardown(test_no_method_accepted, teardown),
        cmocka_unit_test_teardown(test_request_refused, teardown),
        cmocka_unit_test_teardown(test_version4, teardown),
        cmocka_unit_test_teardown(test_version4a, teardown),
        cmocka_unit_test_teardown(test_version4_refused, teardown),
        cmocka_unit_test_teardown(test_early_bytes, teardown),
        cmocka_unit_test_teardown(test_client_alone, teardown),
        cmocka_unit_test_teardown(test_server_alone, teardown),
        cmocka_unit_test_teardown(test_bind_takes_two_replies, teardown),
        cmocka_unit_test_teardown(test_udp_associate, teardown),
        cmocka_unit_test_teardown(test_another_protocol, teardown),
        cmocka_unit_test_teardown(test_gap, teardown),
        cmocka_unit_test_teardown(test_flood_of_early_bytes, teardown),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
