/* SPDX-License-Identifier: BSD-3-Clause */
/* AF_XDP: frames that the kernel, or the interface itself, puts into memory that both share.
 *
 * Two rings go with the memory. By the fill ring the kernel is given the places of empty frames, by
 * the receive ring it gives them back full. This worker puts each frame that it is done with back
 * into the fill ring, in the order in which they came, and only then moves the receive ring on. So
 * the position in the fill ring is always that in the receive ring and the number of frames, but
 * for the moment between those two steps; and whenever a worker is killed, its successor sees from
 * the two positions which frames were given back, and no frame is lost or given twice.
 *
 * How far frames were handed out is noted behind the last frame. The successor begins behind them:
 * what they led to may have been emitted, and would be again; or they are what the worker died of.
 * They are counted as lost.
 *
 * A frame that is longer than its place comes as several descriptors. They are copied together, in
 * a buffer that holds those of one batch; when it is full, the batch ends. */
#include "bpf/af_xdp.h"
#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/linktype.h"
#include "common/base/log.h"
#include "worker/capture/flows_map.h"
#include "worker/capture/frame_filter.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* Not in older headers. */
#ifndef XDP_PKT_CONTD
#define XDP_PKT_CONTD (1 << 0)
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define AHEAD_TIME (1u << 24)      /* about a second, in the unit of notes */
#define DRIFT_NS   UINT64_C(50000) /* that the two clocks may go apart unnoticed */

#define JOINED_BYTES (512u * 1024) /* of several pieces, in one batch */
#define LONGEST      (128u * 1024) /* more than any frame: JOINED_BYTES hold at least one */

/* Kept in the memory behind the frames. */
struct notes {
    uint32_t taken; /* position in the receive ring up to which frames were handed out */
    uint32_t ready; /* the worker has begun: what follows is set */
    struct xdp_statistics before; /* what was lost while nobody was there to read */
};

_Static_assert(sizeof(struct notes) <= HERITAGE_NOTES_BYTES, "notes fit their place");

struct ring {
    void *map;
    size_t map_bytes;
    uint32_t *producer, *consumer, *flags;
    void *slots;
};

struct capture {
    int fd;
    const char *interface;
    uint8_t *memory;
    uint64_t memory_bytes;
    uint32_t frames, mask; /* of positions in a ring */
    struct ring fill, receive;
    struct notes *notes;
    uint32_t released, taken; /* positions in the receive ring */
    uint32_t mark;            /* of the program's notes */
    uint32_t snaplen;
    bool zero_copy;
    bool joins;     /* frames of several pieces come */
    bool busy_poll; /* frames come only when they are asked for */
    bool idle;      /* the last recv found nothing either */
    uint8_t *joined;
    uint32_t joined_bytes;   /* of this batch */
    uint64_t now;            /* the time of this batch on the monotonic clock, in the notes' unit */
    uint64_t wall_offset_ns; /* from that clock to the time since 1970 */
    struct af_xdp_queue *queue; /* shared with the program: its element of `queues` */
    bool behind;                /* as it was told */
    void *queues;
    size_t queues_bytes;
    struct filter *filter;
    struct flows_map *flows;
    struct counters *counters;
};

static uint32_t load_acquire(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store_release(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static const struct xdp_desc *descriptor(const struct capture *c, uint32_t position)
{
    return (const struct xdp_desc *)c->receive.slots + (position & c->mask);
}

static uint8_t *piece_data(const struct capture *c, const struct xdp_desc *d)
{
    CHECK(d->addr >= sizeof(struct af_xdp_note));
    CHECK(d->addr + d->len <= c->memory_bytes - HERITAGE_NOTES_BYTES);
    return c->memory + d->addr;
}

/* Gives the frames up to `until` back to the kernel. */
static void give_back(struct capture *c, uint32_t until)
{
    uint64_t *fill = c->fill.slots;
    uint32_t at = *c->fill.producer;

    for (uint32_t p = c->released; p != until; p++)
        fill[at++ & c->mask] = descriptor(c, p)->addr;
    store_release(c->fill.producer, at);
    store_release(c->receive.consumer, until);
    c->released = until;
}

/* Has the driver look at the fill ring, and with busy polling fetch what has arrived. Returns 0 or
 * errno. */
static int wake_driver(const struct capture *c)
{
    return recvfrom(c->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL) < 0 ? errno : 0;
}

static void af_xdp_release(struct capture *c)
{
    if (c->taken == c->released)
        return;
    give_back(c, c->taken);
    c->joined_bytes = 0;
    if (__atomic_load_n(c->fill.flags, __ATOMIC_RELAXED) & XDP_RING_NEED_WAKEUP)
        wake_driver(c);
}

/* One past the last descriptor of the frame that begins at `first`; `first` if it has not come
 * whole. */
static uint32_t frame_end(const struct capture *c, uint32_t first, uint32_t produced)
{
    for (uint32_t p = first; p != produced; p++)
        if (!(descriptor(c, p)->options & XDP_PKT_CONTD))
            return p + 1;
    return first;
}

/* Copies the pieces together. False if there is no room left in this batch. */
static bool join(struct capture *c, struct frame *f, uint32_t first, uint32_t end)
{
    uint8_t *to = c->joined + c->joined_bytes;
    uint32_t bytes = 0;

    if (JOINED_BYTES - c->joined_bytes < LONGEST)
        return false;
    for (uint32_t p = first; p != end; p++) {
        const struct xdp_desc *d = descriptor(c, p);
        uint32_t n = d->len < LONGEST - bytes ? d->len : LONGEST - bytes;

        memcpy(to + bytes, piece_data(c, d), n);
        bytes += n;
        f->wirelen += d->len;
    }
    f->data = to;
    f->caplen = bytes;
    c->joined_bytes += bytes;
    c->counters->capture_joined++;
    return true;
}

/* A frame's time must not depend on when it was handed out, or a later frame would be earlier. So
 * both clocks are held together once, and again only when one was set, or has drifted away. */
static void read_clocks(struct capture *c)
{
    uint64_t mono_ns = clock_mono_ns(), offset_ns = clock_wall_ns() - mono_ns;

    c->now = mono_ns >> AF_XDP_TIME_SHIFT;
    if (offset_ns - c->wall_offset_ns + DRIFT_NS > 2 * DRIFT_NS)
        c->wall_offset_ns = offset_ns;
}

static uint64_t since_1970(const struct capture *c, uint64_t time)
{
    return c->wall_offset_ns + (time << AF_XDP_TIME_SHIFT);
}

/* What the program has written in front of the frame, or what can be said without it. */
static void read_note(const struct capture *c, const uint8_t *data, struct frame *f)
{
    struct af_xdp_note note;
    uint32_t age;

    memcpy(&note, data - sizeof note, sizeof note);
    f->ts_ns = since_1970(c, c->now);
    if ((note.mark ^ c->mark) > AF_XDP_HASHED)
        return;
    /* It may have come after the clock was read: ages are counted from a moment ahead. */
    age = (uint32_t)c->now + AHEAD_TIME - note.time;
    f->ts_ns = since_1970(c, c->now + AHEAD_TIME - age);
    f->hashed = note.mark != c->mark;
    f->hash = note.hash;
}

/* Fills the frame of the descriptors from first to end. False if it has to wait for the next batch.
 */
static bool fill_frame(struct capture *c, struct frame *f, uint32_t first, uint32_t end)
{
    const struct xdp_desc *d = descriptor(c, first);

    *f = (struct frame){.data = piece_data(c, d), .linktype = LINKTYPE_ETHERNET};
    read_note(c, f->data, f);
    if (end != first + 1) {
        if (!join(c, f, first, end))
            return false;
    } else {
        f->caplen = f->wirelen = d->len;
    }
    return true;
}

/* Nothing has come. A driver that is to be polled is made to look for frames. A removed interface,
 * of which the manager sees what becomes, leaves an error in the socket, which would end every
 * sleep until somebody takes it. */
static void look_for_frames(struct capture *c)
{
    int error = wake_driver(c);
    socklen_t bytes = sizeof error;

    if (error != 0)
        (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

/* The lines of a frame that are read first: note and headers, which lie in one where the kernel has
 * copied the frame. */
static void prefetch(const struct capture *c, uint32_t from, uint32_t until)
{
    for (uint32_t p = from; p != until; p++) {
        const uint8_t *data = c->memory + descriptor(c, p)->addr;

        __builtin_prefetch(data - sizeof(struct af_xdp_note));
        if (c->zero_copy)
            __builtin_prefetch(data);
    }
}

/* The program need not be so exact with time while frames wait for longer than that makes out. */
static void tell_behind(struct capture *c, bool behind)
{
    if (behind || c->behind)
        __atomic_store_n(&c->queue->behind, behind ? AF_XDP_BEHIND_FRAMES : 0, __ATOMIC_RELAXED);
    c->behind = behind;
}

static int af_xdp_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t produced = load_acquire(c->receive.producer), waiting = produced - c->taken;
    uint32_t n = 0;

    if (waiting == 0) {
        /* Once is usual. Twice: whatever has woken this process, it was no frame. */
        if (c->idle || c->busy_poll)
            look_for_frames(c);
        c->idle = true;
        produced = load_acquire(c->receive.producer);
        waiting = produced - c->taken;
        if (waiting == 0) {
            tell_behind(c, false);
            return 0;
        }
    }
    c->idle = false;
    tell_behind(c, waiting > 2 * CAPTURE_BATCH_MAX);
    prefetch(c, c->taken, c->taken + (waiting < max ? waiting : max));
    read_clocks(c);
    while (n < max && c->taken != produced) {
        uint32_t end = frame_end(c, c->taken, produced);

        if (end == c->taken || !fill_frame(c, &out[n], c->taken, end))
            break;
        n += frame_filter_pass(c->filter, c->snaplen, &out[n], c->counters);
        c->taken = end;
    }
    c->notes->taken = c->taken;
    if (n == 0)
        af_xdp_release(c); /* frames that were all left out */
    return (int)n;
}

static int af_xdp_wait_fd(struct capture *c)
{
    return c->fd;
}

static void af_xdp_waiting(const struct capture *c, struct capture_waiting *source)
{
    source->holds = c->frames;
}

/* Of the frames that the kernel dropped, those for which it had no place: of a frame that was only
 * too long for one it says that it was dropped, too. Where it copies, it also says of each that
 * goes into one place that the fill ring was empty, and of longer ones not always; but where these
 * come, none is too long. Where the driver writes the frames itself, that it had no room is counted
 * by the interface. */
static uint64_t without_place(const struct capture *c, uint64_t dropped, uint64_t empty)
{
    if (c->zero_copy)
        return 0;
    if (c->joins)
        return dropped;
    return empty < dropped ? empty : dropped; /* one was on its way between the two */
}

/* What the kernel counts since the socket was made. */
static void af_xdp_stats(struct capture *c)
{
    struct xdp_statistics now = {0};
    const struct xdp_statistics *before = &c->notes->before;
    socklen_t bytes = sizeof now;
    uint64_t empty, dropped, no_place, received;

    if (getsockopt(c->fd, SOL_XDP, XDP_STATISTICS, &now, &bytes) < 0)
        return;
    empty = now.rx_fill_ring_empty_descs - before->rx_fill_ring_empty_descs;
    dropped = now.rx_dropped - before->rx_dropped;
    no_place = without_place(c, dropped, empty);
    received = c->counters->capture_packets + c->counters->capture_filtered +
               c->counters->capture_abandoned;
    c->counters->capture_kernel_drops = now.rx_ring_full - before->rx_ring_full + no_place;
    c->counters->capture_refused =
        dropped - no_place + now.rx_invalid_descs - before->rx_invalid_descs;
    c->counters->capture_kernel_freezes = empty;
    c->counters->capture_link =
        received + c->counters->capture_kernel_drops + c->counters->capture_refused;
}

/* False with errno set. */
static bool map_ring(struct capture *c, struct ring *r, const struct xdp_ring_offset *at,
                     uint64_t slots_bytes, off_t which)
{
    r->map_bytes = at->desc + slots_bytes;
    r->map =
        mmap(NULL, r->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, c->fd, which);
    if (r->map == MAP_FAILED) {
        r->map = NULL;
        return false;
    }
    r->producer = (uint32_t *)(void *)((uint8_t *)r->map + at->producer);
    r->consumer = (uint32_t *)(void *)((uint8_t *)r->map + at->consumer);
    r->flags = (uint32_t *)(void *)((uint8_t *)r->map + at->flags);
    r->slots = (uint8_t *)r->map + at->desc;
    return true;
}

static bool map_rings(struct capture *c)
{
    struct xdp_mmap_offsets at;
    socklen_t bytes = sizeof at;
    uint64_t slots = (uint64_t)c->mask + 1;

    return getsockopt(c->fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &bytes) == 0 &&
           map_ring(c, &c->receive, &at.rx, slots * sizeof(struct xdp_desc), XDP_PGOFF_RX_RING) &&
           map_ring(c, &c->fill, &at.fr, slots * sizeof(uint64_t), (off_t)XDP_UMEM_PGOFF_FILL_RING);
}

/* The first worker on this socket: all frames are empty. */
static void begin(struct capture *c, uint32_t frame_bytes)
{
    uint64_t *fill = c->fill.slots;
    socklen_t bytes = sizeof c->notes->before;

    getsockopt(c->fd, SOL_XDP, XDP_STATISTICS, &c->notes->before, &bytes);
    for (uint32_t i = 0; i < c->frames; i++)
        fill[i] = (uint64_t)i * frame_bytes;
    store_release(c->fill.producer, c->frames);
}

/* A successor: settles how far the one before had come. */
static void take_over(struct capture *c)
{
    uint32_t given = *c->fill.producer - c->frames;

    c->released = given;
    c->taken = c->notes->taken;
    store_release(c->receive.consumer, given);
    if ((int32_t)(c->taken - c->released) <= 0) {
        c->taken = c->released;
        return;
    }
    for (uint32_t p = c->released; p != c->taken; p++)
        c->counters->capture_abandoned += !(descriptor(c, p)->options & XDP_PKT_CONTD);
    give_back(c, c->taken);
}

static int map_queue(struct capture *c, const struct heritage_capture *from)
{
    c->queues_bytes = (from->number + 1) * sizeof *c->queue;
    c->queues = mmap(NULL, c->queues_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, from->queues_fd, 0);
    if (c->queues == MAP_FAILED) {
        c->queues = NULL;
        return -errno;
    }
    c->queue = (struct af_xdp_queue *)c->queues + from->number;
    c->queue->behind = 0;
    return 0;
}

static void unmap_ring(struct ring *r)
{
    if (r->map)
        munmap(r->map, r->map_bytes);
}

static void af_xdp_close(struct capture *c)
{
    if (c->filter)
        filter_free(c->filter);
    flows_map_close(c->flows);
    unmap_ring(&c->fill);
    unmap_ring(&c->receive);
    if (c->memory)
        munmap(c->memory, c->memory_bytes);
    if (c->queues)
        munmap(c->queues, c->queues_bytes);
    free(c->joined);
    free(c);
}

static int map_all(struct capture *c, const struct heritage *h)
{
    const struct heritage_af_xdp *x = &h->capture.af_xdp;
    int r;

    CHECK(x->frames > 0 && x->frames <= x->ring_slots);
    CHECK((x->ring_slots & (x->ring_slots - 1)) == 0);
    c->memory_bytes = x->memory_bytes;
    c->memory = heritage_map(h->capture.memory_fd, x->memory_bytes);
    c->joined = malloc(JOINED_BYTES);
    if (!c->memory || !c->joined)
        return -errno;
    /* Now, and not page by page in the path of packets. Before Linux 5.14 it is the latter. */
    madvise(c->memory, c->memory_bytes, MADV_POPULATE_WRITE);
    c->notes = (struct notes *)(void *)(c->memory + c->memory_bytes - HERITAGE_NOTES_BYTES);
    c->frames = x->frames;
    c->mask = x->ring_slots - 1;
    if (!map_rings(c))
        return -errno;
    r = map_queue(c, &h->capture);
    if (r < 0)
        return r;
    if (*c->fill.producer == 0 && *c->receive.consumer == 0)
        begin(c, x->frame_bytes);
    else
        take_over(c);
    return 0;
}

static int af_xdp_open(struct capture **out, const struct heritage *h, struct counters *counters)
{
    const struct flows_map_fds maps = {h->capture.flows_fd, h->capture.shunted_fd,
                                       h->capture.shunted_page_fd};
    struct capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    c->fd = h->capture.fd;
    c->interface = h->capture.name;
    c->mark = AF_XDP_MARK ^ h->seed;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->zero_copy = h->capture.af_xdp.zero_copy;
    c->joins = h->capture.af_xdp.joins;
    c->busy_poll = h->options.busy_poll > 0;
    c->counters = counters;
    r = frame_filter_compile(&c->filter, h->options.filter, LINKTYPE_ETHERNET, c->interface);
    if (r == 0) {
        r = map_all(c, h);
        if (r < 0)
            log_error("interface %s: cannot map the memory for frames: %s", c->interface,
                      strerror(-r));
    }
    if (r == 0)
        r = flows_map_open(&c->flows, &maps, h->worker_index, c->interface);
    if (r < 0) {
        af_xdp_close(c);
        return r;
    }
    counters->shunt_abandoned += flows_map_sweep(c->flows);
    *out = c;
    return 0;
}

static int af_xdp_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    return flows_map_shunt(c->flows, key, how);
}

static bool af_xdp_unseen(struct capture *c, const struct flow_key *key, bool end,
                          struct capture_unseen *out)
{
    return flows_map_unseen(c->flows, key, end, out);
}

const struct capture_ops capture_af_xdp = {
    .kind = CAPTURE_AF_XDP,
    .name = "af_xdp",
    .open = af_xdp_open,
    .recv = af_xdp_recv,
    .release = af_xdp_release,
    .wait_fd = af_xdp_wait_fd,
    .waiting = af_xdp_waiting,
    .shunt = af_xdp_shunt,
    .unseen = af_xdp_unseen,
    .stats = af_xdp_stats,
    .close = af_xdp_close,
};
