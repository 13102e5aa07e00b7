/* SPDX-License-Identifier: BSD-3-Clause */
/* Detect: the first bytes of a flow -> which analyzer, by content, on any port.
 *
 * Each end of a TCP flow has its own first bytes; those that are too few to tell are held until
 * more come. UDP is asked datagram by datagram. Where the beginning was missed, later segments are
 * asked as well, a few times, since a message may begin there. */
#ifndef SPLIFF_WORKER_DETECT_H
#define SPLIFF_WORKER_DETECT_H

#include "common/base/pool.h"
#include "worker/analyzer.h"

#include <stdbool.h>
#include <stdint.h>

#define DETECT_BYTES_MAX 4096u /* held an end */
#define DETECT_TRIES_MAX 8u    /* segments or datagrams asked an end, when the start was missed */

/* One flow's, zeroed at first. */
struct detection {
    struct membuf held[2]; /* by end */
    uint8_t tries[2];
    bool refused[2];     /* nobody knows this end's bytes */
    uint64_t dropped[2]; /* bytes refused or missing, before those held */
};

enum detect_verdict {
    DETECT_WAIT,    /* not yet known */
    DETECT_UNKNOWN, /* nobody knows either end */
    DETECT_FOUND,
};

struct detect_found {
    uint8_t analyzer;       /* index in analyzers[] */
    enum probe_result role; /* of the end that was recognised: CLIENT, SERVER or EITHER */
};

/* New bytes of an end. On DETECT_FOUND, d->held of the end begins with everything held before;
 * the caller feeds held bytes of both ends, then `data` if d->held[end] is empty. */
enum detect_verdict detect_data(struct detection *d, struct bufpool *bufs, uint8_t transport,
                                bool midstream, unsigned end, const uint8_t *data, size_t len,
                                struct detect_found *found);

/* TCP: len bytes of an end are missing here. What was held before them does not go on behind them:
 * it is dropped, and the end is asked anew. */
void detect_gap(struct detection *d, struct bufpool *bufs, unsigned end, uint64_t len);

/* Gives the held bytes back. */
void detect_fini(struct detection *d, struct bufpool *bufs);

#endif
