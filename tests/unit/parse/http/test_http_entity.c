/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies: sampled, decoded, taken apart. Each runs whole, cut in two everywhere, and byte by byte.
 */
#include "worker/parse/http/http_entity.h"

#include "common/base/check.h"
#include "worker/parse/http/http_filename.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <zlib.h>

#include <cmocka.h>

static struct bufpool bufs;

static struct http_entity_headers headers(const char *type, const char *encoding,
                                          const char *disposition)
{
    return (struct http_entity_headers){str_of(type), str_of(encoding), str_of(disposition)};
}

/* "types|file names" of a body, in text[n]. */
static void describe(struct http_entity *e, const struct http_entity_headers *h, char *text,
                     size_t n)
{
    struct http_parts parts;
    char filename[HTTP_FILENAME_MAX];
    size_t at = 0;

    http_entity_end(e, &bufs, h);
    http_entity_parts(e, h, &parts, filename);
    for (uint32_t i = 0; i < parts.n_mime; i++)
        at += (size_t)snprintf(text + at, n - at, "%s%.*s", i ? "," : "", (int)parts.mime[i].len,
                               parts.mime[i].p);
    at += (size_t)snprintf(text + at, n - at, "|");
    for (uint32_t i = 0; i < parts.n_filename; i++)
        at += (size_t)snprintf(text + at, n - at, "%s%.*s", i ? "," : "",
                               (int)parts.filename[i].len, parts.filename[i].p);
    http_entity_free(e, &bufs);
    assert_int_equal(bufs.used_bytes, 0);
}

static void expect(const struct http_entity_headers *h, const char *body, size_t len,
                   const char *expected, int line)
{
    char text[4096];

    /* cut == len: whole; len + 1: byte by byte */
    for (size_t cut = 0; cut <= len + 1; cut++) {
        struct http_entity e = {0};

        if (cut <= len) {
            http_entity_data(&e, &bufs, h, (const uint8_t *)body, cut, cut == len);
            http_entity_data(&e, &bufs, h, (const uint8_t *)body + cut, len - cut, false);
        }
        for (size_t i = 0; cut > len && i < len; i++)
            http_entity_data(&e, &bufs, h, (const uint8_t *)body + i, 1, false);
        describe(&e, h, text, sizeof text);
        if (strcmp(text, expected) != 0)
            fail_msg("line %d, cut at %zu of %zu: \"%s\", expected \"%s\"", line, cut, len, text,
                     expected);
    }
}

#define EXPECT(h, body, expected) expect(&(h), body, sizeof(body) - 1, expected, __LINE__)

static void test_plain_bodies(void **state)
{
    struct http_entity_headers none = headers("", "", "");
    struct http_entity_headers named = headers("text/plain", "", "attachment; filename=\"a.html\"");

    (void)state;
    EXPECT(none, "", "|");
    EXPECT(none, "short", "|");
    EXPECT(none, "<html>and so on", "text/html|");
    EXPECT(named, "<html>and so on", "text/html|a.html");
    EXPECT(named, "", "|");
    EXPECT(named, "?", "|a.html");
}

static void test_long_body(void **state)
{
    static char body[5000] = "GIF89a";
    struct http_entity_headers none = headers("", "", "");

    (void)state;
    expect(&none, body, sizeof body, "image/gif|", __LINE__);
}

static size_t compressed(const char *text, size_t len, int window, uint8_t *out, size_t max)
{
    z_stream z = {0};

    CHECK(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)text;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = (uInt)max;
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    (void)deflateEnd(&z);
    return max - z.avail_out;
}

static void test_compressed_bodies(void **state)
{
    static const char text[] = "{\"many\": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]}";
    struct http_entity_headers gzip = headers("", "gzip", ""),
                               deflated = headers("", "Deflate", "");
    struct http_entity_headers brotli = headers("", "br", "");
    uint8_t out[256];
    size_t n;

    (void)state;
    n = compressed(text, sizeof text - 1, 15 + 16, out, sizeof out);
    expect(&gzip, (char *)out, n, "text/json|", __LINE__);
    n = compressed(text, sizeof text - 1, 15, out, sizeof out);
    expect(&deflated, (char *)out, n, "text/json|", __LINE__);
    n = compressed(text, sizeof text - 1, -15, out, sizeof out);
    expect(&deflated, (char *)out, n, "text/json|", __LINE__);
    EXPECT(gzip, "this is not compressed", "|");
    EXPECT(brotli, "\x8b\x03\x80\xff\x01\x02\x03\x04\x05\x06", "|");
}

/* Far more comes out than is asked for, and no room for the decoder. */
static void test_compressed_bounds(void **state)
{
    static char zeros[1 << 20] = "<html>";
    static uint8_t out[4096];
    struct http_entity_headers gzip = headers("", "gzip", "");
    size_t n = compressed(zeros, sizeof zeros, 15 + 16, out, sizeof out);
    struct bufpool real;
    struct http_entity e = {0};
    char text[64];

    (void)state;
    expect(&gzip, (char *)out, n, "text/html|", __LINE__);
    real = bufs;
    assert_int_equal(bufpool_init(&bufs, 1), 0);
    while (bufpool_get(&bufs, 128, &n))
        ;
    http_entity_data(&e, &bufs, &gzip, out, sizeof out, true);
    bufs.used_bytes = 0;
    describe(&e, &gzip, text, sizeof text);
    assert_string_equal(text, "|");
    bufpool_fini(&bufs);
    bufs = real;
}

static void test_multipart(void **state)
{
    struct http_entity_headers form = headers("multipart/form-data; boundary=XyZ", "", "");
    struct http_entity_headers quoted = headers("Multipart/Mixed;boundary=\"a b\" ; x=y", "", "");
    struct http_entity_headers none = headers("multipart/mixed", "", "");

    (void)state;
    EXPECT(form,
           "preamble\r\n--XyZ\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\n"
           "too short\r\n"
           "--XyZ \r\ncontent-disposition: form-data; name=\"f\"; filename=\"a \\\"b\\\".txt\"\r\n"
           "Content-Type: text/plain\r\n\r\nten bytes!\r\n"
           "--XyZ\r\nContent-Disposition: form-data; filename=\"empty\"\r\n\r\n\r\n"
           "--XyZ\r\nContent-Disposition: form-data; filename=b.gif\r\n\r\nGIF89a\r\n--XyZx\r\n--Xy"
           "\r\n--XyZ--\r\nepilogue\r\n--XyZ\r\n\r\n<html>",
           "text/plain,image/gif|a \"b\".txt,b.gif");
    EXPECT(quoted, "--a b\n\n<html>\n--a b--", "text/html|");
    EXPECT(form, "--XyZ\r\n\r\n<html> and the rest never came", "text/html|");
    EXPECT(form, "--XyZ\r\n\r\n%PDF-1.1\r\n--XyZ", "application/pdf|");
    EXPECT(none, "--\r\n\r\n<html>", "text/plain|");
}

static void test_many_parts(void **state)
{
    struct http_entity_headers form = headers("multipart/form-data; boundary=b", "", "");
    char body[4096], expected[1024];
    size_t n = 0, m = 0;

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        n += (size_t)sprintf(body + n, "--b\r\nContent-Disposition: x; filename=%u\r\n\r\nGIF8\r\n",
                             i);
        if (i < HTTP_PARTS_MAX)
            m += (size_t)sprintf(expected + m, "%simage/gif", i ? "," : "");
    }
    m += (size_t)sprintf(expected + m, "|");
    for (unsigned i = 0; i < HTTP_PARTS_MAX; i++)
        m += (size_t)sprintf(expected + m, "%s%u", i ? "," : "", i);
    expect(&form, body, n, expected, __LINE__);
}

static void test_gaps(void **state)
{
    static const char one[] = "--b\r\n\r\n<html>", two[] = "\r\n--b\r\n\r\nGIF8\r\n--b--";
    struct http_entity_headers form = headers("multipart/form-data; boundary=b", "", "");
    struct http_entity_headers plain = headers("", "", "x; filename=a");
    struct http_entity e = {0};
    char text[64];

    (void)state;
    http_entity_data(&e, &bufs, &form, (const uint8_t *)one, sizeof one - 1, false);
    http_entity_gap(&e, &bufs, &form);
    http_entity_data(&e, &bufs, &form, (const uint8_t *)two, sizeof two - 1, false);
    describe(&e, &form, text, sizeof text);
    assert_string_equal(text, "text/html,image/gif|");

    e = (struct http_entity){0};
    http_entity_data(&e, &bufs, &plain, (const uint8_t *)"GIF8", 4, false);
    http_entity_gap(&e, &bufs, &plain);
    describe(&e, &plain, text, sizeof text);
    assert_string_equal(text, "image/gif|a");

    /* What follows a missing beginning tells nothing. */
    e = (struct http_entity){0};
    http_entity_gap(&e, &bufs, &plain);
    http_entity_data(&e, &bufs, &plain, (const uint8_t *)"GIF8", 4, false);
    describe(&e, &plain, text, sizeof text);
    assert_string_equal(text, "|a");
}

static void test_filenames(void **state)
{
    static const struct {
        const char *value, *name;
    } cases[] = {
        {"attachment; filename=a.txt", "a.txt"},
        {"attachment; filename = \"a b;c.txt\"; size=5", "a b;c.txt"},
        {"attachment;FileName=a.txt;x=y", "a.txt"},
        {"attachment; filename=\"x.txt\"; filename*=UTF-8''%e2%82%ac%20r.txt",
         "\xe2\x82\xac r.txt"},
        {"attachment; filename*=iso-8859-1'en'%A3.txt", "\xa3.txt"},
        {"attachment; filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"},
        {"attachment; filename=a%20b.txt", "a b.txt"},
        {"attachment; filename=100%", "100%"},
        {"form-data; name=\"filename=no\"", ""},
        {"form-data; xfilename=no", ""},
        {"attachment; filename", ""},
        {"attachment; filename=", ""},
        {"attachment; filename=\"open", "open"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[HTTP_FILENAME_MAX];
        size_t n = http_filename_read(str_of(cases[i].value), name);

        if (n != strlen(cases[i].name) || memcmp(name, cases[i].name, n) != 0)
            fail_msg("%s: \"%.*s\"", cases[i].value, (int)n, name);
    }
}

static int setup(void **state)
{
    (void)state;
    return bufpool_init(&bufs, 4u << 20);
}

static int teardown(void **state)
{
    (void)state;
    bufpool_fini(&bufs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_bodies),
        cmocka_unit_test(test_long_body),
        cmocka_unit_test(test_compressed_bodies),
        cmocka_unit_test(test_compressed_bounds),
        cmocka_unit_test(test_multipart),
        cmocka_unit_test(test_many_parts),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_filenames),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
