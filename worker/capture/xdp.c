/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode xdp: frames that a program in the kernel has judged to tell something, out of a BPF ring
 * buffer; what it only counted is in the map of flows.
 *
 * The ring is mapped: the consumer's position in a page that this process may write, the producer's
 * and the data in pages that it may only read, the data twice in a row, so that a frame is never
 * cut at the end. Frames are handed out where they lie. The consumer's position moves on when they
 * are released; how far they were handed out is noted beside it, and both outlive the worker. Its
 * successor begins behind what was handed out: what those frames led to may have been emitted, and
 * would be again; or they are what the worker died of. They are counted as lost. */
#include "bpf/xdp.h"
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/filter.h"
#include "common/base/log.h"
#include "worker/capture/flows_map.h"
#include "worker/capture/frame_filter.h"
#include "worker/capture/kernel_map.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct capture {
    int fd;
    const char *interface;
    uint16_t linktype;
    uint8_t checksum; /* of all frames that come in */
    uint32_t snaplen;
    uint32_t number; /* of the ring */
    int shunted_fd, stats_fd;
    struct counters *counters;
    struct filter *filter; /* NULL: all pass */
    struct flows_map *flows;

    uint64_t *consumer; /* page of the consumer's position */
    const uint64_t *producer;
    const uint8_t *data;
    size_t page_bytes, ring_bytes;
    uint64_t next;    /* position of the first record that was not handed out */
    uint64_t wall_ns; /* between CLOCK_MONOTONIC and the time since 1970 */
    uint64_t *values; /* of a counter, for all CPUs */
    unsigned cpus;
};

/* Where a worker notes up to which position frames were handed out. */
static uint64_t *taken_of(const struct capture *c)
{
    return c->consumer + XDP_TAKEN_OFFSET / sizeof(uint64_t);
}

static const uint32_t *record_at(const struct capture *c, uint64_t position)
{
    return (const void *)(c->data + (position & (c->ring_bytes - 1)));
}

/* The length word of a record, with its flags. The kernel writes it last. */
static uint32_t record_word(const struct capture *c, uint64_t position)
{
    return __atomic_load_n(record_at(c, position), __ATOMIC_ACQUIRE);
}

static uint64_t record_bytes(uint32_t word)
{
    uint64_t bytes = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

    return (bytes + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
}

static uint64_t produced(const struct capture *c)
{
    return __atomic_load_n(c->producer, __ATOMIC_ACQUIRE);
}

_Static_assert(sizeof(struct xdp_process) == sizeof(struct frame_process) &&
                   offsetof(struct xdp_process, name) == offsetof(struct frame_process, name),
               "layout");

/* What lies before the frame; NULL: nothing is known. */
static const struct frame_process *processes_of(const struct xdp_event *e)
{
    const struct frame_process *p = (const void *)(e + 1);

    return e->processes && (p[0].pid | p[1].pid) ? p : NULL;
}

/* False if the user's filter leaves the frame out. */
static bool fill_frame(struct capture *c, struct frame *f, const uint32_t *record)
{
    const struct xdp_event *e = (const void *)((const uint8_t *)record + BPF_RINGBUF_HDR_SZ);

    *f = (struct frame){.data = (const uint8_t *)(e + 1) +
                                (e->processes ? sizeof(struct xdp_processes) : 0),
                        .caplen = e->bytes < c->snaplen ? e->bytes : c->snaplen,
                        .wirelen = e->wire_bytes,
                        .ts_ns = e->ts_ns + c->wall_ns,
                        .linktype = c->linktype,
                        .vlan_tci = e->vlan_tci,
                        .outgoing = e->outgoing,
                        .checksum = e->outgoing ? FRAME_CHECKSUM_ABSENT : c->checksum,
                        .hashed = e->hashed,
                        .hash = e->hash,
                        .processes = processes_of(e)};
    if (f->caplen < f->wirelen)
        c->counters->capture_truncated++;
    if (!c->filter || filter_match(c->filter, f->data, f->caplen, f->wirelen))
        return true;
    c->counters->capture_filtered++;
    return false;
}

static void xdp_release(struct capture *c)
{
    __atomic_store_n(c->consumer, c->next, __ATOMIC_RELEASE);
}

static int xdp_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint64_t end = produced(c);
    uint32_t n = 0;

    c->wall_ns = clock_wall_ns() - clock_mono_ns();
    while (n < max && c->next < end) {
        uint32_t word = record_word(c, c->next);

        if (word & BPF_RINGBUF_BUSY_BIT)
            break;
        if (!(word & BPF_RINGBUF_DISCARD_BIT))
            n += fill_frame(c, &out[n], record_at(c, c->next));
        c->next += record_bytes(word);
    }
    __atomic_store_n(taken_of(c), c->next, __ATOMIC_RELEASE);
    if (n == 0)
        xdp_release(c); /* records of which every frame was left out */
    return (int)n;
}

static int xdp_wait_fd(struct capture *c)
{
    return c->fd;
}

/* Segments of a body do not come up anyway. */
/* A body that is to come up again at its end needs nothing: the program counts it as it is. */
static int xdp_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    uint32_t both_ends = 3;

    if (!how || how->rises[0] || how->rises[1])
        return 0;
    return kernel_map_put(c->shunted_fd, key, &both_ends, BPF_ANY);
}

/* What is quiet is forgotten with the flow. Of TCP without a packet counted nothing is, or only
 * until the next SYN, and that spares a call for each small flow. */
static bool xdp_unseen(struct capture *c, const struct flow_key *key, bool end,
                       struct capture_unseen *out)
{
    bool counted = flows_map_unseen(c->flows, key, end, out);

    if (end && (counted || key->proto != IPPROTO_TCP))
        kernel_map_remove(c->shunted_fd, key);
    return counted;
}

/* A counter of this ring over all CPUs, since the manager began. */
static uint64_t read_stat(const struct capture *c, enum xdp_stat stat)
{
    uint32_t key = c->number * XDP_STATS + stat;
    uint64_t sum = 0;

    memset(c->values, 0, c->cpus * sizeof *c->values);
    kernel_map_get(c->stats_fd, &key, c->values);
    for (unsigned i = 0; i < c->cpus; i++)
        sum += c->values[i];
    return sum;
}

static void xdp_stats(struct capture *c)
{
    c->counters->capture_kernel_drops = read_stat(c, XDP_STAT_RING_FULL);
    c->counters->capture_link = read_stat(c, XDP_STAT_UP) + c->counters->capture_kernel_drops;
}

static void xdp_close(struct capture *c)
{
    if (c->consumer)
        munmap(c->consumer, c->page_bytes);
    if (c->producer)
        munmap((void *)(uintptr_t)c->producer, c->page_bytes + 2 * c->ring_bytes);
    if (c->filter)
        filter_free(c->filter);
    flows_map_close(c->flows);
    free(c->values);
    free(c);
}

static int map_ring(struct capture *c)
{
    void *consumer, *producer;

    c->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    consumer = mmap(NULL, c->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (consumer == MAP_FAILED)
        return -errno;
    c->consumer = consumer;
    producer = mmap(NULL, c->page_bytes + 2 * c->ring_bytes, PROT_READ, MAP_SHARED, c->fd,
                    (off_t)c->page_bytes);
    if (producer == MAP_FAILED)
        return -errno;
    c->producer = producer;
    c->data = (const uint8_t *)producer + c->page_bytes;
    return 0;
}

/* Behind what a predecessor had in its hands. What it noted is believed if it can be true: else it
 * was not itself any more. */
static void find_start(struct capture *c)
{
    uint64_t taken = *taken_of(c), end = produced(c);

    c->next = *c->consumer <= end ? *c->consumer : end;
    while (c->next < taken && taken <= end) {
        c->next += record_bytes(record_word(c, c->next));
        c->counters->capture_abandoned++;
    }
    xdp_release(c);
}

static int xdp_open(struct capture **out, const struct heritage *h, struct counters *counters)
{
    const struct heritage_capture *from = &h->capture;
    const struct flows_map_fds maps = {from->flows_fd, -1, -1};
    struct capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    c->fd = from->fd;
    c->interface = from->name;
    c->linktype = (uint16_t)from->linktype;
    c->checksum = from->virtual ? FRAME_CHECKSUM_ABSENT : FRAME_CHECKSUM_UNKNOWN;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->number = from->number;
    c->shunted_fd = from->shunted_fd;
    c->stats_fd = from->stats_fd;
    c->counters = counters;
    c->ring_bytes = from->ring_block_bytes;
    c->cpus = kernel_map_cpus();
    r = map_ring(c);
    if (r < 0)
        log_error("interface %s: cannot map the ring of its frames: %s", c->interface,
                  strerror(-r));
    else if ((r = flows_map_open(&c->flows, &maps, h->worker_index, c->interface)) == 0 &&
             (r = frame_filter_compile(&c->filter, h->options.filter, c->linktype, c->interface)) ==
                 0 &&
             !(c->values = calloc(c->cpus, sizeof *c->values)))
        r = -ENOMEM;
    if (r < 0) {
        xdp_close(c);
        return r;
    }
    find_start(c);
    *out = c;
    return 0;
}

const struct capture_ops capture_xdp = {
    .kind = CAPTURE_XDP,
    .name = "xdp",
    .counts_all = true,
    .open = xdp_open,
    .recv = xdp_recv,
    .release = xdp_release,
    .wait_fd = xdp_wait_fd,
    .shunt = xdp_shunt,
    .unseen = xdp_unseen,
    .stats = xdp_stats,
    .close = xdp_close,
};
