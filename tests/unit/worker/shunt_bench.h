/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture that counts what it is told to, and a made-up protocol that has had enough after a
 * piece that begins with "done", knows nothing of one that begins with "unknown", and logs gaps as
 * the uri of an http record. Included once by a test. */
#ifndef SPLIFF_TESTS_SHUNT_BENCH_H
#define SPLIFF_TESTS_SHUNT_BENCH_H

#include "worker/shunt.h"

#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/any.h"
#include "tests/unit/worker/rig.h"
#include "worker/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define T0      (1700000000 * NS_PER_SEC)
#define CLIENT  UINT32_C(0xc0000201)
#define SERVER  UINT32_C(0xc0000202)
#define PORT    443u
#define BIG     60000u
#define UP      0u /* end of the client: the smaller address */
#define DOWN    1u
#define ISN     UINT32_C(1000)
#define PEER    UINT32_C(5000)
#define HEADERS 40u

static struct rig rig;
static struct packet_builder pb;

/* What the capture was asked to, and what it says. */
static unsigned shunted, stopped, ended;
static struct capture_shunt asked;
static int answer;
static uint64_t since_ns; /* frames of then and later are counted */
static bool has_unseen;

static uint64_t spared; /* what the protocol says of the server's next piece */
static struct capture_unseen unseen;

static inline int on_shunt(struct capture *c, const struct flow_key *key, struct capture_shunt *how)
{
    (void)c;
    assert_int_equal(key->port[DOWN], PORT);
    if (!how)
        stopped++;
    else if (answer == 0)
        shunted++;
    if (how) {
        how->since_ns = since_ns;
        asked = *how;
    }
    return answer;
}

static inline bool on_unseen(struct capture *c, const struct flow_key *key, bool end,
                             struct capture_unseen *out)
{
    (void)c;
    ended += end;
    *out = unseen;
    return has_unseen && key->port[DOWN] == PORT; /* not of what moves the clock */
}

static inline enum probe_result any_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len >= 7 && memcmp(data, "unknown", 7) == 0 ? PROBE_NO : PROBE_EITHER;
}

static inline void any_data(struct analyzer_ctx *ctx, void *state, unsigned side,
                            const uint8_t *data, size_t len)
{
    (void)state;
    if (len >= 4 && memcmp(data, "done", 4) == 0)
        analyzer_done(ctx);
    if (spared == 0 || side != FLOW_RESP)
        return;
    analyzer_spare(ctx, side, spared);
    spared = 0;
}

static inline void any_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct rec_http r = {0};
    char text[24];

    (void)state;
    (void)side;
    snprintf(text, sizeof text, ctx->spared ? "(%llu)" : "<%llu>", (unsigned long long)len);
    RECORD_SET(http, &r, ts, ctx->ts_ns);
    RECORD_SET(http, &r, uri, str_of(text));
    analyzer_record(ctx, RECORD_http, &r);
}

static inline void any_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static inline int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.heritage.live = true;
    rig.heritage.options.checksums = CHECKSUMS_IGNORE;
    rig.capture.shunt = on_shunt;
    rig.capture.unseen = on_unseen;
    shunted = stopped = ended = 0;
    spared = 0;
    answer = 0;
    since_ns = 0;
    has_unseen = false;
    unseen = (struct capture_unseen){0};
    return 0;
}

/* A segment with so many bytes that begin with text. */
static inline void tcp(uint64_t ts_ns, unsigned end, unsigned flags, uint32_t seq, uint32_t ack,
                       const char *text, size_t bytes)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, end == DOWN ? SERVER : CLIENT, end == DOWN ? CLIENT : SERVER, 0, 0);
    pb_tcp(&pb, end == DOWN ? PORT : 40000, end == DOWN ? 40000 : PORT, seq, ack, flags);
    if (bytes > 0) {
        size_t at = pb.n;

        pb_fill(&pb, 'x', bytes);
        memcpy(pb.b + at, text, strlen(text));
    }
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, ts_ns);
}

/* A connection of which the server has sent a little more than is needed for a decision. */
static inline void download(const char *text)
{
    tcp(T0, UP, TCP_SYN, ISN - 1, 0, "", 0);
    tcp(T0, DOWN, TCP_SYN | TCP_ACK, PEER - 1, ISN, "", 0);
    tcp(T0, UP, TCP_ACK, ISN, PEER, text, 100);
    tcp(T0 + 1, DOWN, TCP_ACK, PEER, ISN + 100, "x", BIG);
    tcp(T0 + 2, DOWN, TCP_ACK, PEER + BIG, ISN + 100, "x", BIG);
}

/* The capture has counted: packets of an end, of so many bytes each, one after the other. */
static inline void counted(unsigned end, uint32_t first_seq, uint64_t packets, uint32_t bytes,
                           uint64_t last_ns)
{
    has_unseen = true;
    unseen.packets[end] += packets;
    unseen.ip_bytes[end] += packets * (bytes + HEADERS);
    unseen.payload_bytes[end] += packets * bytes;
    unseen.has_ack[end] |= bytes == 0;
    if (bytes > 0) {
        unseen.has_seq[end] = true;
        unseen.seq_end[end] = first_seq + (uint32_t)(packets * bytes);
    }
    unseen.last_ns = last_ns;
}

static inline void close_both(uint64_t ts_ns, uint32_t up, uint32_t down)
{
    tcp(ts_ns, DOWN, TCP_ACK | TCP_FIN, down, up, "", 0);
    tcp(ts_ns + 1, UP, TCP_ACK | TCP_FIN, up, down + 1, "", 0);
    tcp(ts_ns + 2, DOWN, TCP_ACK, down + 1, up + 1, "", 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)

#endif
