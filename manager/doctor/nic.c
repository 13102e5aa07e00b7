/* SPDX-License-Identifier: BSD-3-Clause */
/* The interface: what its driver told (struct doctor_nic) against what a mode makes of it. */
#include "manager/doctor/doctor.h"

#include <stdio.h>
#include <string.h>

DOCTOR_CHECK(mode)
{
    char mend[DOCTOR_TEXT_MAX];

    (void)d;
    if (!c->package) {
        doctor_find(r, DOCTOR_OK, "", "%u worker%s", c->workers, c->workers > 1 ? "s" : "");
        return;
    }
    snprintf(mend, sizeof mend, "install %s, then: make && make install", c->package);
    doctor_find(r, DOCTOR_FAIL, mend, "this build lacks its capture mode");
}

DOCTOR_CHECK(interface)
{
    char mend[DOCTOR_TEXT_MAX];

    (void)d;
    if (!c->link[0])
        return;
    if (!c->nic.there) {
        doctor_find(r, DOCTOR_FAIL, "ip -br link", "there is no such interface");
        return;
    }
    snprintf(mend, sizeof mend, "ip link set %s up", c->link);
    if (c->nic.up)
        doctor_find(r, DOCTOR_OK, "", "up, driver %s, MTU %u", c->nic.driver, c->nic.mtu_bytes);
    else
        doctor_find(r, DOCTOR_WARN, mend, "is down: nothing is received");
}

/* A mode that takes the frames away from the host cuts it off. */
DOCTOR_CHECK(host_use)
{
    char mend[DOCTOR_TEXT_MAX];

    if (!c->nic.there)
        return;
    snprintf(mend, sizeof mend, "ip addr flush dev %s, or --force, or mode kernel", c->link);
    if (!c->nic.host_use[0])
        doctor_find(r, DOCTOR_OK, "", "the host does not use it");
    else
        doctor_find(r, d->options->force ? DOCTOR_WARN : DOCTOR_FAIL, mend,
                    "the host would lose it: it %s", c->nic.host_use);
}

/* Whether a worker has a queue of the interface for itself. */
static bool has_own_queue(const struct doctor_capture *c)
{
    return c->mode == MODE_AF_XDP || c->mode == MODE_DPDK;
}

/* A worker a queue, for those who have their own: the manager refuses to begin otherwise, or frames
 * of a queue are read by nobody. */
static void check_own_queues(const struct doctor *d, const struct doctor_capture *c,
                             struct doctor_report *r)
{
    const struct ethtool_queues *q = &c->nic.queues;
    bool set_at_start = c->mode == MODE_AF_XDP && d->options->set_queues && q->rx_max >= c->workers;
    enum doctor_level level = q->rx == c->workers || set_at_start ? DOCTOR_OK : DOCTOR_FAIL;
    char mend[DOCTOR_TEXT_MAX] = "";

    if (level != DOCTOR_OK && q->rx_max >= c->workers)
        snprintf(mend, sizeof mend, "ethtool -L %s %s %u", c->link, q->combined ? "combined" : "rx",
                 c->workers);
    else if (level != DOCTOR_OK)
        snprintf(mend, sizeof mend, "lb_procs=%u in node.cfg", q->rx);
    doctor_find(r, level, mend, "%u receive queue%s for %u worker%s%s", q->rx,
                q->rx == 1 ? "" : "s", c->workers, c->workers == 1 ? "" : "s",
                q->rx != c->workers && set_at_start ? ", set at the start (set_queues)" : "");
}

/* Otherwise a queue is what a core of the kernel works on, before our hash shares packets out: with
 * few of them, these cores are what bounds the rate. */
static void check_shared_queues(const struct doctor_capture *c, struct doctor_report *r)
{
    const struct ethtool_queues *q = &c->nic.queues;
    bool more = q->rx < c->workers && q->rx_max > q->rx;
    char mend[DOCTOR_TEXT_MAX];

    snprintf(mend, sizeof mend, "ethtool -L %s %s %u", c->link, q->combined ? "combined" : "rx",
             q->rx_max < c->workers ? q->rx_max : c->workers);
    doctor_find(r, more ? DOCTOR_WARN : DOCTOR_OK, more ? mend : "",
                "%u receive queue%s for %u worker%s", q->rx, q->rx == 1 ? "" : "s", c->workers,
                c->workers == 1 ? "" : "s");
}

DOCTOR_CHECK(queues)
{
    char mend[DOCTOR_TEXT_MAX];

    if (!c->nic.there)
        return;
    snprintf(mend, sizeof mend, "ethtool -l %s", c->link);
    if (c->nic.tells_queues && has_own_queue(c))
        check_own_queues(d, c, r);
    else if (c->nic.tells_queues)
        check_shared_queues(c, r);
    else if (has_own_queue(c))
        doctor_find(r, DOCTOR_WARN, mend,
                    "the driver does not tell its queues, of which there must be %u", c->workers);
    else
        doctor_find(r, DOCTOR_OK, "", "the driver has no queues that could be set");
}

/* The command that gives an interface the key that set_rss would. */
static void rss_command(const struct doctor_capture *c, char *out, size_t bytes)
{
    struct ethtool_rss rss = c->nic.rss;
    int n;

    ethtool_rss_make_symmetric(&rss);
    if (memcmp(rss.key, c->nic.rss.key, rss.key_bytes) == 0) {
        snprintf(out, bytes, "ethtool -X %s xfrm symmetric-xor", c->link);
        return;
    }
    n = snprintf(out, bytes, "ethtool -X %s hkey ", c->link);
    for (uint32_t i = 0; i < rss.key_bytes && n > 0 && (size_t)n + 4 < bytes; i++)
        n += snprintf(out + n, bytes - (size_t)n, "%s%02x", i ? ":" : "", rss.key[i]);
}

/* Where the interface's queue decides which worker gets a packet. */
DOCTOR_CHECK(rss)
{
    char mend[DOCTOR_TEXT_MAX];

    if (!c->nic.there || c->workers < 2 ||
        (c->mode == MODE_KERNEL && d->options->fanout_mode != FANOUT_QUEUE))
        return;
    if (!c->nic.tells_rss) {
        doctor_find(r, DOCTOR_WARN, "have the tap keep both directions of a flow together",
                    "the driver does not tell how it shares flows out: two workers may each get "
                    "one direction of a flow");
        return;
    }
    rss_command(c, mend, sizeof mend);
    if (ethtool_rss_is_symmetric(&c->nic.rss))
        doctor_find(r, DOCTOR_OK, "", "both directions of a flow go to one queue");
    else if (d->options->set_rss && c->mode == MODE_AF_XDP)
        doctor_find(r, DOCTOR_OK, "", "the hash is made symmetric at the start (set_rss)");
    else
        doctor_find(r, DOCTOR_WARN, mend, "the directions of a flow go to different queues");
}

DOCTOR_CHECK(rings)
{
    const struct ethtool_rings *q = &c->nic.rings;
    char mend[DOCTOR_TEXT_MAX];

    (void)d;
    if (!c->nic.there)
        return;
    snprintf(mend, sizeof mend, "ethtool -G %s rx %u", c->link, q->rx_max);
    if (!c->nic.tells_rings)
        doctor_find(r, DOCTOR_OK, "", "no receive rings that could be set");
    else if (q->rx < q->rx_max)
        doctor_find(r, DOCTOR_WARN, mend, "a receive ring has %u of %u descriptors", q->rx,
                    q->rx_max);
    else
        doctor_find(r, DOCTOR_OK, "", "receive rings have all %u descriptors", q->rx);
}

/* What an offload does to a mode that it does not suit. */
static const struct {
    size_t offset;
    unsigned modes;
    const char *name, *why;
} offload_rules[] = {
    {offsetof(struct ethtool_offloads, lro), DOCTOR_ALL, "lro",
     "joins frames before anybody sees them: packet counts, flags and gaps are lost"},
    {offsetof(struct ethtool_offloads, strip_vlan),
     DOCTOR_MODE(MODE_XDP) | DOCTOR_MODE(MODE_AF_XDP) | DOCTOR_MODE(MODE_DPDK), "rxvlan",
     "takes VLAN tags out of frames: programs in the driver do not see them"},
};

DOCTOR_CHECK(offloads)
{
    const struct ethtool_offloads *o = &c->nic.offloads;
    unsigned bad = 0;

    (void)d;
    if (!c->nic.there)
        return;
    for (size_t i = 0; i < sizeof offload_rules / sizeof offload_rules[0]; i++) {
        char mend[DOCTOR_TEXT_MAX];

        if (!(offload_rules[i].modes & DOCTOR_MODE(c->mode)) ||
            !*(const bool *)((const char *)o + offload_rules[i].offset))
            continue;
        bad++;
        snprintf(mend, sizeof mend, "ethtool -K %s %s off", c->link, offload_rules[i].name);
        doctor_find(r, DOCTOR_WARN, mend, "%s %s", offload_rules[i].name, offload_rules[i].why);
    }
    if (bad > 0)
        return;
    if (c->mode == MODE_KERNEL && (o->gro || o->tso))
        doctor_find(r, DOCTOR_OK, "",
                    "frames up to 64 KiB come up (gro %s, tso %s): fewer, counted "
                    "as the host sees them",
                    o->gro ? "on" : "off", o->tso ? "on" : "off");
    else
        doctor_find(r, DOCTOR_OK, "", "frames come as they are on the wire");
}
