/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames through a whole worker, with the real analyzers: whatever comes, and when and how late it
 * comes, every flow ends with one conn record and nothing is left behind in any pool.
 *
 * First a byte of options. Then for each frame: how (below), two bytes of length, the frame. As a
 * fuzzer seldom finds a header that leads on, short frames can be written in a few bytes. */
#include "common/base/check.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/pipeline.h"

#include <stdlib.h>

#define FRAMES_MAX 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {                   /* how */
       HOW_TIME = 0x03,  /* how much later than the frame before: the same, ms, minutes, back */
       HOW_SHORT = 0x04, /* the frame is one of TCP or UDP, without its headers */
       HOW_DOWN = 0x08,  /* … from the server */
       HOW_UDP = 0x10,
       HOW_ACK = 0x20, /* … and acknowledges all that the other side has sent */
       HOW_PORT = 0xc0 /* … of one of four flows */
};

struct source {
    struct frame frames[FRAMES_MAX];
    uint32_t n;
    uint64_t ts_ns;
    uint32_t seq[4][2]; /* of each flow and side */
};

/* A capture that counts packets without sending them up: as many, and as far on, as it pleases. */
static struct capture_unseen below;
static uint32_t below_step;

static int below_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    (void)c;
    (void)key;
    (void)how;
    return 0;
}

static bool below_unseen(struct capture *c, const struct flow_key *key, bool end,
                         struct capture_unseen *out)
{
    unsigned from;
    uint32_t bytes;

    (void)c;
    (void)key;
    (void)end;
    below_step = below_step * 1664525u + 1013904223u;
    from = below_step >> 31;
    bytes = below_step >> (below_step >> 12 & 31);
    below.packets[from] += below_step >> 28 & 3;
    below.payload_bytes[from] += bytes;
    below.has_seq[from] = true;
    below.seq_end[from] += bytes + (below_step >> 24 & 1);
    below.resent[from] += below_step >> 27 & 1;
    below.last_ns += below_step;
    *out = below;
    return true;
}

static void count_below(struct rig *r, uint8_t how, bool all)
{
    memset(&below, 0, sizeof below);
    below_step = how;
    r->heritage.live = true;
    r->capture.counts_all = all;
    r->capture.shunt = below_shunt;
    r->capture.unseen = below_unseen;
}

static uint64_t time_step(uint64_t ts_ns, unsigned how)
{
    switch (how & HOW_TIME) {
    case 1:
        return ts_ns + NS_PER_MS;
    case 2:
        return ts_ns + 90 * NS_PER_SEC;
    case 3:
        return ts_ns - 3600 * NS_PER_SEC;
    default:
        return ts_ns;
    }
}

/* Payload is given a place in its stream by one byte: mostly the next one. */
static void build_short(struct source *s, struct packet_builder *pb, unsigned how,
                        struct cursor payload)
{
    unsigned flow = how >> 6, side = (how & HOW_DOWN) != 0;
    unsigned port[2] = {40000 + flow, 80};
    uint32_t addr[2] = {0xc0000201, 0xc0000202};
    uint8_t flags = how & HOW_UDP ? 0 : cursor_u8(&payload);
    int8_t place = how & HOW_UDP ? 0 : (int8_t)cursor_u8(&payload);
    size_t len = cursor_left(&payload);
    uint32_t *seq = s->seq[flow];

    pb_ethernet(pb, 0x0800);
    pb_ipv4(pb, how & HOW_UDP ? 17 : 6, addr[side], addr[!side], 0, 0);
    if (how & HOW_UDP)
        pb_udp(pb, port[side], port[!side], (unsigned)len);
    else
        pb_tcp(pb, port[side], port[!side], seq[side] + (uint32_t)(place / 16 * 8), seq[!side],
               (flags & 0x2f) | (how & HOW_ACK ? 0x10 : 0));
    memcpy(pb->b + pb->n, payload.p, len);
    pb->n += len;
    pb_end(pb);
    if (!(how & HOW_UDP))
        seq[side] += (uint32_t)len + ((flags & 2) != 0) + (flags & 1);
}

static void add_frame(struct source *s, const uint8_t *data, size_t n, uint16_t linktype)
{
    uint8_t *copy = malloc(n ? n : 1); /* exact, so that a read past the end shows */

    CHECK(copy);
    if (n > 0)
        memcpy(copy, data, n);
    s->frames[s->n++] = (struct frame){.data = copy,
                                       .caplen = (uint32_t)n,
                                       .wirelen = (uint32_t)n,
                                       .ts_ns = s->ts_ns,
                                       .linktype = linktype};
}

static void read_frames(struct source *s, struct cursor *c)
{
    static struct packet_builder pb;

    memset(s, 0, sizeof *s);
    s->ts_ns = 1700000000 * NS_PER_SEC;
    while (cursor_left(c) >= 3 && s->n < FRAMES_MAX) {
        unsigned how = cursor_u8(c);
        size_t bytes = cursor_be16(c) & 0x7ff, left = cursor_left(c);
        struct cursor sub = cursor_sub(c, bytes < left ? bytes : left);

        s->ts_ns = time_step(s->ts_ns, how);
        if (how & HOW_SHORT && cursor_left(&sub) >= 2) {
            build_short(s, &pb, how, sub);
            add_frame(s, pb.b, pb.n, LINKTYPE_ETHERNET);
        } else {
            add_frame(s, sub.p, cursor_left(&sub), LINKTYPE_ETHERNET);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rig rig;
    static struct source s;
    struct cursor c = cursor_init(data, size);
    uint8_t how = cursor_u8(&c);

    rig_init(&rig);
    if (how & 1)
        rig.heritage.options.conn_log_interval = NS_PER_MS;
    if (how & 2)
        rig.heritage.options.flow_table_size = 2;
    if (how & 4)
        rig.heritage.options.format = OUTPUT_PCAP;
    if (how & 8)
        rig.heritage.options.checksums = CHECKSUMS_CHECK;
    if (how & 32)
        count_below(&rig, how, (how & 64) != 0);
    rig_open(&rig);
    if (how & 32)
        rig.w.shunt.step_shift = 6;
    if (how & 16)
        rig.w.categories = UINT32_C(1) << CATEGORY_web_plain;
    read_frames(&s, &c);
    rig_run(&rig, s.frames, s.n);
    rig_finish(&rig);
    for (uint32_t i = 0; i < s.n; i++)
        free((void *)(uintptr_t)s.frames[i].data);
    rig_close(&rig);
    return 0;
}
