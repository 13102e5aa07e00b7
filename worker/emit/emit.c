/* SPDX-License-Identifier: BSD-3-Clause */
/* Emit: what leaves a worker, once.
 *
 * The spool holds every batch until it is acknowledged, and the logger copies it out of there.
 * Publishing only says where batches lie, and walks a position, sent_seq, along them. So whatever
 * is lost on the way - a logger killed, a queue overrun, an acknowledgement that came before we had
 * subscribed to it - is mended by one thing: setting the position back to what is acknowledged. The
 * logger drops what it has already. Three events set it back:
 *
 *   a logger shows its subscription     it may have lost what was on its way to its predecessor
 *   an acknowledgement asks for it      the logger has seen a hole
 *   silence while batches are out       anything else: 500 ms, less of a logger that has not yet
 *                                       spoken, and twice as long each time, as one that is stuck
 *                                       is not helped by more to read
 *
 * At most EMIT_WINDOW batches are published from where the position was last acknowledged or set
 * back, or, when no answer is waited for, from what was dropped since.
 *
 * To wake the logger costs more than to write a batch. Live, it is told of a batch at once, since
 * somebody may be reading the log; in a replay, of GATHER_BATCHES together, unless records are
 * older than log_flush_interval or their slots are needed.
 *
 * A whole batch goes over the bus only while somebody taps it, once, when the logger is told.
 *
 * Asking ZeroMQ for messages costs two system calls, as much as some packets; while packets come,
 * that is done every BUS_PERIOD_NS only. No edge is lost by it: the descriptors stay readable until
 * they are asked. Who slept over them knows better, and spares the question or asks at once; since
 * sending takes an edge along, now and then it is asked all the same.
 *
 * A batch that is evicted when it was already on its way counts as lost although the logger may
 * still write it: the counter errs on that side only. */
#include "worker/emit/emit.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/message.h"
#include "worker/emit/events.h"
#include "worker/emit/taps.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RESEND_FRESH_NS (50 * NS_PER_MS) /* a new logger's first words are easily lost */
#define RESEND_MIN_NS   (500 * NS_PER_MS)
#define RESEND_MAX_NS   (8 * NS_PER_SEC)
#define REWIND_PAUSE_NS (20 * NS_PER_MS) /* a hole makes the logger ask once a batch behind it */
#define BUS_PERIOD_NS   (2 * NS_PER_MS)
#define BUS_QUIET_NS    (100 * NS_PER_MS)
#define GATHER_BATCHES  8u
#define AHEAD_BATCHES   16u
#define RESUME_BATCHES  8u
#define PACE_WAIT_NS    NS_PER_SEC
#define HEAD_BYTES_MAX  (512 + 32 * 64)
#define TOPIC_BYTES     128

_Static_assert(EMIT_WINDOW <= MESSAGE_SEALED_BATCHES, "a window fits a message");
_Static_assert(GATHER_BATCHES <= EMIT_WINDOW && GATHER_BATCHES < AHEAD_BATCHES, "so it gets told");

struct emit {
    const struct heritage *h;
    struct bus *bus;
    struct counters *c;
    struct spool *spool;
    void *spool_mem;
    struct events events;

    uint64_t now_ns;          /* of the last emit_run */
    uint64_t bus_asked_ns;    /* when bus_receive said last that there is no more, */
    uint64_t bus_due_ns;      /* and is to be asked again */
    uint64_t untold_since_ns; /* the oldest record that the logger was not told of */
    bool has_untold;

    uint64_t sent_seq;    /* published up to here since the position was last set back */
    uint64_t sent_max;    /* published ever */
    uint64_t window_seq;  /* acknowledged or set back to: where the window begins */
    uint64_t progress_ns; /* last acknowledgement of something, or first batch after none was out */
    uint64_t resend_ns;   /* silence after which the position is set back */
    uint64_t rewound_ns;
    uint64_t end_ns;     /* a live worker that ends waits until then; 0: it does not end */
    bool rewind;         /* asked for */
    uint64_t hasten_seq; /* batches up to this one wait for no others */

    uint64_t fields; /* of this build */
    struct taps taps;
    char topic[RECORD_TYPES][TAPS_TOPIC_BYTES];
    char sealed_topic[TOPIC_BYTES];
    char ack_topic[TOPIC_BYTES];
    char logger_topic[TOPIC_BYTES];
    uint8_t head[HEAD_BYTES_MAX];
};

static void make_topics(struct emit *e)
{
    const struct heritage *h = e->h;

    for (unsigned t = 0; t < RECORD_TYPES; t++)
        snprintf(e->topic[t], TAPS_TOPIC_BYTES, "log/%s/%s/", record_schemas[t].path, h->node);
    snprintf(e->sealed_topic, TOPIC_BYTES, "batches/%s/", h->node);
    snprintf(e->ack_topic, TOPIC_BYTES, "ack/%s/", h->node);
    snprintf(e->logger_topic, TOPIC_BYTES, "logger/%s/", h->loggers[0]);
}

static int attach(struct emit *e)
{
    size_t bytes = e->h->options.spool_size;
    int err;

    e->spool_mem = heritage_map(e->h->spool_fd, bytes);
    if (e->spool_mem)
        e->spool = spool_attach(e->spool_mem, bytes);
    if (e->spool)
        return 0;
    err = errno;
    log_error("cannot use the spool of %zu bytes: %s; spool_size must hold at least 1M, and a "
              "damaged spool is replaced by a restart of the cluster",
              bytes, strerror(err));
    return -err;
}

int emit_open(struct emit **out, const struct heritage *h, struct bus *bus, struct counters *c)
{
    struct emit *e = calloc(1, sizeof *e);
    int err;

    CHECK(h->n_loggers == 1);
    if (!e)
        return -ENOMEM;
    e->h = h;
    e->bus = bus;
    e->c = c;
    e->now_ns = clock_mono_ns();
    e->resend_ns = RESEND_FRESH_NS;
    e->fields = record_schemas_sum();
    make_topics(e);
    err = attach(e);
    if (err < 0)
        goto fail;
    err = bus_subscribe(bus, e->ack_topic);
    if (err < 0) {
        log_error("cannot subscribe to acknowledgements: %s", strerror(-err));
        goto fail;
    }
    e->sent_seq = e->sent_max = e->window_seq = spool_floor(e->spool);
    c->spool_batches = spool_batches(e->spool);
    *out = e;
    return 0;

fail:
    emit_close(e);
    return err;
}

void emit_close(struct emit *e)
{
    if (!e)
        return;
    events_close(&e->events);
    spool_detach(e->spool);
    if (e->spool_mem)
        munmap(e->spool_mem, e->h->options.spool_size);
    free(e);
}

/* Not "above the floor": what was evicted on its way must also bring the position back one day. */
static bool in_flight(const struct emit *e)
{
    return e->sent_seq > e->window_seq;
}

/* The last batch that may be published now. From batches that were dropped before they were
 * published no answer comes: the window does not wait for one. */
static uint64_t window_end(const struct emit *e)
{
    uint64_t floor = spool_floor(e->spool);
    bool passed_over = !in_flight(e) && floor > e->window_seq;

    return (passed_over ? floor : e->window_seq) + EMIT_WINDOW;
}

static void take_ack(struct emit *e, const struct bus_message *m)
{
    struct message_ack ack;

    if (message_ack_decode(m->body, m->body_len, &ack) < 0 || ack.epoch != e->h->epoch ||
        !str_equal(ack.node, str_of(e->h->node)))
        return;
    if (ack.seq > spool_acked(e->spool) && ack.seq <= spool_last_seq(e->spool)) {
        spool_ack(e->spool, ack.seq);
        e->progress_ns = e->now_ns;
        e->resend_ns = RESEND_MIN_NS;
        if (ack.seq > e->window_seq)
            e->window_seq = ack.seq;
        /* Published by a predecessor, or before the position was set back. */
        if (ack.seq > e->sent_seq)
            e->sent_seq = ack.seq;
    }
    e->rewind |= ack.resend;
}

static bool topic_is(const struct bus_message *m, const char *topic)
{
    return m->topic_len == strlen(topic) && memcmp(m->topic, topic, m->topic_len) == 0;
}

/* Until the bus has no more: its descriptors may be waited for then. */
static void take_messages(struct emit *e)
{
    struct bus_message m;

    while (bus_receive(e->bus, &m)) {
        taps_note(&e->taps, &m);
        if (m.kind == BUS_MESSAGE && topic_is(&m, e->ack_topic)) {
            take_ack(e, &m);
        } else if (m.kind == BUS_SUBSCRIBED && topic_is(&m, e->logger_topic)) {
            e->rewind = true;
            e->rewound_ns = 0; /* no pause: it is another logger than the one that asked last */
            e->resend_ns = RESEND_FRESH_NS;
        } else if (m.kind != BUS_UNSUBSCRIBED) {
            events_put(&e->events, e->bus, &m);
        }
    }
    events_run(&e->events);
    e->bus_asked_ns = e->now_ns;
    e->bus_due_ns = e->now_ns + BUS_PERIOD_NS;
}

void emit_on_event(struct emit *e, void (*event)(void *arg, const struct bus_message *m), void *arg)
{
    e->events.lost = &e->c->bus_messages_lost;
    e->events.take = event;
    e->events.arg = arg;
}

/* What is sealed by now waits for no other batches. */
static void hasten(struct emit *e)
{
    e->hasten_seq = spool_last_seq(e->spool);
    e->has_untold = spool_open_records(e->spool) > 0;
}

static void rewind_position(struct emit *e)
{
    hasten(e);
    e->rewind = false;
    e->rewound_ns = e->now_ns;
    e->progress_ns = e->now_ns;
    e->sent_seq = e->window_seq = spool_floor(e->spool);
}

static bool rewind_due(struct emit *e)
{
    if (e->rewind)
        return e->rewound_ns == 0 || e->now_ns - e->rewound_ns >= REWIND_PAUSE_NS;
    if (!in_flight(e) || e->now_ns - e->progress_ns < e->resend_ns)
        return false;
    e->resend_ns = 2 * e->resend_ns < RESEND_MAX_NS ? 2 * e->resend_ns : RESEND_MAX_NS;
    return true;
}

/* One that is lost on the way does not come again. */
static void publish_whole(struct emit *e, uint64_t floor, const struct spool_batch *b)
{
    size_t n;

    if (!taps_want(&e->taps, e->topic[b->type]))
        return;
    n = message_batch_head(e->head, sizeof e->head, e->h->node, e->h->epoch, floor, b);
    CHECK(n > 0);
    (void)bus_publish_joined(e->bus, e->topic[b->type], e->head, n, b->records, b->bytes);
}

static void note_published(struct emit *e, const struct message_sealed *m)
{
    if (!in_flight(e))
        e->progress_ns = e->now_ns;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct spool_batch *b = &m->batches[i];

        e->sent_seq = b->seq;
        if (b->seq <= e->sent_max) {
            e->c->batches_resent++;
            continue;
        }
        e->sent_max = b->seq;
        e->c->batches_sent++;
        publish_whole(e, m->floor, b);
    }
}

/* Tells the logger of all that the window allows. False if that is nothing, or if the bus could not
 * take it: it is tried again later. */
static bool publish_window(struct emit *e)
{
    struct message_sealed m = {.node = str_of(e->h->node), .epoch = e->h->epoch};
    uint8_t body[MESSAGE_SEALED_BYTES];
    struct spool_batch *b = m.batches;
    uint64_t after = e->sent_seq, end = window_end(e);
    size_t n;

    m.floor = spool_floor(e->spool);
    while (m.n < MESSAGE_SEALED_BATCHES && spool_next(e->spool, after, b) && b->seq <= end) {
        after = b++->seq;
        m.n++;
    }
    if (m.n == 0)
        return false;
    n = message_sealed_encode(body, sizeof body, e->fields, &m);
    CHECK(n > 0);
    if (bus_publish(e->bus, e->sealed_topic, body, n) < 0)
        return false;
    note_published(e, &m);
    return true;
}

/* Spares emit_run the system calls of exchange() when the window is full or all is sent. */
static bool has_publishable(const struct emit *e)
{
    uint64_t floor = spool_floor(e->spool), last = spool_last_seq(e->spool);
    uint64_t next = (e->sent_seq > floor ? e->sent_seq : floor) + 1;

    return next <= last && next <= window_end(e) &&
           (e->h->live || next <= e->hasten_seq || last - next + 1 >= GATHER_BATCHES);
}

/* Messages and batches until neither brings anything new. */
static void exchange(struct emit *e)
{
    do {
        take_messages(e);
        if (rewind_due(e))
            rewind_position(e);
    } while (has_publishable(e) && publish_window(e));
    e->c->spool_batches = spool_batches(e->spool);
}

static void flush_old(struct emit *e)
{
    if (!e->has_untold || e->now_ns - e->untold_since_ns < e->h->options.log_flush_interval)
        return;
    spool_seal_all(e->spool);
    hasten(e);
}

void emit_run(struct emit *e, uint64_t now_ns)
{
    if (now_ns > e->now_ns) /* what was emitted since it was read may have waited */
        e->now_ns = now_ns;
    if (spool_open_records(e->spool) == 0 && e->sent_seq >= spool_last_seq(e->spool))
        e->has_untold = false;
    flush_old(e);
    if (has_publishable(e) || e->now_ns >= e->bus_due_ns || e->now_ns >= emit_deadline_ns(e))
        exchange(e);
}

void emit_bus_polled(struct emit *e, bool ready)
{
    e->bus_due_ns = ready ? 0 : e->bus_asked_ns + BUS_QUIET_NS;
}

uint64_t emit_deadline_ns(const struct emit *e)
{
    uint64_t deadline = UINT64_MAX;

    if (events_due(&e->events))
        return 0;
    if (e->has_untold)
        deadline = e->untold_since_ns + e->h->options.log_flush_interval;
    if (in_flight(e) && e->progress_ns + e->resend_ns < deadline)
        deadline = e->progress_ns + e->resend_ns;
    if (e->rewind && e->rewound_ns + REWIND_PAUSE_NS < deadline)
        deadline = e->rewound_ns + REWIND_PAUSE_NS;
    return deadline;
}

/* Sleeps until the bus has something or emit or the caller has something to do. */
static void wait_for_bus(struct emit *e, uint64_t until_ns)
{
    uint64_t deadline = emit_deadline_ns(e);
    uint64_t now = clock_mono_ns();
    struct pollfd p[3] = {{.events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
    int fds[3], n = bus_fds(e->bus, fds);

    if (until_ns < deadline)
        deadline = until_ns;
    if (deadline <= now)
        return;
    for (int i = 0; i < n; i++)
        p[i].fd = fds[i];
    /* A second at most: whether the manager still lives is not among the descriptors. */
    deadline -= now;
    if (deadline > NS_PER_SEC)
        deadline = NS_PER_SEC;
    poll(p, (nfds_t)n, (int)((deadline + NS_PER_MS - 1) / NS_PER_MS));
}

/* In the middle of a packet or a flow's end: what emit_run would do is done here too, or a wait
 * would end at once, for the records that have waited long enough. */
static void exchange_now(struct emit *e)
{
    e->now_ns = clock_mono_ns();
    flush_old(e);
    exchange(e);
}

void emit_wait(struct emit *e, uint64_t until_ns)
{
    wait_for_bus(e, until_ns);
    exchange_now(e);
}

static void drop_oldest(struct emit *e)
{
    e->c->records_lost += spool_evict(e->spool);
    e->c->spool_batches = spool_batches(e->spool);
}

/* Packets do not wait for the logger. A file does, and what is left when the last packet is
 * through. */
static bool waits_for_room(const struct emit *e)
{
    return !heritage_orphaned(e->h) &&
           (!e->h->live || (e->end_ns > 0 && clock_mono_ns() < e->end_ns));
}

/* No slot is free. After this, one is or more can be waited for. */
static void make_room(struct emit *e)
{
    uint32_t before = spool_batches(e->spool);
    bool waits = waits_for_room(e);

    if (waits) {
        spool_seal_all(e->spool);
        hasten(e);
        e->c->spool_waits++;
    }
    exchange_now(e);
    if (spool_batches(e->spool) < before)
        return;
    if (waits)
        wait_for_bus(e, UINT64_MAX);
    else
        drop_oldest(e);
}

/* A replay does not run far ahead of the logger: what waits is memory, and no longer in a cache. */
static void keep_pace(struct emit *e)
{
    exchange_now(e);
    if (spool_batches(e->spool) < AHEAD_BATCHES || heritage_orphaned(e->h))
        return;
    e->c->spool_waits++;
    hasten(e);
    exchange_now(e);
    for (uint64_t until = e->now_ns + PACE_WAIT_NS;
         spool_batches(e->spool) > RESUME_BATCHES && e->now_ns < until && !heritage_orphaned(e->h);)
        emit_wait(e, until);
}

void emit_record(struct emit *e, enum record_type type, const void *rec)
{
    e->events.holds++;
    while (spool_put(e->spool, type, rec, &e->c->records_cut) == -ENOBUFS)
        make_room(e);
    e->c->records_emitted++;
    if (!e->has_untold) {
        e->has_untold = true;
        e->untold_since_ns = e->now_ns;
    }
    if (!e->h->live && spool_batches(e->spool) >= AHEAD_BATCHES)
        keep_pace(e);
    e->events.holds--;
}

static uint64_t unacknowledged_records(const struct emit *e)
{
    struct spool_batch b;
    uint64_t n = spool_open_records(e->spool);

    for (uint64_t after = 0; spool_next(e->spool, after, &b); after = b.seq)
        n += b.count;
    return n;
}

void emit_end(struct emit *e, uint64_t timeout_ns)
{
    if (e->h->live)
        e->end_ns = clock_mono_ns() + timeout_ns;
}

void emit_flush(struct emit *e)
{
    spool_seal_all(e->spool);
    hasten(e);
    exchange_now(e);
}

uint64_t emit_finish(struct emit *e, uint64_t timeout_ns)
{
    uint64_t until = clock_mono_ns() + timeout_ns;

    if (e->end_ns > 0 && e->end_ns < until)
        until = e->end_ns;
    emit_flush(e);
    while (spool_batches(e->spool) > 0 && e->now_ns < until && !heritage_orphaned(e->h))
        emit_wait(e, until);
    return unacknowledged_records(e);
}
