/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/ethtool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TOEPLITZ = 1, XOR = 2, CRC32 = 4 };

/* The Toeplitz hash as network cards compute it: for each bit of the input that is set, the 32 bits
 * of the key that begin at its place. */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *in, unsigned n)
{
    uint32_t hash = 0;

    for (unsigned bit = 0; bit < n * 8; bit++) {
        uint32_t window = 0;

        if (!(in[bit / 8] & 0x80 >> bit % 8))
            continue;
        for (unsigned i = bit; i < bit + 32; i++)
            window = window << 1 | (key[i / 8] >> (7 - i % 8) & 1);
        hash ^= window;
    }
    return hash;
}

/* The verification suite of Microsoft's description of receive side scaling ("RSS hashing types"):
 * the key that most drivers begin with, and a packet with its hash. */
static const uint8_t usual_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                      0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                      0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                      0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
static const uint8_t forth[12] = {66,  9,  149,       187,        161,       142,
                                  100, 80, 2794 >> 8, 2794 & 255, 1766 >> 8, 1766 & 255};
static const uint8_t back[12] = {161, 142, 100,       80,         66,        9,
                                 149, 187, 1766 >> 8, 1766 & 255, 2794 >> 8, 2794 & 255};

static void test_key_makes_symmetric(void **state)
{
    struct ethtool_rss rss = {.hash = TOEPLITZ, .key_bytes = sizeof usual_key};

    (void)state;
    memcpy(rss.key, usual_key, sizeof usual_key);
    assert_int_equal(toeplitz(rss.key, forth, sizeof forth), 0x51ccc178);
    assert_false(ethtool_rss_is_symmetric(&rss));
    assert_int_not_equal(toeplitz(rss.key, forth, sizeof forth),
                         toeplitz(rss.key, back, sizeof back));
    ethtool_rss_make_symmetric(&rss);
    assert_true(ethtool_rss_is_symmetric(&rss));
    assert_int_equal(toeplitz(rss.key, forth, sizeof forth), toeplitz(rss.key, back, sizeof back));
    assert_int_equal(rss.transform, 0);
}

static void test_transformation_where_no_key_helps(void **state)
{
    struct ethtool_rss crc = {.hash = CRC32, .key_bytes = 4, .key = {1, 2, 1, 2}};
    struct ethtool_rss keyless = {.hash = TOEPLITZ};

    (void)state;
    assert_false(ethtool_rss_is_symmetric(&crc)); /* however the key is */
    assert_false(ethtool_rss_is_symmetric(&keyless));
    ethtool_rss_make_symmetric(&crc);
    ethtool_rss_make_symmetric(&keyless);
    assert_true(ethtool_rss_is_symmetric(&crc));
    assert_true(ethtool_rss_is_symmetric(&keyless));
    assert_int_equal(crc.key[0], 1);
}

static void test_xor_is_symmetric(void **state)
{
    struct ethtool_rss rss = {.hash = XOR, .key_bytes = 4, .key = {1, 2, 3, 4}};

    (void)state;
    assert_true(ethtool_rss_is_symmetric(&rss));
}

static void test_no_such_interface(void **state)
{
    char driver[ETHTOOL_NAME_BYTES];
    struct ethtool_queues q;
    struct ethtool_rss rss;

    (void)state;
    assert_int_equal(ethtool_queues_get("no-such-link", &q), -ENODEV);
    assert_int_equal(ethtool_queues_set("no-such-link", 1), -ENODEV);
    assert_int_equal(ethtool_rss_get("no-such-link", &rss), -ENODEV);
    ethtool_driver("no-such-link", driver);
    assert_string_equal(driver, "?");
}

/* The loopback interface answers no such command, and has one queue. */
static void test_driver_without_answers(void **state)
{
    struct ethtool_queues q;
    struct ethtool_rss rss;

    (void)state;
    assert_int_equal(ethtool_queues_get("lo", &q), 0);
    assert_int_equal(q.rx, 1);
    assert_int_equal(q.rx_max, 0);
    assert_int_equal(ethtool_rss_get("lo", &rss), -EOPNOTSUPP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_makes_symmetric),
        cmocka_unit_test(test_transformation_where_no_key_helps),
        cmocka_unit_test(test_xor_is_symmetric),
        cmocka_unit_test(test_no_such_interface),
        cmocka_unit_test(test_driver_without_answers),
    };

    return cmocka_run_group_tests_name("ethtool", tests, NULL, NULL);
}
