/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/http/http_mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct example {
    const char *bytes;
    size_t len;
    const char *mime; /* NULL: none */
};

#define E(bytes, mime)                                                                             \
    {                                                                                              \
        bytes, sizeof(bytes) - 1, mime                                                             \
    }

/* In memory of just that size, so that a read past the end is seen. */
static const char *type_of(const char *bytes, size_t len)
{
    char *exact = malloc(len ? len : 1);
    const char *mime;

    memcpy(exact, bytes, len);
    mime = http_mime_type(str_make(exact, len));
    free(exact);
    return mime;
}

static void check(const struct example *examples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct example *e = &examples[i];
        const char *found = type_of(e->bytes, e->len);

        if ((found == NULL) != (e->mime == NULL) || (found && strcmp(found, e->mime) != 0))
            fail_msg("\"%.40s\" is \"%s\", expected \"%s\"", e->bytes, found ? found : "-",
                     e->mime ? e->mime : "-");
        for (size_t len = 0; len < e->len; len++)
            (void)type_of(e->bytes, len);
    }
}

static void test_text(void **state)
{
    static const struct example examples[] = {
        E("", NULL),
        E("hi", NULL),
        E("123456789", NULL),
        E("1234567890", "text/plain"),
        E("\xef\xbb\xbf"
          "a sentence of text",
          "text/plain"),
        E("\r\n\t some words", "text/plain"),
        E("12345\x01"
          "7890",
          NULL),
        E("h\xc3\xa9llo h\xc3\xa9llo", NULL),
        E("{\"a\":1}", "text/json"),
        E(" {\r\n \"a b\\\"c\" : null }", "text/json"),
        E("{\"a\":-1.5}", "text/json"),
        E("{}", "text/json"),
        E("[ ]\n", "text/json"),
        E("[1, 2]", "text/json"),
        E("[\"a\"]", "text/json"),
        E("[{\"a\"", "text/json"),
        E("[section]\nkey=value\n", "text/plain"),
        E("{ not json at all }", "text/plain"),
        E("{\"open", NULL),
        E("#!/bin/sh\necho", "text/x-shellscript"),
        E("#!/usr/bin/env python3\n", "text/x-python"),
        E("# a comment only", "text/plain"),
        E("for (;;);{\"a\":1}", "application/javascript"),
        E("(function(){var a;", "application/javascript"),
    };

    (void)state;
    check(examples, sizeof examples / sizeof examples[0]);
}

static void test_markup(void **state)
{
    static const struct example examples[] = {
        E("<!DOCTYPE html><html>", "text/html"),
        E("\n\n  <HTML>\n", "text/html"),
        E("<!-- a --> <!-- b\n--><head>", "text/html"),
        E("<title>x</title>", "text/html"),
        E("<meta http-equiv=\"refresh\">", "text/html"),
        E("<div>no root</div>", "text/plain"),
        E("<?xml version=\"1.0\"?><a/>", "application/xml"),
        E("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC", "text/html"),
        E("<?xml version=\"1.0\"?><rss version=\"2.0\">", "text/rss"),
        E("<?xml version=\"1.0\"", "application/xml"),
        E("<svg xmlns=\"http://www.w3.org/2000/svg\">", "image/svg+xml"),
        E("<SOAP-ENV:Envelope xmlns", "application/soap+xml"),
        E("<!-- never closed", "text/plain"),
    };

    (void)state;
    check(examples, sizeof examples / sizeof examples[0]);
}

static void test_binary(void **state)
{
    static const struct example examples[] = {
        E("\x89PNG\r\n\x1a\n", "image/png"),
        E("\xff\xd8\xff\xe0", "image/jpeg"),
        E("GIF89a", "image/gif"),
        E("RIFF\1\2\3\4WEBPVP8 ", "image/webp"),
        E("RIFF\1\2\3\4WAVEfmt ", "audio/x-wav"),
        E("RIFF\1\2\3\4", NULL),
        E("%PDF-1.7\n", "application/pdf"),
        E("PK\3\4\x14\0\0\0", "application/zip"),
        E("PK\3\4\x14\0\6\0", "application/vnd.openxmlformats-officedocument"),
        E("\x1f\x8b\x08", "application/x-gzip"),
        E("MZ\x90\0", "application/x-dosexec"),
        E("\x7f"
          "ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0",
          "application/x-executable"),
        E("\x7f"
          "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0",
          "application/x-sharedlib"),
        E("\0\0\0\x18"
          "ftypmp42",
          "video/mp4"),
        E("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm", "video/webm"),
        E("wOF2\0\1", "application/font-woff2"),
        E("\0\1\0\0\0\x0c", "application/x-font-ttf"),
        E("MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
        E("\x30\x82\1\xd3\x0a\1\0\xa0\x82\1\xcc\x30\x82\1\xc8\6\11\x2b\6\1\5\5\7\x30\1\1",
          "application/ocsp-response"),
        E("\x30\x51\x30\x4f\x30\x4d\x30\x4b\x30\x49\x30\x09\6\5\x2b\x0e\3\2\x1a",
          "application/ocsp-request"),
        E("\0\0\0\0\0\0\0\0\0\0\0\0", NULL),
    };
    static char tar[512];

    (void)state;
    check(examples, sizeof examples / sizeof examples[0]);
    memcpy(tar, "file", 4);
    memcpy(tar + 257, "ustar", 5);
    assert_string_equal(type_of(tar, sizeof tar), "application/x-tar");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_markup),
        cmocka_unit_test(test_binary),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
