/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests and responses as text: what a person sees of them, and what a terminal never does. */
#include "tests/unit/logger/sink_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct rec_exchange an_exchange(void)
{
    struct rec_exchange r = {0};

    SINK_FIXTURE_FLOW(exchange, &r);
    RECORD_SET(exchange, &r, method, STR_LIT("GET"));
    RECORD_SET(exchange, &r, scheme, STR_LIT("https"));
    RECORD_SET(exchange, &r, host, STR_LIT("www.example.org"));
    RECORD_SET(exchange, &r, uri, STR_LIT("/index.html"));
    RECORD_SET(exchange, &r, version, STR_LIT("2"));
    RECORD_SET(exchange, &r, status_code, 200);
    return r;
}

/* All that a stream writes of one record. */
static const char *written(struct sink_fixture *f, const struct sink *sink, enum record_type type,
                           const void *rec)
{
    struct sink_state *state;
    ssize_t n;

    f->heritage.output_fd = memfd_create("output", MFD_CLOEXEC);
    assert_int_equal(sink->open(&state, &f->heritage, NULL), 0);
    sink_fixture_begin(f, type, 1);
    sink_fixture_add(f, rec);
    assert_int_equal(sink->write(state, &f->batch), 0);
    assert_int_equal(sink->flush(state), 0);
    sink->close(state);
    n = pread(f->heritage.output_fd, f->text, sizeof f->text - 1, 0);
    assert_true(n >= 0);
    f->text[n] = '\0';
    close(f->heritage.output_fd);
    return f->text;
}

/* What is shown, from the uid on: before it stands the time, after an empty line. */
static const char *show(struct sink_fixture *f, const struct rec_exchange *r)
{
    const char *uid;

    f->heritage.options.headers = true;
    (void)written(f, &sink_text, RECORD_exchange, r);
    assert_int_equal(f->text[0], '\n');
    uid = strstr(f->text, "CHhAvVGS1DHFjwGM9 ");
    assert_non_null(uid);
    assert_int_equal(uid - f->text, 14); /* behind "\n22:13:20.123 " */
    return uid + strlen("CHhAvVGS1DHFjwGM9 ");
}

static void test_whole(void **state)
{
    static const struct str request[] = {STR_LIT("accept: text/html"),
                                         STR_LIT("cookie: (redacted)")};
    static const struct str response[] = {STR_LIT("content-type: text/html"), STR_LIT("x-empty: ")};
    struct rec_exchange r = an_exchange();

    RECORD_SET(exchange, &r, process, STR_LIT("curl"));
    RECORD_SET(exchange, &r, pid, 4711);
    RECORD_SET(exchange, &r, status_msg, STR_LIT("Fine"));
    RECORD_SET(exchange, &r, ttfb, 12345678);
    RECORD_SET(exchange, &r, request_headers, ((struct str_list){request, 2}));
    RECORD_SET(exchange, &r, response_headers, ((struct str_list){response, 2}));
    RECORD_SET(exchange, &r, request_body, STR_LIT("a=1"));
    RECORD_SET(exchange, &r, response_type, STR_LIT("text/html"));
    RECORD_SET(exchange, &r, response_body, STR_LIT("<!DOCTYPE html>\r\n\n\t\"\\n\"\n"));
    assert_string_equal(show(*state, &r),
                        "curl[4711] GET https://www.example.org/index.html HTTP/2\n"
                        "    accept: text/html\n"
                        "    cookie: (redacted)\n"
                        "\n"
                        "    a=1\n"
                        "HTTP/2 200 Fine, 12 ms\n"
                        "    content-type: text/html\n"
                        "    x-empty: \n"
                        "\n"
                        "    <!DOCTYPE html>\n"
                        "\n"
                        "        \"\\n\"\n");
}

/* An absolute target has its host in it; of what was not seen that is said. */
static void test_first_lines(void **state)
{
    struct rec_exchange r = an_exchange();

    RECORD_SET(exchange, &r, uri, STR_LIT("www.example.org:443"));
    RECORD_SET(exchange, &r, method, STR_LIT("CONNECT"));
    r.present &= ~(UINT64_C(1) << RECORD_exchange_status_code);
    assert_string_equal(show(*state, &r),
                        "CONNECT www.example.org:443 HTTP/2\n(no response was seen)\n");
    r = an_exchange();
    r.present &= ~(UINT64_C(1) << RECORD_exchange_method | UINT64_C(1) << RECORD_exchange_version);
    assert_string_equal(show(*state, &r), "(a request that was not seen)\nHTTP 200\n");
}

static void test_body_that_was_not_asked_for(void **state)
{
    struct rec_exchange r = an_exchange();

    RECORD_SET(exchange, &r, request_body_len, 0);
    RECORD_SET(exchange, &r, response_body_len, 5120);
    assert_string_equal(show(*state, &r), "GET https://www.example.org/index.html HTTP/2\n"
                                          "HTTP/2 200\n"
                                          "    (5120 bytes of body)\n");
}

static void test_bytes(void **state)
{
    struct rec_exchange r = an_exchange();

    RECORD_SET(exchange, &r, response_type, STR_LIT("image/gif"));
    RECORD_SET(exchange, &r, response_body, STR_LIT("GIF89a\0\x01\x02\x1b[31m\x80\xffxyz"));
    assert_string_equal(
        show(*state, &r),
        "GET https://www.example.org/index.html HTTP/2\n"
        "HTTP/2 200\n"
        "\n"
        "    0000   47 49 46 38 39 61 00 01  02 1b 5b 33 31 6d 80 ff  GIF89a....[31m..\n"
        "    0010   78 79 7a                                          xyz\n"
        "    (19 bytes)\n");
}

static void test_many_bytes(void **state)
{
    static char body[1000];
    struct rec_exchange r = an_exchange();
    unsigned lines = 0;
    const char *text;

    RECORD_SET(exchange, &r, response_body, str_make(body, sizeof body));
    text = show(*state, &r);
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 2 + 1 + 16 + 1);
    assert_non_null(strstr(text, "    (256 of 1000 bytes)"));
}

/* Text by its bytes, whatever its type; by its type, though its character set is another. */
static void test_what_is_text(void **state)
{
    static const struct {
        const char *type;
        struct str body;
        bool text;
    } cases[] = {
        {"", STR_LIT("plain"), true},
        {"image/svg+xml", STR_LIT("<svg>"), true},
        {"", STR_LIT("na\xc3\xafve"), true},
        {"", STR_LIT("cut in a character \xe2\x82"), true},
        {"text/plain; charset=latin1", STR_LIT("na\xefve"), true},
        {"application/problem+json", STR_LIT("\"\x7f\""), true},
        {"", STR_LIT("na\xefve"), false},
        {"", STR_LIT("\x1b[2J"), false},
        {"", STR_LIT("\xe2"), false},
        {"text/plain", STR_LIT("zero\0"), false},
        {"application/octet-stream", STR_LIT("\x80"), false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rec_exchange r = an_exchange();
        bool bytes;

        RECORD_SET(exchange, &r, response_type, str_of(cases[i].type));
        RECORD_SET(exchange, &r, response_body, cases[i].body);
        bytes = strstr(show(*state, &r), "    0000  ") != NULL;
        if (bytes == cases[i].text)
            fail_msg("case %zu, %s", i, cases[i].type);
    }
}

/* Escape sequences and other control characters of peers reach no terminal, from no field. */
static void test_terminal_safe(void **state)
{
    static const struct str evil[] = {STR_LIT("x\x1b]0;: \x1b[2J\x9b\xc2\x9b")};
    struct str one = STR_LIT("/\x1b[2J\x07");
    struct rec_exchange r = an_exchange();

    RECORD_SET(exchange, &r, method, one);
    RECORD_SET(exchange, &r, host, one);
    RECORD_SET(exchange, &r, uri, one);
    RECORD_SET(exchange, &r, version, one);
    RECORD_SET(exchange, &r, status_msg, one);
    RECORD_SET(exchange, &r, process, one);
    RECORD_SET(exchange, &r, request_headers, ((struct str_list){evil, 1}));
    RECORD_SET(exchange, &r, response_headers, ((struct str_list){evil, 1}));
    RECORD_SET(exchange, &r, response_type, STR_LIT("text/plain"));
    RECORD_SET(exchange, &r, response_body, evil[0]);
    for (const char *p = show(*state, &r); *p; p++)
        if ((*p < ' ' && *p != '\n') || *p == 0x7f || (uint8_t)*p >= 0x80)
            fail_msg("byte %02x is shown", (uint8_t)*p);
}

/* Exchanges stand for http lines; without them these are shown, and files have no exchanges. */
static void test_who_takes_it(void **state)
{
    struct sink_fixture *f = *state;
    struct rec_http http = {0};
    struct rec_exchange r = an_exchange();

    SINK_FIXTURE_FLOW(http, &http);
    assert_non_null(strstr(written(f, &sink_text, RECORD_http, &http), " http "));
    assert_string_equal(written(f, &sink_text, RECORD_exchange, &r), "");
    f->heritage.options.body = true;
    assert_string_equal(written(f, &sink_text, RECORD_http, &http), "");
    assert_string_equal(written(f, &sink_json_stream, RECORD_exchange, &r), "");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, sink_fixture_setup, sink_fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_whole),         TEST(test_first_lines),  TEST(test_body_that_was_not_asked_for),
        TEST(test_bytes),         TEST(test_many_bytes),   TEST(test_what_is_text),
        TEST(test_terminal_safe), TEST(test_who_takes_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
