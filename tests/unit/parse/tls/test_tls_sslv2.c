/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/certificates.h"
#include "tests/unit/parse/tls/wire.h"
#include "worker/parse/tls/tls.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

static void sslv2_hello(struct wire *w, uint16_t version)
{
    size_t len = w->len;

    wire_be(w, 0, 2);
    wire_be(w, 1, 1);
    wire_be(w, version, 2);
    wire_be(w, 6, 2);
    wire_be(w, 0, 2);
    wire_be(w, 16, 2);
    wire_bytes(w, "\x07\x00\xc0\x00\x00\x2f", 6);
    wire_fill(w, 0x33, 16);
    w->p[len] = 0x80;
    w->p[len + 1] = (uint8_t)(w->len - len - 2);
}

static void sslv2_session(struct wire w[4])
{
    size_t len;

    sslv2_hello(&w[0], 2);
    wire_be(&w[1], 0, 2);
    wire_be(&w[1], 4, 1);
    wire_bytes(&w[1], "\x00\x01\x00\x02", 4);
    wire_be(&w[1], sizeof certificate_rsa, 2);
    wire_be(&w[1], 3, 2);
    wire_be(&w[1], 16, 2);
    wire_bytes(&w[1], certificate_rsa, sizeof certificate_rsa);
    wire_bytes(&w[1], "\x07\x00\xc0", 3);
    wire_fill(&w[1], 0x44, 16);
    len = w[1].len - 2;
    w[1].p[0] = (uint8_t)(0x80 | len >> 8);
    w[1].p[1] = (uint8_t)len;
    wire_bytes(&w[2], "\x80\x0a\x02\x07\x00\xc0\x00\x00\x00\x00\x00\x00", 12);
    wire_bytes(&w[3], "\x00\x05\x03secre", 8); /* three-byte header, with padding */
}

static void sslv2_is_read(void **state)
{
    struct wire w[4] = {0};
    struct fake_chunk chunks[4];

    (void)state;
    sslv2_session(w);
    open_host();
    for (unsigned i = 0; i < 4; i++) {
        send_wire(i % 2, &w[i]);
        chunks[i] = (struct fake_chunk){i % 2, w[i].p, w[i].len};
    }
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("version"), "SSLv2");
    assert_string_equal(ssl("cipher"), "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5");
    assert_string_equal(ssl("ssl_history"), "");
    assert_string_equal(ssl("established"), "T");
    assert_int_equal(strlen(ssl("cert_chain_fps")), 64);
    fake_host_fini(&h);
    fake_host_check_splits(&analyzer_tls, ANALYZER_TCP, chunks, 4);
}

/* A hello of SSLv2 form that asks for TLS: what follows are TLS records. */
static void sslv2_hello_leads_to_tls(void **state)
{
    struct wire w[4] = {0};

    (void)state;
    sslv2_hello(&w[0], 0x0301);
    wire_server_hello_record(&w[1], &(struct wire_hello){.version = 0x0301});
    wire_handshake_record(&w[1], 14, NULL, 0);
    wire_handshake_record(&w[2], 16, "key", 3);
    wire_change_cipher(&w[2]);
    wire_ciphertext(&w[2], 22, 40);
    wire_change_cipher(&w[3]);
    wire_ciphertext(&w[3], 22, 40);
    open_host();
    for (unsigned i = 0; i < 4; i++)
        send_wire(i % 2, &w[i]);
    assert_true(h.done);
    fake_host_close(&h);
    assert_string_equal(ssl("version"), "TLSv10");
    assert_string_equal(ssl("ssl_history"), "snGIi");
    assert_string_equal(ssl("established"), "T");
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_RECORD], 0);
    fake_host_fini(&h);
}

/* A ServerHello that says its certificate is longer than the record. */
static void broken_sslv2_hello_is_weird(void **state)
{
    (void)state;
    open_host();
    fake_host_data(&h, 1, "\x80\x0b\x04\x00\x01\x00\x02\x01\x00\x00\x03\x00\x10", 13);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_HANDSHAKE], 1);
    fake_host_close(&h);
    assert_int_equal(h.n_records, 0);
    fake_host_fini(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sslv2_is_read),
        cmocka_unit_test(sslv2_hello_leads_to_tls),
        cmocka_unit_test(broken_sslv2_hello_is_weird),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_sslv2", tests, NULL, NULL);
}
