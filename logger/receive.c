/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a batch. A worker tells its node, epoch and sequence number, and where in its spool
 * it lies; the state knows the last one of that node and epoch that was taken. The next in sequence
 * is copied out of the spool and written into the sinks' buffers; one that was taken before is
 * dropped and acknowledged again; one from further ahead is refused and its sender asked, once, to
 * send again what comes after the last one taken. A batch also says its `floor`: nothing up to it
 * comes again, because it was acknowledged or the spool was full, so a hole up to there is not
 * waited for; nor for one that was evicted from the spool before it was read. The manager gives the
 * epoch to all that it starts, so another one is that of a worker whose manager was killed: it gets
 * no answer, and says what it could not send.
 *
 * Sinks are flushed while what is in their buffers is in the cache, too. After at most
 * RECEIVE_SETTLE_BATCHES batches everything is settled: sinks flushed, lengths and
 * sequence numbers committed in one step (state.h), each node acknowledged once. In this order a
 * kill at any moment neither loses a record nor writes one twice.
 *
 * When a sink cannot be written, nothing is committed or acknowledged, and nothing more is taken
 * from the bus until it can. So the workers' spools fill, and say what they lose, if anything. */
#include "logger/receive.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/ipc/message.h"
#include "common/ipc/spool.h"
#include "logger/notice_filter.h"
#include "logger/sink/sink.h"
#include "logger/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RECEIVE_SETTLE_BATCHES 64u
#define RECEIVE_SETTLE_BYTES   (1024u * 1024)
#define RECEIVE_FLUSH_BYTES    (128u * 1024)
#define RESEND_INTERVAL_NS     NS_PER_SEC        /* between two requests for the same batch */
#define WARN_INTERVAL_NS       (10 * NS_PER_SEC) /* between two lines on bad batches */

/* What is to be answered to a node; same index as in the state. */
struct answer {
    bool due;     /* something came since the last acknowledgement */
    bool refused; /* a batch from further ahead */
    uint64_t asked_seq;
    uint64_t asked_ns; /* 0: never */
};

struct open_sink {
    const struct sink *sink;
    struct sink_state *state;
};

struct receive {
    const struct heritage *heritage;
    struct counters *counters;
    struct bus *bus;
    struct state *state;
    struct open_sink open[SINKS_OPEN_MAX];
    uint32_t n_open;
    struct answer answers[STATE_NODES];
    struct notice_filter *notices; /* NULL: of one worker */
    struct message_sealed sealed;  /* what the last message told, taken up to `taken` */
    uint32_t taken;
    bool readable;   /* they are of this build */
    uint64_t fields; /* of this build */
    const void *spools[HERITAGE_WORKERS_MAX];
    uint8_t *copy;          /* the records of a batch; SPOOL_SLOT_BYTES */
    bool unsettled;         /* buffers or answers wait */
    size_t pending_bytes;   /* taken and not committed */
    size_t unflushed_bytes; /* of them */
    uint64_t bad_batches;   /* since the last line about them */
    uint64_t warned_ns;
    struct sink_lengths lengths; /* at the last commit */
};

static void free_all(struct receive *r)
{
    for (uint32_t i = 0; i < r->heritage->n_workers; i++)
        if (r->spools[i])
            munmap((void *)(uintptr_t)r->spools[i], r->heritage->options.spool_size);
    notice_filter_free(r->notices);
    free(r->copy);
    free(r);
}

static int map_spools(struct receive *r)
{
    const struct heritage *h = r->heritage;

    for (uint32_t i = 0; i < h->n_workers; i++) {
        int err;

        r->spools[i] = heritage_map_read(h->spool_fd + (int)i, h->options.spool_size);
        if (r->spools[i])
            continue;
        err = errno;
        log_error("cannot map the spool of %s: %s; lower spool_size", h->workers[i], strerror(err));
        return -err;
    }
    return 0;
}

int receive_open(struct receive **out, const struct heritage *h, struct counters *c)
{
    struct receive *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return -ENOMEM;
    r->heritage = h;
    r->counters = c;
    r->fields = record_schemas_sum();
    r->copy = malloc(SPOOL_SLOT_BYTES);
    r->notices = h->n_workers > 1 ? notice_filter_new() : NULL;
    rc = r->copy && (r->notices || h->n_workers <= 1) ? map_spools(r) : -ENOMEM;
    if (rc == 0)
        rc = state_open(&r->state, h);
    if (rc < 0) {
        free_all(r);
        return rc;
    }
    *out = r;
    return 0;
}

static uint64_t total_bytes(const struct sink_lengths *l)
{
    uint64_t sum = l->stream;

    for (unsigned t = 0; t < RECORD_TYPES; t++)
        sum += l->file[t];
    return sum;
}

static void commit(struct receive *r)
{
    memset(&r->lengths, 0, sizeof r->lengths);
    for (uint32_t i = 0; i < r->n_open; i++)
        r->open[i].sink->lengths(r->open[i].state, &r->lengths);
    state_commit(r->state, &r->lengths);
}

int receive_begin(struct receive *r, struct bus *bus)
{
    r->bus = bus;
    for (const struct sink *const *s = sinks; *s; s++) {
        int rc;

        if (!(*s)->wanted(r->heritage))
            continue;
        CHECK(r->n_open < SINKS_OPEN_MAX);
        rc = (*s)->open(&r->open[r->n_open].state, r->heritage, state_committed(r->state));
        if (rc < 0)
            return rc;
        r->open[r->n_open++].sink = *s;
    }
    /* The lengths as they are now: a file that is gone must not count as committed later. */
    commit(r);
    return 0;
}

/* A line for the first bad batch, then for all of some seconds together. */
static void warn_bad(struct receive *r, struct str node, uint64_t now_ns, const char *why)
{
    r->bad_batches++;
    if (r->warned_ns != 0 && now_ns - r->warned_ns < WARN_INTERVAL_NS)
        return;
    log_warn("dropped %" PRIu64 " batch(es) of records, the last from %.*s: %s", r->bad_batches,
             node.len > 0 ? (int)node.len : 7, node.len > 0 ? node.p : "unknown", why);
    r->bad_batches = 0;
    r->warned_ns = now_ns;
}

static const char *why_bad(int rc)
{
    if (rc == -ENOENT)
        return "no worker of that name";
    if (rc == -EXDEV)
        return "its worker belongs to another manager; was one killed?";
    if (rc == -EPROTO)
        return "other version or fields; is a worker of another version running?";
    return rc == -EBADMSG ? "malformed" : strerror(-rc);
}

static void reject_batch(struct receive *r, uint32_t records, int rc, uint64_t now_ns)
{
    r->counters->log_bad_batches++;
    r->counters->log_lost_records += records;
    warn_bad(r, r->sealed.node, now_ns, why_bad(rc));
}

static int write_sinks(struct receive *r, const struct spool_batch *b)
{
    int rc = 0;

    for (uint32_t i = 0; i < r->n_open && rc == 0; i++)
        rc = r->open[i].sink->write(r->open[i].state, b);
    if (rc < 0)
        return rc;
    r->counters->log_records += b->count;
    r->pending_bytes += b->bytes;
    r->unflushed_bytes += b->bytes;
    return 0;
}

/* The spool of whoever sent the last message, or NULL. */
static const void *spool_of(const struct receive *r)
{
    const struct heritage *h = r->heritage;

    for (uint32_t i = 0; i < h->n_workers; i++)
        if (str_equal(r->sealed.node, str_of(h->workers[i])))
            return r->spools[i];
    return NULL;
}

/* The answer of who sent the last message, and its place in the sequence. */
static struct answer *find_node(struct receive *r, uint64_t floor, struct state_node **node)
{
    bool fresh;
    uint32_t i = state_node(r->state, r->sealed.node, r->sealed.epoch, floor, &fresh);

    if (fresh)
        r->answers[i] = (struct answer){0};
    *node = state_at(r->state, i);
    return &r->answers[i];
}

/* Writes what nobody else has said. */
static int write_new(struct receive *r, struct spool_batch *b)
{
    uint32_t repeated = 0;

    if (r->notices && b->type == RECORD_notice)
        repeated = notice_filter_batch(r->notices, r->sealed.node, b, r->copy);
    r->counters->log_repeated += repeated;
    return repeated > 0 && b->count == 0 ? 0 : write_sinks(r, b);
}

/* The next batch of its node. */
static void write_batch(struct receive *r, struct spool_batch *b, uint64_t now_ns)
{
    int rc = -EPROTO;

    if (r->readable)
        rc = spool_read(spool_of(r), r->heritage->options.spool_size, b, r->copy);
    if (r->readable && rc == 0)
        rc = write_new(r, b);
    if (rc == -ESTALE)
        r->counters->log_overtaken++;
    else if (rc < 0)
        reject_batch(r, b->count, rc, now_ns);
}

/* Also for batches that cannot be read: what is not acknowledged would come for ever. */
static void take_batch(struct receive *r, struct spool_batch *b, uint64_t now_ns)
{
    uint64_t floor = r->sealed.floor < b->seq ? r->sealed.floor : b->seq - 1;
    struct state_node *node;
    struct answer *answer = find_node(r, floor, &node);

    r->counters->log_batches++;
    answer->due = true;
    r->unsettled = true;
    if (b->seq <= node->seq) {
        r->counters->log_duplicates++;
        return;
    }
    if (floor > node->seq)
        node->seq = floor;
    if (b->seq > node->seq + 1) {
        r->counters->log_out_of_order++;
        answer->refused = true;
        return;
    }
    node->seq = b->seq;
    write_batch(r, b, now_ns);
}

/* Whose batches the last message tells of, and which: 0, or why it is refused as a whole. */
static int read_message(struct receive *r, const struct bus_message *m)
{
    int rc = message_sealed_decode(m->body, m->body_len, r->fields, &r->sealed);

    r->readable = rc == 0;
    if (rc == -EPROTO && r->sealed.n > 0)
        rc = 0;
    /* The same numbers mean other batches there, and its spool is not ours. */
    if (rc == 0 && r->sealed.epoch != r->heritage->epoch)
        return -EXDEV;
    return rc == 0 && !spool_of(r) ? -ENOENT : rc;
}

/* The next message, which is borrowed until its last batch is taken. False if there is none. */
static bool take_message(struct receive *r, uint64_t now_ns)
{
    static const char topic[] = "batches/";
    struct bus_message m;
    int rc;

    if (!bus_receive(r->bus, &m))
        return false;
    if (m.kind != BUS_MESSAGE || m.topic_len < sizeof topic - 1 ||
        memcmp(m.topic, topic, sizeof topic - 1) != 0)
        return true;
    rc = read_message(r, &m);
    r->taken = 0;
    if (rc < 0) {
        r->sealed.n = 0;
        reject_batch(r, 0, rc, now_ns);
    }
    return true;
}

/* What a stream was given may not be taken back: it waits until it is about to be committed. */
static int flush_sinks(struct receive *r, bool streams)
{
    int rc = 0;

    for (uint32_t i = 0; i < r->n_open; i++) {
        const struct sink *sink = r->open[i].sink;
        int e = sink->rotate || streams ? sink->flush(r->open[i].state) : 0;

        if (e < 0 && e != -EAGAIN)
            r->counters->log_write_errors++;
        /* A slow reader only delays; anything else is the longer wait. */
        if (e < 0 && (rc == 0 || rc == -EAGAIN))
            rc = e;
    }
    if (rc == 0)
        r->unflushed_bytes = 0;
    return rc;
}

/* Returns whether it was sent. */
static bool send_ack(struct receive *r, const struct state_node *node, bool resend)
{
    uint8_t body[MESSAGE_ACK_BYTES];
    char topic[HERITAGE_NODE_MAX + 8];
    struct message_ack ack = {str_of(node->name), node->epoch, node->seq, resend};
    size_t n = message_ack_encode(body, sizeof body, &ack);

    snprintf(topic, sizeof topic, "ack/%s/", node->name);
    return bus_publish(r->bus, topic, body, n) == 0;
}

/* True if all answers went out. Those of a full queue are tried again at the next settling. */
static bool send_answers(struct receive *r, uint64_t now_ns)
{
    bool all = true;

    for (uint32_t i = 0; i < STATE_NODES; i++) {
        struct answer *a = &r->answers[i];
        const struct state_node *node;
        bool resend;

        if (!a->due)
            continue;
        node = state_at(r->state, i);
        /* What was in flight when we asked is refused as well, and no reason to ask again. */
        resend = a->refused && (a->asked_ns == 0 || a->asked_seq != node->seq ||
                                now_ns - a->asked_ns >= RESEND_INTERVAL_NS);
        if (!send_ack(r, node, resend)) {
            all = false;
            continue;
        }
        if (resend) {
            a->asked_seq = node->seq;
            a->asked_ns = now_ns;
        }
        a->due = a->refused = false;
    }
    return all;
}

static int settle(struct receive *r, uint64_t now_ns)
{
    uint64_t before = total_bytes(&r->lengths);
    int rc;

    if (!r->unsettled)
        return 0;
    rc = flush_sinks(r, true);
    if (rc < 0)
        return rc;
    commit(r);
    r->counters->log_bytes += total_bytes(&r->lengths) - before;
    r->pending_bytes = 0;
    r->unsettled = !send_answers(r, now_ns);
    return 0;
}

int receive_run(struct receive *r, uint64_t now_ns)
{
    bool more = true;
    int rc = settle(r, now_ns);

    if (rc < 0)
        return rc;
    for (unsigned i = 0;
         rc == 0 && more && i < RECEIVE_SETTLE_BATCHES && r->pending_bytes < RECEIVE_SETTLE_BYTES;
         i++) {
        if (r->taken < r->sealed.n)
            take_batch(r, &r->sealed.batches[r->taken++], now_ns);
        else
            more = take_message(r, now_ns);
        if (r->unflushed_bytes >= RECEIVE_FLUSH_BYTES)
            rc = flush_sinks(r, false);
    }
    if (rc == 0)
        rc = settle(r, now_ns);
    return rc < 0 ? rc : more;
}

int receive_rotate(struct receive *r, uint64_t close_ns, uint64_t now_ns)
{
    int rc = settle(r, now_ns);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < r->n_open && rc == 0; i++)
        if (r->open[i].sink->rotate)
            rc = r->open[i].sink->rotate(r->open[i].state, close_ns);
    /* Also when it stopped half-way: each file that is gone has no length any more. */
    commit(r);
    if (rc == 0)
        r->counters->log_rotations++;
    return rc;
}

int receive_close(struct receive *r)
{
    int rc = r->n_open > 0 ? flush_sinks(r, true) : 0;

    if (rc < 0)
        log_error("the last records could not be written: %s", strerror(-rc));
    for (uint32_t i = 0; i < r->n_open; i++)
        r->open[i].sink->close(r->open[i].state);
    state_close(r->state);
    free_all(r);
    return rc;
}
