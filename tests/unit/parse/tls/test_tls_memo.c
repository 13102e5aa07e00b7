/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls_memo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LISTS      6u
#define LIST_BYTES 1200u

/* A hello's lists, by whom they are read: ciphers, extensions, groups, signatures, formats, ALPN.
 */
struct hello {
    uint8_t list[LISTS][LIST_BYTES];
    size_t len[LISTS];
    struct tls_client_hello h;
};

static uint32_t chance = 1;

static uint32_t below(uint32_t n)
{
    chance = chance * 1664525u + 1013904223u;
    return (chance >> 8) % n;
}

static void put(struct hello *x, unsigned list, uint8_t byte)
{
    assert_true(x->len[list] < LIST_BYTES);
    x->list[list][x->len[list]++] = byte;
}

/* Small values, so that lists repeat, and some of GREASE. */
static void put_value(struct hello *x, unsigned list)
{
    uint8_t grease = (uint8_t)(below(16) << 4 | 0x0a);
    bool greasy = below(4) == 0;

    put(x, list, greasy ? grease : 0);
    put(x, list, greasy ? grease : (uint8_t)below(3));
}

static void make(struct hello *x, unsigned values_max)
{
    memset(x, 0, sizeof *x);
    x->h.legacy_version = (uint16_t)(0x0301 + below(2));
    x->h.version = (uint16_t)(0x0303 + below(2));
    x->h.has_server_name = below(2);
    for (unsigned list = 0; list < 4; list++)
        for (unsigned n = below(values_max); n > 0; n--) {
            put_value(x, list);
            if (list == 1) { /* extensions have a length */
                put(x, list, 0);
                put(x, list, 0);
            }
        }
    for (unsigned n = below(3); n > 0; n--)
        put(x, 4, (uint8_t)below(2));
    for (unsigned n = below(3); n > 0; n--) {
        put(x, 5, 2);
        put(x, 5, (uint8_t)('a' + below(2)));
        put(x, 5, (uint8_t)('a' + below(2)));
    }
    x->h.ciphers = cursor_init(x->list[0], x->len[0]);
    x->h.extensions = cursor_init(x->list[1], x->len[1]);
    x->h.groups = cursor_init(x->list[2], x->len[2]);
    x->h.signature_algorithms = cursor_init(x->list[3], x->len[3]);
    x->h.point_formats = cursor_init(x->list[4], x->len[4]);
    x->h.alpn = cursor_init(x->list[5], x->len[5]);
}

static void assert_fingerprints(const struct tls_client_hello *h, char transport)
{
    char ja3[TLS_JA3_BYTES], ja4[TLS_JA4_BYTES];
    char ja3_found[TLS_JA3_BYTES], ja4_found[TLS_JA4_BYTES];

    tls_fingerprint_ja3(h, ja3);
    tls_fingerprint_ja4(h, transport, ja4);
    for (unsigned i = 0; i < 2; i++) { /* the second one is remembered */
        tls_memo_fingerprints(h, transport, ja3_found, ja4_found);
        assert_string_equal(ja3_found, ja3);
        assert_string_equal(ja4_found, ja4);
    }
}

static void assert_ja3s(const struct tls_client_hello *lists)
{
    struct tls_server_hello h = {.legacy_version = lists->legacy_version,
                                 .cipher = (uint16_t)below(3),
                                 .extensions = lists->extensions};
    char ja3s[TLS_JA3_BYTES], found[TLS_JA3_BYTES];

    tls_fingerprint_ja3s(&h, ja3s);
    for (unsigned i = 0; i < 2; i++) {
        tls_memo_ja3s(&h, found);
        assert_string_equal(found, ja3s);
    }
}

/* Hellos that differ in one thing, in a value of GREASE, or not at all. */
static void fingerprints_are_as_made(void **state)
{
    static struct hello x;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        make(&x, 4);
        assert_fingerprints(&x.h, "tqd"[below(3)]);
        assert_ja3s(&x.h);
    }
}

static void long_lists_are_not_remembered(void **state)
{
    static struct hello x;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        make(&x, 200);
        assert_fingerprints(&x.h, 't');
        assert_ja3s(&x.h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingerprints_are_as_made),
        cmocka_unit_test(long_lists_are_not_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
