/* SPDX-License-Identifier: BSD-3-Clause */
/* Header blocks: the examples of RFC 7541 appendix C, blocks whose history is lost, and memory. */
#include "worker/parse/http2/http2_hpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bufpool bufs;
static struct http2_hpack hpack;
static char seen[8192]; /* "name: value\n" of each field of the last block */
static size_t seen_len;

static void keep(void *arg, struct str name, struct str value)
{
    int n = snprintf(seen + seen_len, sizeof seen - seen_len, "%.*s: %.*s\n", (int)name.len, name.p,
                     (int)value.len, value.p);

    assert_null(arg);
    seen_len += (size_t)n;
    assert_true(seen_len < sizeof seen);
}

static size_t unhex(const char *text, uint8_t *out)
{
    size_t n = 0;
    char *end;

    for (; *text != '\0'; text = end) {
        out[n++] = (uint8_t)strtoul(text, &end, 16);
        while (*end == ' ')
            end++;
    }
    return n;
}

static enum hpack_result feed(const void *data, size_t len, bool last)
{
    return http2_hpack_feed(&hpack, &bufs, data, len, last, keep, NULL);
}

/* A block, byte by byte. */
static enum hpack_result block(const char *text)
{
    static uint8_t bytes[4096];
    size_t n = unhex(text, bytes);

    seen_len = 0;
    seen[0] = '\0';
    for (size_t i = 0; i + 1 < n; i++) {
        enum hpack_result r = feed(bytes + i, 1, false);

        if (r == HPACK_BROKEN)
            return r;
    }
    return feed(bytes + n - 1, n > 0, true);
}

static int setup(void **state)
{
    (void)state;
    memset(&hpack, 0, sizeof hpack);
    return bufpool_init(&bufs, 8u << 20);
}

static int teardown(void **state)
{
    (void)state;
    http2_hpack_fini(&hpack);
    assert_int_equal(bufs.used_bytes, 0);
    bufpool_fini(&bufs);
    return 0;
}

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                                                                  \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"              \
    "custom-key: custom-value\n"

/* C.2 */
static void test_single_fields(void **state)
{
    (void)state;
    assert_int_equal(
        block("40 0a 63 75 73 74 6f 6d 2d 6b 65 79 0d 63 75 73 74 6f 6d 2d 68 65 61 64 "
              "65 72"),
        HPACK_OK);
    assert_string_equal(seen, "custom-key: custom-header\n");
    assert_int_equal(block("04 0c 2f 73 61 6d 70 6c 65 2f 70 61 74 68"), HPACK_OK);
    assert_string_equal(seen, ":path: /sample/path\n");
    assert_int_equal(block("10 08 70 61 73 73 77 6f 72 64 06 73 65 63 72 65 74"), HPACK_OK);
    assert_string_equal(seen, "password: secret\n");
    assert_int_equal(block("82"), HPACK_OK);
    assert_string_equal(seen, ":method: GET\n");
}

/* C.3 */
static void test_requests(void **state)
{
    (void)state;
    assert_int_equal(block("82 86 84 41 0f 77 77 77 2e 65 78 61 6d 70 6c 65 2e 63 6f 6d"),
                     HPACK_OK);
    assert_string_equal(seen, REQUEST_1);
    assert_int_equal(block("82 86 84 be 58 08 6e 6f 2d 63 61 63 68 65"), HPACK_OK);
    assert_string_equal(seen, REQUEST_2);
    assert_int_equal(
        block("82 87 85 bf 40 0a 63 75 73 74 6f 6d 2d 6b 65 79 0c 63 75 73 74 6f 6d 2d "
              "76 61 6c 75 65"),
        HPACK_OK);
    assert_string_equal(seen, REQUEST_3);
}

/* C.4 */
static void test_requests_with_huffman(void **state)
{
    (void)state;
    assert_int_equal(block("82 86 84 41 8c f1 e3 c2 e5 f2 3a 6b a0 ab 90 f4 ff"), HPACK_OK);
    assert_string_equal(seen, REQUEST_1);
    assert_int_equal(block("82 86 84 be 58 86 a8 eb 10 64 9c bf"), HPACK_OK);
    assert_string_equal(seen, REQUEST_2);
    assert_int_equal(
        block("82 87 85 bf 40 88 25 a8 49 e9 5b a9 7d 7f 89 25 a8 49 e9 5b b8 e8 b4 bf"), HPACK_OK);
    assert_string_equal(seen, REQUEST_3);
}

#define RESPONSE_1                                                                                 \
    ":status: 302\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"                  \
    "location: https://www.example.com\n"
#define RESPONSE_2                                                                                 \
    ":status: 307\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:21 GMT\n"                  \
    "location: https://www.example.com\n"
#define RESPONSE_3                                                                                 \
    ":status: 200\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:22 GMT\n"                  \
    "location: https://www.example.com\ncontent-encoding: gzip\n"                                  \
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"

/* C.5, whose table of 256 bytes nobody tells us of: entries count from the youngest. */
static void test_responses(void **state)
{
    (void)state;
    assert_int_equal(
        block("48 03 33 30 32 58 07 70 72 69 76 61 74 65 61 1d 4d 6f 6e 2c 20 32 31 20 4f 63 74 20 "
              "32 30 31 33 20 32 30 3a 31 33 3a 32 31 20 47 4d 54 6e 17 68 74 74 70 73 3a 2f 2f 77 "
              "77 77 2e 65 78 61 6d 70 6c 65 2e 63 6f 6d"),
        HPACK_OK);
    assert_string_equal(seen, RESPONSE_1);
    assert_int_equal(block("48 03 33 30 37 c1 c0 bf"), HPACK_OK);
    assert_string_equal(seen, RESPONSE_2);
    assert_int_equal(
        block("88 c1 61 1d 4d 6f 6e 2c 20 32 31 20 4f 63 74 20 32 30 31 33 20 32 30 3a 31 33 3a 32 "
              "32 20 47 4d 54 c0 5a 04 67 7a 69 70 77 38 66 6f 6f 3d 41 53 44 4a 4b 48 51 4b 42 5a "
              "58 4f 51 57 45 4f 50 49 55 41 58 51 57 45 4f 49 55 3b 20 6d 61 78 2d 61 67 65 3d 33 "
              "36 30 30 3b 20 76 65 72 73 69 6f 6e 3d 31"),
        HPACK_OK);
    assert_string_equal(seen, RESPONSE_3);
}

/* C.6, after an update to those 256 bytes (section 6.3). */
static void test_responses_with_huffman(void **state)
{
    (void)state;
    assert_int_equal(
        block("3f e1 01 48 82 64 02 58 85 ae c3 77 1a 4b 61 96 d0 7a be 94 10 54 d4 44 a8 20 05 95 "
              "04 0b 81 66 e0 82 a6 2d 1b ff 6e 91 9d 29 ad 17 18 63 c7 8f 0b 97 c8 e9 ae 82 ae 43 "
              "d3"),
        HPACK_OK);
    assert_string_equal(seen, RESPONSE_1);
    assert_int_equal(block("48 83 64 0e ff c1 c0 bf"), HPACK_OK);
    assert_string_equal(seen, RESPONSE_2);
    assert_int_equal(
        block("88 c1 61 96 d0 7a be 94 10 54 d4 44 a8 20 05 95 04 0b 81 66 e0 84 a6 2d 1b ff c0 5a "
              "83 9b d9 ab 77 ad 94 e7 82 1d d7 f2 e6 c7 b3 35 df df cd 5b 39 60 d5 af 27 08 7f 36 "
              "72 c1 ab 27 0f b5 29 1f 95 87 31 60 65 c0 03 ed 4e e5 b1 06 3d 50 07"),
        HPACK_OK);
    assert_string_equal(seen, RESPONSE_3);
}

/* The first request of C.3 was missed: what the others have from it is unknown, nothing is wrong,
 * and what they insert themselves is known again. */
static void test_history_is_lost(void **state)
{
    (void)state;
    http2_hpack_lose(&hpack);
    assert_int_equal(block("82 86 84 be 58 08 6e 6f 2d 63 61 63 68 65"), HPACK_UNKNOWN);
    assert_string_equal(seen, ":method: GET\n:scheme: http\n:path: /\ncache-control: no-cache\n");
    /* 62 is now the cache-control above, 63 would be :authority */
    assert_int_equal(block("82 87 85 bf be"), HPACK_UNKNOWN);
    assert_string_equal(seen, ":method: GET\n:scheme: https\n:path: /index.html\ncache-control: "
                              "no-cache\n");
    assert_int_equal(block("82 be"), HPACK_OK);
    assert_string_equal(seen, ":method: GET\ncache-control: no-cache\n");
}

/* Literals whose name is unknown: one that is inserted takes its place in the table. */
static void test_unknown_names(void **state)
{
    (void)state;
    http2_hpack_lose(&hpack);
    assert_int_equal(block("7f 05 03 61 62 63 42 01 78 0f 37 01 79"), HPACK_UNKNOWN);
    assert_string_equal(seen, ":method: x\n");
    assert_int_equal(block("be bf 7e 01 7a"), HPACK_UNKNOWN);
    assert_string_equal(seen, ":method: x\n:method: z\n");
    assert_int_equal(block("be bf"), HPACK_OK);
    assert_string_equal(seen, ":method: z\n:method: x\n");
}

static void test_broken_blocks(void **state)
{
    static const char *const broken[] = {
        "80",                      /* index 0 */
        "be",                      /* past the table */
        "40 85",                   /* ends inside a string */
        "40 81 ff 00",             /* Huffman code that ends in a whole byte of padding */
        "ff ff ff ff ff ff ff",    /* integer without end */
        "82 3f e1 ff ff ff ff 0f", /* update that is not at the beginning, and too large */
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        http2_hpack_fini(&hpack);
        memset(&hpack, 0, sizeof hpack);
        if (block(broken[i]) != HPACK_BROKEN)
            fail_msg("block %s was taken", broken[i]);
        assert_true(hpack.lost);
        assert_int_equal(bufs.used_bytes, 0);
        assert_int_equal(block("82"), HPACK_OK);
        assert_string_equal(seen, ":method: GET\n");
    }
}

/* An update beyond what is followed is left to what is not known. */
static void test_table_that_is_too_large(void **state)
{
    (void)state;
    http2_hpack_lose(&hpack);
    assert_int_equal(block("3f e1 ff 3f 82"), HPACK_OK);
    assert_string_equal(seen, ":method: GET\n");
}

/* The most entries that a table can have: each of one byte of name and none of value. */
static void test_memory_is_bounded(void **state)
{
    static const uint8_t insert[] = {0x40, 1, 'a', 0};
    static const uint8_t grow[] = {0x3f, 0xe1, 0xff, 0x03};
    size_t most = 0;

    (void)state;
    assert_int_equal(feed(grow, sizeof grow, false), HPACK_OK);
    for (unsigned i = 0; i < 5000; i++) {
        if (feed(insert, sizeof insert, false) == HPACK_BROKEN)
            break;
        seen_len = 0;
        most = hpack.used_bytes > most ? hpack.used_bytes : most;
    }
    assert_true(most > 65536 && most <= HPACK_MEMORY_MAX);
}

static void test_scattered_block_is_bounded(void **state)
{
    static const uint8_t zeros[8192];
    enum hpack_result r = HPACK_OK;

    (void)state;
    http2_hpack_lose(&hpack);
    for (unsigned i = 0; i < 5 && r == HPACK_OK; i++)
        r = feed(zeros, sizeof zeros, false);
    assert_int_equal(r, HPACK_BROKEN);
    assert_int_equal(bufs.used_bytes, 0);
}

static void test_no_memory(void **state)
{
    size_t capacity[64];
    void *taken[64];
    unsigned n = 0;

    (void)state;
    while ((taken[n] = bufpool_get(&bufs, BUFPOOL_MAX_BYTES, &capacity[n])))
        n++;
    assert_int_equal(block("82"), HPACK_BROKEN);
    while (n-- > 0)
        bufpool_put(&bufs, taken[n], capacity[n]);
    assert_int_equal(block("82"), HPACK_OK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_single_fields),
        T(test_requests),
        T(test_requests_with_huffman),
        T(test_responses),
        T(test_responses_with_huffman),
        T(test_history_is_lost),
        T(test_unknown_names),
        T(test_broken_blocks),
        T(test_table_that_is_too_large),
        T(test_memory_is_bounded),
        T(test_scattered_block_is_bounded),
        T(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
