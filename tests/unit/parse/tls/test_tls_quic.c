/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls.h"

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello client = {.server_name = "quic.example.test",
                                         .alpn = {"h3", "h3-29"},
                                         .supported_version = 0x0304,
                                         .other_extension = 57,
                                         .other_body = "\x01\x02\x67\x10"};
static const struct wire_hello server = {
    .cipher = 0x1301, .supported_version = 0x0304, .key_share_group = 29};

static struct fake_host h;

static void open_host(void)
{
    fake_host_open(&h, &analyzer_tls_quic, ANALYZER_UDP);
}

static const char *ssl(const char *field)
{
    return fake_host_field(&h, RECORD_ssl, 0, field);
}

static struct wire client_message(const struct wire_hello *hello)
{
    struct wire body = {.len = 0}, message = {.len = 0};

    wire_client_hello(&body, hello);
    wire_handshake(&message, 1, body.p, body.len);
    return message;
}

static struct wire server_message(const struct wire_hello *hello)
{
    struct wire body = {.len = 0}, message = {.len = 0};

    wire_server_hello(&body, hello);
    wire_handshake(&message, 2, body.p, body.len);
    return message;
}

static void hellos_make_one_record(void **state)
{
    struct wire c = client_message(&client), s = server_message(&server);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, c.len);
    assert_false(h.done);
    fake_host_data(&h, 1, s.p, s.len);
    assert_true(h.done);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_ssl), 1);
    assert_string_equal(ssl("version"), "TLSv13");
    assert_string_equal(ssl("cipher"), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(ssl("curve"), "x25519");
    assert_string_equal(ssl("server_name"), "quic.example.test");
    assert_string_equal(ssl("client_alpn"), "h3,h3-29");
    assert_string_equal(ssl("next_protocol"), "-");
    assert_string_equal(ssl("established"), "F");
    assert_string_equal(ssl("ssl_history"), "Cs");
    assert_string_equal(ssl("hello_retry"), "F");
    assert_memory_equal(ssl("ja4"), "q13d0306h3_", 11);
    assert_string_equal(h.services[0], "ssl");
    assert_string_equal(h.category, "web_quic");
    fake_host_fini(&h);
}

static void parent_is_told_of_the_first_hello(void **state)
{
    struct wire c = client_message(&client);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, c.len);
    assert_string_equal(h.facts[FACT_SERVER_NAME], "quic.example.test");
    assert_string_equal(h.facts[FACT_ALPN], "h3");
    assert_string_equal(h.facts[FACT_TRANSPORT_PARAMETERS], "\x01\x02\x67\x10");
    assert_memory_equal(h.facts[FACT_JA4], "q13d0306h3_", 11);
    fake_host_close(&h);
    assert_string_equal(ssl("ja4"), h.facts[FACT_JA4]);
    fake_host_fini(&h);
}

static void what_a_hello_lacks_is_not_told(void **state)
{
    static const struct wire_hello bare = {.supported_version = 0x0304};
    struct wire c = client_message(&bare);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, c.len);
    assert_null(h.facts[FACT_SERVER_NAME]);
    assert_null(h.facts[FACT_ALPN]);
    assert_null(h.facts[FACT_TRANSPORT_PARAMETERS]);
    assert_non_null(h.facts[FACT_JA4]);
    fake_host_close(&h);
    assert_string_equal(h.category, "other_tls");
    fake_host_fini(&h);
}

static void splits_do_not_matter(void **state)
{
    struct wire c = client_message(&client), s = server_message(&server);
    struct fake_chunk chunks[2] = {{0, c.p, c.len}, {1, s.p, s.len}};

    (void)state;
    fake_host_check_splits(&analyzer_tls_quic, ANALYZER_UDP, chunks, 2);
}

/* A hello in two packets has the time of the second: there it is read. */
static void time_is_that_of_the_first_hello(void **state)
{
    struct wire c = client_message(&client);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, 50);
    h.ctx.ts_ns += 7;
    fake_host_data(&h, 0, c.p + 50, c.len - 50);
    h.ctx.ts_ns += 7;
    fake_host_close(&h);
    assert_string_equal(ssl("ts"), "1700000000000000007");
    fake_host_fini(&h);
}

/* Whatever a server puts behind its hello, how it was cut must not decide whether it is read. */
static void nothing_is_read_behind_the_hellos(void **state)
{
    struct wire c = client_message(&client), s = server_message(&server);

    (void)state;
    wire_handshake(&s, 20, NULL, 0);
    open_host();
    fake_host_data(&h, 0, c.p, c.len);
    fake_host_data(&h, 1, s.p, s.len);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "Cs");
    fake_host_fini(&h);
}

/* After a Retry packet the client says the same again; the parent says so with a gap. */
static void hello_after_retry_packet(void **state)
{
    struct wire c = client_message(&client), s = server_message(&server);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, c.len);
    fake_host_gap(&h, 0, 1);
    fake_host_data(&h, 0, c.p, c.len);
    fake_host_data(&h, 1, s.p, s.len);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CCs");
    assert_string_equal(ssl("hello_retry"), "F");
    assert_string_equal(ssl("cipher"), "TLS_AES_128_GCM_SHA256");
    fake_host_fini(&h);
}

/* The rest of the first hello never came: its beginning must not spoil the second. */
static void unfinished_hello_is_forgotten_at_a_gap(void **state)
{
    struct wire c = client_message(&client);

    (void)state;
    open_host();
    fake_host_data(&h, 0, c.p, 70);
    fake_host_gap(&h, 0, 1);
    fake_host_data(&h, 0, c.p, c.len);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_HANDSHAKE], 0);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "C");
    assert_string_equal(ssl("server_name"), "quic.example.test");
    fake_host_fini(&h);
}

static void hello_retry_request_is_followed(void **state)
{
    struct wire_hello retry = server, second = client;
    struct wire message[4];

    (void)state;
    retry.retry = true;
    retry.key_share_group = 24;
    second.server_name = "another.example.test";
    message[0] = client_message(&client);
    message[1] = server_message(&retry);
    message[2] = client_message(&second);
    message[3] = server_message(&server);
    open_host();
    for (unsigned i = 0; i < 4; i++)
        fake_host_data(&h, i % 2, message[i].p, message[i].len);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CjCs");
    assert_string_equal(ssl("hello_retry"), "T");
    assert_string_equal(ssl("curve"), "x25519");
    assert_string_equal(ssl("server_name"), "quic.example.test");
    fake_host_fini(&h);
}

static void server_before_client_waits(void **state)
{
    struct wire c = client_message(&client), s = server_message(&server);

    (void)state;
    open_host();
    fake_host_data(&h, 1, s.p, s.len);
    assert_false(h.done);
    fake_host_data(&h, 0, c.p, c.len);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "sC");
    assert_string_equal(ssl("server_name"), "quic.example.test");
    fake_host_fini(&h);
}

static void category_follows_alpn(void **state)
{
    static const struct {
        struct wire_hello hello;
        const char *category;
    } cases[] = {
        {{.alpn = {"h3-29"}}, "web_quic"},     {{.alpn = {"hq-interop"}}, "web_quic"},
        {{.alpn = {"smb", "h3"}}, "web_quic"}, {{.alpn = {"doq"}}, "dns_doq"},
        {{.alpn = {"doq-i11"}}, "dns_doq"},    {{.alpn = {"smb"}, .server_name = "x"}, "other_tls"},
        {{.server_name = "x"}, "other_tls"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire c = client_message(&cases[i].hello);

        open_host();
        fake_host_data(&h, 0, c.p, c.len);
        fake_host_close(&h);
        if (strcmp(h.category, cases[i].category) != 0)
            fail_msg("case %u: %s instead of %s", i, h.category, cases[i].category);
        fake_host_fini(&h);
    }
}

static void nothing_is_logged_without_a_hello(void **state)
{
    (void)state;
    open_host();
    fake_host_data(&h, 0, "\x08\x00\x00\x02xy", 6);
    fake_host_end(&h, 0);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    fake_host_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_make_one_record),
        cmocka_unit_test(parent_is_told_of_the_first_hello),
        cmocka_unit_test(what_a_hello_lacks_is_not_told),
        cmocka_unit_test(splits_do_not_matter),
        cmocka_unit_test(time_is_that_of_the_first_hello),
        cmocka_unit_test(nothing_is_read_behind_the_hellos),
        cmocka_unit_test(hello_after_retry_packet),
        cmocka_unit_test(unfinished_hello_is_forgotten_at_a_gap),
        cmocka_unit_test(hello_retry_request_is_followed),
        cmocka_unit_test(server_before_client_waits),
        cmocka_unit_test(category_follows_alpn),
        cmocka_unit_test(nothing_is_logged_without_a_hello),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_quic", tests, NULL, NULL);
}
