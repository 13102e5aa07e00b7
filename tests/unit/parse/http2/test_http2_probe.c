/* SPDX-License-Identifier: BSD-3-Clause */
/* What is taken for HTTP/2, and for whose bytes. */
#include "worker/parse/http2/http2.h"
#include "worker/parse/http2/http2_frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SETTINGS_1    "\0\0\x06\4\0\0\0\0\0\0\3\0\0\0\x64"
#define SETTINGS_0    "\0\0\0\4\0\0\0\0\0"
#define SETTINGS_ACK  "\0\0\0\4\1\0\0\0\0"
#define WINDOW_UPDATE "\0\0\4\x08\0\0\0\0\0\0\0\xff\xff"
#define PING          "\0\0\x08\6\0\0\0\0\0pingpong"
#define GET_9         "\0\0\3\1\5\0\0\0\x09\x82\x86\x84"
#define STATUS_9      "\0\0\1\1\4\0\0\0\x09\x88"
#define DYNAMIC_9     "\0\0\1\1\4\0\0\0\x09\xbe"
#define DATA_9        "\0\0\2\0\1\0\0\0\x09xy"
#define PROMISE_9     "\0\0\5\5\4\0\0\0\x09\0\0\0\2\x82"

#define probe(text) http2_probe((const uint8_t *)(text), sizeof(text) - 1, ANALYZER_TCP)

static void test_preface(void **state)
{
    (void)state;
    assert_int_equal(probe(HTTP2_PREFACE), PROBE_CLIENT);
    assert_int_equal(probe(HTTP2_PREFACE SETTINGS_1), PROBE_CLIENT);
    for (size_t n = 1; n < HTTP2_PREFACE_BYTES; n++)
        assert_int_equal(http2_probe((const uint8_t *)HTTP2_PREFACE, n, ANALYZER_TCP), PROBE_MORE);
    assert_int_equal(probe("PRI * HTTP/2.0\r\n\r\nSM\r\n\rx"), PROBE_NO);
    assert_int_equal(probe("PRINT"), PROBE_NO);
}

static void test_server_settings(void **state)
{
    (void)state;
    assert_int_equal(probe(SETTINGS_1), PROBE_SERVER);
    assert_int_equal(probe(SETTINGS_1 WINDOW_UPDATE), PROBE_SERVER);
    assert_int_equal(probe(SETTINGS_0 WINDOW_UPDATE), PROBE_SERVER);
    for (size_t n = 1; n < sizeof SETTINGS_1 - 1; n++)
        assert_int_equal(http2_probe((const uint8_t *)SETTINGS_1, n, ANALYZER_TCP), PROBE_MORE);
    assert_int_equal(probe(SETTINGS_0), PROBE_MORE);
    assert_int_equal(probe(SETTINGS_0 "\0\0\0\0\0\0\0\0\0"), PROBE_NO);    /* DATA of no stream */
    assert_int_equal(probe("\0\0\x06\4\0\0\0\0\0\0\2\0\0\0\2"), PROBE_NO); /* ENABLE_PUSH 2 */
    assert_int_equal(probe("\0\0\x05\4\0\0\0\0\0\0\2\0\0\0"), PROBE_NO);
    assert_int_equal(probe("\0\0\x06\4\0\0\0\0\1\0\3\0\0\0\1"), PROBE_NO);
}

static void test_middle(void **state)
{
    (void)state;
    assert_int_equal(probe(GET_9), PROBE_CLIENT);
    assert_int_equal(probe(STATUS_9), PROBE_SERVER);
    assert_int_equal(probe(STATUS_9 DATA_9), PROBE_SERVER);
    assert_int_equal(probe(PING STATUS_9 DATA_9), PROBE_SERVER);
    assert_int_equal(probe(DYNAMIC_9), PROBE_MORE);
    assert_int_equal(probe(DYNAMIC_9 DATA_9), PROBE_EITHER);
    assert_int_equal(probe(PROMISE_9 PING DATA_9), PROBE_SERVER);
    assert_int_equal(probe(PING), PROBE_MORE);
    assert_int_equal(probe(PING WINDOW_UPDATE), PROBE_EITHER);
    assert_int_equal(probe(SETTINGS_ACK PING WINDOW_UPDATE "\0\0"), PROBE_EITHER);
    assert_int_equal(probe(WINDOW_UPDATE PING "\0\0\4"), PROBE_NO);
}

static void test_others(void **state)
{
    (void)state;
    assert_int_equal(http2_probe((const uint8_t *)"", 0, ANALYZER_TCP), PROBE_NO);
    assert_int_equal(probe("GET / HTTP/1.1\r\n\r\n"), PROBE_NO);
    assert_int_equal(probe("\x16\3\1\2\0\1\0\1\xfc\3\3"), PROBE_NO);
    assert_int_equal(probe("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), PROBE_NO);
    /* DNS over TCP, whose length and id could be a length and DATA */
    assert_int_equal(probe("\0\x1d\x12\0\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1"),
                     PROBE_NO);
    /* SMB in a NetBIOS session */
    assert_int_equal(probe("\0\0\0\x55\xff\x53\x4d\x42\x72\0\0\0\0\x18"), PROBE_NO);
    /* lengths past what a frame is known by, unknown flags, the reserved bit */
    assert_int_equal(probe("\0\x7f\xff\0\0\0\0\0\1"), PROBE_NO);
    assert_int_equal(probe("\0\0\4\x08\1\0\0\0\0\0\0\0\1" PING DATA_9), PROBE_NO);
    assert_int_equal(probe("\0\0\2\0\1\x80\0\0\x09xy" PING DATA_9), PROBE_NO);
}

/* However many frames there are, looking costs the same. */
static void test_chain_is_bounded(void **state)
{
    static uint8_t many[9 * 1000];
    struct http2_chain chain;

    (void)state;
    for (size_t i = 0; i < sizeof many; i += 9)
        memcpy(many + i, SETTINGS_ACK, 9);
    chain = http2_frame_chain(many, sizeof many);
    assert_int_equal(chain.heads, HTTP2_CHAIN_MAX);
    assert_false(chain.broken);
}

static void test_error_names(void **state)
{
    (void)state;
    assert_string_equal(http2_error_name(0), "NO_ERROR");
    assert_string_equal(http2_error_name(0xd), "HTTP_1_1_REQUIRED");
    assert_string_equal(http2_error_name(0xe), "UNKNOWN_ERROR");
    assert_string_equal(http2_error_name(UINT32_MAX), "UNKNOWN_ERROR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_preface),     cmocka_unit_test(test_server_settings),
        cmocka_unit_test(test_middle),      cmocka_unit_test(test_others),
        cmocka_unit_test(test_error_names), cmocka_unit_test(test_chain_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
