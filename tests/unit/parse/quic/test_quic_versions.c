/* SPDX-License-Identifier: BSD-3-Clause */
/* Versions that differ, that are refused or exchanged, Google's before the standard, and
 * connections whose handshake nobody has seen. */
#include "tests/unit/parse/quic/talk.h"

static void test_version_negotiation(void **state)
{
    struct kind greased = {GREASE, V1, DCID, CLIENT, DCID};

    (void)state;
    send_client_hello(greased);
    send_hex(1,
             "80000000000"
             "5c1c2c3c4c5088394c8f03e515708"
             "000000011a2a3a4a",
             0);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 0);
    send_client_hello(to_server);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), "unknown-1a2a3a4a");
    assert_string_equal(quic(0, "history"), "USu"); /* it could be decrypted like version 1 */
    assert_string_equal(quic(1, "version"), "1");
    assert_string_equal(quic(1, "history"), "IS");
}

static void test_unfamiliar_version(void **state)
{
    (void)state;
    seal_long(&d, 0xc0, 0x12345678, DCID, CLIENT, 1200);
    flush(0);
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), "unknown-12345678");
    assert_string_equal(quic(0, "history"), "U");
    assert_string_equal(quic(0, "client_initial_dcid"), DCID);
}

/* The server answers in another version; the keys are still the first id's (RFC 9368). */
static void test_compatible_version(void **state)
{
    struct kind answer = {V2, V2, CLIENT, SERVER, DCID};
    struct kind then = {V2, V2, SERVER, CLIENT, DCID};
    struct seal ack = {.len = 0};

    (void)state;
    send_client_hello(to_server);
    send_server_hello(answer);
    seal_hex(&ack, "0200000000");
    initial(0, then, &ack, 1200);
    flush(0);
    fake_host_close(&h);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    assert_string_equal(quic(0, "version"), "1");
    assert_string_equal(quic(0, "history"), "ISisI");
    assert_int_equal(h.children[0].len[1], 90);
}

static void test_versions(void **state)
{
    static const uint32_t versions[] = {V2,         0xff000016, 0xff00001b, DRAFT_29,
                                        0xff000022, 0xfaceb001, 0xfaceb002, 0x709a50c4};

    (void)state;
    for (unsigned i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        struct kind k = {versions[i], versions[i], DCID, CLIENT, DCID};

        send_client_hello(k);
        fake_host_close(&h);
        assert_string_equal(quic(0, "history"), "IS");
        fake_host_fini(&h);
        setup(NULL);
    }
    fake_host_close(&h);
}

static void test_learned(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_LEARNED_ALPN, "h3-29");
    assert_string_equal(h.category, "web_quic");
    send_short(0);
    send_short(1);
    send_short(1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "learned"), "h3-29");
    assert_string_equal(quic(0, "version"), "-");
    assert_string_equal(quic(0, "client_scid"), "-");
    assert_string_equal(quic(0, "history"), "Ooo");
}

static void test_path(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_PATH_OF, "CHhAvVGS1DHFjwGM9");
    send_short(1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "path_of"), "CHhAvVGS1DHFjwGM9");
    assert_string_equal(quic(0, "history"), "o");
}

/* Then a handshake between the same ports: another connection. */
static void test_handshake_on_a_learned_flow(void **state)
{
    (void)state;
    fake_host_tell(&h, FACT_LEARNED_ALPN, "h3");
    send_short(1);
    send_client_hello(to_server);
    assert_int_equal(fake_host_count(&h, RECORD_quic), 1);
    fake_host_close(&h);
    assert_string_equal(quic(0, "history"), "o");
    assert_string_equal(quic(1, "history"), "IS");
    assert_string_equal(quic(1, "learned"), "-");
}

/* A CHLO with a name and a second tag. */
#define CHLO                                                                                       \
    "43484c4f02000000"                                                                             \
    "534e490004000000"                                                                             \
    "5645520008000000"                                                                             \
    "612e6f7251303436"

static void check_google(const char *version)
{
    fake_host_close(&h);
    assert_string_equal(quic(0, "version"), version);
    assert_string_equal(quic(0, "server_name"), "a.or");
    assert_string_equal(quic(0, "client_initial_dcid"), "aabbccddeeff0011");
    assert_string_equal(quic(0, "history"), "ISo");
    assert_string_equal(h.category, "web_quic");
    assert_int_equal(h.n_children, 0);
}

static void test_google_q046(void **state)
{
    (void)state;
    send_hex(0,
             "c35130343650aabbccddeeff001100000001"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "a0010020" CHLO,
             0);
    send_hex(1, "4001", 40);
    check_google("Q046");
}

static void test_google_q043(void **state)
{
    (void)state;
    send_hex(0,
             "09aabbccddeeff00115130343301"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "a0010020" CHLO,
             0);
    send_hex(1, "0001", 40);
    check_google("Q043");
}

/* Little endian, and a byte of flags behind the hash. */
static void test_google_q030(void **state)
{
    (void)state;
    send_hex(0,
             "0daabbccddeeff00115130333001"
             "eeeeeeeeeeeeeeeeeeeeeeee"
             "00"
             "a0012000" CHLO,
             0);
    send_hex(1, "0c01", 40);
    check_google("Q030");
}

static void test_google_q050(void **state)
{
    struct kind k = {0x51303530, 0x51303530, "aabbccddeeff0011", "", "aabbccddeeff0011"};
    struct seal frames = {.len = 0};

    (void)state;
    seal_hex(&frames, "080020" CHLO);
    initial(0, k, &frames, 1200);
    flush(0);
    send_hex(1, "4001", 40);
    check_google("Q050");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_version_negotiation),
        TEST(test_unfamiliar_version),
        TEST(test_compatible_version),
        TEST(test_versions),
        TEST(test_learned),
        TEST(test_path),
        TEST(test_handshake_on_a_learned_flow),
        TEST(test_google_q046),
        TEST(test_google_q043),
        TEST(test_google_q030),
        TEST(test_google_q050),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
