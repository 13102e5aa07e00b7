/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/quic/seal.h"
#include "worker/parse/quic/quic_google.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define V1     1u
#define V2     0x6b3343cfu
#define GREASE 0x1a2a3a4au

static struct seal s;
static struct quic_packet p;

static bool read_packet(void)
{
    struct cursor c = cursor_init(s.p, s.len);

    return quic_packet_read(&c, &p);
}

static enum probe_result probe(void)
{
    return quic_probe(s.p, s.len, ANALYZER_UDP);
}

/* A client's first datagram, protected with the keys of one version, marked as another. */
static void client_initial_of(uint32_t version, uint32_t keys, const char *token, bool unfixed)
{
    const uint8_t ping[] = {1};
    struct seal_initial i = {.version = version,
                             .keys = keys,
                             .dcid = "8394c8f03e515708",
                             .scid = "0102",
                             .key_cid = "8394c8f03e515708",
                             .token = token,
                             .frames = ping,
                             .frames_len = sizeof ping,
                             .padded_to = 1200,
                             .unfixed = unfixed};

    s.len = 0;
    seal_initial(&s, &i);
}

static void client_initial(uint32_t version, uint32_t keys, const char *token)
{
    client_initial_of(version, keys, token, false);
}

static void test_fields(void **state)
{
    (void)state;
    client_initial(V1, V1, "token");
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_INITIAL);
    assert_int_equal(p.version, V1);
    assert_int_equal(p.dcid.len, 8);
    assert_int_equal(p.dcid.bytes[7], 0x08);
    assert_int_equal(p.scid.len, 2);
    assert_int_equal(p.number_at, 7 + 8 + 2 + 1 + 5 + 2);
    assert_int_equal(p.len, 1200);
    assert_true(p.has_token);
}

static void check_type(uint32_t version, unsigned bits, enum quic_type expected)
{
    s.len = 0;
    seal_long(&s, (uint8_t)(0xc0 | bits << 4), version, "11", "22", 40);
    if (expected == QUIC_INITIAL) { /* one more field: no token */
        s.p[9] = 0;
        s.p[10] = 30;
    }
    assert_true(read_packet());
    assert_int_equal(p.type, expected);
}

/* Types are other bits in version 2 (RFC 9369 section 3.2). */
static void test_types(void **state)
{
    static const enum quic_type v1[] = {QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE, QUIC_RETRY};
    static const enum quic_type v2[] = {QUIC_RETRY, QUIC_INITIAL, QUIC_ZERO_RTT, QUIC_HANDSHAKE};

    (void)state;
    for (unsigned bits = 0; bits < 4; bits++) {
        check_type(V1, bits, v1[bits]);
        check_type(V2, bits, v2[bits]);
    }
}

/* Retry of RFC 9001 appendix A.4 and RFC 9369 appendix A.4. */
static void test_retry(void **state)
{
    (void)state;
    s.len = 0;
    seal_hex(&s, "ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba");
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_RETRY);
    assert_int_equal(p.scid.len, 8);
    assert_int_equal(probe(), PROBE_SERVER);
    s.len = 0;
    seal_hex(&s, "cf6b3343cf0008f067a5502a4262b5746f6b656ec8646ce8bfe33952d955543665dcc7b6");
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_RETRY);
    assert_int_equal(probe(), PROBE_SERVER);
}

static void test_negotiation(void **state)
{
    (void)state;
    s.len = 0;
    seal_hex(&s, "80000000000211220433445566000000016b3343cf");
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_NEGOTIATION);
    assert_int_equal(probe(), PROBE_SERVER);
    s.len--; /* no whole versions */
    assert_false(read_packet());
    s.len = 0;
    seal_hex(&s, "800000000002112204334455660000000712345678"); /* none that there is */
    assert_int_equal(probe(), PROBE_NO);
}

static void test_lengths_that_cannot_be(void **state)
{
    (void)state;
    s.len = 0;
    seal_long(&s, 0xe0, V1, "11", "22", 19); /* no room for a sample */
    assert_false(read_packet());
    s.len = 0;
    seal_hex(&s, "e00000000115"); /* an id of 21 bytes */
    seal_fill(&s, 0, 60);
    assert_false(read_packet());
    s.len = 0;
    seal_hex(&s, "c000000001011101227fff"); /* token past the end */
    seal_fill(&s, 0, 60);
    assert_false(read_packet());
}

static void test_every_cut(void **state)
{
    (void)state;
    client_initial(V1, V1, "token");
    for (s.len = 0; s.len < 1200; s.len++) {
        assert_false(read_packet());
        assert_int_equal(probe(), PROBE_NO);
    }
    assert_true(read_packet());
}

static void test_probe_tells_the_client(void **state)
{
    (void)state;
    client_initial(V1, V1, NULL);
    assert_int_equal(probe(), PROBE_CLIENT);
    client_initial(V2, V2, NULL);
    assert_int_equal(probe(), PROBE_CLIENT);
    client_initial(V1, 0xff00001d, NULL); /* not by its own keys: a server's, or later */
    assert_int_equal(probe(), PROBE_EITHER);
    client_initial(V1, 0xff00001d, "t");
    assert_int_equal(probe(), PROBE_CLIENT);
    client_initial_of(V1, V1, NULL, true); /* without the fixed bit only what is proven */
    assert_int_equal(probe(), PROBE_CLIENT);
    s.p[100] ^= 1;
    assert_int_equal(probe(), PROBE_NO);
    s.len = 0;
    seal_long(&s, 0xd0, V1, "1122334455667788", "", 100); /* 0-RTT */
    assert_int_equal(probe(), PROBE_CLIENT);
    s.len = 0;
    seal_long(&s, 0xe0, V1, "1122334455667788", "", 100); /* Handshake */
    assert_int_equal(probe(), PROBE_EITHER);
}

/* Only what a client's first datagram looks like. */
static void test_probe_of_unfamiliar_versions(void **state)
{
    (void)state;
    client_initial(GREASE, V1, NULL);
    assert_int_equal(probe(), PROBE_CLIENT);
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_UNFAMILIAR);
    assert_true(p.number_at > 0);
    client_initial(0x12345678, V1, NULL);
    assert_int_equal(probe(), PROBE_CLIENT);
    s.p[19] ^= 0x20; /* the length does not fit any more */
    assert_int_equal(probe(), PROBE_NO);
    client_initial(0x12345678, V1, NULL);
    s.len = 1199;
    assert_int_equal(probe(), PROBE_NO);
    s.len = 0;
    seal_long(&s, 0xc0, GREASE, "1122", "", 1250); /* an id that no client begins with */
    assert_int_equal(probe(), PROBE_NO);
}

static void test_plausible(void **state)
{
    uint8_t d[21] = {0x40};

    (void)state;
    assert_true(quic_plausible(d, 21));
    assert_false(quic_plausible(d, 20));
    d[0] = 0x20;
    assert_true(quic_plausible(d, 21));
    d[0] = 0xc0;
    assert_false(quic_plausible(d, 21));
}

static void test_q046(void **state)
{
    (void)state;
    s.len = 0;
    seal_hex(&s, "c35130343650aabbccddeeff001100000001");
    seal_fill(&s, 0xee, 12); /* hash */
    seal_hex(&s, "a001000443484c4f00");
    assert_true(read_packet());
    assert_int_equal(p.type, QUIC_INITIAL);
    assert_int_equal(p.dcid.len, 8);
    assert_int_equal(p.scid.len, 0);
    assert_int_equal(probe(), PROBE_EITHER);
    assert_int_equal(cursor_left(&(struct cursor){p.bytes + 30, p.bytes + p.len, false}),
                     (size_t)(quic_google_frames(&p).end - quic_google_frames(&p).p));
}

static void test_public_header(void **state)
{
    (void)state;
    s.len = 0;
    seal_hex(&s, "09aabbccddeeff00115130343301");
    seal_fill(&s, 0xee, 12);
    assert_true(quic_google_read(s.p, s.len, &p));
    assert_int_equal(p.version, 0x51303433);
    assert_int_equal(p.dcid.len, 8);
    assert_int_equal(cursor_left(&(struct cursor){p.bytes, p.bytes + p.len, false}), 26);
    assert_int_equal(probe(), PROBE_CLIENT);
    s.p[0] = 0x08; /* no version */
    assert_int_equal(probe(), PROBE_NO);
    s.p[0] = 0x0b; /* a reset */
    assert_int_equal(probe(), PROBE_NO);
    s.p[0] = 0x09;
    s.p[12] = '9'; /* Q049 has a long header */
    s.p[11] = '4';
    assert_int_equal(probe(), PROBE_NO);
}

static void assert_name(uint32_t version, const char *expected)
{
    char name[QUIC_VERSION_NAME_MAX];

    quic_version_name(version, name);
    assert_string_equal(name, expected);
}

static void test_version_names(void **state)
{
    (void)state;
    assert_name(1, "1");
    assert_name(0x6b3343cf, "quicv2");
    assert_name(0xff00001d, "draft-29");
    assert_name(0xfaceb002, "mvfst (faceb002)");
    assert_name(0x51303436, "Q046");
    assert_name(0x54303531, "T051");
    assert_name(0x513034ff, "unknown-513034ff");
    assert_name(0x0a0a0a0a, "unknown-a0a0a0a");
    assert_name(0, "unknown-0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_lengths_that_cannot_be),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_probe_tells_the_client),
        cmocka_unit_test(test_probe_of_unfamiliar_versions),
        cmocka_unit_test(test_plausible),
        cmocka_unit_test(test_q046),
        cmocka_unit_test(test_public_header),
        cmocka_unit_test(test_version_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
