/* SPDX-License-Identifier: BSD-3-Clause */
/* Screen: what many flows together tell, and how often it is said.
 *
 * Fed with connections that did not come about, when they end; nothing here is done for a packet,
 * or for a flow that went well. Memory is fixed. Every worker sees its share of a source's flows,
 * so the thresholds are divided by the number of workers: several workers notice a scan about as
 * early as one would, each by itself; the logger writes one of their notices. */
#ifndef SPLIFF_WORKER_SCREEN_H
#define SPLIFF_WORKER_SCREEN_H

#include "common/base/ipaddr.h"
#include "common/schema/counters.h"
#include "common/schema/notice.h"
#include "common/schema/options.h"

#include <stdbool.h>
#include <stdint.h>

struct screen; /* heap handle, one per worker */

#define SCREEN_FINDINGS_MAX 3u

/* A TCP connection that was tried in vain. */
struct screen_attempt {
    struct ipaddr src, dst;
    uint16_t port;  /* of dst */
    bool half_open; /* it was not refused: nobody answered, or the answer was not taken */
    uint64_t ts_ns; /* of its first packet */
};

/* What an attempt was the last straw of. */
struct screen_finding {
    enum notice note;
    uint64_t n;           /* ports, hosts or connections */
    uint64_t duration_ns; /* since the first of them */
};

/* workers: how many share the traffic; secret: what senders cannot know. 0 or -errno after printing
 * what failed. */
int screen_open(struct screen **out, const struct options *o, unsigned workers, uint32_t secret,
                struct counters *c);
void screen_close(struct screen *s); /* NULL: does nothing */

/* Counts an attempt. Returns how many findings it brought. */
unsigned screen_attempt(struct screen *s, const struct screen_attempt *a,
                        struct screen_finding out[SCREEN_FINDINGS_MAX]);

/* Whether a notice may be raised now: one for each note, source and target in notice_suppression,
 * and not too many in a second. dst may be NULL. *n is how often it was asked for since it was
 * raised last, this time included. */
bool screen_admits(struct screen *s, enum notice note, const struct ipaddr *src,
                   const struct ipaddr *dst, uint64_t now_ns, uint64_t *n);

#endif
