/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture file that one process reads for all workers (worker/reader, common/ipc/frame_ring.h):
 * this worker's frames, lent out of the reader's blocks. What is wrong with the file the reader
 * says; here it only ends.
 *
 * A batch never spans blocks, so the block goes back with the batch that was its last. Blocks
 * without a frame for this worker go back at once, but they too tell how late it is. */
#include "common/base/check.h"
#include "common/base/log.h"
#include "common/ipc/frame_ring.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_BYTES 54 /* of Ethernet, IPv4 and TCP */

struct capture {
    struct frame_ring ring;
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
        if (c->list.n == 0)
            give_back(c);
    }
    return 1;
}

/* False: the frame cannot be where the reader says. */
static bool lend(struct capture *c, struct frame *out)
{
    struct frame_ring_entry e;
    const uint8_t *data;

    if (!frame_ring_frame(&c->ring, &c->list, c->next++, &e, &data))
        return false;
    /* Its headers lie in the cache of another core. */
    __builtin_prefetch(data);
    __builtin_prefetch(data + HEADERS_BYTES);
    *out = (struct frame){.data = data,
                          .caplen = e.caplen,
                          .wirelen = e.wirelen,
                          .ts_ns = e.ts_ns,
                          .linktype = e.linktype,
                          .checksum = FRAME_CHECKSUM_UNKNOWN,
                          .hashed = e.hashed != 0,
                          .hash = e.hash};
    return true;
}

static int end_broken(const struct capture *c)
{
    log_error("%s: what the reader wrote into shared memory makes no sense: the rest is not read",
              c->name);
    return -EPROTO;
}

static int shared_file_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = 0;
    int r;

    CHECK(!c->frames_out);
    if (c->slept)
        frame_ring_woken(c->wake_fd);
    r = find_block(c);
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
    frame_ring_close(&c->ring);
    free(c);
}

static int shared_file_open(struct capture **out, const struct heritage *h,
                            struct counters *counters)
{
    struct capture *c = calloc(1, sizeof *c);
    int r = -ENOMEM;

    (void)counters;
    if (c)
        r = frame_ring_open(&c->ring, h->capture.memory_fd, h->n_workers, false);
    if (r < 0) {
        log_error("%s: cannot map what its reader reads: %s", h->capture.name, strerror(-r));
        free(c);
        return r;
    }
    c->ring.reader_fd = h->capture.reader_fd;
    c->worker = h->worker_index;
    c->name = h->capture.name;
    c->wake_fd = h->capture.fd;
    *out = c;
    return 0;
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
