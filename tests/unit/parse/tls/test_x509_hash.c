/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/x509_hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void assert_hash(const uint8_t *der, size_t len)
{
    uint8_t expected[TLS_SHA256_BYTES], found[TLS_SHA256_BYTES];

    tls_sha256(der, len, expected);
    for (unsigned i = 0; i < 2; i++) { /* the second one is remembered */
        x509_hash(der, len, found);
        assert_memory_equal(found, expected, sizeof found);
    }
}

static void any_length(void **state)
{
    static uint8_t der[6000];

    (void)state;
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t len = 1; len <= sizeof der; len += len < 40 ? 1 : 13)
        assert_hash(der, len);
}

/* The last bytes choose the place: these all want the same one. */
static void equal_endings(void **state)
{
    uint8_t der[1200] = {0};

    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        der[i * 3] ^= 0x55;
        assert_hash(der, sizeof der);
        assert_hash(der, sizeof der - 600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_length),
        cmocka_unit_test(equal_endings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
