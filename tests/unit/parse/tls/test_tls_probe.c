/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/tls/wire.h"
#include "worker/parse/tls/tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello hello = {.server_name = "www.example.test"};

/* Every prefix says "more" until the answer, which then stays. */
static void check_prefixes(const struct wire *w, enum probe_result want, size_t needs)
{
    for (size_t len = 1; len <= w->len; len++) {
        enum probe_result got = analyzer_tls.probe(w->p, len, ANALYZER_TCP);

        if (got != (len < needs ? PROBE_MORE : want))
            fail_msg("%zu bytes: probe said %d", len, (int)got);
    }
}

static void client_hello(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_client_hello_record(&w, &hello);
    check_prefixes(&w, PROBE_CLIENT, 10);
    assert_int_equal(analyzer_tls.probe(w.p, w.len, ANALYZER_UDP), PROBE_NO);
}

static void server_hello(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_server_hello_record(&w, &hello);
    check_prefixes(&w, PROBE_SERVER, 10);
}

/* A record of one byte shows nothing but the message's type. */
static void hello_in_tiny_records(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_record(&w, 22, "\x01", 1);
    check_prefixes(&w, PROBE_CLIENT, 6);
}

static void alert(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_record(&w, 21, "\x02\x28", 2);
    check_prefixes(&w, PROBE_EITHER, 7);
}

static void application_data_needs_two_records(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_ciphertext(&w, 23, 100);
    wire_ciphertext(&w, 23, 100);
    check_prefixes(&w, PROBE_EITHER, 110);
    w.p[105] = 'x';
    assert_int_equal(analyzer_tls.probe(w.p, w.len, ANALYZER_TCP), PROBE_NO);
}

static void sslv2_hello(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_bytes(&w, "\x80\x1f\x01\x00\x02\x00\x06\x00\x00\x00\x10\x07\x00\xc0\x00\x00\x2f", 17);
    wire_fill(&w, 0x33, 16);
    check_prefixes(&w, PROBE_CLIENT, 11);
    w.p[6] = 5; /* ciphers are three bytes each */
    assert_int_equal(analyzer_tls.probe(w.p, w.len, ANALYZER_TCP), PROBE_NO);
}

static void other_protocols(void **state)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail ESMTP ready\r\n",
        "\x16\x02\x01 not version 3",
        "\x16\x03\x09 nor 3.9",
        "\x16\x03\x01\xff\xff\x01 longer than a record can be",
        "\x16\x03\x01\x02\x02\x05 no hello",
        "\x17\x03\x05\x01\x01 version 3.5",
        "\x15\x03\x01\x02\x02\x02 alert of 514 bytes",
        "\x82 like SSLv2, but no",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        enum probe_result got =
            analyzer_tls.probe((const uint8_t *)texts[i], strlen(texts[i]), ANALYZER_TCP);

        if (got != PROBE_NO)
            fail_msg("text %u: probe said %d", i, (int)got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_hello),
        cmocka_unit_test(server_hello),
        cmocka_unit_test(hello_in_tiny_records),
        cmocka_unit_test(alert),
        cmocka_unit_test(application_data_needs_two_records),
        cmocka_unit_test(sslv2_hello),
        cmocka_unit_test(other_protocols),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_probe", tests, NULL, NULL);
}
