/* SPDX-License-Identifier: BSD-3-Clause */
/* A card with rules for a driver that has none, loaded in front of DPDK (LD_PRELOAD): the rules of
 * tests/unit/capture/dpdk_card.c, and every frame that the driver gives passes them first. */
#include "tests/unit/capture/dpdk_card.h"

#include <dlfcn.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdlib.h>

#define CARD_API __attribute__((visibility("default")))

static eth_rx_burst_t driver_burst;

static uint16_t burst(void *queue, struct rte_mbuf **frames, uint16_t max)
{
    uint16_t n = driver_burst(queue, frames, max), up = 0;

    for (uint16_t i = 0; i < n; i++) {
        if (dpdk_card_takes(rte_pktmbuf_mtod(frames[i], const uint8_t *), frames[i]->data_len))
            rte_pktmbuf_free(frames[i]);
        else
            frames[up++] = frames[i];
    }
    return up;
}

CARD_API int rte_eth_dev_start(uint16_t port)
{
    int (*start)(uint16_t);
    int r;

    *(void **)&start = dlsym(RTLD_NEXT, "rte_eth_dev_start");
    r = start ? start(port) : -1;
    if (r == 0) {
        driver_burst = rte_eth_fp_ops[port].rx_pkt_burst;
        rte_eth_fp_ops[port].rx_pkt_burst = burst;
    }
    dpdk_card.no_flags = getenv("DPDK_CARD_NO_FLAGS") != NULL;
    return r;
}
