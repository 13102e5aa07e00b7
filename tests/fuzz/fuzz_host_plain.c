/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets and plaintext of the same few connections, in any order, through a whole worker with the
 * real analyzers: nothing is left behind in any pool.
 *
 * First a byte of options. Then steps: two bytes that say what (below), a byte of length, bytes. */
#include "common/base/check.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/host_plain.h"
#include "worker/pipeline.h"

#include <netinet/in.h>
#include <stdlib.h>

#define SESSIONS 8u
#define FLOWS    4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {                     /* what, first byte */
       WHAT_KIND = 0x07,   /* enum step */
       WHAT_FLOW = 0x18,   /* of these connections */
       WHAT_SIDE = 0x20,   /* packet: from the server; session: the server's process */
       WHAT_WRITE = 0x40,  /* data: written */
       WHAT_GAP = 0x80,    /* data: some are missing before; packet: after a while */
                           /* second byte */
       WHAT_NUMBER = 0x07, /* session */
       WHAT_FOREIGN = 0x08,
       WHAT_FLAGS = 0x17, /* packet: of TCP */
};

enum step { PACKET, ANSWER, OPEN, DATA, MORE_DATA, ALPN, CLOSE, TIME };

struct state {
    struct rig rig;
    uint64_t ts_ns;
    uint32_t seq[FLOWS][2];
    uint64_t offset[SESSIONS][2];
};

static void packet(struct state *s, unsigned flow, unsigned side, unsigned flags, const uint8_t *p,
                   size_t n)
{
    static struct packet_builder pb;
    static const uint32_t addr[2] = {0xc0000201, 0xc0000202};
    unsigned port[2] = {40000 + flow, 443};

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, IPPROTO_TCP, addr[side], addr[!side], 0, 0);
    pb_tcp(&pb, port[side], port[!side], s->seq[flow][side], s->seq[flow][!side], flags);
    memcpy(pb.b + pb.n, p, n);
    pb.n += n;
    pb_end(&pb);
    rig_run_ethernet(&s->rig, pb.b, pb.n, s->ts_ns);
    s->seq[flow][side] += (uint32_t)n + ((flags & TCP_SYN) != 0) + ((flags & TCP_FIN) != 0);
}

static void fill_open(struct plaintext_session *o, unsigned flow, unsigned side, bool foreign,
                      struct str text)
{
    static const uint8_t addr[2][4] = {{192, 0, 2, 1}, {192, 0, 2, 2}};
    uint16_t port[2] = {(uint16_t)(40000 + flow), 443};

    ipaddr_set_v4(&o->local, addr[side]);
    ipaddr_set_v4(&o->remote, addr[!side]);
    o->local_port = port[side];
    o->remote_port = port[!side];
    o->foreign = foreign;
    o->library = o->path = o->process.name = o->process.cgroup = text;
    o->process.pid = text.len % 2;
}

static void fill(struct state *s, struct plaintext_item *item, unsigned what, unsigned more,
                 struct str bytes)
{
    uint64_t *offset = s->offset[item->session % SESSIONS];
    bool write = what & WHAT_WRITE;

    switch (item->type) {
    case PLAINTEXT_OPEN:
        fill_open(&item->open, (what & WHAT_FLOW) >> 3, (what & WHAT_SIDE) != 0,
                  more & WHAT_FOREIGN, bytes);
        break;
    case PLAINTEXT_DATA:
        offset[write] += what & WHAT_GAP ? more : 0;
        item->data.write = write;
        item->data.offset = offset[write];
        item->data.entry_ns = s->ts_ns;
        item->data.bytes = bytes;
        offset[write] += bytes.len;
        break;
    case PLAINTEXT_ALPN:
        item->alpn = bytes;
        break;
    case PLAINTEXT_CLOSE:
        item->close.offset[0] = offset[0] + (what & WHAT_GAP ? 100 : 0);
        item->close.offset[1] = offset[1];
        break;
    }
}

static void step(struct state *s, unsigned what, unsigned more, const uint8_t *p, size_t n)
{
    static const enum plaintext_type types[] = {[OPEN] = PLAINTEXT_OPEN,
                                                [DATA] = PLAINTEXT_DATA,
                                                [MORE_DATA] = PLAINTEXT_DATA,
                                                [ALPN] = PLAINTEXT_ALPN,
                                                [CLOSE] = PLAINTEXT_CLOSE};
    struct plaintext_item item = {.session = more & WHAT_NUMBER, .ts_ns = s->ts_ns};
    unsigned kind = what & WHAT_KIND, flow = (what & WHAT_FLOW) >> 3;

    s->ts_ns += NS_PER_MS;
    if (kind == TIME) {
        s->ts_ns += more * NS_PER_SEC;
        s->rig.w.now_ns = s->ts_ns;
        pipeline_expire(&s->rig.w, UINT16_MAX);
    } else if (kind == PACKET || kind == ANSWER) {
        packet(s, flow, (what & WHAT_SIDE) != 0, kind == ANSWER ? TCP_ACK : more & WHAT_FLAGS, p,
               n);
    } else {
        item.type = types[kind];
        fill(s, &item, what, more, str_make(p, n));
        rig_run_items(&s->rig, &item, 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state s;
    struct cursor c = cursor_init(data, size);
    uint8_t how = cursor_u8(&c);

    memset(&s, 0, sizeof s);
    s.ts_ns = 1700000000 * NS_PER_SEC;
    rig_init(&s.rig);
    s.rig.heritage.plaintext = true;
    s.rig.heritage.options.plaintext_sessions = how & 1 ? 2 : 64;
    if (how & 2)
        s.rig.heritage.options.flow_table_size = 2;
    rig_open(&s.rig);
    while (cursor_left(&c) >= 3) {
        unsigned what = cursor_u8(&c), more = cursor_u8(&c);
        size_t n = cursor_u8(&c), left = cursor_left(&c);
        uint8_t *copy = malloc(n < left ? n : left); /* exact, so that a read past the end shows */

        n = n < left ? n : left;
        CHECK(copy || n == 0);
        if (n > 0)
            memcpy(copy, cursor_bytes(&c, n), n);
        step(&s, what, more, copy, n);
        free(copy);
    }
    rig_finish(&s.rig);
    rig_close(&s.rig);
    return 0;
}
