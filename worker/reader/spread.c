/* SPDX-License-Identifier: BSD-3-Clause */
/* To read, unpack and walk a file is most of what workers that read the same one would do each for
 * themselves, and a worker that decodes a frame only to find that it is another's has lost half of
 * the work. So frames are walked once: the source of capture files reads straight into a block of
 * the ring, and each frame, while its headers are in the cache, gets the hash of its flow and a
 * place in the list of the worker whose flow that is. Frames whose hash only decode can tell
 * (early_hash.h) go to all workers, who sort them out as they always do.
 *
 * A block has what one read gave: it ends where the source wants to read on. */
#include "worker/reader/spread.h"

#include "common/base/check.h"
#include "common/base/log.h"
#include "worker/capture/sources.h"
#include "worker/decode/decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The least that a frame takes of a file, and so the most frames of one read: a window begins with
 * less than one. */
#define FRAME_MIN_BYTES 16u

_Static_assert(FRAME_RING_DATA_BYTES == PCAP_WINDOW_BYTES, "a block is a window");
_Static_assert(FRAME_RING_FRAMES_MAX > PCAP_READ_BYTES / FRAME_MIN_BYTES + 1, "and has its frames");

/* The source's next window: the block, unless it has frames. */
static uint8_t *next_window(void *user)
{
    struct spread *s = user;
    uint8_t *window;

    if (s->header)
        return s->header;
    if (frame_ring_filled(s->ring) > 0)
        return NULL;
    window = frame_ring_take(s->ring);
    s->starved = !window;
    if (window)
        s->window = window;
    return window;
}

static void pass_on(struct spread *s, const struct frame *f)
{
    struct frame_ring_frame e = {.ts_ns = f->ts_ns,
                                 .offset = (uint32_t)(f->data - s->window),
                                 .caplen = f->caplen,
                                 .wirelen = f->wirelen,
                                 .linktype = f->linktype};

    e.hashed = early_hash_frame(&s->early, f, &e.hash);
    if (e.hashed) {
        frame_ring_add(s->ring, &e, s->h->bucket_owner[e.hash % FLOW_BUCKETS]);
        return;
    }
    frame_ring_add_to_all(s->ring, &e);
    s->counters->reader_to_all++;
}

int spread_block(struct spread *s)
{
    struct frame frames[CAPTURE_BATCH_MAX];
    int n;

    while ((n = capture_pcap_file.recv(s->file, frames, CAPTURE_BATCH_MAX)) > 0) {
        for (int i = 0; i < n; i++)
            pass_on(s, &frames[i]);
        capture_pcap_file.release(s->file);
        s->counters->reader_frames += (uint64_t)n;
    }
    s->counters->reader_blocks += frame_ring_filled(s->ring) > 0;
    return n;
}

static int open_in_turn(struct spread *s, const struct pcap_windows *windows)
{
    int rc;

    s->header = malloc(PCAP_WINDOW_BYTES);
    if (!s->header) {
        log_error("%s: %s", s->h->capture.name, strerror(ENOMEM));
        return -ENOMEM;
    }
    rc = pcap_file_open(&s->file, s->h, windows, s->counters);
    free(s->header);
    s->header = NULL;
    return rc;
}

int spread_open(struct spread *s, const struct heritage *h, struct frame_ring *ring,
                struct counters *counters)
{
    struct pcap_windows windows = {next_window, s};

    *s = (struct spread){.h = h, .counters = counters, .ring = ring};
    for (unsigned i = 0; i < FLOW_BUCKETS; i++)
        CHECK(h->bucket_owner[i] < h->n_workers);
    s->early = (struct early_hash){.seed = h->seed,
                                   .tunnel_max_depth = (uint32_t)h->options.tunnel_max_depth,
                                   .checksums = decode_checksums(h->options.checksums, h->live) ==
                                                CHECKSUMS_CHECK};
    return ring->role == FRAME_RING_IN_TURN ? open_in_turn(s, &windows)
                                            : pcap_file_open(&s->file, h, &windows, counters);
}

void spread_close(struct spread *s)
{
    if (s->file)
        capture_pcap_file.close(s->file);
    s->file = NULL;
}
