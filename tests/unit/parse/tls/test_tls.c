/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls.h"

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/certificates.h"
#include "tests/unit/parse/tls/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello client_12 = {
    .server_name = "www.example.test", .alpn = {"h2", "http/1.1"}, .session_id_len = 32};
static const struct wire_hello server_12 = {.alpn = {"h2"}};
static const struct wire_hello client_13 = {.server_name = "a.example.test",
                                            .alpn = {"http/1.1"},
                                            .supported_version = 0x0304,
                                            .session_id_len = 32};
static const struct wire_hello server_13 = {
    .cipher = 0x1301, .supported_version = 0x0304, .key_share_group = 29, .session_id_len = 32};

static struct fake_host h;

static void open_host(void)
{
    fake_host_open(&h, &analyzer_tls, ANALYZER_TCP);
}

static void send_wire(unsigned side, const struct wire *w)
{
    fake_host_data(&h, side, w->p, w->len);
}

static const char *ssl(const char *field)
{
    return fake_host_field(&h, RECORD_ssl, 0, field);
}

static void certificate_message(struct wire *w, const uint8_t *der, size_t len)
{
    size_t list, one;

    list = wire_begin(w, 3);
    one = wire_begin(w, 3);
    wire_bytes(w, der, len);
    wire_end(w, one, 3);
    wire_end(w, list, 3);
}

/* ServerHello, Certificate, ServerKeyExchange, ServerHelloDone; the last three in one record. */
static void server_flight_12(struct wire *w, const struct wire_hello *hello)
{
    struct wire certificate = {.len = 0}, messages = {.len = 0};

    wire_server_hello_record(w, hello);
    certificate_message(&certificate, certificate_ec, sizeof certificate_ec);
    wire_handshake(&messages, 11, certificate.p, certificate.len);
    wire_handshake(&messages, 12, "\x03\x00\x17\x01z", 5);
    wire_handshake(&messages, 14, NULL, 0);
    wire_record(w, 22, messages.p, messages.len);
}

static void client_finish_12(struct wire *w)
{
    wire_handshake_record(w, 16, "key", 3);
    wire_change_cipher(w);
    wire_ciphertext(w, 22, 40);
}

static void server_finish_12(struct wire *w)
{
    wire_handshake_record(w, 4, "ticket", 6);
    wire_change_cipher(w);
    wire_ciphertext(w, 22, 40);
}

static void handshake_12(void)
{
    struct wire w[4] = {0};

    wire_client_hello_record(&w[0], &client_12);
    server_flight_12(&w[1], &server_12);
    client_finish_12(&w[2]);
    server_finish_12(&w[3]);
    for (unsigned i = 0; i < 4; i++)
        send_wire(i % 2, &w[i]);
}

static void tls12_handshake_is_one_record(void **state)
{
    (void)state;
    open_host();
    handshake_12();
    assert_true(h.done);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_ssl), 1);
    assert_string_equal(ssl("version"), "TLSv12");
    assert_string_equal(ssl("cipher"), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(ssl("curve"), "secp256r1");
    assert_string_equal(ssl("server_name"), "www.example.test");
    assert_string_equal(ssl("next_protocol"), "h2");
    assert_string_equal(ssl("client_alpn"), "h2,http/1.1");
    assert_string_equal(ssl("resumed"), "F");
    assert_string_equal(ssl("established"), "T");
    assert_string_equal(ssl("ssl_history"), "CsxknGIti");
    assert_string_equal(ssl("last_alert"), "-");
    assert_string_equal(ssl("cert_chain_fps"),
                        "728f4b5b8b22a399ec941b1ec3767fdf21b632f70d58c92830600194"
                        "22d1f28d");
    assert_string_equal(ssl("client_cert_chain_fps"), "(empty)");
    assert_string_equal(ssl("sni_matches_cert"), "T");
    assert_string_equal(h.services[0], "ssl");
    assert_string_equal(h.category, "web_tls");
    fake_host_fini(&h);
}

/* The certificate is in the table of recent ones before the first run, so that all runs agree. */
static void tls12_splits_do_not_matter(void **state)
{
    struct wire w[4] = {0};
    struct fake_chunk chunks[4];

    (void)state;
    open_host();
    handshake_12();
    fake_host_close(&h);
    fake_host_fini(&h);
    wire_client_hello_record(&w[0], &client_12);
    server_flight_12(&w[1], &server_12);
    client_finish_12(&w[2]);
    server_finish_12(&w[3]);
    for (unsigned i = 0; i < 4; i++)
        chunks[i] = (struct fake_chunk){i % 2, w[i].p, w[i].len};
    fake_host_check_splits(&analyzer_tls, ANALYZER_TCP, chunks, 4);
}

/* The same messages, but every record carries one byte. */
static void message_in_many_records(void **state)
{
    struct wire body = {.len = 0}, message = {.len = 0}, w = {.len = 0};

    (void)state;
    wire_client_hello(&body, &client_12);
    wire_handshake(&message, 1, body.p, body.len);
    for (size_t i = 0; i < message.len; i++)
        wire_record(&w, 22, message.p + i, 1);
    open_host();
    send_wire(0, &w);
    fake_host_close(&h);
    assert_string_equal(ssl("server_name"), "www.example.test");
    assert_string_equal(ssl("ssl_history"), "C");
    fake_host_fini(&h);
}

static void handshake_13(struct wire w[3])
{
    wire_client_hello_record(&w[0], &client_13);
    wire_server_hello_record(&w[1], &server_13);
    wire_change_cipher(&w[1]);
    wire_ciphertext(&w[1], 23, 60);
    wire_change_cipher(&w[2]);
    wire_ciphertext(&w[2], 23, 50);
}

static void tls13_is_established_by_ciphertext(void **state)
{
    struct wire w[3] = {0};

    (void)state;
    handshake_13(w);
    open_host();
    send_wire(0, &w[0]);
    send_wire(1, &w[1]);
    assert_false(h.done);
    send_wire(0, &w[2]);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("version"), "TLSv13");
    assert_string_equal(ssl("cipher"), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(ssl("curve"), "x25519");
    assert_string_equal(ssl("next_protocol"), "-");
    assert_string_equal(ssl("resumed"), "F");
    assert_string_equal(ssl("established"), "T");
    assert_string_equal(ssl("ssl_history"), "CsiI");
    assert_string_equal(ssl("cert_chain_fps"), "-");
    fake_host_fini(&h);
}

static void tls13_splits_do_not_matter(void **state)
{
    struct wire w[3] = {0};
    struct fake_chunk chunks[3];

    (void)state;
    handshake_13(w);
    for (unsigned i = 0; i < 3; i++)
        chunks[i] = (struct fake_chunk){i % 2, w[i].p, w[i].len};
    fake_host_check_splits(&analyzer_tls, ANALYZER_TCP, chunks, 3);
}

static void tls13_resumes_by_psk(void **state)
{
    struct wire_hello psk = server_13;
    struct wire w[2] = {0};

    (void)state;
    psk.psk = true;
    wire_client_hello_record(&w[0], &client_13);
    wire_server_hello_record(&w[1], &psk);
    open_host();
    send_wire(0, &w[0]);
    send_wire(1, &w[1]);
    fake_host_close(&h);
    assert_string_equal(ssl("resumed"), "T");
    assert_string_equal(ssl("established"), "F");
    fake_host_fini(&h);
}

static void retry_is_followed(void **state)
{
    struct wire_hello retry = server_13;
    struct wire w[4] = {0};

    (void)state;
    retry.retry = true;
    retry.key_share_group = 24;
    wire_client_hello_record(&w[0], &client_13);
    wire_server_hello_record(&w[1], &retry);
    wire_change_cipher(&w[1]);
    wire_change_cipher(&w[2]);
    wire_client_hello_record(&w[2], &client_13);
    wire_server_hello_record(&w[3], &server_13);
    wire_ciphertext(&w[3], 23, 60);
    open_host();
    for (unsigned i = 0; i < 4; i++)
        send_wire(i % 2, &w[i]);
    assert_false(h.done);
    w[0].len = 0;
    wire_ciphertext(&w[0], 23, 30);
    send_wire(0, &w[0]);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CjiICs");
    assert_string_equal(ssl("curve"), "x25519");
    assert_string_equal(ssl("established"), "T");
    fake_host_fini(&h);
}

static void session_id_resumes(void **state)
{
    struct wire_hello same_id = {.session_id_len = 32};
    struct wire w[3] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_12);
    wire_server_hello_record(&w[1], &same_id);
    wire_change_cipher(&w[1]);
    wire_ciphertext(&w[1], 22, 40);
    wire_change_cipher(&w[2]);
    wire_ciphertext(&w[2], 22, 40);
    open_host();
    for (unsigned i = 0; i < 3; i++)
        send_wire(i % 2, &w[i]);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CsiI");
    assert_string_equal(ssl("resumed"), "T");
    fake_host_fini(&h);
}

static void ticket_without_id_resumes(void **state)
{
    struct wire_hello offer = {.ticket = true};
    struct wire w[3] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &offer);
    wire_server_hello_record(&w[1], &server_12);
    wire_change_cipher(&w[1]);
    wire_change_cipher(&w[2]);
    open_host();
    for (unsigned i = 0; i < 3; i++)
        send_wire(i % 2, &w[i]);
    fake_host_close(&h);
    assert_string_equal(ssl("resumed"), "T");
    fake_host_fini(&h);
}

static void alert_in_clear_is_kept(void **state)
{
    struct wire w[2] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_12);
    wire_record(&w[1], 21, "\x02\x28", 2);
    open_host();
    send_wire(0, &w[0]);
    send_wire(1, &w[1]);
    fake_host_close(&h);
    assert_string_equal(ssl("last_alert"), "handshake_failure");
    assert_string_equal(ssl("ssl_history"), "Cl");
    assert_string_equal(ssl("version"), "-");
    assert_string_equal(ssl("established"), "F");
    fake_host_fini(&h);
}

static void alert_after_change_is_ciphertext(void **state)
{
    struct wire w[2] = {0};

    (void)state;
    wire_server_hello_record(&w[0], &server_12);
    wire_change_cipher(&w[0]);
    wire_ciphertext(&w[0], 21, 26);
    open_host();
    send_wire(1, &w[0]);
    fake_host_close(&h);
    assert_string_equal(ssl("last_alert"), "-");
    assert_string_equal(ssl("ssl_history"), "si");
    fake_host_fini(&h);
}

static void client_certificate_is_told_apart(void **state)
{
    struct wire certificate = {.len = 0}, w[3] = {0};

    (void)state;
    certificate_message(&certificate, certificate_rsa, sizeof certificate_rsa);
    wire_client_hello_record(&w[0], &client_12);
    server_flight_12(&w[1], &server_12);
    wire_handshake_record(&w[2], 11, certificate.p, certificate.len);
    wire_handshake_record(&w[2], 16, "key", 3);
    wire_handshake_record(&w[2], 15, "sig", 3);
    open_host();
    for (unsigned i = 0; i < 3; i++)
        send_wire(i % 2, &w[i]);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CsxknXGY");
    assert_string_equal(ssl("client_cert_chain_fps"),
                        "8ae14ed2a67b7aa4e4e64d973dc41d376d3b8b3acb7f0cb3fc732663"
                        "f97b9469");
    fake_host_fini(&h);
}

/* The hellos say who is client, whatever the flow's orientation was taken for. */
static void roles_follow_the_hellos(void **state)
{
    struct wire w[2] = {0};

    (void)state;
    wire_client_hello_record(&w[0], &client_12);
    wire_server_hello_record(&w[1], &server_12);
    open_host();
    send_wire(1, &w[0]);
    send_wire(0, &w[1]);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "Cs");
    fake_host_fini(&h);
}

static void server_alone_is_logged(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    server_flight_12(&w, &server_12);
    open_host();
    send_wire(1, &w);
    fake_host_end(&h, 1);
    fake_host_end(&h, 0);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("version"), "TLSv12");
    assert_string_equal(ssl("ssl_history"), "sxkn");
    assert_string_equal(ssl("ja3"), "-");
    assert_int_equal(strlen(ssl("ja3s")), 32);
    fake_host_fini(&h);
}

static void lone_side_is_given_up_after_a_while(void **state)
{
    struct wire w = {.len = 0};
    unsigned sent = 0;

    (void)state;
    wire_client_hello_record(&w, &client_13);
    open_host();
    send_wire(0, &w);
    for (; !h.done && sent < 100; sent++) {
        w.len = 0;
        wire_ciphertext(&w, 23, 2000);
        send_wire(0, &w);
    }
    assert_in_range(sent, 30, 40);
    fake_host_close(&h);
    assert_string_equal(ssl("server_name"), "a.example.test");
    assert_string_equal(ssl("established"), "F");
    fake_host_fini(&h);
}

static void midstream_has_a_service_but_no_record(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_ciphertext(&w, 23, 30);
    open_host();
    send_wire(1, &w);
    assert_true(h.done);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    assert_string_equal(h.services[0], "ssl");
    assert_string_equal(h.category, "other_tls");
    fake_host_fini(&h);
}

static void gap_in_handshake_ends_a_side(void **state)
{
    struct wire w = {.len = 0}, server = {.len = 0};

    (void)state;
    wire_client_hello_record(&w, &client_12);
    wire_server_hello_record(&server, &server_12);
    open_host();
    send_wire(0, &w);
    fake_host_data(&h, 1, server.p, server.len - 3);
    fake_host_gap(&h, 1, 200);
    send_wire(1, &w);
    assert_int_equal(h.weirds[WEIRD_TLS_CONTENT_GAP], 1);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "C");
    assert_string_equal(ssl("version"), "-");
    fake_host_fini(&h);
}

static void gap_in_ciphertext_is_stepped_over(void **state)
{
    struct wire w = {.len = 0}, rest = {.len = 0};

    (void)state;
    wire_server_hello_record(&w, &server_13);
    wire_ciphertext(&w, 23, 1000);
    wire_record(&rest, 21, "\x02\x32", 2);
    open_host();
    fake_host_data(&h, 1, w.p, w.len - 800);
    fake_host_gap(&h, 1, 800);
    send_wire(1, &rest);
    fake_host_close(&h);
    assert_int_equal(h.weirds[WEIRD_TLS_CONTENT_GAP], 0);
    assert_string_equal(ssl("last_alert"), "decode_error");
    fake_host_fini(&h);
}

static void what_is_not_tls_is_weird_once(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    wire_client_hello_record(&w, &client_12);
    open_host();
    send_wire(0, &w);
    fake_host_data(&h, 1, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    fake_host_data(&h, 1, "more", 4);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 1);
    fake_host_close(&h);
    assert_string_equal(ssl("server_name"), "www.example.test");
    fake_host_fini(&h);
}

/* Over TLS_MESSAGE_MAX a message is left out, and what follows it is read. */
static void oversized_message_is_skipped(void **state)
{
    static uint8_t body[16384];
    struct wire w = {.len = 0}, next = {.len = 0};
    const uint32_t len = 200000;
    uint32_t sent = 0;

    (void)state;
    wire_server_hello_record(&w, &server_12);
    wire_record(&w, 22, (const uint8_t[]){11, len >> 16, len >> 8 & 0xff, len & 0xff}, 4);
    open_host();
    send_wire(1, &w);
    while (sent < len) {
        uint32_t n = len - sent < sizeof body ? len - sent : (uint32_t)sizeof body;

        w.len = 0;
        wire_be(&w, 22, 1);
        wire_be(&w, 0x0303, 2);
        wire_be(&w, n, 2);
        send_wire(1, &w);
        fake_host_data(&h, 1, body, n);
        sent += n;
    }
    wire_handshake_record(&next, 14, NULL, 0);
    send_wire(1, &next);
    assert_int_equal(h.weirds[WEIRD_TLS_HANDSHAKE_BOUND], 1);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "sxn");
    fake_host_fini(&h);
}

/* Without memory for an unfinished message the side is given up, and nothing leaks. */
static void exhausted_memory_gives_up(void **state)
{
    struct wire w = {.len = 0};
    size_t capacity[32];
    void *taken[32];
    unsigned n = 0;

    (void)state;
    wire_client_hello_record(&w, &client_12);
    open_host();
    while ((taken[n] = bufpool_get(&h.bufs, BUFPOOL_MAX_BYTES, &capacity[n])))
        n++;
    fake_host_data(&h, 0, w.p, 100);
    fake_host_data(&h, 0, w.p + 100, w.len - 100);
    assert_int_equal(h.weirds[WEIRD_TLS_HANDSHAKE_BOUND], 1);
    while (n-- > 0)
        bufpool_put(&h.bufs, taken[n], capacity[n]);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    fake_host_fini(&h);
}

static void category_follows_alpn(void **state)
{
    static const struct {
        struct wire_hello client;
        const char *category;
    } cases[] = {
        {{.alpn = {"h2"}}, "web_tls"},
        {{.alpn = {"imap", "http/1.1"}}, "web_tls"},
        {{.alpn = {"dot"}, .server_name = "dns.test"}, "dns_dot"},
        {{.alpn = {"imap"}, .server_name = "mail.test"}, "other_tls"},
        {{.server_name = "www.test"}, "web_tls"},
        {{.server_name = NULL}, "other_tls"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wire w = {.len = 0};

        wire_client_hello_record(&w, &cases[i].client);
        open_host();
        send_wire(0, &w);
        fake_host_close(&h);
        if (strcmp(h.category, cases[i].category) != 0)
            fail_msg("case %u: %s instead of %s", i, h.category, cases[i].category);
        fake_host_fini(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls12_handshake_is_one_record),
        cmocka_unit_test(tls12_splits_do_not_matter),
        cmocka_unit_test(message_in_many_records),
        cmocka_unit_test(tls13_is_established_by_ciphertext),
        cmocka_unit_test(tls13_splits_do_not_matter),
        cmocka_unit_test(tls13_resumes_by_psk),
        cmocka_unit_test(retry_is_followed),
        cmocka_unit_test(session_id_resumes),
        cmocka_unit_test(ticket_without_id_resumes),
        cmocka_unit_test(alert_in_clear_is_kept),
        cmocka_unit_test(alert_after_change_is_ciphertext),
        cmocka_unit_test(client_certificate_is_told_apart),
        cmocka_unit_test(roles_follow_the_hellos),
        cmocka_unit_test(server_alone_is_logged),
        cmocka_unit_test(lone_side_is_given_up_after_a_while),
        cmocka_unit_test(midstream_has_a_service_but_no_record),
        cmocka_unit_test(gap_in_handshake_ends_a_side),
        cmocka_unit_test(gap_in_ciphertext_is_stepped_over),
        cmocka_unit_test(what_is_not_tls_is_weird_once),
        cmocka_unit_test(oversized_message_is_skipped),
        cmocka_unit_test(exhausted_memory_gives_up),
        cmocka_unit_test(category_follows_alpn),
    };

    return cmocka_run_group_tests_name("parse/tls/tls", tests, NULL, NULL);
}
