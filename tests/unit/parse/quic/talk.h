/* SPDX-License-Identifier: BSD-3-Clause */
/* A made QUIC connection, datagram by datagram, for tests of the analyzer. */
#ifndef SPLIFF_TESTS_QUIC_TALK_H
#define SPLIFF_TESTS_QUIC_TALK_H

#include "tests/unit/parse/fake_host.h"
#include "tests/unit/parse/quic/seal.h"
#include "worker/parse/quic/quic.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define V1       1u
#define V2       0x6b3343cfu
#define DRAFT_29 0xff00001du
#define GREASE   0x1a2a3a4au

#define DCID   "8394c8f03e515708"
#define CLIENT "c1c2c3c4c5"
#define SERVER "5152535455565758"

#define CLIENT_HELLO 1u
#define SERVER_HELLO 2u

static struct fake_host h;
static struct seal d; /* the datagram that is being made */
static uint8_t hello[4096];
static uint64_t number[2];

/* A handshake message of n bytes in all. */
static inline void hello_make(uint8_t type, size_t n)
{
    hello[0] = type;
    hello[1] = 0;
    hello[2] = (uint8_t)((n - 4) >> 8);
    hello[3] = (uint8_t)(n - 4);
    for (size_t i = 4; i < n; i++)
        hello[i] = (uint8_t)(i * 3 + type);
}

static inline void flush(unsigned side)
{
    fake_host_data(&h, side, d.p, d.len);
    d.len = 0;
}

struct kind {
    uint32_t version, keys;
    const char *dcid, *scid, *key_cid;
};

static const struct kind to_server = {V1, V1, DCID, CLIENT, DCID};
static const struct kind to_client = {V1, V1, CLIENT, SERVER, DCID};

/* Adds an Initial to the datagram. */
static inline void initial(unsigned side, struct kind k, const struct seal *frames,
                           size_t padded_to)
{
    struct seal_initial i = {.version = k.version,
                             .keys = k.keys,
                             .side = side,
                             .dcid = k.dcid,
                             .scid = k.scid,
                             .key_cid = k.key_cid,
                             .number = number[side]++,
                             .frames = frames->p,
                             .frames_len = frames->len,
                             .padded_to = padded_to};

    seal_initial(&d, &i);
}

/* A datagram with one Initial that carries a piece of the present message. */
static inline void send_piece(unsigned side, struct kind k, size_t from, size_t to)
{
    struct seal frames = {.len = 0};

    seal_crypto(&frames, (uint32_t)from, hello + from, to - from);
    initial(side, k, &frames, 1200);
    flush(side);
}

static inline void send_client_hello(struct kind k)
{
    hello_make(CLIENT_HELLO, 300);
    send_piece(0, k, 0, 300);
}

static inline void send_server_hello(struct kind k)
{
    hello_make(SERVER_HELLO, 90);
    send_piece(1, k, 0, 90);
}

static inline void send_hex(unsigned side, const char *hex, size_t padded_to)
{
    seal_hex(&d, hex);
    if (d.len < padded_to)
        seal_fill(&d, 0xaa, padded_to - d.len);
    flush(side);
}

static inline void send_short(unsigned side)
{
    send_hex(side, "41", 40);
}

static inline void send_handshake(unsigned side)
{
    seal_long(&d, 0xe0, V1, side ? CLIENT : SERVER, side ? SERVER : CLIENT, 50);
    flush(side);
}

static inline const char *quic(unsigned nth, const char *field)
{
    return fake_host_field(&h, RECORD_quic, nth, field);
}

static inline int setup(void **state)
{
    (void)state;
    number[0] = number[1] = 0;
    d.len = 0;
    fake_host_open(&h, &analyzer_quic, ANALYZER_UDP);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    fake_host_fini(&h);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
