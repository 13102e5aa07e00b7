/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls_hello.h"

#include "tests/unit/parse/tls/wire.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wire_hello full_client = {.server_name = "www.example.test",
                                              .alpn = {"h2", "http/1.1"},
                                              .supported_version = 0x0304,
                                              .session_id_len = 32,
                                              .ticket = true,
                                              .other_extension = 0x0017};

static void assert_str(struct str got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.p, want, got.len);
}

static void client_hello_is_read(void **state)
{
    struct tls_client_hello h;
    struct wire w = {.len = 0};
    struct str name;

    (void)state;
    wire_client_hello(&w, &full_client);
    assert_int_equal(tls_hello_parse_client(w.p, w.len, &h), 0);
    assert_false(h.malformed);
    assert_int_equal(h.legacy_version, 0x0303);
    assert_int_equal(h.version, 0x0304);
    assert_int_equal(h.session_id.len, 32);
    assert_int_equal(cursor_left(&h.ciphers), 8);
    assert_int_equal(cursor_left(&h.groups), 4);
    assert_int_equal(cursor_left(&h.signature_algorithms), 4);
    assert_true(h.has_server_name);
    assert_true(h.has_ticket);
    assert_str(h.server_name, "www.example.test");
    assert_true(tls_alpn_next(&h.alpn, &name));
    assert_str(name, "h2");
    assert_true(tls_alpn_next(&h.alpn, &name));
    assert_str(name, "http/1.1");
    assert_false(tls_alpn_next(&h.alpn, &name));
}

/* Cut at any byte the hello is refused, or what was read of it is marked. */
static void cut_client_hello_is_noticed(void **state)
{
    struct tls_client_hello h;
    struct wire w = {.len = 0};
    size_t without_extensions = 2 + 32 + 1 + 32 + 2 + 8 + 2;

    (void)state;
    wire_client_hello(&w, &full_client);
    for (size_t len = 0; len < w.len; len++) {
        int rc = tls_hello_parse_client(w.p, len, &h);

        if (rc == 0 && !h.malformed && len != without_extensions)
            fail_msg("%zu of %zu bytes were taken for a whole hello", len, w.len);
        if (rc < 0 && len >= without_extensions)
            fail_msg("%zu bytes hold the cipher suites and were refused", len);
    }
}

static void broken_extension_spoils_only_itself(void **state)
{
    struct tls_client_hello h;
    struct wire w = {.len = 0};
    uint8_t *sni;

    (void)state;
    wire_client_hello(&w, &full_client);
    sni = memmem(w.p, w.len, "www.example.test", 16);
    assert_non_null(sni);
    sni[-1] = 99; /* the name is longer than its list */
    assert_int_equal(tls_hello_parse_client(w.p, w.len, &h), 0);
    assert_true(h.malformed);
    assert_int_equal(h.server_name.len, 0);
    assert_int_equal(h.version, 0x0304);
    assert_int_equal(cursor_left(&h.alpn), 12);
}

static struct tls_client_hello parsed(struct wire *w, const struct wire_hello *hello)
{
    struct tls_client_hello h;

    w->len = 0;
    wire_client_hello(w, hello);
    assert_int_equal(tls_hello_parse_client(w->p, w->len, &h), 0);
    assert_false(h.malformed);
    return h;
}

static void offers_are_noticed(void **state)
{
    static const struct wire_hello psk = {.psk = true}, plain = {.session_id_len = 0};
    static const struct wire_hello outer = {
        .other_extension = 0xfe0d, .other_body = "\0\0\1", .other_len = 3};
    static const struct wire_hello inner = {.other_extension = 0xfe0d, .other_body = "\x01"};
    static const struct wire_hello now = {.other_extension = 57, .other_body = "params"};
    static const struct wire_hello draft = {.other_extension = 0xffa5, .other_body = "old"};
    struct tls_client_hello h;
    struct wire w;

    (void)state;
    h = parsed(&w, &plain);
    assert_false(h.psk || h.ech || h.has_ticket);
    assert_int_equal(h.transport_parameters.len, 0);
    assert_true(parsed(&w, &psk).psk);
    assert_false(parsed(&w, &inner).ech);
    assert_str(parsed(&w, &now).transport_parameters, "params");
    assert_str(parsed(&w, &draft).transport_parameters, "old");
    assert_true(parsed(&w, &outer).ech);
}

static void dtls_hello_has_a_cookie_and_counts_down(void **state)
{
    static const struct wire_hello hello = {.version = 0xfefd,
                                            .server_name = "media.test",
                                            .other_extension = 43,
                                            .other_body = "\x06\xfe\xfd\xfe\xfc\xfe\xff"};
    static const struct wire_hello old = {.version = 0xfeff};
    struct tls_client_hello h;
    struct wire w;

    (void)state;
    h = parsed(&w, &hello);
    assert_str(h.server_name, "media.test");
    assert_int_equal(h.legacy_version, 0xfefd);
    assert_int_equal(h.version, 0xfefc);
    assert_int_equal(cursor_left(&h.ciphers), 8);
    assert_int_equal(parsed(&w, &old).version, 0xfeff);
}

static void server_hello_is_read(void **state)
{
    static const struct wire_hello hello = {
        .cipher = 0x1302, .supported_version = 0x0304, .key_share_group = 29, .psk = true};
    struct tls_server_hello h;
    struct wire w = {.len = 0};

    (void)state;
    wire_server_hello(&w, &hello);
    assert_int_equal(tls_hello_parse_server(w.p, w.len, &h), 0);
    assert_false(h.malformed);
    assert_false(h.retry);
    assert_true(h.psk);
    assert_int_equal(h.legacy_version, 0x0303);
    assert_int_equal(h.version, 0x0304);
    assert_int_equal(h.cipher, 0x1302);
    assert_int_equal(h.group, 29);
    for (size_t len = 0; len < w.len; len++)
        if (tls_hello_parse_server(w.p, len, &h) == 0 && !h.malformed && len != 38)
            fail_msg("%zu of %zu bytes were taken for a whole hello", len, w.len);
}

static void retry_request_is_told_by_its_random(void **state)
{
    static const struct wire_hello hello = {.retry = true, .supported_version = 0x0304};
    struct tls_server_hello h;
    struct wire w = {.len = 0};

    (void)state;
    wire_server_hello(&w, &hello);
    assert_int_equal(tls_hello_parse_server(w.p, w.len, &h), 0);
    assert_true(h.retry);
}

/* Version, random, cipher, extensions: no session id, no compression. */
static void early_draft_server_hello(void **state)
{
    struct tls_server_hello h;
    struct wire w = {.len = 0};

    (void)state;
    wire_be(&w, 0x7f12, 2);
    wire_fill(&w, 0x22, 32);
    wire_be(&w, 0x1301, 2);
    wire_be(&w, 9, 2);
    wire_extension(&w, 40, "\x00\x1d\x00\x01k", 5);
    assert_int_equal(tls_hello_parse_server(w.p, w.len, &h), 0);
    assert_false(h.malformed);
    assert_int_equal(h.cipher, 0x1301);
    assert_int_equal(h.group, 29);
}

static void sslv2_hello_is_read(void **state)
{
    static const uint8_t body[] = {3,    1,    0, 3, 0, 2, 0, 4, /* version, three lengths */
                                   0,    0,    5,                /* a cipher */
                                   0xaa, 0xbb, 1, 2, 3, 4};
    struct tls_client_hello h;

    (void)state;
    assert_int_equal(tls_hello_parse_sslv2(body, sizeof body, &h), 0);
    assert_int_equal(h.version, 0x0301);
    assert_int_equal(h.session_id.len, 2);
    assert_int_equal((uint8_t)h.session_id.p[0], 0xaa);
    assert_int_equal(tls_hello_parse_sslv2(body, sizeof body - 1, &h), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_hello_is_read),
        cmocka_unit_test(cut_client_hello_is_noticed),
        cmocka_unit_test(broken_extension_spoils_only_itself),
        cmocka_unit_test(offers_are_noticed),
        cmocka_unit_test(dtls_hello_has_a_cookie_and_counts_down),
        cmocka_unit_test(server_hello_is_read),
        cmocka_unit_test(retry_request_is_told_by_its_random),
        cmocka_unit_test(early_draft_server_hello),
        cmocka_unit_test(sslv2_hello_is_read),
    };

    return cmocka_run_group_tests_name("parse/tls/tls_hello", tests, NULL, NULL);
}
