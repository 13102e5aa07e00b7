/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/chunks.h"
#include "worker/parse/starttls/starttls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct fake_host h;

/* A flow, left in h. */
#define TALK(...) CHUNKS_RUN(&h, &analyzer_starttls, __VA_ARGS__)

#define HELLO "\x16\x03\x01\x02\x00\x01\x00"

static int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
}

static void assert_service(const char *service)
{
    if (!service) {
        assert_int_equal(h.n_services, 0);
        return;
    }
    if (h.n_services != 1)
        fail_msg("%u services, not %s", h.n_services, service);
    assert_string_equal(h.services[0], service);
}

static void assert_turned(const char *service)
{
    assert_service(service);
    if (!h.handed_over)
        fail_msg("%s: the turn to TLS was missed", service);
    assert_null(h.successor);
    assert_int_equal(h.n_records, 0);
}

static void assert_stayed(const char *service)
{
    assert_service(service);
    assert_false(h.handed_over);
}

static void assert_rest(unsigned side, const void *bytes, size_t len)
{
    assert_int_equal(h.rest_side, side);
    assert_int_equal(h.rest_len, len);
    assert_memory_equal(h.rest, bytes, len);
}

static void assert_left(unsigned side, const void *bytes, size_t len)
{
    assert_int_equal(h.left_len[side], len);
    assert_memory_equal(h.left[side], bytes, len);
}

static void test_smtp(void **state)
{
    (void)state;
    TALK(S("220 mx.example.net ESMTP\r\n"), C("EHLO me\r\n"),
         S("250-mx.example.net\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
         S("220 2.0.0 go ahead\r\n"));
    assert_turned("smtp");
    assert_int_equal(h.rest_len, 0);
}

static void test_smtp_stays_in_the_clear(void **state)
{
    (void)state;
    TALK(S("220-mx.example.net\r\n220 ESMTP\r\n"), C("HELO me\r\n"), S("250 hello\r\n"),
         C("MAIL FROM:<a@example.net>\r\n"), S("250 ok\r\n"), C("QUIT\r\n"), S("221 bye\r\n"));
    assert_stayed("smtp");
}

static void test_smtp_refuses(void **state)
{
    (void)state;
    TALK(S("220 mx\r\n"), C("EHLO me\r\n"), S("250 mx\r\n"), C("STARTTLS\r\n"),
         S("454 not now\r\n"), C("STARTTLS\r\n"), S("220-well\r\n"), S("220 go\r\n"));
    assert_turned("smtp");
}

static void test_ftp(void **state)
{
    (void)state;
    TALK(S("220 files\r\n"), C("AUTH TLS\r\n"), S("234 proceed\r\n"));
    assert_turned("ftp");
}

static void test_ftp_stays_in_the_clear(void **state)
{
    (void)state;
    TALK(S("220 (vsFTPd 3.0.3)\r\n"), C("USER anonymous\r\n"), S("331 password\r\n"),
         C("PASS x\r\n"), S("230 in\r\n"));
    assert_stayed("ftp");
}

static void test_pop3(void **state)
{
    (void)state;
    TALK(S("+OK ready\r\n"), C("CAPA\r\n"), S("+OK\r\nSTLS\r\n.\r\n"), C("STLS\r\n"),
         S("+OK begin\r\n"));
    assert_turned("pop3");
}

static void test_imap(void **state)
{
    (void)state;
    TALK(S("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), C("a1 CAPABILITY\r\n"),
         S("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"), C("a2 STARTTLS\r\n"),
         S("* 1 EXISTS\r\na1 OK late\r\na2 OK begin\r\n"));
    assert_turned("imap");
}

static void test_imap_refuses(void **state)
{
    (void)state;
    TALK(S("* OK ready\r\n"), C("a2 STARTTLS\r\n"), S("a2 BAD no\r\n"), C("a3 NOOP\r\n"),
         S("a3 OK\r\n"));
    assert_stayed("imap");
}

static void test_nntp(void **state)
{
    (void)state;
    TALK(S("200 news.example.net InterNetNews ready\r\n"), C("CAPABILITIES\r\n"),
         S("101 list:\r\nSTARTTLS\r\n.\r\n"), C("STARTTLS\r\n"), S("382 continue\r\n"));
    assert_turned("nntp");
}

static void test_managesieve(void **state)
{
    (void)state;
    TALK(S("\"IMPLEMENTATION\" \"Example1\"\r\n\"STARTTLS\"\r\nOK\r\n"), C("STARTTLS\r\n"),
         S("OK \"go\"\r\n"));
    assert_turned("managesieve");
}

static void test_xmpp(void **state)
{
    (void)state;
    TALK(C("<?xml version='1.0'?><stream:stream to='example.net' version='1.0'>"),
         S("<?xml version='1.0'?><stream:stream from='example.net'>"
           "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
           "</stream:features>"),
         C("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
         S("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
    assert_turned("xmpp");
}

static void test_postgresql(void **state)
{
    (void)state;
    TALK(C("\x00\x00\x00\x08\x04\xd2\x16\x2f"), S("S"));
    assert_turned("postgresql");
}

/* Encryption by GSSAPI is refused, then TLS is asked for. */
static void test_postgresql_asks_twice(void **state)
{
    (void)state;
    TALK(C("\x00\x00\x00\x08\x04\xd2\x16\x30"), S("N"), C("\x00\x00\x00\x08\x04\xd2\x16\x2f"),
         S("S"));
    assert_turned("postgresql");
}

static void test_postgresql_refuses(void **state)
{
    (void)state;
    TALK(C("\x00\x00\x00\x08\x04\xd2\x16\x2f"), S("N"), C("\x00\x00\x00\x09\x00\x03\x00\x00\x00"));
    assert_stayed("postgresql");
    assert_true(h.done);
}

#define MYSQL_GREETING                                                                             \
    "\x2d\x00\x00\x00\x0a"                                                                         \
    "8.0.36\x00"                                                                                   \
    "\x01\x00\x00\x00"                                                                             \
    "12345678\x00"                                                                                 \
    "\xff\xff\xff\x02\x00\xff\xdf\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"                     \
    "123456\x00"

static void test_mysql(void **state)
{
    (void)state;
    TALK(S(MYSQL_GREETING), C("\x20\x00\x00\x01\x05\xae\xff\x19\x00\x00\x00\x01\xff\x00\x00\x00"
                              "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                              "\x00\x00\x00\x00" HELLO));
    assert_turned("mysql");
    assert_left(0, HELLO, sizeof HELLO - 1);
}

static void test_mysql_in_the_clear(void **state)
{
    (void)state;
    TALK(S(MYSQL_GREETING), C("\x26\x00\x00\x01\x05\xa6\xff\x19"));
    assert_stayed("mysql");
}

static void test_ldap(void **state)
{
    (void)state;
    TALK(C("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
           "1.3.6.1.4.1.1466.20037"),
         S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"));
    assert_turned("ldap_tcp");
    fake_host_fini(&h);
    TALK(C("\x30\x84\x00\x00\x00\x1d\x02\x01\x01\x77\x18\x80\x16"
           "1.3.6.1.4.1.1466.20037"),
         S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"));
    assert_stayed("ldap_tcp"); /* result: protocolError */
}

static void test_rdp(void **state)
{
    (void)state;
    TALK(C("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"),
         S("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00"));
    assert_turned("rdp");
}

/* What the client sends before the answer is TLS if the answer is yes … */
static void test_early_hello(void **state)
{
    (void)state;
    TALK(S("220 mx\r\n"), C("EHLO me\r\n"), S("250 mx\r\n"), C("STARTTLS\r\n" HELLO),
         S("220 go\r\nHELLO"));
    assert_turned("smtp");
    assert_left(0, HELLO, sizeof HELLO - 1);
    assert_rest(1, "HELLO", 5);
}

/* … and more commands if it is no. */
static void test_early_commands(void **state)
{
    (void)state;
    TALK(S("220 mx\r\n"), C("EHLO me\r\n"), S("250 mx\r\n"), C("STARTTLS\r\nSTARTTLS\r\n"),
         S("454 no\r\n"), S("220 go\r\n"));
    assert_turned("smtp");
    assert_int_equal(h.left_len[0], 0);
}

static void test_client_alone(void **state)
{
    (void)state;
    TALK(C("EHLO me\r\n"), C("STARTTLS\r\n"), C(HELLO));
    assert_turned("smtp");
    assert_rest(0, HELLO, sizeof HELLO - 1);
    fake_host_fini(&h);
    TALK(C("\x00\x00\x00\x08\x04\xd2\x16\x2f"), C(HELLO));
    assert_turned("postgresql");
    assert_left(0, HELLO, sizeof HELLO - 1);
}

static void test_server_alone(void **state)
{
    (void)state;
    TALK(S("220 mx\r\n"), S("250 STARTTLS\r\n"), S("220 go\r\n"), S(HELLO));
    assert_turned(NULL); /* mail or files: the client would have told */
    assert_rest(1, HELLO, sizeof HELLO - 1);
}

/* An empty piece tells nothing, at whatever time it comes. */
static void test_empty_pieces(void **state)
{
    (void)state;
    TALK(C(""), S(""), S("220 mx\r\n"), C(""), C("EHLO me\r\n"), S(""), S("250 mx\r\n"),
         C("STARTTLS\r\n"), S(""), C(""), S("220 go\r\n"));
    assert_turned("smtp");
}

/* A client that speaks something else has its bytes detected anew, all of them. */
static void test_another_client(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: mx\r\n\r\n";

    (void)state;
    TALK(S("220 mx\r\n"), C("GET / HT"), C("TP/1.1\r\nHost: mx\r\n\r\n"));
    assert_turned(NULL);
    assert_left(0, request, strlen("GET / HTTP/1.1\r\n"));
    assert_rest(0, "Host: mx\r\n\r\n", strlen("Host: mx\r\n\r\n"));
}

static void test_gap(void **state)
{
    (void)state;
    fake_host_open(&h, &analyzer_starttls, ANALYZER_TCP);
    fake_host_data(&h, 1, "220 mx\r\n", 8);
    fake_host_data(&h, 0, "EHLO me\r\n", 9);
    fake_host_data(&h, 1, "250-m", 5);
    fake_host_gap(&h, 1, 100);
    fake_host_data(&h, 1, "0 x\r\n", 5); /* the end of an unknown line */
    fake_host_data(&h, 0, "STARTTLS\r\n", 10);
    fake_host_data(&h, 1, "220 go\r\n", 8);
    fake_host_close(&h);
    assert_turned("smtp");
}

/* A long talk is left alone: nobody asks for TLS after the first mail. */
static void test_bound(void **state)
{
    char line[100];

    (void)state;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    fake_host_open(&h, &analyzer_starttls, ANALYZER_TCP);
    fake_host_data(&h, 1, "220 mx\r\n", 8);
    fake_host_data(&h, 0, "EHLO me\r\n", 9);
    fake_host_data(&h, 1, "250 mx\r\n", 8);
    for (unsigned i = 0; i < 1000 && !h.done; i++)
        fake_host_data(&h, 0, line, sizeof line);
    assert_true(h.done);
    fake_host_close(&h);
    assert_stayed("smtp");
}

static void test_splits(void **state)
{
    static const struct fake_chunk smtp[] = {S("220 mx.example.net ESMTP\r\n"), C("EHLO me\r\n"),
                                             S("250-mx\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
                                             S("220 go\r\n")};
    static const struct fake_chunk ldap[] = {
        C("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
          "1.3.6.1.4.1.1466.20037"),
        S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")};
    static const struct fake_chunk rdp[] = {
        C("\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"),
        S("\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00\x02\x00\x08\x00\x02\x00\x00\x00")};

    (void)state;
    fake_host_check_splits(&analyzer_starttls, ANALYZER_TCP, smtp, 5);
    fake_host_check_splits(&analyzer_starttls, ANALYZER_TCP, ldap, 2);
    fake_host_check_splits(&analyzer_starttls, ANALYZER_TCP, rdp, 2);
    memset(&h, 0, sizeof h);
}

static void test_probe(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum probe_result is;
    } cases[] = {
#define CASE(text, result) {text, sizeof(text) - 1, result}
        {NULL, 0, PROBE_MORE},
        CASE("2", PROBE_MORE),
        CASE("220 mx", PROBE_MORE),
        CASE("220 mx\r\n", PROBE_SERVER),
        CASE("220 m\x01x\r\n", PROBE_NO),
        CASE("221 mx\r\n", PROBE_NO),
        CASE("+OK\r\n", PROBE_SERVER),
        CASE("* OK hi\r\n", PROBE_SERVER),
        CASE("200 nothing\r\n", PROBE_NO),
        CASE("200 news server ready\r\n", PROBE_SERVER),
        CASE("EHLO me\r\n", PROBE_CLIENT),
        CASE("AUTH TLS\r\n", PROBE_CLIENT),
        CASE("AUTH PLAIN\r\n", PROBE_NO),
        CASE("a001 STARTTLS\r\n", PROBE_CLIENT),
        CASE("a001 LOG", PROBE_MORE),
        CASE("GET / HTTP/1.1\r\n", PROBE_NO),
        CASE("GET / HTTP/1.1", PROBE_NO),
        CASE("SSH-2.0-x\r\n", PROBE_NO),
        CASE("USER me\r\n", PROBE_NO), /* of several protocols */
        CASE("<?xml version='1.0'?>", PROBE_MORE),
        CASE("<?xml version='1.0'?> <stream:stream to='x'>", PROBE_EITHER),
        CASE("<?xml version='1.0'?><html>", PROBE_NO),
        CASE("<html>", PROBE_NO),
        CASE("\x00\x00\x00\x08\x04\xd2\x16\x2f", PROBE_CLIENT),
        CASE("\x00\x00\x00\x08\x04\xd2", PROBE_MORE),
        CASE("\x00\x00\x00\x08\x04\xd2\x16\x31", PROBE_NO),
        CASE(MYSQL_GREETING, PROBE_SERVER),
        CASE("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", PROBE_NO), /* bind */
        CASE("\x16\x03\x01\x02\x00\x01\x00", PROBE_NO),
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t *p = (const uint8_t *)cases[i].bytes;
        enum probe_result is = analyzer_starttls.probe(p, cases[i].len, ANALYZER_TCP);

        if (is != cases[i].is)
            fail_msg("case %zu: %d, not %d", i, (int)is, (int)cases[i].is);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_smtp),
        TEST(test_smtp_stays_in_the_clear),
        TEST(test_smtp_refuses),
        TEST(test_ftp),
        TEST(test_ftp_stays_in_the_clear),
        TEST(test_pop3),
        TEST(test_imap),
        TEST(test_imap_refuses),
        TEST(test_nntp),
        TEST(test_managesieve),
        TEST(test_xmpp),
        TEST(test_postgresql),
        TEST(test_postgresql_asks_twice),
        TEST(test_postgresql_refuses),
        TEST(test_mysql),
        TEST(test_mysql_in_the_clear),
        TEST(test_ldap),
        TEST(test_rdp),
        TEST(test_early_hello),
        TEST(test_early_commands),
        TEST(test_client_alone),
        TEST(test_server_alone),
        TEST(test_empty_pieces),
        TEST(test_another_client),
        TEST(test_gap),
        TEST(test_bound),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
