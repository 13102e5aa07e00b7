/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK: frames from a driver in this process. The worker either has the device for itself, a port
 * with one queue (which vdev gives it which queue the manager has decided), or it reads a queue of
 * a port that another process owns (dpdk_owner.c).
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
#include "common/ipc/dpdk_share.h"
#include "worker/capture/dpdk_clock.h"
#include "worker/capture/dpdk_eal.h"
#include "worker/capture/dpdk_flow.h"
#include "worker/capture/dpdk_interrupt.h"
#include "worker/capture/dpdk_port.h"
#include "worker/capture/dpdk_power.h"
#include "worker/capture/frame_filter.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <rte_config.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JOINED_BYTES   (512u * 1024)
#define CLOCK_PAUSE_NS 20000000L         /* between two readings of a device's clock */
#define PATIENCE_NS    (30 * NS_PER_SEC) /* with the owner of a port */
#define FILTERED_MAX   16u               /* bursts in a row of which the filter may pass nothing */

/* Between prepare and open. */
static struct {
    struct dpdk_port port; /* of a worker that is alone; else only its number */
    uint16_t queue;
    struct dpdk_share *share; /* with the port's owner; NULL: there is none */
    uint32_t abandoned;       /* frames that a predecessor died with, */
    uint32_t unshunted;       /* and its flows that the card counted */
    uint64_t stamp_flag;      /* of mbufs that have a time stamp; 0: none has */
    int stamp_offset;
    bool stamp_runs; /* in ticks of the device's clock */
    struct dpdk_clock clock;
    struct dpdk_interrupt interrupt;
    struct dpdk_power power;
} begun;

struct capture {
    uint16_t port, queue;
    struct dpdk_share *share;
    pid_t owner_pid; /* whose the share is */
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
    struct dpdk_flow *flows; /* that the device counts; NULL: it counts none */
    struct counters *counters;
    uint64_t missed, broken, no_buffer; /* the device's counts that are in ours */
};

/* What drivers without a clock of the device's own stamp frames with, in nanoseconds since 1970. */
static const struct {
    const char *driver;
    uint64_t tick_ns;
} stamping_drivers[] = {{"net_pcap", 1000}};

/* Finds out what its stamps are. Those of a clock that cannot be read are of no use. */
static int begin_clock(const struct heritage *h)
{
    const struct timespec pause = {0, CLOCK_PAUSE_NS};
    int flag = rte_mbuf_dynflag_lookup(RTE_MBUF_DYNFLAG_RX_TIMESTAMP_NAME, NULL);
    struct rte_eth_dev_info info;
    uint64_t ticks;
    int r = rte_eth_dev_info_get(begun.port.id, &info);

    if (r < 0)
        return dpdk_fail(h, "cannot ask the driver", r);
    begun.stamp_offset = rte_mbuf_dynfield_lookup(RTE_MBUF_DYNFIELD_TIMESTAMP_NAME, NULL);
    begun.stamp_flag = 0;
    if (!h->options.dpdk_timestamps || flag < 0 || begun.stamp_offset < 0)
        return 0;
    for (size_t i = 0; i < sizeof stamping_drivers / sizeof stamping_drivers[0]; i++) {
        if (strcmp(info.driver_name, stamping_drivers[i].driver) == 0) {
            dpdk_clock_init_fixed(&begun.clock, stamping_drivers[i].tick_ns);
            begun.stamp_flag = UINT64_C(1) << flag;
        }
    }
    for (int i = 0; i < 2 && begun.stamp_flag == 0; i++) {
        if (rte_eth_read_clock(begun.port.id, &ticks) < 0)
            return 0;
        dpdk_clock_sample(&begun.clock, ticks, clock_wall_ns());
        if (i == 0)
            nanosleep(&pause, NULL);
    }
    begun.stamp_runs = begun.stamp_flag == 0;
    if (begun.clock.rate > 0)
        begun.stamp_flag = UINT64_C(1) << flag;
    return 0;
}

static int begin_alone(const struct heritage *h)
{
    int r = dpdk_eal_begin(h, DPDK_ALONE, 0);

    begun.port.queues = 1;
    if (r == 0)
        r = dpdk_port_find(&begun.port, h);
    if (r == 0)
        r = dpdk_port_start(&begun.port, h);
    if (r < 0)
        return r;
    r = dpdk_interrupt_open(&begun.interrupt, begun.port.id, begun.queue);
    return r < 0 && r != -ENOTSUP ? dpdk_fail(h, "cannot wait for interrupts", r) : 0;
}

/* Until *word is another value, or a signal comes. */
static int wait_for(const struct heritage *h, _Atomic uint32_t *word, uint32_t value)
{
    for (uint64_t until = clock_mono_ns() + PATIENCE_NS; atomic_load(word) == value;) {
        if (heritage_orphaned(h) || clock_mono_ns() > until)
            return dpdk_fail(h, "port has no owner that answers", -ETIMEDOUT);
        dpdk_share_wait(word, value, 100);
    }
    return 0;
}

/* The owner starts at the same time, or again. */
static int begin_as_guest(const struct heritage *h)
{
    const struct heritage_dpdk *d = &h->capture.dpdk;
    struct dpdk_share *s = heritage_map(
        h->capture.memory_fd, dpdk_share_bytes(d->queues, dpdk_orders_flows(&h->options)));
    struct dpdk_share_queue *q;
    uint32_t before;
    int r;

    if (!s)
        return dpdk_fail(h, "cannot map what it shares with the port's owner", -errno);
    r = wait_for(h, &s->state, DPDK_SHARE_NOBODY);
    if (r == 0)
        r = dpdk_eal_begin(h, DPDK_GUEST, s->owner_pid);
    if (r < 0)
        return r;
    if (d->queue >= s->queues || !rte_eth_dev_is_valid_port(s->port))
        return dpdk_fail(h, "does not know the owner's port", -ENODEV);
    q = &s->queue[d->queue];
    before = atomic_load(&q->given);
    atomic_store(&q->asked, before + 1);
    dpdk_share_ring(s);
    begun.port.id = s->port;
    begun.queue = (uint16_t)d->queue;
    begun.share = s;
    begun.interrupt.fd = -1;
    r = wait_for(h, &q->given, before);
    begun.abandoned = q->abandoned;
    begun.unshunted = q->unshunted;
    return r;
}

static int dpdk_prepare(const struct heritage *h)
{
    int r;

    if (h->kind == NODE_PORT)
        return dpdk_owner_begin(h);
    r = h->capture.dpdk.queues > 0 ? begin_as_guest(h) : begin_alone(h);
    if (r == 0)
        r = begin_clock(h);
    if (r == 0)
        dpdk_power_open(&begun.power, h, "");
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
    if (m->ol_flags & begun.stamp_flag)
        f->ts_ns = dpdk_clock_ns(
            &begun.clock, *RTE_MBUF_DYNFIELD(m, begun.stamp_offset, const rte_mbuf_timestamp_t *));
    if (m->nb_segs > 1)
        join(c, f, m);
    if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
        f->vlan_tci = m->vlan_tci;
    if ((m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_GOOD)
        f->checksum = FRAME_CHECKSUM_GOOD;
}

/* Fills held, also with what was found before a sleep. */
static void ask(struct capture *c, uint32_t max)
{
    if (c->early_n == 0) {
        c->held_n = rte_eth_rx_burst(c->port, c->queue, c->held, (uint16_t)max);
    } else {
        CHECK(c->early_n <= max);
        c->held_n = c->early_n;
        c->early_n = 0;
    }
    if (c->held_n > 0 && begun.interrupt.armed)
        dpdk_interrupt_disarm(&begun.interrupt);
}

static int dpdk_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = 0;

    if (max > CAPTURE_BATCH_MAX)
        max = CAPTURE_BATCH_MAX;
    /* Frames that the filter leaves out do not make it look as if there were none, for a while: the
     * worker has other things to do, too. */
    for (uint32_t bursts = 0; n == 0 && bursts < FILTERED_MAX; bursts++) {
        uint64_t before = c->asked_ns, step;

        ask(c, max);
        c->asked_ns = clock_wall_ns();
        dpdk_power_follow(&begun.power, c->held_n, c->asked_ns, c->counters);
        if (c->held_n == 0) {
            if (c->flows)
                dpdk_flow_run(c->flows, c->asked_ns, true);
            return c->gone ? -ENODEV : 0;
        }
        step = c->asked_ns > before ? (c->asked_ns - before) / c->held_n : 0;
        for (uint32_t i = 0; i < c->held_n; i++) {
            fill_frame(c, &out[n], c->held[i], c->asked_ns - step * (c->held_n - 1 - i));
            n += frame_filter_pass(c->filter, c->snaplen, &out[n], c->counters);
        }
        if (n == 0) {
            rte_pktmbuf_free_bulk(c->held, c->held_n);
            c->held_n = c->joined_bytes = 0;
        }
    }
    return (int)n;
}

static void dpdk_release(struct capture *c)
{
    rte_pktmbuf_free_bulk(c->held, c->held_n);
    c->held_n = 0;
    c->joined_bytes = 0;
    if (c->flows)
        dpdk_flow_run(c->flows, c->asked_ns, false);
}

static int dpdk_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    return c->flows ? dpdk_flow_shunt(c->flows, key, how) : -ENOTSUP;
}

static bool dpdk_unseen(struct capture *c, const struct flow_key *key, bool end,
                        struct capture_unseen *out)
{
    return c->flows && dpdk_flow_unseen(c->flows, key, end, c->asked_ns, out);
}

/* A frame that came before the interrupt was enabled would wake nobody. */
static int dpdk_wait_fd(struct capture *c)
{
    if (begun.interrupt.fd < 0)
        return -1;
    if (c->early_n == 0 && dpdk_interrupt_arm(&begun.interrupt))
        c->early_n = rte_eth_rx_burst(c->port, c->queue, c->held, CAPTURE_BATCH_MAX);
    return c->early_n > 0 ? CAPTURE_ASK_AGAIN : begun.interrupt.fd;
}

/* What a driver reads from a socket comes and wakes as it does in mode af_xdp, but that there is
 * less room. */
static void dpdk_waiting(const struct capture *c, struct capture_waiting *source)
{
    (void)c;
    if (begun.interrupt.socket_frames == 0)
        return;
    source->kind = CAPTURE_AF_XDP;
    source->holds = begun.interrupt.socket_frames;
}

/* What is new of a count that the device has come to, since *seen. No port loses 2^32 frames
 * between two looks: net_pcap takes a process that begins anew for an overflow of 32 bits. */
static uint64_t since(uint64_t *seen, uint64_t now)
{
    uint64_t more = now >= *seen && now - *seen < UINT32_MAX ? now - *seen : 0;

    *seen = now;
    return more;
}

/* The port counts for all its queues together: the worker of the first asks for the others, and
 * alone, since net_pcap mixes up what several processes see. What was lost while it was dead its
 * successor counts. */
static void count_losses(struct capture *c)
{
    struct counters *to = c->counters;
    struct rte_eth_stats now;

    if (c->queue > 0 || rte_eth_stats_get(c->port, &now) != 0)
        return;
    if (c->share && c->share->owner_pid != c->owner_pid)
        return; /* it is dead, and what was counted of its port went with it */
    to->capture_kernel_drops += since(c->share ? &c->share->missed : &c->missed, now.imissed);
    to->capture_broken += since(c->share ? &c->share->broken : &c->broken, now.ierrors);
    to->capture_no_buffer += since(c->share ? &c->share->no_buffer : &c->no_buffer, now.rx_nombuf);
}

static void dpdk_stats(struct capture *c)
{
    struct counters *to = c->counters;
    uint64_t ticks;

    if (begun.stamp_runs && rte_eth_read_clock(c->port, &ticks) == 0)
        dpdk_clock_sample(&begun.clock, ticks, clock_wall_ns());
    if (!c->gone && rte_eth_dev_is_removed(c->port)) {
        log_error("interface %s was removed: its workers begin anew until it is back",
                  c->interface);
        c->gone = true;
    }
    count_losses(c);
    to->capture_link = to->capture_packets + to->capture_filtered + to->capture_kernel_drops +
                       to->capture_broken + to->capture_no_buffer;
}

static void dpdk_close(struct capture *c)
{
    if (c->filter)
        filter_free(c->filter);
    free(c->joined);
    dpdk_interrupt_close(&begun.interrupt);
    dpdk_power_close(&begun.power);
    dpdk_flow_close(c->flows);
    if (!c->share)
        (void)rte_eth_dev_stop(c->port);
    free(c);
}

static int open_flows(struct capture *c, const struct heritage *h)
{
    const struct dpdk_flow_setup s = {.port = c->port,
                                      .queue = c->queue,
                                      .share = c->share,
                                      .flows_max = dpdk_orders_flows(&h->options),
                                      .seed = h->seed,
                                      .interface = c->interface,
                                      .counters = c->counters};
    int r;

    if (!dpdk_flow_wanted(&h->options))
        return 0;
    if (c->filter) {
        log_info("interface %s: flows are not shunted, a device counts them without knowing what a "
                 "filter leaves out",
                 c->interface);
        return 0;
    }
    r = dpdk_flow_open(&c->flows, &s);
    return r == -ENOTSUP ? 0 : r;
}

static int dpdk_open(struct capture **out, const struct heritage *h, struct counters *counters)
{
    struct capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    c->port = begun.port.id;
    c->interface = h->capture.name;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->counters = counters;
    c->queue = begun.queue;
    c->share = begun.share;
    c->owner_pid = c->share ? c->share->owner_pid : 0;
    counters->capture_abandoned += begun.abandoned;
    counters->shunt_abandoned += begun.unshunted;
    c->asked_ns = clock_wall_ns();
    c->joined = malloc(JOINED_BYTES);
    r = c->joined
            ? frame_filter_compile(&c->filter, h->options.filter, LINKTYPE_ETHERNET, c->interface)
            : -ENOMEM;
    if (r == 0)
        r = open_flows(c, h);
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
    .blind = true,
    .prepare = dpdk_prepare,
    .keep = dpdk_owner_keep,
    .open = dpdk_open,
    .recv = dpdk_recv,
    .release = dpdk_release,
    .wait_fd = dpdk_wait_fd,
    .waiting = dpdk_waiting,
    .shunt = dpdk_shunt,
    .unseen = dpdk_unseen,
    .stats = dpdk_stats,
    .close = dpdk_close,
};
