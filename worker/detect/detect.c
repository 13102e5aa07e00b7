/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/detect/detect.h"

/* Asks every analyzer of the transport, in table order; the first that says yes has it. */
static enum probe_result probe_all(uint8_t transport, const uint8_t *data, size_t len,
                                   uint8_t *analyzer)
{
    enum probe_result best = PROBE_NO;

    for (uint8_t i = 0; analyzers[i]; i++) {
        enum probe_result r;

        if (!analyzers[i]->probe || !(analyzers[i]->transports & transport))
            continue;
        r = analyzers[i]->probe(data, len, transport);
        if (r == PROBE_MORE)
            best = PROBE_MORE;
        else if (r != PROBE_NO) {
            *analyzer = i;
            return r;
        }
    }
    return best;
}

/* The end's bytes, with `more` that are not held, are nobody's: forget them, and say whether that
 * settles the flow. */
static enum detect_verdict refuse(struct detection *d, struct bufpool *bufs, uint8_t transport,
                                  bool midstream, unsigned end, size_t more)
{
    detect_gap(d, bufs, end, more);
    if (d->tries[end] >= DETECT_TRIES_MAX || !(midstream || transport == ANALYZER_UDP))
        d->refused[end] = true;
    return d->refused[0] && d->refused[1] ? DETECT_UNKNOWN : DETECT_WAIT;
}

enum detect_verdict detect_data(struct detection *d, struct bufpool *bufs, uint8_t transport,
                                bool midstream, unsigned end, const uint8_t *data, size_t len,
                                struct detect_found *found)
{
    struct membuf *held = &d->held[end];
    size_t held_before = held->len;

    if (d->refused[end]) {
        d->dropped[end] += len;
        return DETECT_WAIT;
    }
    if (held_before > 0) {
        if (membuf_append(held, bufs, data, len, DETECT_BYTES_MAX) < 0)
            return refuse(d, bufs, transport, midstream, end, len);
        data = held->p;
        len = held->len;
    } else {
        d->tries[end]++;
    }
    found->role = probe_all(transport, data, len, &found->analyzer);
    if (found->role == PROBE_NO || (found->role == PROBE_MORE && transport == ANALYZER_UDP))
        return refuse(d, bufs, transport, midstream, end, held_before > 0 ? 0 : len);
    if (found->role != PROBE_MORE)
        return DETECT_FOUND;
    if (held_before == 0 && membuf_append(held, bufs, data, len, DETECT_BYTES_MAX) < 0)
        return refuse(d, bufs, transport, midstream, end, len);
    return DETECT_WAIT;
}

void detect_gap(struct detection *d, struct bufpool *bufs, unsigned end, uint64_t len)
{
    d->dropped[end] += d->held[end].len + len;
    membuf_free(&d->held[end], bufs);
}

void detect_fini(struct detection *d, struct bufpool *bufs)
{
    membuf_free(&d->held[0], bufs);
    membuf_free(&d->held[1], bufs);
}
