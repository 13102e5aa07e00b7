/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture file that is read once for all workers (common/ipc/frame_ring.h), by a process of its
 * own or by the workers in turn: this worker's frames, lent out of the ring's blocks. What is wrong
 * with the file says who finds it; for all others it only ends.
 *
 * In turn, a worker fills a block when it has few ahead of it, so that neither it nor the others
 * have to wait for one.
 *
 * A batch never spans blocks, so the block goes back with the batch that was its last. Blocks
 * without a frame for this worker go back at once, but they too tell how late it is. */
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/ipc/frame_ring.h"
#include "worker/capture/sources.h"
#include "worker/reader/turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_BLOCKS 4u /* to have filled */
#define FRAMES_AHEAD                                                                               \
    16u /* of which memory is asked for the headers: another core's cache has them */

struct capture {
    struct frame_ring ring;
    bool in_turn;
    struct turn turn; /* if in_turn */
    uint32_t worker;
    const char *name;
    int wake_fd;
    bool slept; /* there was nothing: the eventfd may have counted */
    bool frames_out;
    bool has_block;
    struct frame_ring_list list; /* if has_block */
    uint32_t next;               /* in the list */
    uint64_t input_ns;
};

static void give_back(struct capture *c)
{
    c->input_ns = c->list.last_ns;
    c->has_block = false;
    frame_ring_give_back(&c->ring, c->worker);
}

/* The next block with a frame for this worker: 1, 0 if there is none now, or the end. */
static int find_block(struct capture *c)
{
    while (!c->has_block) {
        int r = frame_ring_next(&c->ring, c->worker, &c->list);

        if (r <= 0)
            return r;
        c->has_block = true;
        c->next = 0;
        for (uint32_t i = 0; i < FRAMES_AHEAD; i++)
            frame_ring_prefetch(&c->ring, &c->list, i);
        if (c->list.n == 0)
            give_back(c);
    }
    return 1;
}

/* False: the frame cannot be where the reader says. */
static bool lend(struct capture *c, struct frame *out)
{
    struct frame_ring_frame e;
    const uint8_t *data;

    frame_ring_prefetch(&c->ring, &c->list, c->next + FRAMES_AHEAD);
    if (!frame_ring_frame(&c->ring, &c->list, c->next++, &e, &data))
        return false;
    *out = (struct frame){.data = data,
                          .caplen = e.caplen,
                          .wirelen = e.wirelen,
                          .ts_ns = e.ts_ns,
                          .linktype = e.linktype,
                          .checksum = FRAME_CHECKSUM_UNKNOWN,
                          .hashed = e.hashed,
                          .hash = e.hash};
    return true;
}

static int end_broken(const struct capture *c)
{
    log_error("%s: what the reader wrote into shared memory makes no sense: the rest is not read",
              c->name);
    return -EPROTO;
}

/* There is no block for it. In turn it tries once more to fill one: now who has the turn, or gives
 * a block back, sees that it waits. */
static int nothing_now(struct capture *c)
{
    int r = c->in_turn && turn_fill(&c->turn) ? find_block(c) : 0;

    if (r == 0 && c->in_turn)
        c->turn.spread.counters->reader_waits++;
    return r;
}

static int next_frames(struct capture *c)
{
    int r;

    while (!c->has_block && c->in_turn && frame_ring_ahead(&c->ring, c->worker) < AHEAD_BLOCKS &&
           turn_fill(&c->turn))
        ;
    r = find_block(c);
    if (r == 0)
        r = nothing_now(c);
    return r == -ENODATA && c->in_turn && c->turn.ended ? c->turn.ended : r;
}

static int shared_file_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = 0;
    int r;

    CHECK(!c->frames_out);
    if (c->slept)
        frame_ring_woken(c->wake_fd);
    r = next_frames(c);
    c->slept = r == 0;
    if (r == -EPROTO)
        return end_broken(c);
    if (r <= 0)
        return r;
    while (n < max && c->next < c->list.n)
        if (!lend(c, &out[n++]))
            return end_broken(c);
    c->frames_out = true;
    return (int)n;
}

static void shared_file_release(struct capture *c)
{
    if (c->frames_out && c->next == c->list.n)
        give_back(c);
    c->frames_out = false;
}

static int shared_file_wait_fd(struct capture *c)
{
    return c->wake_fd;
}

static uint64_t shared_file_input_ns(const struct capture *c)
{
    return c->input_ns;
}

static void shared_file_close(struct capture *c)
{
    if (c->in_turn)
        turn_close(&c->turn);
    frame_ring_close(&c->ring);
    free(c);
}

static int open_ring(struct capture **out, const struct heritage *h, enum frame_ring_role role)
{
    struct capture *c = calloc(1, sizeof *c);
    int r = -ENOMEM;

    if (c)
        r = frame_ring_open(&c->ring, h->capture.memory_fd, h->n_workers, role);
    if (r < 0) {
        log_error("%s: cannot map what is read for all workers: %s", h->capture.name, strerror(-r));
        free(c);
        return r;
    }
    c->worker = h->worker_index;
    c->name = h->capture.name;
    *out = c;
    return 0;
}

static int shared_file_open(struct capture **out, const struct heritage *h,
                            struct counters *counters)
{
    int r = open_ring(out, h, FRAME_RING_WORKER);

    (void)counters;
    if (r < 0)
        return r;
    (*out)->ring.reader_fd = h->capture.reader_fd;
    (*out)->wake_fd = h->capture.fd;
    return 0;
}

static int open_in_turn(struct capture **out, const struct heritage *h, struct counters *counters)
{
    int r = open_ring(out, h, FRAME_RING_IN_TURN);
    struct capture *c = *out;

    if (r < 0)
        return r;
    for (uint32_t i = 0; i < h->n_workers; i++)
        c->ring.worker_fds[i] = h->workers_fd + (int)i;
    c->wake_fd = c->ring.worker_fds[c->worker];
    c->in_turn = true;
    r = turn_open(&c->turn, h, &c->ring, counters);
    if (r < 0) {
        shared_file_close(c);
        *out = NULL;
    }
    return r;
}

const struct capture_ops capture_shared_file = {
    .kind = CAPTURE_SHARED_FILE,
    .name = "shared file",
    .open = shared_file_open,
    .recv = shared_file_recv,
    .release = shared_file_release,
    .wait_fd = shared_file_wait_fd,
    .input_ns = shared_file_input_ns,
    .close = shared_file_close,
};

const struct capture_ops capture_file_in_turn = {
    .kind = CAPTURE_FILE_IN_TURN,
    .name = "file in turn",
    .open = open_in_turn,
    .recv = shared_file_recv,
    .release = shared_file_release,
    .wait_fd = shared_file_wait_fd,
    .input_ns = shared_file_input_ns,
    .close = shared_file_close,
};
