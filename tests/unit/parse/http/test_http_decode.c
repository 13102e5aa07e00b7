/* SPDX-License-Identifier: BSD-3-Clause */
/* Beginnings of bodies in every coding, whole and cut, and what has no end. The encoded bytes come
 * from the reference encoders. */
#include "worker/parse/http/http_decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define OUT_MAX 4096u

/* "spliff spliff spliff" and a line feed; "spliff " 10,000 times; 20 MiB of zeros; a window of 128
 * MiB. */
static const uint8_t plain_gzip[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03,
                                     0x2b, 0x2e, 0xc8, 0xc9, 0x4c, 0x4b, 0x53, 0x28, 0x46, 0xa6,
                                     0xb8, 0x00, 0xf6, 0xfc, 0xf7, 0x0c, 0x15, 0x00, 0x00, 0x00};
static const uint8_t plain_brotli[] = {0x1b, 0x14, 0x00, 0xf8, 0x05, 0x36, 0xc6, 0x7e,
                                       0x67, 0xf5, 0x97, 0x10, 0x34, 0x82, 0x4a, 0x91,
                                       0x78, 0x22, 0x81, 0x7f, 0x0d, 0x98, 0x00};
static const uint8_t repeated_brotli[] = {0x5b, 0x6f, 0x11, 0x81, 0xdf, 0x48, 0xe9, 0xe6, 0x4d,
                                          0x54, 0x70, 0x73, 0x0d, 0x62, 0x96, 0xc6, 0x26, 0x6e,
                                          0x8b, 0x04, 0x8e, 0x24, 0x04, 0x74, 0x0a};
static const uint8_t bomb_brotli[] = {0xcf, 0xff, 0xff, 0x7f, 0xf8, 0x27, 0x00, 0xe2, 0xb1,
                                      0x40, 0x20, 0xf7, 0xfe, 0x3f, 0xff, 0xff, 0x7f, 0xf0,
                                      0x4f, 0x00, 0xc4, 0x61, 0x01, 0x80, 0xee, 0xfd, 0x0f};
static const uint8_t repeated_zstd[] = {
    0x28, 0xb5, 0x2f, 0xfd, 0xa4, 0x70, 0x11, 0x01, 0x00, 0x7d, 0x00, 0x00, 0x38, 0x73, 0x70, 0x6c,
    0x69, 0x66, 0x66, 0x20, 0x01, 0x00, 0x66, 0x11, 0xca, 0x8b, 0x11, 0xc2, 0xe3, 0xc2, 0xb7};
static const uint8_t wide_zstd[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x88, 0x4c, 0x00, 0x00, 0x08,
                                    0x00, 0x01, 0x00, 0xfc, 0xff, 0x39, 0x10, 0x02, 0x02, 0x00,
                                    0x10, 0x00, 0x02, 0x00, 0x10, 0x00, 0x02, 0x00, 0x10, 0x00,
                                    0x02, 0x00, 0x10, 0x00, 0x02, 0x00, 0x10, 0x00, 0x02, 0x00};

static struct bufpool bufs;
static uint8_t out[OUT_MAX + 1];

static int setup(void **state)
{
    (void)state;
    memset(out, '#', sizeof out);
    return bufpool_init(&bufs, 1 << 20);
}

/* Every buffer was given back, and nothing was written behind the bound. */
static int teardown(void **state)
{
    (void)state;
    assert_int_equal(bufs.used_bytes, 0);
    assert_int_equal(out[OUT_MAX], '#');
    bufpool_fini(&bufs);
    return 0;
}

static size_t decode(const char *coding, const void *body, size_t len)
{
    return http_decode(&bufs, str_of(coding), str_make(body, len), out, OUT_MAX);
}

static void check_plain(const char *coding, const void *body, size_t len)
{
    if (http_decode_needs(str_of(coding), OUT_MAX) == 0)
        skip(); /* not in this build */
    assert_int_equal(decode(coding, body, len), 21);
    assert_memory_equal(out, "spliff spliff spliff\n", 21);
}

static void check_repeated(const char *coding, const void *body, size_t len)
{
    if (http_decode_needs(str_of(coding), OUT_MAX) == 0)
        skip();
    assert_int_equal(decode(coding, body, len), OUT_MAX);
    for (size_t i = 0; i < OUT_MAX; i++)
        assert_int_equal(out[i], "spliff "[i % 7]);
}

static void test_gzip(void **state)
{
    (void)state;
    check_plain("GZip", plain_gzip, sizeof plain_gzip);
}

static void test_brotli(void **state)
{
    (void)state;
    check_plain("br", plain_brotli, sizeof plain_brotli);
    check_repeated("BR", repeated_brotli, sizeof repeated_brotli);
}

static void test_zstd(void **state)
{
    (void)state;
    check_repeated("zstd", repeated_zstd, sizeof repeated_zstd);
}

/* What is there of a cut body is shown. */
static void test_cut(void **state)
{
    size_t n = 0;

    (void)state;
    for (size_t len = 0; len < sizeof plain_brotli; len++) {
        size_t now = decode("br", plain_brotli, len);

        assert_true(now >= n || now == 0);
        assert_memory_equal(out, "spliff spliff spliff\n", now);
        n = now;
    }
    for (size_t len = 0; len < sizeof repeated_zstd; len++)
        assert_true(decode("zstd", repeated_zstd, len) <= OUT_MAX);
}

/* A block of Zstandard comes out whole, so more of it has to be there than is shown. */
static void test_needs(void **state)
{
    (void)state;
    assert_int_equal(http_decode_needs(STR_LIT("identity"), OUT_MAX), 0);
    assert_int_equal(http_decode_needs(STR_LIT("compress"), OUT_MAX), 0);
    assert_int_equal(http_decode_needs(STR_LIT(""), OUT_MAX), 0);
    if (http_decode_needs(STR_LIT("zstd"), OUT_MAX) > 0)
        assert_true(http_decode_needs(STR_LIT("zstd"), OUT_MAX) > 128 * 1024);
}

static void test_bomb(void **state)
{
    (void)state;
    if (http_decode_needs(STR_LIT("br"), OUT_MAX) == 0)
        skip();
    for (int i = 0; i < 100; i++)
        assert_int_equal(decode("br", bomb_brotli, sizeof bomb_brotli), OUT_MAX);
    for (size_t i = 0; i < OUT_MAX; i++)
        assert_int_equal(out[i], 0);
}

/* RFC 9659 section 3: no content coding has a window like this one. */
static void test_too_wide_a_window(void **state)
{
    (void)state;
    assert_int_equal(decode("zstd", wide_zstd, sizeof wide_zstd), 0);
}

static void test_what_it_is_not(void **state)
{
    static const char *const codings[] = {"gzip", "deflate", "br", "zstd", "gzip, br", "none", ""};

    (void)state;
    for (size_t i = 0; i < sizeof codings / sizeof codings[0]; i++) {
        assert_int_equal(decode(codings[i], "<!DOCTYPE html>", 15), 0);
        assert_int_equal(decode(codings[i], "", 0), 0);
        assert_int_equal(
            http_decode(&bufs, str_of(codings[i]), str_make(plain_gzip, sizeof plain_gzip), out, 0),
            0);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_gzip),
        TEST(test_brotli),
        TEST(test_zstd),
        TEST(test_cut),
        TEST(test_needs),
        TEST(test_bomb),
        TEST(test_too_wide_a_window),
        TEST(test_what_it_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
