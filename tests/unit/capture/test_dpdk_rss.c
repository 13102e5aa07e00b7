/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/dpdk_rss.h"

#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_thash.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint8_t key[DPDK_RSS_KEY_MAX];

static void test_lengths(void **state)
{
    (void)state;
    assert_int_equal(dpdk_rss_key(0, key), 40);
    assert_int_equal(dpdk_rss_key(52, key), 52);
    assert_int_equal(dpdk_rss_key(255, key), DPDK_RSS_KEY_MAX);
    assert_int_equal(key[0], 0x6d);
    assert_int_equal(key[DPDK_RSS_KEY_MAX - 1], 0x5a);
}

/* As the hardware hashes: the two ends of a flow in either order. */
static void test_both_directions_meet(void **state)
{
    uint32_t there[9] = {1, 2, 3, 4, 5, 6, 7, 8, 0x01bbc001}, back[9];
    uint32_t there4[3] = {0xc0000201, 0xc6336401, 0x01bbc001}, back4[3];

    (void)state;
    dpdk_rss_key(40, key);
    memcpy(back, there + 4, 16);
    memcpy(back + 4, there, 16);
    back[8] = 0xc00101bb;
    assert_int_equal(rte_softrss(there, 9, key), rte_softrss(back, 9, key));
    back4[0] = there4[1];
    back4[1] = there4[0];
    back4[2] = 0xc00101bb;
    assert_int_equal(rte_softrss(there4, 3, key), rte_softrss(back4, 3, key));
    back4[2] = 0xc00101bc;
    assert_int_not_equal(rte_softrss(there4, 3, key), rte_softrss(back4, 3, key));
}

static void test_fields(void **state)
{
    (void)state;
    assert_int_equal(dpdk_rss_fields(RTE_ETH_RSS_L2_PAYLOAD), 0);
    assert_int_equal(
        dpdk_rss_fields(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_L2_PAYLOAD),
        RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_both_directions_meet),
        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
