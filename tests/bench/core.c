/* SPDX-License-Identifier: BSD-3-Clause */
/* What a packet of an established flow costs that nobody wants to read further: from the frame in
 * memory to the counts of its flow, with no capture before it and no record after it. Most packets
 * of a link are such, so this is what the rest is built upon.
 *
 * Flows are TCP connections of which each side has sent something that no analyzer knows. Packets
 * come in an order in which neighbours belong to different flows, with the next bytes of a client.
 * Each round passes through a ring of frames that is written anew outside of the time that is
 * measured; the median of the rounds does not see what else the machine did meanwhile.
 *
 * usage: core FLOWS...    prints for each number of live flows: FLOWS NANOSECONDS */
#include "common/base/check.h"
#include "common/base/clock.h"
#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define FLOWS_MAX     (1u << 24)
#define RING          4096u /* frames of a round, as many as a busy ring holds */
#define ROUNDS        500u
#define ROUNDS_BEFORE 20u /* not measured: memory is touched, and branches are learned */
#define FRAME_BYTES   1054u
#define HEADERS       54u /* Ethernet, IPv4, TCP */
#define PAYLOAD       (FRAME_BYTES - HEADERS)
#define STRANGE       32u   /* bytes that no analyzer knows, more than any of them asks for */
#define STEP          7919u /* between neighbours; a prime, so that all flows have their turn */
#define CLIENT_ISN    1000u
#define SERVER_ISN    5000u
#define T0            (1700000000 * NS_PER_SEC)
#define SERVER        UINT32_C(0xc0000202)

#define SYN 0x02u
#define ACK 0x10u

struct bench {
    struct rig rig;
    uint8_t *memory;
    struct frame frames[RING];
    uint32_t n_flows;
    uint64_t packets; /* so far; each comes a microsecond after the one before */
    uint64_t turn;    /* of data: which flow's it is, and which of its packets */
};

static struct bench bench;

/* The next frame into slot `at` of the ring: `flags` of flow n, from its client or its server. */
static void put(struct bench *b, uint32_t at, uint32_t n, bool client, unsigned flags, uint32_t seq,
                uint32_t ack, uint32_t payload)
{
    static struct packet_builder pb;
    uint32_t address = 0x0a000000u | n >> 14;
    unsigned port = 10000 + (n & 0x3fff);
    uint8_t *data = b->memory + (size_t)at * FRAME_BYTES;

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, IPPROTO_TCP, client ? address : SERVER, client ? SERVER : address, 0, 0);
    pb_tcp(&pb, client ? port : 443, client ? 443 : port, seq, ack, flags);
    pb.b[pb.ip + 2] = (uint8_t)((HEADERS - 14 + payload) >> 8);
    pb.b[pb.ip + 3] = (uint8_t)(HEADERS - 14 + payload);
    memcpy(data, pb.b, HEADERS);
    memset(data + HEADERS, 0xf7, payload < STRANGE ? payload : STRANGE);
    b->frames[at] = (struct frame){.data = data,
                                   .caplen = HEADERS + payload,
                                   .wirelen = HEADERS + payload,
                                   .ts_ns = T0 + b->packets++ * NS_PER_US,
                                   .linktype = LINKTYPE_ETHERNET};
}

/* A handshake, and the first bytes of each side. */
static void begin_flow(struct bench *b, uint32_t n)
{
    put(b, 0, n, true, SYN, CLIENT_ISN, 0, 0);
    put(b, 1, n, false, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
    put(b, 2, n, true, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0);
    put(b, 3, n, true, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, STRANGE);
    put(b, 4, n, false, ACK, SERVER_ISN + 1, CLIENT_ISN + 1 + STRANGE, STRANGE);
    rig_run(&b->rig, b->frames, 5);
}

static void fill_ring(struct bench *b)
{
    for (uint32_t i = 0; i < RING; i++, b->turn++) {
        uint32_t n = (uint32_t)(b->turn * STEP % b->n_flows);
        uint32_t sent = STRANGE + (uint32_t)(b->turn / b->n_flows) * PAYLOAD;

        put(b, i, n, true, ACK, CLIENT_ISN + 1 + sent, SERVER_ISN + 1 + STRANGE, PAYLOAD);
    }
}

static uint64_t round_ns(struct bench *b)
{
    uint64_t begin;

    fill_ring(b);
    begin = clock_mono_ns();
    rig_run(&b->rig, b->frames, RING);
    return clock_mono_ns() - begin;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void measure(struct bench *b, uint32_t n_flows)
{
    static uint64_t rounds[ROUNDS];
    struct options *o = &b->rig.heritage.options;

    rig_init(&b->rig);
    o->flow_table_size = n_flows + n_flows / 8 + 64;
    o->no_screen = true;
    b->rig.flow_pages = MEMORY_HUGE;
    rig_open(&b->rig);
    b->n_flows = n_flows;
    b->packets = b->turn = 0;
    for (uint32_t i = 0; i < n_flows; i++)
        begin_flow(b, i);
    CHECK(b->rig.w.flows.flows.used == n_flows && b->rig.w.detections.used == 0);
    for (uint32_t i = 0; i < ROUNDS_BEFORE; i++)
        (void)round_ns(b);
    for (uint32_t i = 0; i < ROUNDS; i++)
        rounds[i] = round_ns(b);
    CHECK(b->rig.w.flows.flows.used == n_flows && b->rig.counters.reassembly_gap_bytes == 0);
    qsort(rounds, ROUNDS, sizeof *rounds, by_size);
    printf("%u %.1f\n", n_flows, (double)rounds[ROUNDS / 2] / RING);
    rig_close(&b->rig);
}

int main(int argc, char **argv)
{
    bench.memory = malloc((size_t)RING * FRAME_BYTES);
    if (!bench.memory || argc < 2) {
        fprintf(stderr, "usage: core FLOWS...\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        unsigned long n = strtoul(argv[i], NULL, 10);

        if (n == 0 || n > FLOWS_MAX || n % STEP == 0) {
            fprintf(stderr, "core: %s: 1 to %u flows, no multiple of %u\n", argv[i], FLOWS_MAX,
                    STEP);
            return 2;
        }
        measure(&bench, (uint32_t)n);
        fflush(stdout);
    }
    free(bench.memory);
    return 0;
}
