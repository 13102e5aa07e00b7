/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers that read themselves need no further process, and share the work of reading as evenly as
 * the rest: who has little to do of its own gets the turn more often. */
#include "worker/reader/turn.h"

#include "common/base/log.h"

#include <errno.h>

int turn_open(struct turn *t, const struct heritage *h, struct frame_ring *ring,
              struct counters *counters)
{
    int rc;

    *t = (struct turn){.worker = h->worker_index};
    rc = spread_open(&t->spread, h, ring, counters);
    if (rc < 0)
        return rc;
    if (!pcap_file_has_places(t->spread.file)) {
        log_error("%s: is another file than a moment ago: read it again", h->capture.name);
        return -EBADMSG;
    }
    t->start = pcap_file_place(t->spread.file);
    /* Of all of them these are the sums that one reader would have. */
    counters->capture_read_bytes = h->worker_index == 0 ? t->start.offset : 0;
    if (h->worker_index != 0)
        counters->capture_total_bytes = 0;
    return 0;
}

void turn_close(struct turn *t)
{
    spread_close(&t->spread);
}

/* Until there is a frame, or frames were passed over, or the end: one may be longer than what is
 * read at once. */
static struct pcap_place read_on(struct turn *t, const struct pcap_place *from)
{
    struct spread *s = &t->spread;
    struct pcap_place to;

    do {
        t->ended = spread_block(s);
        to = pcap_file_place(s->file);
    } while (t->ended == 0 && to.offset == from->offset);
    return to;
}

bool turn_fill(struct turn *t)
{
    struct frame_ring_place place;
    struct pcap_place from, to;
    struct counters *c = t->spread.counters;
    uint64_t read_bytes = c->capture_read_bytes;

    if (!frame_ring_turn(t->spread.ring, t->worker, &place))
        return false;
    from = place.offset == 0 ? t->start : (struct pcap_place){place.offset, place.frames};
    pcap_file_go_to(t->spread.file, &from);
    to = read_on(t, &from);
    if (t->ended == 0) /* without what the next one will read again */
        c->capture_read_bytes = read_bytes + (to.offset - from.offset);
    place = (struct frame_ring_place){to.offset, to.frames};
    frame_ring_turn_end(t->spread.ring, &place, t->ended < 0);
    return true;
}
