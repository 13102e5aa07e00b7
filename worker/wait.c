/* SPDX-License-Identifier: BSD-3-Clause */
/* A source with a descriptor wakes the worker, so it sleeps at once, unless it is told to ask a few
 * times more, and as long as it may. One without is asked again and again. While frames come that
 * is the fastest way; when none came for a while it would only heat a core, and sleeps are put in
 * between, each twice as long as the one before. Single frames do not end that, they only make the
 * sleeps short again; a batch of some size does.
 *
 * Where the descriptor is ready with the first frame of each burst, to be woken costs more than to
 * read what has come: then the first sleep after a batch is one of a fixed time, which the
 * descriptor does not end. Only when nothing came in that time either, it wakes. */
#include "worker/wait.h"

#include <stddef.h>
#include <time.h>

#define SLEEP_MIN_NS (50 * NS_PER_US) /* shorter ones take as long */

/* Which options are thresholds of a kind; those of kinds that are not here are 0. */
static const struct {
    enum capture_kind kind;
    size_t spins, yields; /* offsets in struct options */
} thresholds[] = {
    {CAPTURE_AF_PACKET, offsetof(struct options, af_packet_idle_spins),
     offsetof(struct options, af_packet_idle_yields)},
    {CAPTURE_XDP, offsetof(struct options, xdp_idle_spins),
     offsetof(struct options, xdp_idle_yields)},
    {CAPTURE_AF_XDP, offsetof(struct options, af_xdp_idle_spins),
     offsetof(struct options, af_xdp_idle_yields)},
    {CAPTURE_DPDK, offsetof(struct options, idle_threshold),
     offsetof(struct options, dpdk_idle_yields)},
};

static uint64_t option_at(const struct options *o, size_t offset)
{
    return *(const uint64_t *)(const void *)((const char *)o + offset);
}

static uint64_t sleep_min(const struct wait *w)
{
    return w->sleep_max_ns < SLEEP_MIN_NS ? w->sleep_max_ns : SLEEP_MIN_NS;
}

void wait_init(struct wait *w, const struct options *o, enum capture_kind kind,
               struct counters *counters)
{
    *w = (struct wait){.counters = counters, .resume_threshold = 1, .sleep_max_ns = WAIT_FOREVER};
    for (unsigned k = 0; k < sizeof thresholds / sizeof thresholds[0]; k++) {
        if (thresholds[k].kind != kind)
            continue;
        w->spins = option_at(o, thresholds[k].spins);
        w->yields = option_at(o, thresholds[k].yields);
    }
    if (kind == CAPTURE_DPDK) {
        w->spins = o->rx_mode == RX_MODE_POLLING ? UINT64_MAX : w->spins;
        w->resume_threshold = o->resume_threshold;
        w->sleep_max_ns = o->sleep_timeout;
    }
    if (kind == CAPTURE_AF_XDP)
        w->gather_ns = o->gather_interval;
    if (kind == CAPTURE_XDP)
        w->gather_ns = o->xdp_gather_interval;
    w->sleep_ns = sleep_min(w);
}

static void set_idle(struct wait *w, bool idle)
{
    /* Where there is a descriptor, to wait for it is no mode. */
    if (w->idle != idle && w->sleep_max_ns != WAIT_FOREVER)
        w->counters->loop_mode_switches++;
    w->idle = idle;
}

void wait_busy(struct wait *w, uint32_t frames)
{
    w->empty = 0;
    w->sleep_ns = sleep_min(w);
    if (frames >= w->resume_threshold)
        set_idle(w, false);
}

/* Whether the next batch is to be asked for without a sleep. */
static bool goes_on(struct wait *w)
{
    w->yield = false;
    if (w->idle || (w->empty >= w->spins && w->empty - w->spins >= w->yields))
        return false;
    w->yield = w->empty >= w->spins;
    if (w->yield)
        w->counters->loop_yields++;
    else
        w->counters->loop_spins++;
    w->empty++;
    return true;
}

uint64_t wait_empty(struct wait *w)
{
    uint64_t ns = w->sleep_ns;

    if (goes_on(w))
        return 0;
    w->gathering = w->gather_ns > 0 && !w->idle;
    set_idle(w, true);
    w->counters->loop_sleeps++;
    if (w->gathering)
        return w->gather_ns;
    if (w->sleep_max_ns == WAIT_FOREVER)
        return WAIT_FOREVER;
    w->sleep_ns = ns < w->sleep_max_ns / 2 ? ns * 2 : w->sleep_max_ns;
    return ns;
}

void wait_poll(struct wait *w, struct pollfd *fds, unsigned n, uint64_t ns)
{
    struct timespec timeout = {(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};

    if (ppoll(fds, n, &timeout, NULL) > 0)
        w->counters->loop_wakeups++;
}
