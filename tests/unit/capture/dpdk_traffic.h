/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections between a client and a server, frame by frame, as a card sees them. */
#ifndef SPLIFF_TESTS_DPDK_TRAFFIC_H
#define SPLIFF_TESTS_DPDK_TRAFFIC_H

#include "common/base/clock.h"
#include "common/base/flow_key.h"
#include "tests/unit/capture/dpdk_card.h"
#include "tests/unit/packet_builder.h"

#include <netinet/in.h>

#define T0     (UINT64_C(1700000000) * NS_PER_SEC)
#define CLIENT UINT32_C(0xc0000201)
#define SERVER UINT32_C(0xc0000202)
#define UP     0u /* end of the client: the smaller address */
#define DOWN   1u
#define ACK    0x10u
#define FIN    0x11u

static inline struct flow_key key_of(uint16_t port, uint8_t proto)
{
    static const uint8_t client[4] = {192, 0, 2, 1}, server[4] = {192, 0, 2, 2};
    struct flow_key key;

    flow_key_set_v4(&key, client, port, server, 443, proto);
    return key;
}

/* A frame of the flow; whether the card keeps it. */
static inline bool tcp(unsigned end, uint16_t port, unsigned flags, size_t payload, bool tag)
{
    static struct packet_builder pb;

    pb_ethernet(&pb, 0x0800);
    if (tag)
        pb_vlan(&pb, 0x8100, 5, 0x0800);
    pb_ipv4(&pb, IPPROTO_TCP, end == UP ? CLIENT : SERVER, end == UP ? SERVER : CLIENT, 0, 0);
    pb_tcp(&pb, end == UP ? port : 443, end == UP ? 443 : port, 1, 1, flags);
    pb_fill(&pb, 'x', payload);
    pb_end(&pb);
    return dpdk_card_takes(pb.b, pb.n);
}

#endif
