/* SPDX-License-Identifier: BSD-3-Clause */
/* Expected values: the published examples of JA3 and JA4; for JA3S what md5sum says of
 * "769,47,65281-0-11-35-5-16". */
#include "worker/parse/tls/tls_fingerprint.h"

#include "tests/unit/parse/tls/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 16-bit values as bytes, and extensions with empty bodies, for cursors to read. */
static void put_values(struct wire *w, const uint16_t *values, size_t n, bool extensions)
{
    for (size_t i = 0; i < n; i++) {
        wire_be(w, values[i], 2);
        if (extensions)
            wire_be(w, 0, 2);
    }
}

static struct cursor cursor_of(const struct wire *w)
{
    return cursor_init(w->p, w->len);
}

static void ja3_of_example(void **state)
{
    static const uint16_t ciphers[] = {0x7a7a, 47,    53, 5,  10, 49161, 49162,
                                       49171,  49172, 50, 56, 19, 4};
    static const uint16_t extensions[] = {0, 0xdada, 10, 11}, groups[] = {0x1a1a, 23, 24, 25};
    struct wire w[3] = {0};
    struct tls_client_hello h = {.legacy_version = 769};
    char ja3[TLS_JA3_BYTES];

    (void)state;
    put_values(&w[0], ciphers, 13, false);
    put_values(&w[1], extensions, 4, true);
    put_values(&w[2], groups, 4, false);
    h.ciphers = cursor_of(&w[0]);
    h.extensions = cursor_of(&w[1]);
    h.groups = cursor_of(&w[2]);
    h.point_formats = cursor_init("\0", 1);
    tls_fingerprint_ja3(&h, ja3);
    assert_string_equal(ja3, "ada70206e40642a3e4461f35503241d5");
}

static void ja3_without_extensions(void **state)
{
    static const uint16_t ciphers[] = {4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99};
    struct wire w = {.len = 0};
    struct tls_client_hello h = {.legacy_version = 769};
    char ja3[TLS_JA3_BYTES];

    (void)state;
    put_values(&w, ciphers, 11, false);
    h.ciphers = cursor_of(&w);
    tls_fingerprint_ja3(&h, ja3);
    assert_string_equal(ja3, "de350869b8c85de67a350c8d186f11e6");
}

static void ja3s_of_example(void **state)
{
    static const uint16_t extensions[] = {65281, 0, 11, 35, 5, 16};
    struct wire w = {.len = 0};
    struct tls_server_hello h = {.legacy_version = 769, .cipher = 47};
    char ja3s[TLS_JA3_BYTES];

    (void)state;
    put_values(&w, extensions, 6, true);
    h.extensions = cursor_of(&w);
    tls_fingerprint_ja3s(&h, ja3s);
    assert_string_equal(ja3s, "836ce314215654b5b1f85f97c73e506f");
}

/* The hello of JA4's technical description, out of order, with GREASE. */
static struct tls_client_hello ja4_example(struct wire w[3])
{
    static const uint16_t ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                       0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                       0x009c, 0x009d, 0x002f, 0x0035};
    static const uint16_t extensions[] = {0x4a4a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469,
                                          0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                                          0x002b, 0xff01, 0x000b, 0x000a, 0x0015};
    static const uint16_t signatures[] = {0x0403, 0x0804, 0x0401, 0x0503,
                                          0x0805, 0x0501, 0x0806, 0x0601};
    struct tls_client_hello h = {.version = 0x0304, .has_server_name = true};

    memset(w, 0, 3 * sizeof *w);
    put_values(&w[0], ciphers, 16, false);
    put_values(&w[1], extensions, 17, true);
    put_values(&w[2], signatures, 8, false);
    h.ciphers = cursor_of(&w[0]);
    h.extensions = cursor_of(&w[1]);
    h.signature_algorithms = cursor_of(&w[2]);
    h.alpn = cursor_init("\x02h2\x08http/1.1", 12);
    return h;
}

static void ja4_of_example(void **state)
{
    struct wire w[3];
    struct tls_client_hello h = ja4_example(w);
    char ja4[TLS_JA4_BYTES];

    (void)state;
    tls_fingerprint_ja4(&h, 't', ja4);
    assert_string_equal(ja4, "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

/* Both values stand in the technical description as well. */
static void ja4_without_signatures_or_ciphers(void **state)
{
    struct wire w[3];
    struct tls_client_hello h = ja4_example(w);
    char ja4[TLS_JA4_BYTES];

    (void)state;
    h.signature_algorithms = cursor_init("", 0);
    tls_fingerprint_ja4(&h, 't', ja4);
    assert_string_equal(ja4, "t13d1516h2_8daaf6152771_6d807ffa2a79");
    h.ciphers = cursor_init("", 0);
    tls_fingerprint_ja4(&h, 'd', ja4);
    assert_string_equal(ja4, "d13d0016h2_000000000000_6d807ffa2a79");
}

static void ja4_of_nothing(void **state)
{
    struct tls_client_hello h = {.version = 0x0002};
    char ja4[TLS_JA4_BYTES];

    (void)state;
    tls_fingerprint_ja4(&h, 'q', ja4);
    assert_string_equal(ja4, "qs2i000000_000000000000_000000000000");
}

/* The tenth to the ninth character of the front: version, SNI, counts, ALPN. */
static void ja4_front_cases(void **state)
{
    static const struct {
        uint16_t version;
        const char *alpn;
        const char *front;
    } cases[] = {
        {0x0303, "\x08http/1.1", "t12d1516h1"},
        {0x0301, "\x01h", "t10d1516hh"},
        {0x0302, "\x03\xab\xcd\xef", "t11d1516af"},
        {0x0300, "\x02h\xcd", "ts3d15166d"},
        {0x7e02, "", "t00d151600"},
        {0xfeff, "", "td1d151600"},
        {0xfefd, "", "td2d151600"},
        {0xfefc, "", "td3d151600"},
        /* the technical description's names that are not text */
        {0x0304, "\x01\xab", "t13d1516ab"},
        {0x0304, "\x02\xab\xcd", "t13d1516ad"},
        {0x0304, "\x02\x30\xab", "t13d15163b"},
        {0x0304, "\x04\x30\x31\xab\xcd", "t13d15163d"},
        {0x0304, "\x04\x30\xab\xcd\x31", "t13d151601"},
    };
    struct wire w[3];
    struct tls_client_hello h = ja4_example(w);

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char ja4[TLS_JA4_BYTES];

        h.version = cases[i].version;
        h.alpn = cursor_init(cases[i].alpn, strlen(cases[i].alpn));
        tls_fingerprint_ja4(&h, 't', ja4);
        ja4[10] = '\0';
        assert_string_equal(ja4, cases[i].front);
    }
}

/* Counts stop at 99, and a hello of a size no client has costs no more than SORT_MAX values. */
static void ja4_counts_are_capped(void **state)
{
    static uint8_t many[65534];
    struct tls_client_hello h = {.version = 0x0304};
    char ja4[TLS_JA4_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = (uint8_t)(sizeof many - i);
    h.ciphers = cursor_init(many, sizeof many);
    tls_fingerprint_ja4(&h, 't', ja4);
    ja4[8] = '\0';
    assert_string_equal(ja4, "t13i9900");
}

static void sha256_of_abc(void **state)
{
    uint8_t sha256[TLS_SHA256_BYTES];
    char hex[2 * TLS_SHA256_BYTES + 1] = "";

    (void)state;
    tls_sha256("abc", 3, sha256);
    tls_hex(sha256, sizeof sha256, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ja3_of_example),
        cmocka_unit_test(ja3_without_extensions),
        cmocka_unit_test(ja3s_of_example),
        cmocka_unit_test(ja4_of_example),
        cmocka_unit_test(ja4_without_signatures_or_ciphers),
        cmocka_unit_test(ja4_of_nothing),
        cmocka_unit_test(ja4_front_cases),
        cmocka_unit_test(ja4_counts_are_capped),
        cmocka_unit_test(sha256_of_abc),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_fingerprint", tests, NULL, NULL);
}
