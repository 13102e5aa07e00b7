/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/worker.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/decode/fragments.h"
#include "worker/flow/conn.h"
#include "worker/host.h"
#include "worker/host_plain.h"
#include "worker/pipeline.h"
#include "worker/prefilter.h"
#include "worker/shunt.h"
#include "worker/tunnel.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sysexits.h>

#define CHILDREN_MIN    (1u << 18) /* contents in contents at once, or one for each flow */
#define ODDITIES_MAX    (1u << 18) /* flows at once that have reported oddities */
#define TUNNELS_MAX     (1u << 18) /* at once */
#define DETECTIONS_MAX  (1u << 20) /* flows at once whose first bytes are not yet known */
#define FRAMES_HELD_ALL (1u << 20)
#define IDLE_MAX_NS     (1 * NS_PER_SEC)
#define FINISH_TIMEOUT  (30 * NS_PER_SEC)
#define ANSWERS_TIMEOUT (200 * NS_PER_MS)
#define ASK_INTERVAL    (5 * NS_PER_MS)
#define FINISH_FLOWS    64u /* ended between two looks at the bus */
#define LINGER_MS       200
#define GROW_INTERVAL   (10 * NS_PER_MS)
#define STATS_BATCHES   64
#define RUN_BATCHES     16  /* packet batches between two looks at the bus */
#define RUN_SPINS       256 /* the same, of empty ones */

static int analyzers_open(struct worker *w, uint32_t flows)
{
    uint32_t children = flows > CHILDREN_MIN ? flows : CHILDREN_MIN;
    int bad = pool_init(&w->children, host_child_bytes, children);

    if (bad < 0)
        return bad;
    for (unsigned i = 0; analyzers[i]; i++) {
        uint32_t n = analyzers[i]->state_max > 0 ? analyzers[i]->state_max : flows;
        int rc;

        CHECK(i < WORKER_ANALYZERS_MAX);
        rc = pool_init(&w->analyzer_states[i], analyzers[i]->state_bytes, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static enum memory_pages pages_of(enum huge_pages wanted)
{
    switch (wanted) {
    case HUGE_PAGES_NEVER:
        return MEMORY_SMALL;
    case HUGE_PAGES_RESERVED:
        return MEMORY_RESERVED;
    default:
        return MEMORY_HUGE;
    }
}

/* All memory of the packet path. */
static int memory_open(struct worker *w)
{
    const struct options *o = w->options;
    uint64_t flows = o->flow_table_size;
    int rc;

    CHECK(flows <= UINT32_MAX); /* the manager has seen to all bounds of options */
    if ((rc = bufpool_init(&w->bufs, o->reassembly_memory)) < 0 ||
        (rc = flow_table_init(&w->flows, (uint32_t)flows, pages_of(o->huge_pages))) < 0 ||
        (rc = reassembly_init(&w->reassembly, &w->bufs, o->reassembly_memory,
                              (uint32_t)o->reassembly_flow_memory, w->counters)) < 0 ||
        (rc = pool_init(&w->detections, sizeof(struct detection), DETECTIONS_MAX)) < 0 ||
        (rc = pool_init(&w->oddities, host_oddities_bytes, ODDITIES_MAX)) < 0 ||
        (rc = pool_init(&w->tunnels, tunnel_bytes, TUNNELS_MAX)) < 0 ||
        (rc = pool_init(&w->tunnel_parents, tunnel_parents_bytes, (uint32_t)flows)) < 0 ||
        (rc = analyzers_open(w, (uint32_t)flows)) < 0)
        log_error("cannot map memory for %llu flows: lower flow_table_size",
                  (unsigned long long)flows);
    else if (o->huge_pages == HUGE_PAGES_RESERVED && !flow_table_is_reserved(&w->flows))
        log_warn("too few huge pages are free for the flow table, it lies in others: "
                 "vm.nr_hugepages (spliff-cluster doctor says how many)");
    return rc;
}

/* What comes over the bus and is not about log batches. */
static void on_event(void *arg, const struct bus_message *m)
{
    struct worker *w = arg;

    if (m->kind == BUS_SUBSCRIBED)
        host_claim_asked(w, m);
    else if (!host_plain_message(w, m))
        learn_message(w->learn, m);
}

/* The flows are gone, but what was learned may still answer others. */
static void on_last_event(void *arg, const struct bus_message *m)
{
    struct worker *w = arg;

    if (m->kind != BUS_SUBSCRIBED && w->learn)
        learn_message(w->learn, m);
}

/* How to wait from now on, which may be changed at any time. */
static void take_rx_mode(struct worker *w, enum rx_mode mode)
{
    w->rx_mode = mode;
    if (!wait_set_mode(&w->wait, mode))
        log_warn("interface %s: its driver has no interrupts to wait for: rx-mode adaptive it is",
                 w->heritage->capture.name);
}

/* The interface was gone, and is back. What this worker, or the one before, has not told yet. */
static void take_gaps(struct worker *w)
{
    uint32_t gaps = settings_gaps(w->settings);
    uint64_t ms = settings_gap_ns(w->settings) / NS_PER_MS, before = w->counters->capture_gap_ms;

    if (w->counters->capture_gaps == gaps)
        return;
    w->counters->capture_gaps = gaps;
    w->counters->capture_gap_ms = ms;
    host_notice_gap(w, "interface was removed and is back", gaps, ms > before ? ms - before : 0);
}

/* What the process before this one captured from went with it, and is there again. */
static void take_death(struct worker *w)
{
    struct counters *c = w->counters;
    uint64_t died_ns, ms;

    if (w->heritage->capture.kind == CAPTURE_NONE ||
        !settings_death(w->settings, c->capture_deaths, &died_ns))
        return;
    ms = (clock_mono_ns() - died_ns) / NS_PER_MS;
    c->capture_deaths++;
    c->capture_dead_ms += ms;
    host_notice_gap(w, "a worker died and its device with it", c->capture_deaths, ms);
}

static void waiting_open(struct worker *w)
{
    const struct capture_ops *ops = w->capture_ops;
    struct capture_waiting source = {.kind = w->heritage->capture.kind,
                                     .wakes = ops->wait_fd(w->capture) != -1};

    if (ops->waiting)
        ops->waiting(w->capture, &source);
    wait_init(&w->wait, w->options, &source, w->counters);
    take_rx_mode(w, settings_rx_mode(w->settings));
}

static int stages_open(struct worker *w, const struct heritage *h)
{
    const struct options *o = w->options;
    enum frames_mode frames = FRAMES_OFF;
    char bad[64];
    int rc;

    if (o->format == OUTPUT_PCAP)
        frames = w->categories == UINT32_MAX ? FRAMES_ALL : FRAMES_BY_CATEGORY;
    if (local_nets_init(&w->local_nets, o->local_nets, bad, sizeof bad) < 0) {
        log_error("local_nets: '%s' is not a prefix such as 192.0.2.0/24 (at most %u)", bad,
                  LOCAL_NETS_MAX);
        return -EINVAL;
    }
    CHECK(o->tunnel_max_depth <= DECODE_DEPTH_MAX);
    w->decoder.seed = h->seed;
    w->decoder.tunnel_max_depth = (uint32_t)o->tunnel_max_depth;
    w->decoder.checksums = decode_checksums(o->checksums, h->live);
    w->decode_counters = h->live || h->worker_index == 0 ? w->counters : &w->uncounted;
    w->decoder.fragments =
        fragments_new(o->fragment_memory, o->fragment_timeout, w->decode_counters);
    if (!w->decoder.fragments) {
        log_error("cannot map fragment_memory: lower it");
        return -ENOMEM;
    }
    if ((rc = bus_open(&w->bus, h)) < 0 || (rc = emit_open(&w->emit, h, w->bus, w->counters)) < 0)
        return rc;
    if ((rc = learn_open(&w->learn, h, w->bus, w->counters)) < 0) {
        learn_close(w->learn); /* it has no part in ending what has not begun */
        w->learn = NULL;
        return rc;
    }
    if (!o->no_screen && (rc = screen_open(&w->screen, o, h->n_workers, h->seed, w->counters)) < 0)
        return rc;
    if (h->plaintext && (rc = host_plain_open(w)) < 0)
        return rc;
    emit_on_event(w->emit, on_event, w);
    if ((rc = frames_init(&w->frames, frames, w->emit, &w->bufs, FRAMES_HELD_ALL)) < 0)
        return rc;
    w->capture_ops = capture_find(h->capture.kind);
    if (!w->capture_ops) {
        log_error("this build has no capture source of kind %d", (int)h->capture.kind);
        return -ENOSYS;
    }
    if ((rc = w->capture_ops->open(&w->capture, h, w->counters)) < 0)
        return rc;
    waiting_open(w);
    if ((rc = prefilter_open(w)) < 0)
        return rc;
    return shunt_open(w);
}

int worker_open(struct worker *w, const struct heritage *h)
{
    char bad[256];
    int rc;

    memset(w, 0, sizeof *w);
    w->heritage = h;
    w->options = &h->options;
    w->timeout_min_ns = conn_timeout_min_ns(w->options);
    w->counters = heritage_map(h->counters_fd, COUNTERS_PAGE_BYTES);
    if (!w->counters) {
        log_error("cannot map the counters: %s", strerror(errno));
        return -errno;
    }
    w->settings = settings_of(w->counters);
    /* Levels describe this process; a predecessor's flows are gone with it. */
    w->counters->flows_active_tcp = w->counters->flows_active_udp = 0;
    w->counters->flows_active_icmp = w->counters->flows_active_other = 0;
    w->counters->tunnels_active = w->counters->shunt_active = 0;
    w->counters->reassembly_bytes = w->counters->fragment_bytes = 0;
    w->stats.stats_base = w->stats.loss_base = *w->counters; /* what it counted, it has logged */
    rc = category_list_parse(w->options->category, &w->categories, bad, sizeof bad);
    if (rc < 0) {
        log_error("category: %s", bad);
        return rc;
    }
    rc = memory_open(w);
    if (rc < 0)
        return rc;
    return stages_open(w, h);
}

/* How long the oldest plaintext has still to wait for its packets; at most max_ns. */
static uint64_t plaintext_wait_ns(const struct worker *w, uint64_t max_ns)
{
    uint64_t oldest = host_plain_oldest_ns(w), now = clock_wall_ns();
    uint64_t delay = w->options->plaintext_delay;

    if (oldest == UINT64_MAX || oldest > now + max_ns)
        return max_ns;
    return oldest + delay > now ? oldest + delay - now : 0;
}

/* No packet has come for a moment: flows go on aging. Often enough for timeouts in seconds, and not
 * each time that one who polls has asked in vain. */
static void grow_older(struct worker *w, uint64_t now_ns)
{
    uint64_t wall = clock_wall_ns() - PACKETS_LATE_NS;

    if (!w->heritage->live || now_ns < w->grown_ns + GROW_INTERVAL)
        return;
    w->grown_ns = now_ns;
    if (wall > w->now_ns)
        w->now_ns = wall;
    pipeline_expire(w, PIPELINE_EXPIRE_IDLE);
    if (w->capture_ops->stats)
        w->capture_ops->stats(w->capture);
    stats_run(w);
}

static bool any_ready(const struct pollfd *p, int n)
{
    while (n > 0 && p[n - 1].revents == 0)
        n--;
    return n > 0;
}

/* Nothing to read: sleep until packets, the bus or a deadline come, at most max_ns. */
static void worker_sleep(struct worker *w, uint64_t max_ns)
{
    struct pollfd p[5];
    int source = w->wait.gathering ? -1 : w->capture_ops->wait_fd(w->capture);
    uint64_t now = clock_mono_ns(), deadline = emit_deadline_ns(w->emit);
    uint64_t learn = learn_deadline_ns(w->learn);
    int fds[3], n_bus = bus_fds(w->bus, fds), n = n_bus;
    uint64_t ns = IDLE_MAX_NS;

    if (source == CAPTURE_ASK_AGAIN)
        return;
    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    p[n++] = (struct pollfd){.fd = source, .events = POLLIN};
    deadline = learn < deadline ? learn : deadline;
    if (w->plain) {
        uint64_t due = now + plaintext_wait_ns(w, IDLE_MAX_NS);

        p[n++] = (struct pollfd){.fd = host_plain_fd(w), .events = POLLIN};
        deadline = due < deadline ? due : deadline;
    }
    if (deadline < now + ns)
        ns = deadline > now ? deadline - now : 0;
    if (max_ns < ns)
        ns = max_ns;
    wait_poll(&w->wait, p, (unsigned)n, ns);
    emit_bus_polled(w->emit, any_ready(p, n_bus));
}

/* What goes to other processes and comes from them. packets: in the last batch. After an empty one
 * all packets until now are through, else all until the last one; those that the kernel holds back
 * a little are what plaintext_delay is for. */
static void exchange(struct worker *w, int packets, uint64_t now)
{
    if (w->plain) {
        uint64_t until = packets == 0 ? clock_wall_ns() : w->counters->capture_last_ns;
        uint64_t delay = w->options->plaintext_delay;

        host_plain_run(w, until > delay ? until - delay : 0);
    }
    wait_busy_count(&w->wait, now);
    emit_run(w->emit, now);
    learn_run(w->learn, w->now_ns, now);
}

/* A batch was empty. */
static void idle(struct worker *w)
{
    uint64_t sleep_ns = wait_empty(&w->wait), now;

    if (w->flows_due)
        pipeline_expire(w, PIPELINE_EXPIRE_IDLE);
    if (w->wait.yield)
        sched_yield();
    if (sleep_ns == 0 && ++w->empty % RUN_SPINS != 0 && !wait_is_busy(&w->wait))
        return;
    now = clock_mono_ns();
    wait_busy_end(&w->wait, now);
    exchange(w, 0, now);
    if (sleep_ns > 0 && !w->flows_due)
        worker_sleep(w, sleep_ns);
    grow_older(w, now);
}

int worker_loop(struct worker *w, const volatile int *stop)
{
    uint32_t batches = 0;

    take_death(w);
    while (!*stop) {
        enum rx_mode mode = settings_rx_mode(w->settings);
        int n = pipeline_run(w);

        if (mode != w->rx_mode)
            take_rx_mode(w, mode);
        take_gaps(w);
        if (n == -ENODATA)
            return 0;
        if (n == -EBADMSG || n == -EPROTONOSUPPORT)
            return EX_DATAERR;
        if (n < 0)
            return EX_IOERR;
        if (n == 0) {
            idle(w);
            continue;
        }
        wait_busy(&w->wait, (uint32_t)n);
        if (++batches % RUN_BATCHES == 0)
            exchange(w, n, clock_mono_ns());
        if (batches % STATS_BATCHES == 0) {
            if (w->capture_ops->stats)
                w->capture_ops->stats(w->capture);
            stats_run(w);
        }
    }
    return 0;
}

int worker_drain(const struct heritage *h)
{
    struct counters *c = heritage_map(h->counters_fd, COUNTERS_PAGE_BYTES);
    struct emit *e = NULL;
    struct bus *bus = NULL;
    uint64_t lost = UINT64_MAX;

    if (c && bus_open(&bus, h) == 0 && emit_open(&e, h, bus, c) == 0)
        lost = emit_finish(e, FINISH_TIMEOUT);
    if (e)
        emit_close(e);
    if (bus)
        bus_close(bus, LINGER_MS);
    if (lost == 0)
        return 0;
    if (c && e) {
        c->records_lost += lost;
        log_error("%llu records of the worker before could not be given to the logger",
                  (unsigned long long)lost);
    }
    return EX_IOERR;
}

/* What other workers are about to answer may still say what some flows are. */
static void answers_ask(struct worker *w)
{
    learn_run(w->learn, w->now_ns, clock_mono_ns()); /* asks what is left to be asked */
    if (learn_questions_open(w->learn))
        learn_fence_raise(w->learn);
}

static void others_wait(struct worker *w, bool (*is_waited_for)(const struct learn *l))
{
    uint64_t now = clock_mono_ns(), again = now, until = now + ANSWERS_TIMEOUT;

    emit_wait(w->emit, 0);
    while (is_waited_for(w->learn) && now < until) {
        if (now >= again) {
            learn_fence_ask(w->learn);
            again = now + ASK_INTERVAL;
        }
        emit_wait(w->emit, again < until ? again : until);
        now = clock_mono_ns();
    }
}

static bool answer_may_come(const struct learn *l)
{
    return learn_questions_open(l) && learn_fence_stands(l);
}

/* While others think of their answers, or want ours: they may be ending, too. */
static void flows_end_certain(struct worker *w)
{
    for (uint32_t i = 0, n = w->flows.flows.used; i < n; i += FINISH_FLOWS) {
        uint64_t now = clock_mono_ns();

        pipeline_finish_certain(w, FINISH_FLOWS);
        emit_run(w->emit, now);
        learn_run(w->learn, w->now_ns, now);
    }
}

static void flows_end(struct worker *w)
{
    emit_end(w->emit, FINISH_TIMEOUT);
    if (w->plain)
        host_plain_run(w, UINT64_MAX);
    if (w->learn) {
        learn_all_read(w->learn);
        answers_ask(w);
        flows_end_certain(w);
        others_wait(w, answer_may_come);
        learn_done(w->learn);
    }
    pipeline_finish(w);
}

/* left: in the spool. dropped: what it had no room for. */
static void tell_left(const struct worker *w, uint64_t left, uint64_t dropped)
{
    int seconds = (int)(FINISH_TIMEOUT / NS_PER_SEC);
    unsigned long long all = left + dropped;

    if (heritage_orphaned(w->heritage)) {
        log_error("%llu records were not taken by the logger and are lost: the manager is gone",
                  all);
        return;
    }
    if (dropped > 0)
        log_error("%llu records are lost: the logger did not take them in %d s, and the spool was "
                  "full (spool_size)",
                  (unsigned long long)dropped, seconds);
    if (left > 0)
        log_error("%llu records were not taken by the logger in %d s: they stay in the spool",
                  (unsigned long long)left, seconds);
}

/* Flows and all that is kept for them. */
static void memory_close(struct worker *w)
{
    if (w->decoder.fragments)
        fragments_free(w->decoder.fragments);
    for (unsigned i = 0; analyzers[i]; i++)
        pool_fini(&w->analyzer_states[i]);
    pool_fini(&w->children);
    pool_fini(&w->oddities);
    pool_fini(&w->tunnels);
    pool_fini(&w->tunnel_parents);
    pool_fini(&w->detections);
    shunt_close(w);
    prefilter_close(w);
    reassembly_fini(&w->reassembly);
    flow_table_fini(&w->flows);
    bufpool_fini(&w->bufs);
}

/* The last packet is through: what is from now on is records, and what others ask. */
static void packets_close(struct worker *w)
{
    if (w->emit) {
        emit_on_event(w->emit, on_last_event, w);
        emit_flush(w->emit); /* the logger has it while this worker gives its memory back */
    }
    if (w->capture)
        w->capture_ops->close(w->capture);
    w->capture = NULL;
    frames_fini(&w->frames);
    host_plain_close(w);
    screen_close(w->screen);
    memory_close(w);
}

static uint64_t records_close(struct worker *w, uint64_t lost_before)
{
    uint64_t left = emit_finish(w->emit, FINISH_TIMEOUT);
    uint64_t dropped = w->counters->records_lost - lost_before;

    if (left + dropped > 0)
        tell_left(w, left, dropped);
    if (w->learn && w->heritage->one_shot) /* a cluster has always others that go on */
        others_wait(w, learn_is_wanted);
    emit_close(w->emit);
    return left;
}

uint64_t worker_close(struct worker *w)
{
    uint64_t left = 0, lost_before = 0;

    if (w->emit) { /* and so, memory for flows */
        lost_before = w->counters->records_lost;
        flows_end(w);
        if (w->capture && w->capture_ops->stats)
            w->capture_ops->stats(w->capture);
    }
    packets_close(w);
    if (w->emit)
        left = records_close(w, lost_before);
    if (w->learn)
        learn_close(w->learn);
    if (w->bus)
        bus_close(w->bus, LINGER_MS);
    return left;
}
