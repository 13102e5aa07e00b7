/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be read by one process only, as gzip and a pipe: the state of the reading is in it. */
#include "worker/reader/reader.h"

#include "common/base/log.h"
#include "worker/capture/sources.h"
#include "worker/reader/spread.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define SLEEP_MAX_MS 1000 /* a signal may have come just before */

struct reader {
    struct frame_ring ring;
    struct spread spread;
};

/* Until a block is free, or the pipe has more. */
static void rest(struct reader *r)
{
    struct pollfd p[2] = {{.fd = r->ring.reader_fd, .events = POLLIN},
                          {.fd = capture_pcap_file.wait_fd(r->spread.file), .events = POLLIN}};

    frame_ring_rest(&r->ring);
    if (r->spread.starved)
        r->spread.counters->reader_waits++;
    if (poll(p, r->spread.starved ? 1 : 2, SLEEP_MAX_MS) > 0 && (p[0].revents & POLLIN))
        frame_ring_woken(r->ring.reader_fd);
}

int reader_loop(struct reader *r, const volatile int *stop)
{
    while (!*stop && frame_ring_present(&r->ring) > 0) {
        int end = spread_block(&r->spread);
        bool filled = frame_ring_filled(&r->ring) > 0;

        frame_ring_publish(&r->ring);
        if (end < 0)
            return end == -ENODATA ? 0 : end;
        if (!filled)
            rest(r);
    }
    return 0;
}

int reader_open(struct reader **out, const struct heritage *h, struct counters *counters)
{
    struct reader *r = calloc(1, sizeof *r);
    int rc = -ENOMEM;

    *out = r;
    if (r)
        rc = frame_ring_open(&r->ring, h->capture.memory_fd, h->n_workers, FRAME_RING_READER);
    if (rc < 0) {
        log_error("%s: cannot map what workers are to read: %s", h->capture.name, strerror(-rc));
        return rc;
    }
    r->ring.reader_fd = h->capture.reader_fd;
    for (uint32_t i = 0; i < h->n_workers; i++)
        r->ring.worker_fds[i] = h->workers_fd + (int)i;
    return spread_open(&r->spread, h, &r->ring, counters);
}

void reader_close(struct reader *r)
{
    if (!r)
        return;
    if (r->ring.control) {
        frame_ring_publish(&r->ring);
        frame_ring_end(&r->ring);
        frame_ring_close(&r->ring);
    }
    spread_close(&r->spread);
    free(r);
}
