/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK: frames from a driver in this process. The worker is a DPDK application of its own, with one
 * port and one receive queue; which vdev gives it which queue the manager has decided.
 *
 * All that needs root is done before it is given up: the environment takes its memory, the port is
 * set up and started. After that the packet path is the driver's function and our batch.
 *
 * Some devices stamp their frames with the time (dpdk_clock.h). Of others it is only known that a
 * frame came since the driver was asked before: the times of a burst are spread evenly over that.
 * One time for all would make a short flow have none.
 *
 * Frames are lent in the mbufs that the driver filled, which are freed at release. A frame that
 * lies in several is copied together, in a buffer that holds those of one batch; of one for which
 * there is no room left, the first piece is all that is lent. */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/filter.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "worker/capture/dpdk_args.h"
#include "worker/capture/dpdk_clock.h"
#include "worker/capture/dpdk_interrupt.h"
#include "worker/capture/dpdk_power.h"
#include "worker/capture/frame_filter.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define QUEUE          0
#define DESCRIPTORS    4096u
#define CACHE          256u
#define DRIVER_MBUFS   8192u /* net_af_xdp keeps so many in its own rings, however long the queue */
#define JOINED_BYTES   (512u * 1024)
#define CLOCK_PAUSE_NS 20000000L /* between two readings of a device's clock */
#define OFFLOADS       (RTE_ETH_RX_OFFLOAD_CHECKSUM | RTE_ETH_RX_OFFLOAD_SCATTER)

/* The port, between prepare and open. */
static struct {
    uint16_t id;
    struct rte_mempool *pool;
    uint64_t stamp_flag; /* of mbufs that have a time stamp; 0: none has */
    int stamp_offset;
    bool stamp_runs; /* in ticks of the device's clock */
    struct dpdk_clock clock;
    struct dpdk_interrupt interrupt;
    struct dpdk_power power;
} port;

struct capture {
    uint16_t port;
    const char *interface;
    struct rte_mbuf *held[CAPTURE_BATCH_MAX];
    uint32_t held_n;
    uint32_t early_n;  /* of held, not handed out: they came before a sleep was begun */
    uint64_t asked_ns; /* when the driver was asked last, since 1970 */
    uint32_t snaplen;
    bool gone; /* reported */
    uint8_t *joined;
    uint32_t joined_bytes; /* of this batch */
    struct filter *filter;
    struct counters *counters;
    struct counters base; /* what a predecessor had counted */
};

static int fail(const struct heritage *h, const char *what, int r)
{
    log_error("interface %s: DPDK %s: %s", h->capture.name, what, rte_strerror(-r));
    return r;
}

/* EAL makes the folder even if it has nothing to put in it. */
static void remove_runtime_folder(void)
{
    const char *dir = rte_eal_get_runtime_dir();

    if (dir)
        (void)rmdir(dir);
}

static int begin_eal(const struct heritage *h)
{
    static struct dpdk_args args;
    cpu_set_t cores;

    if (sched_getaffinity(0, sizeof cores, &cores) < 0)
        return fail(h, "cannot ask for the worker's cores", -errno);
    dpdk_args_build(&args, h, &cores);
    if (rte_eal_init(args.argc, args.argv) < 0) {
        log_error("interface %s: DPDK does not start with %s: %s; what it said before tells more",
                  h->capture.name, h->capture.dpdk.device, rte_strerror(rte_errno));
        return -EIO;
    }
    remove_runtime_folder();
    return 0;
}

static int find_port(const struct heritage *h)
{
    port.id = (uint16_t)rte_eth_find_next_owned_by(0, RTE_ETH_DEV_NO_OWNER);
    if (port.id < RTE_MAX_ETHPORTS)
        return 0;
    log_error(
        "interface %s: DPDK cannot open it: what it said before tells why; if nothing, there is "
        "no driver of it in its folder of drivers",
        h->capture.name);
    return -ENODEV;
}

/* Both directions need a queue: drivers refuse a port that has none for sending. */
static int set_up_queues(const struct heritage *h, const struct rte_eth_dev_info *info)
{
    uint32_t wanted = h->capture.dpdk.descriptors;
    uint16_t rx = (uint16_t)(wanted ? wanted : DESCRIPTORS), tx = 512;
    int socket = rte_eth_dev_socket_id(port.id), r;
    unsigned mbufs;

    if ((r = rte_eth_dev_adjust_nb_rx_tx_desc(port.id, &rx, &tx)) < 0)
        return fail(h, "cannot set the length of the queue", r);
    mbufs = 2u * rx + tx + DRIVER_MBUFS + 2 * CAPTURE_BATCH_MAX + 2 * CACHE;
    port.pool = rte_pktmbuf_pool_create("frames", mbufs, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
                                        socket < 0 ? SOCKET_ID_ANY : socket);
    if (!port.pool) {
        log_error("interface %s: no DPDK memory for %u frames: raise dpdk_memory", h->capture.name,
                  mbufs);
        return -ENOMEM;
    }
    if ((r = rte_eth_rx_queue_setup(port.id, QUEUE, rx, (unsigned)socket, NULL, port.pool)) < 0 ||
        (info->max_tx_queues > 0 &&
         (r = rte_eth_tx_queue_setup(port.id, QUEUE, tx, (unsigned)socket, NULL)) < 0))
        return fail(h, "cannot set up the queue", r);
    log_info("interface %s: DPDK driver %s, %u descriptors, %u frames in %u MiB of %s pages",
             h->capture.name, info->driver_name, (unsigned)rx, mbufs,
             (unsigned)(h->capture.dpdk.memory_bytes >> 20),
             h->capture.dpdk.huge_pages ? "huge" : "small");
    return 0;
}

/* What drivers without a clock of the device's own stamp frames with, in nanoseconds since 1970. */
static const struct {
    const char *driver;
    uint64_t tick_ns;
} stamping_drivers[] = {{"net_pcap", 1000}};

/* Has the device stamp its frames, before it is configured. Returns the offload for that. */
static uint64_t ask_for_stamps(const struct heritage *h, const struct rte_eth_dev_info *info)
{
    if (!h->options.dpdk_timestamps || !(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) ||
        rte_mbuf_dyn_rx_timestamp_register(&port.stamp_offset, &port.stamp_flag) < 0)
        return 0;
    return RTE_ETH_RX_OFFLOAD_TIMESTAMP;
}

/* Finds out what its stamps are. Those of a clock that cannot be read are of no use. */
static void begin_clock(const struct heritage *h, const struct rte_eth_dev_info *info)
{
    const struct timespec pause = {0, CLOCK_PAUSE_NS};
    int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    uint64_t ticks;

    port.stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    port.stamp_flag = 0;
    if (!h->options.dpdk_timestamps || flag < 0 || port.stamp_offset < 0)
        return;
    for (size_t i = 0; i < sizeof stamping_drivers / sizeof stamping_drivers[0]; i++) {
        if (strcmp(info->driver_name, stamping_drivers[i].driver) == 0) {
            dpdk_clock_init_fixed(&port.clock, stamping_drivers[i].tick_ns);
            port.stamp_flag = UINT64_C(1) << flag;
        }
    }
    for (int i = 0; i < 2 && port.stamp_flag == 0; i++) {
        if (rte_eth_read_clock(port.id, &ticks) < 0)
            return;
        dpdk_clock_sample(&port.clock, ticks, clock_wall_ns());
        if (i == 0)
            nanosleep(&pause, NULL);
    }
    port.stamp_runs = port.stamp_flag == 0;
    if (port.clock.rate > 0)
        port.stamp_flag = UINT64_C(1) << flag;
}

static int start_port(const struct heritage *h)
{
    struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
    struct rte_eth_dev_info info;
    int r = rte_eth_dev_info_get(port.id, &info);

    if (r < 0)
        return fail(h, "cannot ask the driver", r);
    conf.rxmode.offloads = (info.rx_offload_capa & OFFLOADS) | ask_for_stamps(h, &info);
    conf.intr_conf.rxq = 1;
    r = rte_eth_dev_configure(port.id, 1, info.max_tx_queues > 0, &conf);
    if (r < 0) { /* some refuse that together with what else they are bound to */
        conf.intr_conf.rxq = 0;
        r = rte_eth_dev_configure(port.id, 1, info.max_tx_queues > 0, &conf);
    }
    if (r < 0)
        return fail(h, "cannot configure the port", r);
    r = set_up_queues(h, &info);
    if (r < 0)
        return r;
    r = rte_eth_dev_start(port.id);
    if (r < 0)
        return fail(h, "cannot start the port", r);
    r = dpdk_interrupt_open(&port.interrupt, port.id, QUEUE);
    if (r < 0 && r != -ENOTSUP)
        return fail(h, "cannot wait for interrupts", r);
    begin_clock(h, &info);
    if (h->options.promiscuous && (r = rte_eth_promiscuous_enable(port.id)) < 0)
        log_warn("interface %s: cannot be made promiscuous: %s", h->capture.name, rte_strerror(-r));
    return 0;
}

/* One worker at a time: of two that start at once on one interface, both would attach the program
 * of net_af_xdp, and one fail. The lock, on the program file, goes however the process ends. */
static int start_alone(const struct heritage *h)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), r;

    if (fd < 0 || flock(fd, LOCK_EX) < 0)
        r = fail(h, "cannot wait for the other workers", -errno);
    else
        r = start_port(h);
    if (fd >= 0)
        close(fd);
    return r;
}

static int dpdk_prepare(const struct heritage *h)
{
    int r = begin_eal(h);

    if (r == 0)
        r = find_port(h);
    if (r == 0)
        r = start_alone(h);
    if (r == 0)
        dpdk_power_open(&port.power, h, "");
    return r;
}

/* Copies the pieces together, as many bytes as there is room for. */
static void join(struct capture *c, struct frame *f, const struct rte_mbuf *m)
{
    uint8_t *to = c->joined + c->joined_bytes;
    uint32_t room = JOINED_BYTES - c->joined_bytes, bytes = 0;

    if (room <= f->caplen)
        return;
    for (const struct rte_mbuf *piece = m; piece && bytes < room; piece = piece->next) {
        uint32_t n = piece->data_len < room - bytes ? piece->data_len : room - bytes;

        memcpy(to + bytes, rte_pktmbuf_mtod(piece, const uint8_t *), n);
        bytes += n;
    }
    f->data = to;
    f->caplen = bytes;
    c->joined_bytes += bytes;
    c->counters->capture_joined++;
}

static void fill_frame(struct capture *c, struct frame *f, const struct rte_mbuf *m, uint64_t ts_ns)
{
    *f = (struct frame){.data = rte_pktmbuf_mtod(m, const uint8_t *),
                        .caplen = m->data_len,
                        .wirelen = m->pkt_len,
                        .ts_ns = ts_ns,
                        .linktype = LINKTYPE_ETHERNET};
    if (m->ol_flags & port.stamp_flag)
        f->ts_ns = dpdk_clock_ns(
            &port.clock, *RTE_MBUF_DYNFIELD(m, port.stamp_offset, const rte_mbuf_timestamp_t *));
    if (m->nb_segs > 1)
        join(c, f, m);
    if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
        f->vlan_tci = m->vlan_tci;
    if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        f->checksum = FRAME_CHECKSUM_GOOD;
}

/* Whether the frame is one that the user's filter lets through, which looks at it whole; cuts it.
 */
static bool passes(struct capture *c, struct frame *f)
{
    if (c->filter && !filter_match(c->filter, f->data, f->caplen, f->wirelen)) {
        c->counters->capture_filtered++;
        return false;
    }
    if (f->caplen > c->snaplen)
        f->caplen = c->snaplen;
    c->counters->capture_truncated += f->caplen < f->wirelen;
    return true;
}

/* Fills held, also with what was found before a sleep. */
static void ask(struct capture *c, uint32_t max)
{
    if (c->early_n == 0) {
        c->held_n = rte_eth_rx_burst(c->port, QUEUE, c->held, (uint16_t)max);
    } else {
        CHECK(c->early_n <= max);
        c->held_n = c->early_n;
        c->early_n = 0;
    }
    if (c->held_n > 0 && port.interrupt.armed)
        dpdk_interrupt_disarm(&port.interrupt);
}

static int dpdk_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = 0;

    if (max > CAPTURE_BATCH_MAX)
        max = CAPTURE_BATCH_MAX;
    /* Frames that the filter leaves out do not make it look as if there were none. */
    do {
        uint64_t before = c->asked_ns, step;

        ask(c, max);
        c->asked_ns = clock_wall_ns();
        dpdk_power_follow(&port.power, c->held_n, c->asked_ns, c->counters);
        if (c->held_n == 0)
            return c->gone ? -ENODEV : 0;
        step = c->asked_ns > before ? (c->asked_ns - before) / c->held_n : 0;
        for (uint32_t i = 0; i < c->held_n; i++) {
            fill_frame(c, &out[n], c->held[i], c->asked_ns - step * (c->held_n - 1 - i));
            n += passes(c, &out[n]);
        }
        if (n == 0) {
            rte_pktmbuf_free_bulk(c->held, c->held_n);
            c->held_n = c->joined_bytes = 0;
        }
    } while (n == 0);
    return (int)n;
}

static void dpdk_release(struct capture *c)
{
    rte_pktmbuf_free_bulk(c->held, c->held_n);
    c->held_n = 0;
    c->joined_bytes = 0;
}

/* A frame that came before the interrupt was enabled would wake nobody. */
static int dpdk_wait_fd(struct capture *c)
{
    if (port.interrupt.fd < 0)
        return -1;
    if (c->early_n == 0 && dpdk_interrupt_arm(&port.interrupt))
        c->early_n = rte_eth_rx_burst(c->port, QUEUE, c->held, CAPTURE_BATCH_MAX);
    return c->early_n > 0 ? CAPTURE_ASK_AGAIN : port.interrupt.fd;
}

/* The device counts from the worker's start. */
static void dpdk_stats(struct capture *c)
{
    struct counters *to = c->counters;
    struct rte_eth_stats now;
    uint64_t ticks;

    if (port.stamp_runs && rte_eth_read_clock(c->port, &ticks) == 0)
        dpdk_clock_sample(&port.clock, ticks, clock_wall_ns());
    if (!c->gone && rte_eth_dev_is_removed(c->port)) {
        log_error("interface %s was removed: restart when it is back", c->interface);
        c->gone = true;
    }
    if (rte_eth_stats_get(c->port, &now) < 0)
        return;
    to->capture_kernel_drops = c->base.capture_kernel_drops + now.imissed;
    to->capture_broken = c->base.capture_broken + now.ierrors;
    to->capture_no_buffer = c->base.capture_no_buffer + now.rx_nombuf;
    to->capture_link = to->capture_packets + to->capture_filtered + to->capture_kernel_drops +
                       to->capture_broken + to->capture_no_buffer;
}

static void dpdk_close(struct capture *c)
{
    if (c->filter)
        filter_free(c->filter);
    free(c->joined);
    free(c);
    dpdk_interrupt_close(&port.interrupt);
    dpdk_power_close(&port.power);
    (void)rte_eth_dev_stop(port.id);
}

static int dpdk_open(struct capture **out, const struct heritage *h, struct counters *counters)
{
    struct capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    c->port = port.id;
    c->interface = h->capture.name;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->counters = counters;
    c->base = *counters;
    c->asked_ns = clock_wall_ns();
    c->joined = malloc(JOINED_BYTES);
    r = c->joined
            ? frame_filter_compile(&c->filter, h->options.filter, LINKTYPE_ETHERNET, c->interface)
            : -ENOMEM;
    if (r < 0) {
        dpdk_close(c);
        return r;
    }
    *out = c;
    return 0;
}

const struct capture_ops capture_dpdk = {
    .kind = CAPTURE_DPDK,
    .name = "dpdk",
    .prepare = dpdk_prepare,
    .open = dpdk_open,
    .recv = dpdk_recv,
    .release = dpdk_release,
    .wait_fd = dpdk_wait_fd,
    .stats = dpdk_stats,
    .close = dpdk_close,
};
