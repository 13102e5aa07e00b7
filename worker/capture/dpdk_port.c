/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port is asked for: all frames, whatever their length and address, as they were on the
 * wire, and both directions of a flow in one queue. That is what the key of the hash is for: it
 * repeats after 16 bits, so it makes no difference which end comes first.
 *
 * Each queue has frames of its own. Where another process reads it, that process can be killed at
 * any moment, so its frames are kept in a ring that nobody else takes from, without a cache: it has
 * no lock that would stay locked, and the owner can fill it again from the beginning. */
#include "worker/capture/dpdk_port.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/dpdk_frames.h"
#include "worker/capture/dpdk_eal.h"
#include "worker/capture/dpdk_rss.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_config.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define OFFLOADS  (RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)
#define JUMBO_MTU 9216u

int dpdk_port_find(struct dpdk_port *p, const struct heritage *h)
{
    p->id = (uint16_t)rte_eth_find_next_owned_by(0, RTE_ETH_DEV_NO_OWNER);
    if (p->id < RTE_MAX_ETHPORTS)
        return 0;
    log_error(
        "interface %s: DPDK cannot open it: what it said before tells why; if nothing, there is "
        "no driver of it in its folder of drivers",
        h->capture.name);
    return -ENODEV;
}

/* The frames of one queue. NULL after printing. */
static struct rte_mempool *make_pool(const struct dpdk_port *p, const struct heritage *h,
                                     uint16_t queue, unsigned mbufs)
{
    int node = rte_eth_dev_socket_id(p->id), socket = node < 0 ? SOCKET_ID_ANY : node;
    struct rte_mempool *pool;
    char name[16];

    snprintf(name, sizeof name, "frames-%u", (unsigned)queue);
    pool = p->guests ? rte_pktmbuf_pool_create_by_ops(name, mbufs, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                                      socket, "ring_sp_sc")
                     : rte_pktmbuf_pool_create(name, mbufs, DPDK_FRAMES_CACHE, 0,
                                               RTE_MBUF_DEFAULT_BUF_SIZE, socket);
    if (!pool)
        log_error("interface %s: no DPDK memory for %u frames of queue %u: raise dpdk_memory, or "
                  "lower dpdk_descriptors",
                  h->capture.name, mbufs, (unsigned)queue);
    return pool;
}

/* Both directions need a queue: drivers refuse a port that has none for sending. */
static int set_up_queues(struct dpdk_port *p, const struct heritage *h,
                         const struct rte_eth_dev_info *info)
{
    const struct heritage_dpdk *d = &h->capture.dpdk;
    uint16_t rx = (uint16_t)(d->descriptors < UINT16_MAX ? d->descriptors : UINT16_MAX);
    uint16_t tx = DPDK_FRAMES_TX;
    unsigned socket = (unsigned)rte_eth_dev_socket_id(p->id), mbufs;
    int r = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rx, &tx);

    if (r < 0)
        return dpdk_fail(h, "cannot set the length of the queue", r);
    mbufs = dpdk_frames(rx, strcmp(info->driver_name, "net_af_xdp") == 0);
    for (uint16_t q = 0; q < p->queues; q++) {
        p->pool[q] = make_pool(p, h, q, mbufs);
        if (!p->pool[q])
            return -ENOMEM;
        r = rte_eth_rx_queue_setup(p->id, q, rx, socket, NULL, p->pool[q]);
        if (r < 0)
            return dpdk_fail(h, "cannot set up the queue", r);
    }
    if (info->max_tx_queues > 0 && (r = rte_eth_tx_queue_setup(p->id, 0, tx, socket, NULL)) < 0)
        return dpdk_fail(h, "cannot set up the queue for sending", r);
    log_info("interface %s: DPDK driver %s, %u queue%s of %u descriptors, %u frames each, in %u "
             "MiB of %s pages: %s",
             h->capture.name, info->driver_name, (unsigned)p->queues, p->queues == 1 ? "" : "s",
             (unsigned)rx, mbufs, (unsigned)(d->memory_bytes >> 20),
             d->huge_pages ? "huge" : "small", d->sized_by);
    return 0;
}

/* Has the device share frames out to the queues. */
static void ask_for_rss(const struct dpdk_port *p, const struct heritage *h,
                        const struct rte_eth_dev_info *info, struct rte_eth_conf *conf,
                        uint8_t key[DPDK_RSS_KEY_MAX])
{
    uint64_t fields = dpdk_rss_fields(info->flow_type_rss_offloads);
    uint8_t bytes = dpdk_rss_key(info->hash_key_size, key);

    if (p->queues == 1)
        return;
    if (fields == 0) {
        log_warn("interface %s: its driver has no hash that shares flows out: who gets a frame is "
                 "the device's choice, and flows may be in pieces",
                 h->capture.name);
        return;
    }
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf =
        (struct rte_eth_rss_conf){.rss_key = key, .rss_key_len = bytes, .rss_hf = fields};
}

/* What a frame has around its payload, as the library counts it: the difference of two limits of
 * the driver, if it tells both. */
static uint32_t frame_overhead(const struct rte_eth_dev_info *info)
{
    if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
        return info->max_rx_pktlen - info->max_mtu;
    return RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
}

/* Frames as long as the device takes them, and as long as they fit: what is longer than an mbuf
 * needs a driver that can continue it in another. */
static uint32_t choose_mtu(const struct rte_eth_dev_info *info)
{
    uint32_t overhead = frame_overhead(info), mtu = JUMBO_MTU;

    if (mtu > info->max_mtu)
        mtu = info->max_mtu;
    if (mtu + overhead > info->max_rx_pktlen)
        mtu = info->max_rx_pktlen > overhead ? info->max_rx_pktlen - overhead : 0;
    return (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) && mtu > RTE_ETHER_MTU ? mtu : 0;
}

/* Has the device stamp its frames. Returns the offload for that. */
static uint64_t ask_for_stamps(const struct heritage *h, const struct rte_eth_dev_info *info)
{
    uint64_t flag;
    int offset;

    if (!h->options.dpdk_timestamps || !(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) ||
        rte_mbuf_dyn_rx_timestamp_register(&offset, &flag) < 0)
        return 0;
    return RTE_ETH_RX_OFFLOAD_TIMESTAMP;
}

static int configure(struct dpdk_port *p, const struct heritage *h,
                     const struct rte_eth_dev_info *info)
{
    struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
    uint8_t key[DPDK_RSS_KEY_MAX];
    int r;

    if (info->max_rx_queues < p->queues) {
        log_error("interface %s: it has %u queues, too few for %u workers: lower lb_procs",
                  h->capture.name, (unsigned)info->max_rx_queues, (unsigned)p->queues);
        return -EINVAL;
    }
    conf.rxmode.offloads = (info->rx_offload_capa & OFFLOADS) | ask_for_stamps(h, info);
    conf.rxmode.mtu = choose_mtu(info);
    ask_for_rss(p, h, info, &conf, key);
    conf.intr_conf.rxq = !p->guests; /* those of a driver are heard by its own process alone */
    r = rte_eth_dev_configure(p->id, p->queues, info->max_tx_queues > 0, &conf);
    if (r < 0 && conf.intr_conf.rxq) { /* some refuse that together with what they are bound to */
        conf.intr_conf.rxq = 0;
        r = rte_eth_dev_configure(p->id, p->queues, info->max_tx_queues > 0, &conf);
    }
    return r < 0 ? dpdk_fail(h, "cannot configure the port", r) : 0;
}

/* Two that start at once on one interface would both attach the program of net_af_xdp, and one
 * fail. The lock, on the program file, goes however the process ends. */
static int lock_start(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -errno;
}

int dpdk_port_start(struct dpdk_port *p, const struct heritage *h)
{
    struct rte_eth_dev_info info;
    int lock = lock_start(), r;

    if (lock < 0)
        return dpdk_fail(h, "cannot wait for the other workers", lock);
    r = rte_eth_dev_info_get(p->id, &info);
    if (r < 0)
        dpdk_fail(h, "cannot ask the driver", r);
    if (r == 0)
        r = configure(p, h, &info);
    if (r == 0)
        r = set_up_queues(p, h, &info);
    if (r == 0 && (r = rte_eth_dev_start(p->id)) < 0)
        dpdk_fail(h, "cannot start the port", r);
    close(lock);
    if (r < 0)
        return r;
    if (rte_eth_dev_get_vlan_offload(p->id) > 0) /* tags stay in the frames */
        (void)rte_eth_dev_set_vlan_offload(p->id, 0);
    if (h->capture.dpdk.promiscuous && (r = rte_eth_promiscuous_enable(p->id)) < 0)
        log_warn("interface %s: cannot be made promiscuous: %s", h->capture.name, rte_strerror(-r));
    return 0;
}

static void put_back(struct rte_mempool *pool, void *user, void *frame, unsigned number)
{
    (void)user;
    rte_pktmbuf_init(pool, NULL, frame, number);
    (void)rte_mempool_ops_enqueue_bulk(pool, &frame, 1);
}

int dpdk_port_renew(struct dpdk_port *p, uint16_t queue)
{
    struct rte_mempool *pool = p->pool[queue];
    int r = rte_eth_dev_rx_queue_stop(p->id, queue);
    uint32_t lost;

    if (r < 0)
        return r;
    /* The driver has given back its frames: those that still lack were the process's. */
    lost = rte_mempool_in_use_count(pool);
    rte_ring_reset(pool->pool_data);
    (void)rte_mempool_obj_iter(pool, put_back, NULL);
    r = rte_eth_dev_rx_queue_start(p->id, queue);
    return r < 0 ? r : (int)lost;
}
