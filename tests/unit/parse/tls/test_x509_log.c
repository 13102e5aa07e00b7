/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/x509_log.h"

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/tls/certificates.h"
#include "worker/parse/tls/tls_fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint64_t day_ns = UINT64_C(86400000000000);

/* Only the host's offers are used: no analyzer runs. */
static const struct analyzer no_analyzer = {.name = "none"};
static struct fake_host h;

/* What the process remembers outlives a test: each one begins two days later. */
static int open_host(void **state)
{
    static uint64_t now_ns = FAKE_HOST_TS_NS;

    (void)state;
    fake_host_open(&h, &no_analyzer, ANALYZER_TCP);
    now_ns += 2 * day_ns;
    h.ctx.ts_ns = now_ns;
    return 0;
}

/* Longer than those whose answers are remembered. */
#define LABEL     "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz."
#define LONG_NAME LABEL LABEL "example.test"

static int close_host(void **state)
{
    (void)state;
    fake_host_close(&h);
    fake_host_fini(&h);
    return 0;
}

static enum x509_match log_one(const uint8_t *der, size_t len, const char *server_name,
                               bool client_cert)
{
    uint8_t sha256[TLS_SHA256_BYTES];
    struct x509_context seen = {.sha256 = sha256,
                                .host_cert = true,
                                .client_cert = client_cert,
                                .server_name = str_of(server_name)};

    tls_sha256(der, len, sha256);
    return x509_log_certificate(&h.ctx, der, len, &seen);
}

static const char *field(const char *name)
{
    return fake_host_field(&h, RECORD_x509, 0, name);
}

static void ec_certificate(void **state)
{
    (void)state;
    assert_int_equal(log_one(certificate_ec, sizeof certificate_ec, "", false), X509_MATCH_UNKNOWN);
    assert_string_equal(field("fingerprint"),
                        "728f4b5b8b22a399ec941b1ec3767fdf21b632f70d58c92830600194"
                        "22d1f28d");
    assert_string_equal(field("certificate.version"), "3");
    assert_string_equal(field("certificate.serial"), "01A2B3");
    assert_string_equal(field("certificate.subject"), "CN=www.example.test,O=Test Works,C=DE");
    assert_string_equal(field("certificate.issuer"), "CN=www.example.test,O=Test Works,C=DE");
    assert_string_equal(field("certificate.not_valid_before"), "1795227939000000000");
    assert_string_equal(field("certificate.not_valid_after"), "2110587939000000000");
    assert_string_equal(field("certificate.key_alg"), "id-ecPublicKey");
    assert_string_equal(field("certificate.sig_alg"), "ecdsa-with-SHA256");
    assert_string_equal(field("certificate.key_type"), "ecdsa");
    assert_string_equal(field("certificate.key_length"), "256");
    assert_string_equal(field("certificate.exponent"), "-");
    assert_string_equal(field("certificate.curve"), "prime256v1");
    assert_string_equal(field("san.dns"), "www.example.test,*.example.test");
    assert_string_equal(field("san.uri"), "https://example.test/");
    assert_string_equal(field("san.email"), "a@example.test");
    assert_string_equal(field("san.ip"), "192.0.2.1,2001:db8::1");
    assert_string_equal(field("basic_constraints.ca"), "T");
    assert_string_equal(field("basic_constraints.path_len"), "1");
    assert_string_equal(field("host_cert"), "T");
    assert_string_equal(field("client_cert"), "F");
}

static void rsa_certificate(void **state)
{
    (void)state;
    log_one(certificate_rsa, sizeof certificate_rsa, "", true);
    assert_string_equal(field("certificate.serial"), "07");
    assert_string_equal(field("certificate.key_alg"), "rsaEncryption");
    assert_string_equal(field("certificate.key_type"), "rsa");
    assert_string_equal(field("certificate.key_length"), "1024");
    assert_string_equal(field("certificate.exponent"), "65537");
    assert_string_equal(field("certificate.curve"), "-");
    assert_string_equal(field("san.dns"), "-");
    assert_string_equal(field("client_cert"), "T");
}

/* What is logged of it is in the name of its curve. */
static void compressed_ec_key(void **state)
{
    (void)state;
    log_one(certificate_ec_compressed, sizeof certificate_ec_compressed, "", false);
    assert_string_equal(field("certificate.key_type"), "ecdsa");
    assert_string_equal(field("certificate.key_length"), "224");
    assert_string_equal(field("certificate.curve"), "secp224r1");
}

static void point_of_ec_key_is_not_looked_at(void **state)
{
    static const uint8_t point_tag[] = {0x03, 0x42, 0x00, 0x04};
    uint8_t der[sizeof certificate_ec];
    uint8_t *point;

    (void)state;
    memcpy(der, certificate_ec, sizeof der);
    point = memmem(der, sizeof der, point_tag, sizeof point_tag);
    assert_non_null(point);
    point[20] ^= 1; /* not on the curve any more */
    log_one(der, sizeof der, "", false);
    assert_string_equal(field("certificate.key_type"), "ecdsa");
    assert_string_equal(field("certificate.key_length"), "256");
    assert_string_equal(field("certificate.curve"), "prime256v1");
}

/* Its sender chooses the parameters, and how long computing with them takes. */
static void parameters_of_ec_key_are_not_looked_at(void **state)
{
    (void)state;
    log_one(certificate_ec_explicit, sizeof certificate_ec_explicit, "", false);
    assert_string_equal(field("certificate.key_type"), "ecdsa");
    assert_string_equal(field("certificate.key_length"), "-");
    assert_string_equal(field("certificate.curve"), "-");
}

static void sm2_key_is_not_decoded(void **state)
{
    (void)state;
    log_one(certificate_sm2, sizeof certificate_sm2, "", false);
    assert_string_equal(field("certificate.key_alg"), "sm2");
    assert_string_equal(field("certificate.key_length"), "-");
}

static void server_names_are_compared(void **state)
{
    static const struct {
        const char *name;
        enum x509_match match;
    } cases[] = {
        {"www.example.test", X509_MATCH_YES},
        {"WWW.Example.TEST", X509_MATCH_YES},
        {"mail.example.test", X509_MATCH_YES},
        {"a.b.example.test", X509_MATCH_NO},
        {"example.test", X509_MATCH_NO},
        {"", X509_MATCH_UNKNOWN},
        {LONG_NAME, X509_MATCH_NO},
    };

    const unsigned n = sizeof cases / sizeof cases[0];

    (void)state;
    for (unsigned i = 0; i < 2 * n; i++) { /* twice: the second answer is a remembered one */
        const char *name = cases[i % n].name;

        if (log_one(certificate_ec, sizeof certificate_ec, name, false) != cases[i % n].match)
            fail_msg("%s, time %u", name, i / n + 1);
    }
}

/* Once a day and role. */
static void repeated_certificate_is_logged_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        log_one(certificate_ec, sizeof certificate_ec, "www.example.test", false);
    assert_int_equal(fake_host_count(&h, RECORD_x509), 1);
    log_one(certificate_ec, sizeof certificate_ec, "", true);
    assert_int_equal(fake_host_count(&h, RECORD_x509), 2);
    h.ctx.ts_ns += day_ns;
    log_one(certificate_ec, sizeof certificate_ec, "", false);
    assert_int_equal(fake_host_count(&h, RECORD_x509), 3);
}

/* Certificates of 60 KiB, each new: some are parsed at once, and more after a while. */
static void new_certificates_have_a_budget(void **state)
{
    static uint8_t long_der[60000];
    unsigned at_once;

    (void)state;
    memcpy(long_der, certificate_ec, sizeof certificate_ec); /* what follows it is not looked at */
    for (unsigned i = 0; i < 200; i++) {
        long_der[sizeof long_der - 1] = (uint8_t)i;
        log_one(long_der, sizeof long_der, "", false);
    }
    at_once = fake_host_count(&h, RECORD_x509);
    assert_in_range(at_once, 60, 70);
    assert_int_equal(h.weirds[WEIRD_TLS_CERTIFICATES_BOUND], 200 - at_once);
    h.ctx.ts_ns += 500000000;
    for (unsigned i = 100; i < 200; i++) {
        long_der[sizeof long_der - 1] = (uint8_t)i;
        log_one(long_der, sizeof long_der, "", false);
    }
    assert_in_range(fake_host_count(&h, RECORD_x509) - at_once, 7, 9);
}

static void broken_certificate_is_weird(void **state)
{
    uint8_t der[sizeof certificate_rsa];

    (void)state;
    memcpy(der, certificate_rsa, sizeof der);
    assert_int_equal(log_one(der, sizeof der - 1, "www.example.test", false), X509_MATCH_UNKNOWN);
    der[4] = 0x02;
    log_one(der, sizeof der, "", false);
    assert_int_equal(h.weirds[WEIRD_TLS_BAD_CERTIFICATE], 2);
    assert_int_equal(h.n_records, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ec_certificate, open_host, close_host),
        cmocka_unit_test_setup_teardown(rsa_certificate, open_host, close_host),
        cmocka_unit_test_setup_teardown(compressed_ec_key, open_host, close_host),
        cmocka_unit_test_setup_teardown(point_of_ec_key_is_not_looked_at, open_host, close_host),
        cmocka_unit_test_setup_teardown(parameters_of_ec_key_are_not_looked_at, open_host,
                                        close_host),
        cmocka_unit_test_setup_teardown(sm2_key_is_not_decoded, open_host, close_host),
        cmocka_unit_test_setup_teardown(server_names_are_compared, open_host, close_host),
        cmocka_unit_test_setup_teardown(repeated_certificate_is_logged_once, open_host, close_host),
        cmocka_unit_test_setup_teardown(new_certificates_have_a_budget, open_host, close_host),
        cmocka_unit_test_setup_teardown(broken_certificate_is_weird, open_host, close_host),
    };

    return cmocka_run_group_tests_name("parse/tls/x509_log", tests, NULL, NULL);
}
