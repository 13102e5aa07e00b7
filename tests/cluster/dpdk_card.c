/* SPDX-License-Identifier: BSD-3-Clause */
/* A card with rules for a driver that has none, loaded in front of DPDK (LD_PRELOAD): the rules of
 * tests/unit/capture/dpdk_card.c, and every frame that the driver gives passes them first. Of
 * several processes the first, which owns the port, makes the rules, and all pass their frames
 * through them: the card lies in the file DPDK_CARD_FILE.
 *
 * What the driver loses before would look like a loss of the card's. So net_pcap gets room for some
 * seconds, instead of libpcap's own, which a busy machine overruns in milliseconds. */
#include "tests/unit/capture/dpdk_card.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CARD_API __attribute__((visibility("default")))

#define PCAP_BYTES (64 << 20)
#define BLOCK_MS   10

static eth_rx_burst_t driver_burst;

/* A card is done with what it drops: there is nothing only when the driver has nothing. */
static uint16_t burst(void *queue, struct rte_mbuf **frames, uint16_t max)
{
    uint16_t n, up = 0;

    do {
        n = driver_burst(queue, frames, max);
        for (uint16_t i = 0; i < n; i++) {
            if (dpdk_card_takes(rte_pktmbuf_mtod(frames[i], const uint8_t *), frames[i]->data_len))
                rte_pktmbuf_free(frames[i]);
            else
                frames[up++] = frames[i];
        }
    } while (n > 0 && up == 0);
    return up;
}

static void step_between(uint16_t port)
{
    driver_burst = rte_eth_fp_ops[port].rx_pkt_burst;
    rte_eth_fp_ops[port].rx_pkt_burst = burst;
}

/* The first process makes the file anew: a card that forgets its rules with its owner. */
static void share_card(const char *file, bool first)
{
    int fd = open(file, O_RDWR | O_CREAT, 0600);

    if (fd < 0 || (first && (pwrite(fd, &dpdk_card, sizeof dpdk_card, 0) != sizeof dpdk_card)) ||
        mmap(&dpdk_card, sizeof dpdk_card, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
            MAP_FAILED)
        abort();
    close(fd);
}

CARD_API int rte_eal_init(int argc, char **argv)
{
    const char *file = getenv("DPDK_CARD_FILE");
    int (*init)(int, char **);
    bool first;
    int r;

    *(void **)&init = dlsym(RTLD_NEXT, "rte_eal_init");
    r = init ? init(argc, argv) : -1;
    if (r < 0)
        return r;
    first = rte_eal_process_type() == RTE_PROC_PRIMARY;
    if (first)
        dpdk_card.no_flags = getenv("DPDK_CARD_NO_FLAGS") != NULL;
    if (file)
        share_card(file, first);
    if (!first)
        step_between(0);
    return r;
}

CARD_API int rte_eth_dev_start(uint16_t port)
{
    int (*start)(uint16_t);
    int r;

    *(void **)&start = dlsym(RTLD_NEXT, "rte_eth_dev_start");
    r = start ? start(port) : -1;
    if (r == 0)
        step_between(port);
    return r;
}

CARD_API pcap_t *pcap_open_live(const char *device, int snaplen, int promisc, int to_ms,
                                char *error)
{
    pcap_t *p = pcap_create(device, error);

    (void)to_ms;
    if (!p)
        return NULL;
    if (pcap_set_snaplen(p, snaplen) == 0 && pcap_set_promisc(p, promisc) == 0 &&
        pcap_set_timeout(p, BLOCK_MS) == 0 && pcap_set_buffer_size(p, PCAP_BYTES) == 0 &&
        pcap_activate(p) >= 0)
        return p;
    pcap_close(p);
    return NULL;
}
