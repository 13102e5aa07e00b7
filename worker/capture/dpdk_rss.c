/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/dpdk_rss.h"

#include <rte_config.h>
#include <rte_ethdev.h>

uint64_t dpdk_rss_fields(uint64_t offered)
{
    return offered & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP);
}

uint8_t dpdk_rss_key(uint8_t wanted, uint8_t key[DPDK_RSS_KEY_MAX])
{
    static const uint8_t pair[2] = {0x6d, 0x5a};
    uint8_t bytes = wanted == 0                  ? DPDK_RSS_KEY_MIN
                    : wanted <= DPDK_RSS_KEY_MAX ? wanted
                                                 : (uint8_t)DPDK_RSS_KEY_MAX;

    for (unsigned i = 0; i < bytes; i++)
        key[i] = pair[i % 2];
    return bytes;
}
