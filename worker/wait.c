/* SPDX-License-Identifier: BSD-3-Clause */
/* Three modes. Polling asks for frames again and again: nothing is faster, and nothing costs more.
 * Interrupt sleeps as soon as there are none, and the source's descriptor wakes it. Adaptive asks a
 * few times more, then lets others have the core in between, then sleeps.
 *
 * How many times, that each kind of source has options for. What has a descriptor need not ask at
 * all, and sleeps as long as it may. One without heats a core while it is asked, so that sleeps are
 * put in between when none came for a while, each twice as long as the one before. Single frames
 * make them short again, and only a batch of some size ends them.
 *
 * Where the descriptor is ready with the first frame of each burst, to be woken costs more than to
 * read what has come: then, in adaptive mode, the first sleep after a batch is one of a fixed time,
 * which the descriptor does not end. Only when nothing came in that time either, it wakes. It is no
 * longer than what the source holds lasts. */
#include "worker/wait.h"

#include <stddef.h>
#include <time.h>

#define SLEEP_MIN_NS (50 * NS_PER_US) /* shorter ones take as long */
#define FRAME_MIN_NS 100              /* between two frames that a worker can follow */

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

static uint64_t gather_within(const struct wait *w, uint64_t interval_ns)
{
    uint64_t lasts = w->source.holds * (uint64_t)FRAME_MIN_NS;

    return lasts > 0 && lasts < interval_ns ? lasts : interval_ns;
}

static void set_adaptive(struct wait *w)
{
    const struct options *o = w->options;

    for (unsigned k = 0; k < sizeof thresholds / sizeof thresholds[0]; k++) {
        if (thresholds[k].kind != w->source.kind)
            continue;
        w->spins = option_at(o, thresholds[k].spins);
        w->yields = option_at(o, thresholds[k].yields);
    }
    if (w->source.kind == CAPTURE_AF_XDP)
        w->gather_ns = gather_within(w, o->gather_interval);
    if (w->source.kind == CAPTURE_XDP)
        w->gather_ns = gather_within(w, o->xdp_gather_interval);
}

bool wait_set_mode(struct wait *w, enum rx_mode mode)
{
    bool file = w->source.kind <= CAPTURE_FILE_IN_TURN;
    bool possible = mode != RX_MODE_INTERRUPT || w->source.wakes || file;

    if (file)
        mode = RX_MODE_INTERRUPT;
    w->mode = possible ? mode : RX_MODE_ADAPTIVE;
    w->spins = w->mode == RX_MODE_POLLING ? UINT64_MAX : 0;
    w->yields = w->gather_ns = w->empty = 0;
    w->idle = w->slept = w->yield = w->gathering = false;
    if (w->mode == RX_MODE_ADAPTIVE)
        set_adaptive(w);
    w->sleep_max_ns = w->source.wakes ? WAIT_FOREVER : w->options->sleep_timeout;
    w->sleep_ns = sleep_min(w);
    w->counters->loop_rx_mode = w->mode;
    return possible;
}

void wait_init(struct wait *w, const struct options *o, const struct capture_waiting *source,
               struct counters *counters)
{
    *w = (struct wait){.counters = counters,
                       .options = o,
                       .source = *source,
                       .resume_threshold = o->resume_threshold};
}

static void set_idle(struct wait *w, bool idle)
{
    /* Where it sleeps at once, and is woken, there are no two ways of going on. */
    if (w->idle != idle && (!w->source.wakes || w->spins > 0 || w->yields > 0))
        w->counters->loop_mode_switches++;
    w->idle = idle;
}

void wait_busy(struct wait *w, uint32_t frames)
{
    w->empty = 0;
    w->slept = false;
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
    w->gathering = w->gather_ns > 0 && !w->slept;
    w->slept = true;
    set_idle(w, true);
    w->counters->loop_sleeps++;
    if (w->gathering)
        return w->gather_ns;
    if (w->sleep_max_ns == WAIT_FOREVER)
        return WAIT_FOREVER;
    w->sleep_ns = ns < w->sleep_max_ns / 2 ? ns * 2 : w->sleep_max_ns;
    return ns;
}

void wait_busy_count(struct wait *w, uint64_t now_ns)
{
    if (!wait_is_busy(w))
        return;
    if (now_ns > w->busy_since_ns)
        w->counters->loop_busy_ns += now_ns - w->busy_since_ns;
    w->busy_since_ns = now_ns;
}

void wait_busy_end(struct wait *w, uint64_t now_ns)
{
    wait_busy_count(w, now_ns);
    w->busy_since_ns = 0;
}

void wait_poll(struct wait *w, struct pollfd *fds, unsigned n, uint64_t ns)
{
    struct timespec timeout = {(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};

    if (ppoll(fds, n, &timeout, NULL) > 0)
        w->counters->loop_wakeups++;
}
