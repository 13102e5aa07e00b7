/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls.h"

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/certificates.h"
#include "tests/unit/parse/tls/dtls_wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello client_12 = {.version = 0xfefd, .server_name = "www.example.test"};
static const struct wire_hello server_12 = {.version = 0xfefd};
static const struct wire_hello client_13 = {
    .version = 0xfefd, .supported_version = 0xfefc, .alpn = {"webrtc"}};
static const struct wire_hello server_13 = {
    .version = 0xfefd, .cipher = 0x1301, .supported_version = 0xfefc, .key_share_group = 29};

static struct fake_host h;

static void open_host(void)
{
    fake_host_open(&h, &analyzer_dtls, ANALYZER_UDP);
}

static void send_wire(unsigned side, const struct wire *w)
{
    fake_host_data(&h, side, w->p, w->len);
}

static const char *ssl(const char *field)
{
    return fake_host_field(&h, RECORD_ssl, 0, field);
}

static struct wire certificate(void)
{
    struct wire w = {.len = 0};
    size_t list = wire_begin(&w, 3), one = wire_begin(&w, 3);

    wire_bytes(&w, certificate_ec, sizeof certificate_ec);
    wire_end(&w, one, 3);
    wire_end(&w, list, 3);
    return w;
}

/* ServerHello, Certificate in two fragments, ServerKeyExchange, ServerHelloDone: four datagrams. */
static void server_flight_12(struct wire w[4])
{
    struct wire c = certificate();
    uint32_t len = (uint32_t)c.len;

    dtls_wire_server_hello(&w[0], 1, &server_12);
    dtls_wire_fragment(&w[1], 11, 2, c.p, len, 0, 100);
    dtls_wire_fragment(&w[2], 11, 2, c.p, len, 100, len - 100);
    dtls_wire_message(&w[2], 12, 3, "\x03\x00\x17\x01z", 5);
    dtls_wire_message(&w[3], 14, 4, NULL, 0);
}

static void finish_12(struct wire *w, bool client)
{
    if (client)
        dtls_wire_message(w, 16, 2, "key", 3);
    dtls_wire_record(w, 20, 0, 9, "\x01", 1);
    dtls_wire_ciphertext(w, 22, 1, 0, 40);
}

static void hello_exchange_12(void)
{
    struct wire w[3] = {0};

    dtls_wire_client_hello(&w[0], 0, &client_12);
    dtls_wire_message(&w[1], 3, 0, "\xfe\xff\x03yum", 6);
    dtls_wire_client_hello(&w[2], 1, &client_12);
    for (unsigned i = 0; i < 3; i++)
        send_wire(i % 2, &w[i]);
}

static void check_12(const char *history)
{
    assert_true(h.done);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_ssl), 1);
    assert_string_equal(ssl("version"), "DTLSv12");
    assert_string_equal(ssl("cipher"), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    assert_string_equal(ssl("curve"), "secp256r1");
    assert_string_equal(ssl("server_name"), "www.example.test");
    assert_string_equal(ssl("established"), "T");
    assert_string_equal(ssl("hello_retry"), "F");
    assert_string_equal(ssl("ssl_history"), history);
    assert_string_equal(ssl("sni_matches_cert"), "T");
    assert_memory_equal(ssl("ja4"), "dd2d030300_", 11);
    assert_string_equal(h.services[0], "dtls");
    assert_string_equal(h.category, "other_tls");
    for (unsigned i = 0; i < WEIRDS; i++)
        assert_int_equal(h.weirds[i], 0);
    fake_host_fini(&h);
}

static void handshake_with_cookie(void **state)
{
    struct wire server[5] = {0}, finish = {.len = 0};

    (void)state;
    open_host();
    hello_exchange_12();
    server_flight_12(server);
    for (unsigned i = 0; i < 4; i++)
        send_wire(1, &server[i]);
    finish_12(&finish, true);
    finish_12(&server[4], false);
    send_wire(0, &finish);
    assert_false(h.done);
    send_wire(1, &server[4]);
    check_12("CvCsxknGIi");
}

/* Every datagram twice, those of the server from the last to the first. */
static void flights_come_again_and_backwards(void **state)
{
    struct wire server[5] = {0}, finish = {.len = 0};

    (void)state;
    open_host();
    hello_exchange_12();
    hello_exchange_12();
    server_flight_12(server);
    send_wire(1, &server[0]); /* what the key exchange means depends on it */
    for (unsigned i = 8; i-- > 0;)
        send_wire(1, &server[i % 4]);
    finish_12(&finish, true);
    finish_12(&server[4], false);
    send_wire(0, &finish);
    send_wire(0, &finish);
    send_wire(1, &server[4]);
    check_12("CvCsnkxGIi");
}

/* Some servers number it like the HelloVerifyRequest. */
static void server_hello_with_the_number_of_the_cookie(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    open_host();
    hello_exchange_12();
    dtls_wire_server_hello(&w, 0, &server_12);
    send_wire(1, &w);
    send_wire(1, &w);
    fake_host_close(&h);
    assert_string_equal(ssl("ssl_history"), "CvCs");
    assert_string_equal(ssl("established"), "F");
    fake_host_fini(&h);
}

/* RFC 9147 section 4: header 001CSLEE; here sequence number of 16 bits, length, epoch. */
static void unified_record(struct wire *w, uint8_t epoch, size_t n)
{
    wire_be(w, 0x2cu | epoch, 1);
    wire_be(w, 0x1234, 2);
    wire_be(w, (uint32_t)n, 2);
    wire_fill(w, 0xee, n);
}

static void version_13(void **state)
{
    struct wire_hello retry = server_13;
    struct wire w[5] = {0};

    (void)state;
    retry.retry = true;
    dtls_wire_client_hello(&w[0], 0, &client_13);
    dtls_wire_server_hello(&w[1], 0, &retry);
    dtls_wire_client_hello(&w[2], 1, &client_13);
    unified_record(&w[2], 1, 60); /* early data: answers nothing */
    dtls_wire_server_hello(&w[3], 1, &server_13);
    unified_record(&w[3], 2, 60);
    unified_record(&w[3], 2, 60);
    unified_record(&w[4], 2, 50);
    open_host();
    for (unsigned i = 0; i < 4; i++)
        send_wire(i % 2, &w[i]);
    assert_false(h.done);
    send_wire(0, &w[4]);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("version"), "DTLSv13");
    assert_string_equal(ssl("cipher"), "TLS_AES_128_GCM_SHA256");
    assert_string_equal(ssl("curve"), "x25519");
    assert_string_equal(ssl("established"), "T");
    assert_string_equal(ssl("hello_retry"), "T");
    assert_string_equal(ssl("ssl_history"), "CjCs");
    assert_string_equal(ssl("client_alpn"), "webrtc");
    assert_memory_equal(ssl("ja4"), "dd3i0304wc_", 11);
    for (unsigned i = 0; i < WEIRDS; i++)
        assert_int_equal(h.weirds[i], 0);
    fake_host_fini(&h);
}

/* A connection id has a length that is not on the wire: the rest of the datagram is left alone. */
static void connection_id_ends_a_datagram(void **state)
{
    struct wire w[3] = {0};

    (void)state;
    dtls_wire_client_hello(&w[0], 0, &client_13);
    dtls_wire_server_hello(&w[1], 0, &server_13);
    wire_be(&w[2], 0x3e, 1);
    wire_fill(&w[2], 0x16, 40);
    open_host();
    for (unsigned i = 0; i < 3; i++)
        send_wire(i % 2, &w[i]);
    send_wire(1, &w[2]);
    assert_true(h.done);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 0);
    fake_host_close(&h);
    assert_string_equal(ssl("established"), "T");
    fake_host_fini(&h);
}

static void alert_and_media_beside_it(void **state)
{
    static const uint8_t stun[20] = {0, 1}, rtp[20] = {0x80, 96};
    struct wire w = {.len = 0}, alert = {.len = 0};

    (void)state;
    dtls_wire_client_hello(&w, 0, &client_12);
    dtls_wire_record(&alert, 21, 0, 1, "\x02\x28", 2);
    open_host();
    fake_host_data(&h, 1, stun, sizeof stun);
    send_wire(0, &w);
    fake_host_data(&h, 1, rtp, sizeof rtp);
    send_wire(1, &alert);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 0);
    fake_host_close(&h);
    assert_string_equal(ssl("last_alert"), "handshake_failure");
    assert_string_equal(ssl("ssl_history"), "Cl");
    assert_string_equal(ssl("version"), "-");
    fake_host_fini(&h);
}

static void middle_of_a_connection_has_no_record(void **state)
{
    struct wire w = {.len = 0};

    (void)state;
    dtls_wire_ciphertext(&w, 23, 1, 7, 60);
    open_host();
    send_wire(0, &w);
    assert_true(h.done);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    assert_string_equal(h.services[0], "dtls");
    assert_string_equal(h.category, "other_tls");
    fake_host_fini(&h);
}

static void what_is_broken_is_weird(void **state)
{
    struct wire w = {.len = 0}, body = {.len = 0};

    (void)state;
    open_host();
    fake_host_data(&h, 0, "\x16\xfe\xfd\x00", 4);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 1);
    wire_client_hello(&body, &client_12);
    dtls_wire_fragment(&w, 1, 0, body.p, 50, 40, 20); /* past its end */
    send_wire(0, &w);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_HANDSHAKE], 1);
    w.len = 0;
    dtls_wire_message(&w, 14, 99, NULL, 0);
    send_wire(0, &w);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_HANDSHAKE], 2);
    w.len = 0;
    dtls_wire_fragment(&w, 11, 1, body.p, 1u << 20, 0, 20); /* over the bound: a letter */
    send_wire(0, &w);
    assert_int_equal(h.weirds[WEIRD_TLS_HANDSHAKE_BOUND], 1);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    fake_host_fini(&h);
}

/* What is half there when the flow ends gives its memory back: fake_host_close checks. */
static void unfinished_messages_are_freed(void **state)
{
    struct wire w = {.len = 0}, c = certificate();

    (void)state;
    dtls_wire_fragment(&w, 11, 2, c.p, (uint32_t)c.len, 0, 100);
    open_host();
    send_wire(0, &w);
    send_wire(1, &w);
    assert_true(h.bufs.used_bytes > 0);
    fake_host_close(&h);
    fake_host_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handshake_with_cookie),
        cmocka_unit_test(flights_come_again_and_backwards),
        cmocka_unit_test(server_hello_with_the_number_of_the_cookie),
        cmocka_unit_test(version_13),
        cmocka_unit_test(connection_id_ends_a_datagram),
        cmocka_unit_test(alert_and_media_beside_it),
        cmocka_unit_test(middle_of_a_connection_has_no_record),
        cmocka_unit_test(what_is_broken_is_weird),
        cmocka_unit_test(unfinished_messages_are_freed),
    };

    return cmocka_run_group_tests_name("parse/tls/dtls", tests, NULL, NULL);
}
