/* SPDX-License-Identifier: BSD-3-Clause */
/* What is taken out of URIs, headers and bodies, and what is left as it is. */
#include "worker/parse/http/http_redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct options options = {.redact_parameters = "password, passwd,pwd,jsessionid"};

struct sample {
    const char *text;
    const char *redacted; /* NULL: nothing in it is secret */
};

static void check(enum http_redact_form form, const struct sample *s, size_t n)
{
    char out[512];

    for (size_t i = 0; i < n; i++) {
        size_t len = http_redact_text(&options, form, str_of(s[i].text), out, sizeof out - 1);

        out[len] = '\0';
        if (strcmp(out, s[i].redacted ? s[i].redacted : "") != 0)
            fail_msg("%s became \"%s\"", s[i].text, out);
        if (!s[i].redacted)
            continue;
        /* What is redacted stays as it is. */
        len = http_redact_text(&options, form, str_of(s[i].redacted), out, sizeof out - 1);
        out[len] = '\0';
        if (len > 0 && strcmp(out, s[i].redacted) != 0)
            fail_msg("%s, redacted twice, became %s", s[i].text, out);
    }
}

#define CHECK_ALL(form, ...)                                                                       \
    do {                                                                                           \
        static const struct sample samples[] = __VA_ARGS__;                                        \
        check(form, samples, sizeof samples / sizeof samples[0]);                                  \
    } while (0)

static void test_uris(void **state)
{
    (void)state;
    CHECK_ALL(HTTP_REDACT_URI,
              {
                  {"", NULL},
                  {"/index.html", NULL},
                  {"/?", NULL},
                  {"/?a=1&b=2", NULL},
                  {"/user@example.org", NULL},
                  {"/?mail=user@example.org&time=10:30", NULL},
                  {"/maps/@40.7,-74.0", NULL},
                  {"http://example.org/a@b", NULL},
                  {"http://example.org/?u=a@b", NULL},
                  {"/?password", NULL},
                  {"/?password=", NULL},
                  {"/?mypassword=1&password2=2", NULL},
                  {"/password=1", NULL},
                  {"/?password=x", "/?password=(redacted)"},
                  {"/?a=1&PassWord=x%26y&b=2", "/?a=1&PassWord=(redacted)&b=2"},
                  {"/?pwd=1&passwd=2", "/?pwd=(redacted)&passwd=(redacted)"},
                  {"/?a;pwd=1", "/?a;pwd=(redacted)"},
                  {"/?pwd=a;b&c", "/?pwd=(redacted)&c"},
                  {"/?pass%77ord=x", "/?pass%77ord=(redacted)"},
                  {"/?user[password]=x", "/?user[password]=(redacted)"},
                  {"/?user%5Bpwd%5D=x", "/?user%5Bpwd%5D=(redacted)"},
                  {"/?a_name_that_is_much_longer_than_others[of_an_object][in_an_object][of_a_form]"
                   "[that_grew]"
                   "[over_years][until_nobody_knew_it][password]=x",
                   "/?a_name_that_is_much_longer_than_others[of_an_object][in_an_object][of_a_form]"
                   "[that_grew]"
                   "[over_years][until_nobody_knew_it][password]=(redacted)"},
                  {"https://h/cb#pwd=x&a=1", "https://h/cb#pwd=(redacted)&a=1"},
                  {"/?a=1#b&pwd=x", "/?a=1#b&pwd=(redacted)"},
                  {"/#a@b", NULL},
                  {"/?next=/in?pwd=x", "/?next=/in?pwd=(redacted)"},
                  {"http://u:p@h/", "http://u:(redacted)@h/"},
                  {"ftp://u:p:q@r@h:21/x", "ftp://u:(redacted)@h:21/x"},
                  {"https://token@h/", "https://(redacted)@h/"},
                  {"https://:p@h/", "https://:(redacted)@h/"},
                  {"https://@h/", NULL},
                  {"//u:p@h/", "//u:(redacted)@h/"},
                  {"http://u:p@h/?pwd=x", "http://u:(redacted)@h/?pwd=(redacted)"},
                  {"/?to=http://u:p@h&mail=a@b", "/?to=http://u:(redacted)@h&mail=a@b"},
                  {"see http://u:p@h/ and http://v:q@i", "see http://u:(redacted)@h/ and "
                                                         "http://v:(redacted)@i"},
              });
}

static void test_paths(void **state)
{
    (void)state;
    CHECK_ALL(
        HTTP_REDACT_URI,
        {
            {"/a;v=1/b", NULL},
            {"/a;jsessionid", NULL},
            {"/a;jsessionid=", NULL},
            {"/a;jsessionid=/b", NULL},
            {"/a;x/jsessionid=1", NULL},
            {"/jsessionid=1", NULL},
            {";jsessionid=1", ";jsessionid=(redacted)"},
            {"/a;jsessionid=1A.n1", "/a;jsessionid=(redacted)"},
            {"/a;JSESSIONID=1A?b=2", "/a;JSESSIONID=(redacted)?b=2"},
            {"/a;jsessionid=1A?pwd=2", "/a;jsessionid=(redacted)?pwd=(redacted)"},
            {"/a;jsessionid=1A#b", "/a;jsessionid=(redacted)#b"},
            {"/a;jsession%69d=1/b;pwd=2/c", "/a;jsession%69d=(redacted)/b;pwd=(redacted)/c"},
            {"/a;v=1;jsessionid=1A;w=2/b&c", "/a;v=1;jsessionid=(redacted)/b&c"},
            {"https://u:p@h/a;jsessionid=1A", "https://u:(redacted)@h/a;jsessionid=(redacted)"},
            {"/?to=/a;jsessionid=1A&b=2", "/?to=/a;jsessionid=(redacted)&b=2"},
            {"see http://h/;pwd=1 and http://u:p@h/", "see http://h/;pwd=(redacted)//u:"
                                                      "(redacted)@h/"},
        });
}

static void test_authorities(void **state)
{
    (void)state;
    CHECK_ALL(HTTP_REDACT_AUTHORITY, {
                                         {"example.org:80", NULL},
                                         {"[2001:db8::1]:80", NULL},
                                         {"u:p@example.org:80", "u:(redacted)@example.org:80"},
                                         {"u@example.org:80", "(redacted)@example.org:80"},
                                         {"http://u:p@h/", "http://u:(redacted)@h/"},
                                     });
}

static void test_forms(void **state)
{
    (void)state;
    CHECK_ALL(HTTP_REDACT_FORM, {
                                    {"a=1&b=2", NULL},
                                    {"password=x", "password=(redacted)"},
                                    {"user=u&password=x", "user=u&password=(redacted)"},
                                });
}

static void test_json(void **state)
{
    (void)state;
    CHECK_ALL(HTTP_REDACT_JSON, {
                                    {"{}", NULL},
                                    {"[\"password\", \"x\"]", NULL},
                                    {"{\"a\": \"password\"}", NULL},
                                    {"{\"password\": {\"a\": 1}}", NULL},
                                    {"{\"password\": \"x\"}", "{\"password\": \"(redacted)\"}"},
                                    {"{\"password\" :\"a\\\"b\", \"c\": \"pwd\"}",
                                     "{\"password\" :\"(redacted)\", \"c\": \"pwd\"}"},
                                    {"{\"a\": {\"PWD\":1234}, \"b\": 1}",
                                     "{\"a\": {\"PWD\":\"(redacted)\"}, \"b\": 1}"},
                                    {"{\"pwd\":\"cut of", "{\"pwd\":\"(redacted)\""},
                                    {"{\"pwd\":\"cut\\", "{\"pwd\":\"(redacted)\""},
                                    {"{\"pwd\":", NULL},
                                    {"{\"pwd", NULL},
                                });
}

#define PART(disposition, content)                                                                 \
    "--b\r\nContent-Disposition: form-data; " disposition "\r\n\r\n" content "\r\n"

static void test_parts(void **state)
{
    (void)state;
    CHECK_ALL(HTTP_REDACT_MULTIPART,
              {
                  {"", NULL},
                  {PART("name=\"a\"", "x") "--b--", NULL},
                  {PART("name=\"a\"; filename=password", "x") "--b--", NULL},
                  {PART("name=\"password\"", "") "--b--", NULL},
                  {PART("name=\"password\"", "x\r\ny") PART("name=\"a\"", "z") "--b--",
                   PART("name=\"password\"", "(redacted)") PART("name=\"a\"", "z") "--b--"},
                  {PART("name=pwd; a=b", "x") "--b--", PART("name=pwd; a=b", "(redacted)") "--b--"},
                  {"name=pwd\r\n\r\ncut of", "name=pwd\r\n\r\n(redacted)"},
                  {"name=\"pwd", NULL},
                  {"name=\"pwd\"\r\n\r\n", NULL},
                  {"name=", NULL},
              });
}

static void test_headers(void **state)
{
    struct options o = {.redact_headers = "X-Api-Key, via"};

    (void)state;
    assert_true(http_redact_header(&o, STR_LIT("Authorization")));
    assert_true(http_redact_header(&o, STR_LIT("proxy-authorization")));
    assert_true(http_redact_header(&o, STR_LIT("COOKIE")));
    assert_true(http_redact_header(&o, STR_LIT("Set-Cookie")));
    assert_true(http_redact_header(&o, STR_LIT("x-api-key")));
    assert_true(http_redact_header(&o, STR_LIT("Via")));
    assert_false(http_redact_header(&o, STR_LIT("Vi")));
    assert_false(http_redact_header(&o, STR_LIT("Cookie2")));
    assert_false(http_redact_header(&o, STR_LIT("")));
    o.log_secrets = true;
    assert_false(http_redact_header(&o, STR_LIT("Cookie")));
    assert_false(http_redact_header(&o, STR_LIT("X-Api-Key")));
}

static void test_secrets_that_are_asked_for(void **state)
{
    struct options o = {.log_secrets = true, .redact_parameters = "pwd"};
    char out[64];

    (void)state;
    assert_int_equal(http_redact_text(&o, HTTP_REDACT_URI, STR_LIT("http://u:p@h/?pwd=x"), out, 64),
                     0);
}

/* A zero byte in the middle ends nothing. */
static void test_zero_bytes(void **state)
{
    static const char uri[] = "http://u:p\0q@h/?pwd=a\0b";
    static const char expected[] = "http://u:(redacted)@h/?pwd=(redacted)";
    char out[64];
    size_t len;

    (void)state;
    len = http_redact_text(&options, HTTP_REDACT_URI, str_make(uri, sizeof uri - 1), out, 64);
    assert_int_equal(len, sizeof expected - 1);
    assert_memory_equal(out, expected, len);
}

static void test_the_bound(void **state)
{
    char out[16];

    (void)state;
    memset(out, '#', sizeof out);
    for (size_t max = 0; max < sizeof out; max++) {
        size_t len =
            http_redact_text(&options, HTTP_REDACT_URI, STR_LIT("/?a=1&pwd=secret&b"), out, max);

        assert_int_equal(len, max);
        assert_memory_equal(out, "/?a=1&pwd=(redac", max);
        assert_int_equal(out[max], '#');
    }
}

/* Each byte may begin something: a look ahead from every one of them to the end would take hours.
 */
static void test_long_texts_of_beginnings(void **state)
{
    static const char *const beginnings[] = {"#", "?", "&", ";", "://", "=", "\"", "name="};
    static char text[1 << 22];
    char out[64];

    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        size_t n = strlen(beginnings[i]);

        text[0] = '?';
        for (size_t k = 1; k < sizeof text; k++)
            text[k] = beginnings[i][(k - 1) % n];
        for (int form = HTTP_REDACT_URI; form <= HTTP_REDACT_MULTIPART; form++)
            assert_int_equal(http_redact_text(&options, (enum http_redact_form)form,
                                              str_make(text, sizeof text), out, sizeof out),
                             0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_authorities),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_secrets_that_are_asked_for),
        cmocka_unit_test(test_zero_bytes),
        cmocka_unit_test(test_the_bound),
        cmocka_unit_test(test_long_texts_of_beginnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
