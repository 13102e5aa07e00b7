/* SPDX-License-Identifier: BSD-3-Clause */
/* What a session says beyond its handshake: offers, retries, early data, alerts, sizes. */
#include "worker/parse/tls/tls.h"

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/wire.h"
#include "worker/parse/tls/tls_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct wire_hello client_13 = {
    .server_name = "a.example.test", .supported_version = 0x0304, .session_id_len = 32};
static const struct wire_hello server_13 = {
    .cipher = 0x1301, .supported_version = 0x0304, .key_share_group = 4588};

static struct fake_host h;

static const char *ssl(const char *field)
{
    return fake_host_field(&h, RECORD_ssl, 0, field);
}

/* Sides take turns, the client first. */
static void talk(const struct wire *w, unsigned n)
{
    fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
    for (unsigned i = 0; i < n; i++)
        fake_host_data(&h, i % 2, w[i].p, w[i].len);
    fake_host_close(&h);
}

static void offers_of_the_client(void **state)
{
    static const struct {
        struct wire_hello hello;
        const char *ech, *ticket;
    } cases[] = {
        {{.server_name = "a"}, "F", "F"},
        {{.ticket = true}, "F", "T"},
        {{.psk = true}, "F", "T"},
        {{.other_extension = 35}, "F", "F"}, /* asks for a ticket, has none */
        {{.other_extension = 0xfe0d, .other_body = "\0\0\1\0\1", .other_len = 5}, "T", "F"},
        {{.other_extension = 0xfe0d, .other_body = "\1", .other_len = 1}, "F", "F"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {.len = 0};

        wire_client_hello_record(&w, &cases[i].hello);
        talk(&w, 1);
        if (strcmp(ssl("ech"), cases[i].ech) != 0 || strcmp(ssl("ticket"), cases[i].ticket) != 0)
            fail_msg("case %u: ech %s, ticket %s", i, ssl("ech"), ssl("ticket"));
        assert_string_equal(ssl("hello_retry"), "F");
        fake_host_fini(&h);
    }
}

static void server_alone_says_nothing_of_offers(void **state)
{
    struct wire w[2] = {0};

    (void)state;
    wire_server_hello_record(&w[1], &server_13);
    talk(w, 2);
    assert_string_equal(ssl("ech"), "-");
    assert_string_equal(ssl("ticket"), "-");
    assert_string_equal(ssl("curve"), "X25519MLKEM768");
    fake_host_fini(&h);
}

static void retry_is_said(void **state)
{
    struct wire_hello retry = server_13;
    struct wire w[4] = {0};

    (void)state;
    retry.retry = true;
    wire_client_hello_record(&w[0], &client_13);
    wire_server_hello_record(&w[1], &retry);
    wire_client_hello_record(&w[2], &client_13);
    talk(w, 3);
    assert_string_equal(ssl("hello_retry"), "T");
    assert_string_equal(ssl("ssl_history"), "CjC");
    fake_host_fini(&h);
}

/* Early data, and the ChangeCipherSpec before it, do not answer the server. */
static void early_data_does_not_establish(void **state)
{
    struct wire w[3] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_13);
    wire_change_cipher(&w[0]);
    wire_ciphertext(&w[0], 23, 100);
    wire_server_hello_record(&w[1], &server_13);
    wire_change_cipher(&w[1]);
    wire_ciphertext(&w[1], 23, 100);
    talk(w, 2);
    assert_string_equal(ssl("established"), "F");
    assert_string_equal(ssl("ssl_history"), "CIsi");
    fake_host_fini(&h);
    wire_ciphertext(&w[2], 23, 100);
    talk(w, 3);
    assert_true(h.done);
    assert_string_equal(ssl("established"), "T");
    fake_host_fini(&h);
}

static void last_of_several_alerts_is_kept(void **state)
{
    struct wire w[3] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_13);
    wire_record(&w[1], 21, "\x01\x70", 2);
    wire_record(&w[1], 21, "\x02\x46\x01\x00", 4);
    talk(w, 2);
    assert_string_equal(ssl("last_alert"), "close_notify");
    assert_string_equal(ssl("ssl_history"), "Clll");
    fake_host_fini(&h);
}

/* A hello of 20000 bytes needs two records, and comes in segments. */
static void big_hello_is_read(void **state)
{
    enum { PADDING = 20000 };
    static uint8_t message[WIRE_BYTES + PADDING];
    struct wire body = {.len = 0}, head = {.len = 0};
    size_t extensions = 2 + 32 + 1 + 32 + 2 + 8 + 2, len;

    (void)state;
    wire_client_hello(&body, &client_13);
    len = body.len - extensions - 2 + 4 + PADDING; /* of the extensions */
    wire_be(&head, 1, 1);
    wire_be(&head, (uint32_t)(body.len + 4 + PADDING), 3);
    wire_bytes(&head, body.p, extensions);
    wire_be(&head, (uint32_t)len, 2);
    wire_be(&head, 21, 2);
    wire_be(&head, PADDING, 2);
    memcpy(message, head.p, head.len);
    memcpy(message + head.len + PADDING, body.p + extensions + 2, body.len - extensions - 2);
    len = head.len + PADDING + body.len - extensions - 2;
    fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
    for (size_t at = 0; at < len; at += 16384) {
        size_t n = len - at < 16384 ? len - at : 16384;

        head.len = 0;
        wire_be(&head, 22, 1);
        wire_be(&head, 0x0301, 2);
        wire_be(&head, (uint32_t)n, 2);
        fake_host_data(&h, 0, head.p, head.len);
        for (size_t done = 0; done < n; done += 1448)
            fake_host_data(&h, 0, message + at + done, n - done < 1448 ? n - done : 1448);
    }
    fake_host_close(&h);
    assert_string_equal(ssl("server_name"), "a.example.test");
    assert_string_equal(ssl("ssl_history"), "C");
    fake_host_fini(&h);
}

static void record_over_the_limit_ends_a_side(void **state)
{
    struct wire w[2] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_13);
    wire_bytes(&w[1], "\x16\x03\x03\x48\x01", 5); /* 2^14 + 2048 + 1 */
    wire_server_hello_record(&w[1], &server_13);
    talk(w, 2);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 1);
    assert_string_equal(ssl("ssl_history"), "C");
    assert_string_equal(ssl("version"), "-");
    fake_host_fini(&h);
}

/* A stapled OCSP response is one of the messages whose body nobody reads, of any size. */
static void stapled_response_is_a_letter(void **state)
{
    static const struct wire_hello server_12 = {.session_id_len = 0};
    struct wire w[2] = {0}, status = {.len = 0};

    (void)state;
    wire_fill(&status, 0x30, 1500);
    wire_client_hello_record(&w[0], &client_13);
    wire_server_hello_record(&w[1], &server_12);
    wire_handshake_record(&w[1], 22, status.p, status.len);
    wire_handshake_record(&w[1], 14, NULL, 0);
    talk(w, 2);
    assert_string_equal(ssl("ssl_history"), "Csun");
    fake_host_fini(&h);
}

/* Names longer than their bound are cut, and a list of names keeps whole ones. */
static void names_have_bounds(void **state)
{
    char name[TLS_SERVER_NAME_MAX + 101];
    struct wire_hello hello = {.server_name = name};
    struct wire w = {.len = 0};

    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    wire_client_hello_record(&w, &hello);
    talk(&w, 1);
    assert_int_equal(strlen(ssl("server_name")), TLS_SERVER_NAME_MAX);
    fake_host_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offers_of_the_client),
        cmocka_unit_test(server_alone_says_nothing_of_offers),
        cmocka_unit_test(retry_is_said),
        cmocka_unit_test(early_data_does_not_establish),
        cmocka_unit_test(last_of_several_alerts_is_kept),
        cmocka_unit_test(big_hello_is_read),
        cmocka_unit_test(record_over_the_limit_ends_a_side),
        cmocka_unit_test(stapled_response_is_a_letter),
        cmocka_unit_test(names_have_bounds),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_session", tests, NULL, NULL);
}
