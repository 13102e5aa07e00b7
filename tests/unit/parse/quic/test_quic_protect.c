/* SPDX-License-Identifier: BSD-3-Clause */
/* Vectors of RFC 9001 appendix A and RFC 9369 appendix A. */
#include "tests/unit/parse/quic/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define V1 1u
#define V2 0x6b3343cfu

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    struct seal expected = {.len = 0};

    seal_hex(&expected, hex);
    assert_int_equal(len, expected.len);
    assert_memory_equal(bytes, expected.p, len);
}

static struct quic_keys keys_of(uint32_t version)
{
    struct quic_cid dcid = seal_cid("8394c8f03e515708");
    struct quic_keys k = {.version = NULL};

    quic_protect_keys(&k, quic_version_find(version), &dcid);
    return k;
}

/* RFC 9001 appendix A.1. */
static void test_keys_v1(void **state)
{
    struct quic_keys k = keys_of(V1);

    (void)state;
    assert_hex(k.side[0].key, 16, "1f369613dd76d5467730efcbe3b1a22d");
    assert_hex(k.side[0].iv, 12, "fa044b2f42a3fd3b46fb255c");
    assert_hex(k.side[0].hp, 16, "9f50449e04a0e810283a1e9933adedd2");
    assert_hex(k.side[1].key, 16, "cf3a5331653c364c88f0f379b6067e37");
    assert_hex(k.side[1].iv, 12, "0ac1493ca1905853b0bba03e");
    assert_hex(k.side[1].hp, 16, "c206b8d9b9f0f37644430b490eeaa314");
}

/* RFC 9369 appendix A.1. */
static void test_keys_v2(void **state)
{
    struct quic_keys k = keys_of(V2);

    (void)state;
    assert_hex(k.side[0].key, 16, "8b1a0bc121284290a29e0971b5cd045d");
    assert_hex(k.side[0].iv, 12, "91f73e2351d8fa91660e909f");
    assert_hex(k.side[0].hp, 16, "45b95e15235d6f45a6b19cbcb0294ba9");
    assert_hex(k.side[1].key, 16, "82db637861d55e1d011f19ea71d5d2a7");
    assert_hex(k.side[1].iv, 12, "dd13c276499c0249d3310652");
    assert_hex(k.side[1].hp, 16, "edf6d05c83121201b436e16877593c3a");
}

/* One flow's keys do not come back for another's connection id or version. */
static void test_keys_are_not_mixed_up(void **state)
{
    struct quic_cid other = seal_cid("8394c8f03e515709");
    struct quic_keys a = keys_of(V1), b = keys_of(V2), c = keys_of(V1);

    (void)state;
    assert_memory_not_equal(a.side, b.side, sizeof a.side);
    assert_memory_equal(a.side, c.side, sizeof a.side);
    quic_protect_keys(&c, quic_version_find(V1), &other);
    assert_memory_not_equal(a.side, c.side, sizeof a.side);
}

static struct quic_packet packet_of(const struct seal *s)
{
    struct cursor c = cursor_init(s->p, s->len);
    struct quic_packet p;

    assert_true(quic_packet_read(&c, &p));
    assert_int_equal(p.len, s->len);
    return p;
}

static const char server_frames[] =
    "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b9a045a12"
    "00130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a00"
    "2b00020304";

static void check_server(uint32_t version, const char *packet)
{
    struct quic_keys k = keys_of(version);
    struct seal s = {.len = 0};
    struct quic_packet p;
    struct quic_plain plain;

    seal_hex(&s, packet);
    p = packet_of(&s);
    assert_int_equal(p.type, QUIC_INITIAL);
    assert_true(quic_protect_open(&k, 1, &p, 0, &plain));
    assert_int_equal(plain.number, 1);
    assert_hex(plain.frames, plain.len, server_frames);
    assert_false(quic_protect_open(&k, 0, &p, 0, &plain));
    for (size_t i = 0; i < s.len; i++) { /* any bit counts, in the header as well */
        s.p[i] ^= 0x01;
        assert_false(i >= p.number_at && quic_protect_open(&k, 1, &p, 0, &plain));
        s.p[i] ^= 0x01;
    }
}

/* RFC 9001 appendix A.3, RFC 9369 appendix A.3. */
static void test_server_initial(void **state)
{
    (void)state;
    check_server(V1,
                 "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a"
                 "1c69797554780bb38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9"
                 "c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d"
                 "20398c276456cbc42158407dd074ee");
    check_server(V2,
                 "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d"
                 "9b89237bbf87263017915358230035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4c"
                 "fa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6881eaf21ceda98f4bd23f6fe1a"
                 "3e2c43edd9ce7ca84bed8521e2e140");
}

static const char client_frames[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
    "1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007"
    "000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f5"
    "0f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f0"
    "3e51570806048000ffff";

/* begin and end: what the RFC says of the packet that these frames become. */
static void check_client(uint32_t version, const char *begin, const char *end)
{
    struct quic_keys k = keys_of(version);
    struct seal frames = {.len = 0}, s = {.len = 0};
    struct seal_initial i = {.version = version,
                             .keys = version,
                             .dcid = "8394c8f03e515708",
                             .scid = "",
                             .key_cid = "8394c8f03e515708",
                             .number = 2,
                             .number_bytes = 4,
                             .padded_to = 1200};
    struct quic_packet p;
    struct quic_plain plain;

    seal_hex(&frames, client_frames);
    i.frames = frames.p;
    i.frames_len = frames.len;
    seal_initial(&s, &i);
    assert_int_equal(s.len, 1200);
    assert_hex(s.p, strlen(begin) / 2, begin);
    assert_hex(s.p + s.len - strlen(end) / 2, strlen(end) / 2, end);
    p = packet_of(&s);
    assert_true(quic_protect_open(&k, 0, &p, 0, &plain));
    assert_int_equal(plain.number, 2);
    assert_int_equal(plain.len, 1162);
    assert_hex(plain.frames, frames.len, client_frames);
}

/* RFC 9001 appendix A.2, RFC 9369 appendix A.2. */
static void test_client_initial(void **state)
{
    (void)state;
    check_client(V1, "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
                 "e221af44860018ab0856972e194cd934");
    check_client(V2, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
                 "a18b2faa745b6fe189cf772a9f84cbfc");
}

static void test_packet_number(void **state)
{
    const uint8_t ping[] = {1, 1, 1, 1};
    struct seal_initial i = {.version = V1,
                             .keys = V1,
                             .dcid = "8394c8f03e515708",
                             .scid = "",
                             .key_cid = "8394c8f03e515708",
                             .number = 0x1fffe,
                             .frames = ping,
                             .frames_len = sizeof ping};
    struct quic_keys k = keys_of(V1);
    struct seal s = {.len = 0};
    struct quic_packet p;
    struct quic_plain plain;

    (void)state;
    seal_initial(&s, &i);
    p = packet_of(&s);
    assert_false(quic_protect_open(&k, 0, &p, 0, &plain)); /* taken for 0xfffe */
    assert_true(quic_protect_open(&k, 0, &p, 0x1fff0, &plain));
    assert_int_equal(plain.number, 0x1fffe);
    assert_true(quic_protect_open(&k, 0, &p, 0x20003, &plain)); /* late */
    assert_int_equal(plain.number, 0x1fffe);
}

/* A packet that ends before its sample or tag is refused, not read beyond. */
static void test_cut(void **state)
{
    const uint8_t ping[] = {1, 1, 1, 1};
    struct seal_initial i = {.version = V1,
                             .keys = V1,
                             .dcid = "8394c8f03e515708",
                             .scid = "0102",
                             .key_cid = "8394c8f03e515708",
                             .frames = ping,
                             .frames_len = sizeof ping};
    struct quic_keys k = keys_of(V1);
    struct seal s = {.len = 0};
    struct quic_packet p;
    struct quic_plain plain;

    (void)state;
    seal_initial(&s, &i);
    p = packet_of(&s);
    for (p.len = p.number_at; p.len < s.len; p.len++)
        assert_false(quic_protect_open(&k, 0, &p, 0, &plain));
    assert_true(quic_protect_open(&k, 0, &p, 0, &plain));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_v1),
        cmocka_unit_test(test_keys_v2),
        cmocka_unit_test(test_keys_are_not_mixed_up),
        cmocka_unit_test(test_client_initial),
        cmocka_unit_test(test_server_initial),
        cmocka_unit_test(test_packet_number),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
