/* SPDX-License-Identifier: BSD-3-Clause */
/* AF_PACKET: frames out of a TPACKET_V3 ring that the manager has set up.
 *
 * The kernel fills the ring block by block and hands a block over when it is full or its time-out
 * has passed; the reader walks its frames and hands it back. The blocks go round in a fixed order,
 * and each carries a sequence number, so a worker that takes over a ring finds its place: the
 * lowest number among the blocks that wait, or if none does, the highest of all, which the kernel
 * is filling.
 *
 * How far the frames of a block have been handed out is noted in the block's private area, which is
 * part of the ring and so outlives the worker. Its successor begins behind them, also where they
 * were not released: what they led to may have been emitted, and would be again; or they are what
 * the worker died of, and it would die of them for ever. They are counted as lost.
 *
 * Packets of shunted flows never come as far as the ring: the socket's filter is then a BPF program
 * that the manager has loaded, and the user's own filter is in it.
 *
 * Until a worker opens its ring, a filter that passes nothing keeps the ring empty: so no flow can
 * be in two rings because their sockets joined the fanout group one after the other. */
#include "common/base/check.h"
#include "common/base/filter.h"
#include "common/base/log.h"
#include "worker/capture/flows_map.h"
#include "worker/capture/sources.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/* In a block's private area: of the block numbered seq, the first `taken` frames were handed out
 * and the first `released` of them given back. */
struct progress {
    uint64_t seq;
    uint32_t taken, released;
};

_Static_assert(sizeof(struct progress) <= HERITAGE_RING_PRIVATE_BYTES, "progress fits its area");

struct capture {
    int fd;
    const char *interface;
    uint8_t *ring;
    size_t ring_bytes;
    uint32_t block_bytes, blocks;
    uint32_t snaplen;
    uint16_t linktype;
    bool skip_outgoing;
    struct counters *counters;
    struct flows_map *flows; /* NULL: no flow can be shunted */

    uint32_t block;      /* next to be walked, or being walked when `open` */
    uint32_t held;       /* blocks before it that are walked and not yet released */
    bool open;           /* the kernel has handed `block` over */
    uint32_t in_block;   /* frames in it */
    uint32_t taken;      /* of them handed out */
    const uint8_t *next; /* first one that is not */
};

static struct tpacket_block_desc *block_at(const struct capture *c, uint32_t block)
{
    return (struct tpacket_block_desc *)(void *)(c->ring + (size_t)block * c->block_bytes);
}

/* The kernel writes a block before it sets its status, and gets it back by the status too. */
static bool block_is_ours(const struct tpacket_block_desc *b)
{
    return (__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) != 0;
}

static struct progress *progress_of(struct tpacket_block_desc *b)
{
    return (struct progress *)(void *)((uint8_t *)b + b->offset_to_priv);
}

/* Where to begin on a ring that may have been in use. */
static uint32_t find_start(const struct capture *c)
{
    uint32_t waiting = c->blocks, latest = 0;

    for (uint32_t i = 0; i < c->blocks; i++) {
        uint64_t seq = block_at(c, i)->hdr.bh1.seq_num;

        if (block_is_ours(block_at(c, i)) &&
            (waiting == c->blocks || seq < block_at(c, waiting)->hdr.bh1.seq_num))
            waiting = i;
        if (seq > block_at(c, latest)->hdr.bh1.seq_num)
            latest = i;
    }
    return waiting < c->blocks ? waiting : latest;
}

static const uint8_t *frame_after(const uint8_t *frame)
{
    const struct tpacket3_hdr *h = (const void *)frame;

    return frame + h->tp_next_offset;
}

/* Opens the block to be walked. False if the kernel still has it. */
static bool open_block(struct capture *c)
{
    struct tpacket_block_desc *b = block_at(c, c->block);
    struct progress *progress = progress_of(b);

    if (!block_is_ours(b))
        return false;
    c->in_block = b->hdr.bh1.num_pkts;
    c->next = (const uint8_t *)b + b->hdr.bh1.offset_to_first_pkt;
    c->taken = 0;
    c->open = true;
    if (progress->seq != b->hdr.bh1.seq_num)
        return true;
    for (; c->taken < progress->taken && c->taken < c->in_block; c->taken++)
        c->next = frame_after(c->next);
    c->counters->capture_abandoned += progress->taken - progress->released;
    progress->released = progress->taken;
    return true;
}

/* How far the open block has come. */
static void note_progress(struct capture *c, bool released)
{
    struct tpacket_block_desc *b = block_at(c, c->block);
    struct progress *p = progress_of(b);

    if (p->seq != b->hdr.bh1.seq_num)
        *p = (struct progress){.seq = b->hdr.bh1.seq_num};
    p->taken = c->taken;
    if (released)
        p->released = c->taken;
}

/* False if the frame is to be left out. */
static bool fill_frame(struct capture *c, struct frame *f, const uint8_t *at)
{
    const struct tpacket3_hdr *h = (const void *)at;
    const struct sockaddr_ll *from = (const void *)(at + TPACKET_ALIGN(sizeof *h));

    if (c->skip_outgoing && from->sll_pkttype == PACKET_OUTGOING)
        return false;
    f->data = at + h->tp_mac;
    f->caplen = h->tp_snaplen < c->snaplen ? h->tp_snaplen : c->snaplen;
    f->wirelen = h->tp_len;
    f->ts_ns = h->tp_sec * NS_PER_SEC + h->tp_nsec;
    f->linktype = c->linktype;
    f->vlan_tci = h->tp_status & TP_STATUS_VLAN_VALID ? (uint16_t)h->hv1.tp_vlan_tci : 0;
    f->outgoing = from->sll_pkttype == PACKET_OUTGOING;
    f->hashed = false;
    f->processes = NULL;
    f->checksum = h->tp_status & TP_STATUS_CSUMNOTREADY ? FRAME_CHECKSUM_ABSENT
                  : h->tp_status & TP_STATUS_CSUM_VALID ? FRAME_CHECKSUM_GOOD
                                                        : FRAME_CHECKSUM_UNKNOWN;
    if (f->caplen < f->wirelen)
        c->counters->capture_truncated++;
    return true;
}

/* An interface that goes down or is removed leaves an error in the socket, which would end every
 * sleep until somebody takes it. What has become of the interface the manager sees. */
static void take_error(const struct capture *c)
{
    int error = 0;
    socklen_t bytes = sizeof error;

    (void)getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
}

static void af_packet_release(struct capture *c)
{
    for (; c->held > 0; c->held--) {
        uint32_t i = (c->block + c->blocks - c->held) % c->blocks;
        __atomic_store_n(&block_at(c, i)->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
    }
    if (c->open)
        note_progress(c, true);
}

static int af_packet_recv(struct capture *c, struct frame *out, uint32_t max)
{
    uint32_t n = 0;

    /* A ring of which every block is held would come round to frames that are handed out. */
    while (n < max && c->held < c->blocks) {
        if (!c->open && !open_block(c))
            break;
        for (; n < max && c->taken < c->in_block; c->taken++) {
            n += fill_frame(c, &out[n], c->next);
            c->next = frame_after(c->next);
        }
        note_progress(c, false);
        if (c->taken == c->in_block) {
            c->block = (c->block + 1) % c->blocks;
            c->held++;
            c->open = false;
        }
    }
    if (n == 0) {
        af_packet_release(c); /* blocks of which every frame was left out */
        take_error(c);
    }
    return (int)n;
}

static int af_packet_wait_fd(struct capture *c)
{
    return c->fd;
}

/* The kernel sets its counts to zero when they are read. */
static void af_packet_stats(struct capture *c)
{
    struct tpacket_stats_v3 s;
    socklen_t bytes = sizeof s;

    if (getsockopt(c->fd, SOL_PACKET, PACKET_STATISTICS, &s, &bytes) < 0)
        return;
    c->counters->capture_link += s.tp_packets;
    c->counters->capture_kernel_drops += s.tp_drops;
    c->counters->capture_kernel_freezes += s.tp_freeze_q_cnt;
}

static int af_packet_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    return c->flows ? flows_map_shunt(c->flows, key, how) : -ENOTSUP;
}

static bool af_packet_unseen(struct capture *c, const struct flow_key *key, bool end,
                             struct capture_unseen *out)
{
    return c->flows && flows_map_unseen(c->flows, key, end, out);
}

static void af_packet_close(struct capture *c)
{
    flows_map_close(c->flows);
    if (c->ring)
        munmap(c->ring, c->ring_bytes);
    free(c);
}

/* The program that counts shunted flows, and the flows of a predecessor that was killed: their
 * packets come up again, and what was counted of them is lost with all that it knew. Without the
 * map everything comes up. */
static int attach_program(struct capture *c, const struct heritage *h)
{
    const struct flows_map_fds maps = {h->capture.flows_fd, h->capture.shunted_fd,
                                       h->capture.shunted_page_fd};
    int fd = h->capture.program_fd;

    if (setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_BPF, &fd, sizeof fd) < 0) {
        log_error("interface %s: cannot set the filter: %s", c->interface, strerror(errno));
        return -errno;
    }
    if (h->capture.flows_fd < 0)
        return 0;
    if (flows_map_open(&c->flows, &maps, h->worker_index, c->interface) == 0)
        c->counters->shunt_abandoned += flows_map_sweep(c->flows);
    return 0;
}

/* Lets frames in: puts the user's filter, or none, in place of the one that passes nothing.
 * Returns 0 or -errno after printing what failed. */
static int let_frames_in(const struct capture *c, const char *expr)
{
    struct filter *filter;
    struct sock_fprog program;
    char error[512];
    int zero = 0, r;

    if (expr[0] == '\0') {
        if (setsockopt(c->fd, SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof zero) < 0 &&
            errno != ENOENT) /* a predecessor did it */
            goto failed;
        return 0;
    }
    r = filter_compile(&filter, expr, c->linktype, error, sizeof error);
    if (r < 0) {
        log_error("interface %s: %s", c->interface, error);
        return r;
    }
    program = filter_program(filter);
    r = setsockopt(c->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
    filter_free(filter);
    if (r == 0)
        return 0;
failed:
    r = -errno;
    log_error("interface %s: cannot set the filter: %s", c->interface, strerror(-r));
    return r;
}

static int af_packet_open(struct capture **out, const struct heritage *h, struct counters *counters)
{
    const struct heritage_capture *from = &h->capture;
    struct capture *c = calloc(1, sizeof *c);
    int r;

    if (!c)
        return -ENOMEM;
    CHECK(from->ring_blocks > 0 && from->ring_block_bytes > 0);
    c->fd = from->fd;
    c->interface = from->name;
    c->linktype = (uint16_t)from->linktype;
    c->skip_outgoing = from->skip_outgoing;
    c->block_bytes = from->ring_block_bytes;
    c->blocks = from->ring_blocks;
    c->ring_bytes = (size_t)c->block_bytes * c->blocks;
    c->snaplen = h->options.snaplen > UINT32_MAX ? UINT32_MAX : (uint32_t)h->options.snaplen;
    c->counters = counters;
    c->ring = mmap(NULL, c->ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);
    if (c->ring == MAP_FAILED) {
        r = -errno;
        c->ring = NULL;
        log_error("interface %s: cannot map the capture ring: %s", c->interface, strerror(-r));
    } else {
        c->block = find_start(c);
        r = from->program_fd >= 0 ? attach_program(c, h) : let_frames_in(c, h->options.filter);
    }
    if (r < 0) {
        af_packet_close(c);
        return r;
    }
    *out = c;
    return 0;
}

const struct capture_ops capture_af_packet = {
    .kind = CAPTURE_AF_PACKET,
    .name = "kernel",
    .open = af_packet_open,
    .recv = af_packet_recv,
    .release = af_packet_release,
    .wait_fd = af_packet_wait_fd,
    .shunt = af_packet_shunt,
    .unseen = af_packet_unseen,
    .stats = af_packet_stats,
    .close = af_packet_close,
};
