/* SPDX-License-Identifier: BSD-3-Clause */
/* To read, unpack and walk a file is most of what workers that read the same one would do each for
 * themselves, and a worker that decodes a frame only to find that it is another's has lost half of
 * the work. So this process walks the frames once: the source of capture files reads straight into
 * the blocks of the ring, and each frame, while its headers are in the cache, gets the hash of its
 * flow and a place in the list of the worker whose flow that is. Frames whose hash only decode can
 * tell (early_hash.h) go to all workers, who sort them out as they always do.
 *
 * A block is passed on when the source wants to read on, that is when it has no further whole
 * frame: from a file with what one read gave, from a pipe with what was there. */
#include "worker/reader/reader.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/ipc/frame_ring.h"
#include "worker/capture/pcap_file.h"
#include "worker/capture/sources.h"
#include "worker/decode/decode.h"
#include "worker/decode/early_hash.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SLEEP_MAX_MS 1000 /* a signal may have come just before */

/* The least that a frame takes of a file, and so the most frames of one read: a window begins with
 * less than one. */
#define FRAME_MIN_BYTES 16u
_Static_assert(FRAME_RING_DATA_BYTES == PCAP_WINDOW_BYTES, "a block is a window");
_Static_assert(FRAME_RING_FRAMES_MAX > PCAP_READ_BYTES / FRAME_MIN_BYTES + 1, "and has its frames");

struct reader {
    const struct heritage *h;
    struct counters *counters;
    struct frame_ring ring;
    struct early_hash early;
    struct capture *file;
    const uint8_t *window; /* of the block that is filled */
    bool starved;          /* there was no block to read into */
};

static void publish(struct reader *r)
{
    r->counters->reader_blocks += frame_ring_filled(&r->ring) > 0;
    frame_ring_publish(&r->ring);
}

/* The source's next window: what was read before goes to the workers. */
static uint8_t *next_window(void *user)
{
    struct reader *r = user;
    uint8_t *window;

    publish(r);
    window = frame_ring_take(&r->ring);
    r->starved = !window;
    if (window)
        r->window = window;
    return window;
}

static void pass_on(struct reader *r, const struct frame *f)
{
    struct frame_ring_entry e = {.ts_ns = f->ts_ns,
                                 .offset = (uint32_t)(f->data - r->window),
                                 .caplen = f->caplen,
                                 .wirelen = f->wirelen,
                                 .linktype = f->linktype};
    uint32_t owner = FRAME_RING_ALL;

    e.hashed = early_hash_frame(&r->early, f, &e.hash);
    if (e.hashed)
        owner = r->h->bucket_owner[e.hash % FLOW_BUCKETS];
    else
        r->counters->reader_to_all++;
    frame_ring_add(&r->ring, &e, owner);
}

/* Until a block is free, or the pipe has more. */
static void rest(struct reader *r)
{
    struct pollfd p[2] = {{.fd = r->ring.reader_fd, .events = POLLIN},
                          {.fd = capture_pcap_file.wait_fd(r->file), .events = POLLIN}};

    frame_ring_rest(&r->ring);
    if (r->starved)
        r->counters->reader_waits++;
    if (poll(p, r->starved ? 1 : 2, SLEEP_MAX_MS) > 0 && (p[0].revents & POLLIN))
        frame_ring_woken(r->ring.reader_fd);
}

int reader_loop(struct reader *r, const volatile int *stop)
{
    struct frame frames[CAPTURE_BATCH_MAX];

    while (!*stop && frame_ring_present(&r->ring) > 0) {
        int n = capture_pcap_file.recv(r->file, frames, CAPTURE_BATCH_MAX);

        for (int i = 0; i < n; i++)
            pass_on(r, &frames[i]);
        capture_pcap_file.release(r->file);
        r->counters->reader_frames += n > 0 ? (uint64_t)n : 0;
        if (n < 0)
            return n == -ENODATA ? 0 : n;
        if (n == 0) {
            publish(r);
            rest(r);
        }
    }
    return 0;
}

int reader_open(struct reader **out, const struct heritage *h, struct counters *counters)
{
    struct reader *r = calloc(1, sizeof *r);
    struct pcap_windows windows = {next_window, r};
    int rc = -ENOMEM;

    *out = r;
    if (r)
        rc = frame_ring_open(&r->ring, h->capture.memory_fd, h->n_workers, true);
    if (rc < 0) {
        log_error("%s: cannot map what workers are to read: %s", h->capture.name, strerror(-rc));
        return rc;
    }
    r->h = h;
    r->counters = counters;
    r->ring.reader_fd = h->capture.reader_fd;
    for (uint32_t i = 0; i < h->n_workers; i++)
        r->ring.worker_fds[i] = h->workers_fd + (int)i;
    for (unsigned i = 0; i < FLOW_BUCKETS; i++)
        CHECK(h->bucket_owner[i] < h->n_workers);
    r->early = (struct early_hash){.seed = h->seed,
                                   .tunnel_max_depth = (uint32_t)h->options.tunnel_max_depth,
                                   .checksums = decode_checksums(h->options.checksums, h->live) ==
                                                CHECKSUMS_CHECK};
    return pcap_file_open(&r->file, h, &windows, counters);
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    if (r->ring.control) {
        publish(r);
        frame_ring_end(&r->ring);
        frame_ring_close(&r->ring);
    }
    if (r->file)
        capture_pcap_file.close(r->file);
    free(r);
}
