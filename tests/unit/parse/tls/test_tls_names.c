/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void check(struct str got, const char *want)
{
    if (!str_equal(got, str_of(want)))
        fail_msg("%.*s instead of %s", (int)got.len, got.p, want);
}

static void known_names(void **state)
{
    char out[TLS_NAME_BYTES];

    (void)state;
    check(tls_cipher_name(0x0000, out), "TLS_NULL_WITH_NULL_NULL");
    check(tls_cipher_name(0x1301, out), "TLS_AES_128_GCM_SHA256");
    check(tls_cipher_name(0xfeff, out), "SSL_RSA_FIPS_WITH_3DES_EDE_CBC_SHA");
    check(tls_cipher_name(0x0700c0, out), "SSLv20_CK_DES_192_EDE3_CBC_WITH_MD5");
    check(tls_group_name(23, out), "secp256r1");
    check(tls_group_name(4588, out), "X25519MLKEM768");
    check(tls_group_name(0xff02, out), "arbitrary_explicit_char2_curves");
    check(tls_alert_name(0, out), "close_notify");
    check(tls_alert_name(121, out), "ech_required");
    check(tls_version_name(0x0304, out), "TLSv13");
    check(tls_version_name(0x7f1c, out), "TLSv13-draft28");
    check(tls_version_name(0xfeff, out), "DTLSv10");
    check(tls_version_name(0xfefd, out), "DTLSv12");
    check(tls_version_name(0xfefc, out), "DTLSv13");
    check(tls_version_name(0x0100, out), "DTLSv10-openssl");
}

static void unknown_names(void **state)
{
    char out[TLS_NAME_BYTES];

    (void)state;
    check(tls_cipher_name(0x0a0a, out), "unknown-2570");
    check(tls_group_name(0, out), "unknown-0");
    check(tls_alert_name(255, out), "unknown-255");
    check(tls_version_name(0x7e01, out), "unknown-32257");
    check(tls_cipher_name(0xffffffff, out), "unknown-4294967295");
}

/* Names are found by halving, so every row must be in its place. */
static void tables_are_in_order(void **state)
{
    char out[TLS_NAME_BYTES];

    (void)state;
#define TLS_CIPHER(code, name)   check(tls_cipher_name(code, out), #name);
#define SSLV2_CIPHER(code, name) check(tls_cipher_name(code, out), #name);
#define TLS_GROUP(code, name)    check(tls_group_name(code, out), #name);
#define TLS_ALERT(code, name)    check(tls_alert_name(code, out), #name);
#include "worker/parse/tls/tls_names.def"
}

static void versions_of_13(void **state)
{
    (void)state;
    assert_true(tls_version_is_13(0x0304));
    assert_true(tls_version_is_13(0x7f12));
    assert_false(tls_version_is_13(0x0303));
    assert_false(tls_version_is_13(0));
    assert_true(tls_version_is_13(0xfefc));
    assert_false(tls_version_is_13(0xfefd));
}

static void grease(void **state)
{
    unsigned n = 0;

    (void)state;
    for (unsigned v = 0; v <= 0xffff; v++)
        n += tls_is_grease((uint16_t)v);
    assert_int_equal(n, 16);
    assert_true(tls_is_grease(0x0a0a));
    assert_true(tls_is_grease(0xfafa));
    assert_false(tls_is_grease(0x1a2a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_names),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(tables_are_in_order),
        cmocka_unit_test(versions_of_13),
        cmocka_unit_test(grease),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_names", tests, NULL, NULL);
}
