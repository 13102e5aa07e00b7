/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of tunnels: from the bytes behind IP or UDP to the packet inside. Private to decode.
 *
 * On a tunnel's own port, or under its own IP protocol number, its header is believed if it and the
 * IP header inside are whole. On any other port only what cannot be chance is: reserved fields
 * zero, lengths equal to the byte, the inner IPv4 checksum right (or, for Teredo, an address of its
 * prefix), so that no datagram of another protocol is taken for a tunnel. */
#ifndef SPLIFF_WORKER_TUNNEL_HEADER_H
#define SPLIFF_WORKER_TUNNEL_HEADER_H

#include "common/base/cursor.h"
#include "common/base/tunnel_ports.h"

#include <stdbool.h>
#include <stdint.h>

/* As tunnel.log names them (worker/tunnel.c). */
enum tunnel_type {
    TUNNEL_NONE,
    TUNNEL_IP,     /* IPv4 or IPv6 in IPv4 or IPv6: RFC 2003, 2473, 4213 */
    TUNNEL_GRE,    /* RFC 2784, 2890; with PPP RFC 2637; in UDP RFC 8086; ERSPAN */
    TUNNEL_VXLAN,  /* RFC 7348, and its generic extension */
    TUNNEL_GENEVE, /* RFC 8926 */
    TUNNEL_GTPV1,  /* 3GPP TS 29.281 */
    TUNNEL_TEREDO, /* RFC 4380 */
    TUNNEL_AYIYA,  /* draft-massar-v6ops-ayiya */
    TUNNEL_TYPES
};

struct tunnel_header {
    enum tunnel_type type;
    bool has_id;
    uint32_t id; /* VNI, TEID, key, session or call id */
    uint16_t
        ethertype; /* of what is inside: IPv4 or IPv6; another if only the link layer is known */
    struct cursor inner;     /* at the inner IP header */
    uint32_t wire_bytes;     /* from there on, as the headers outside say */
    uint16_t vlan;           /* of the inner frame, 0 if there is none */
    bool bubble_has_payload; /* Teredo: a packet that should be empty is not */
};

/* Off its port a tunnel is looked for only behind first bytes that one begins with: version 0 of
 * Geneve, the flags of VXLAN and of GTP, an IPv6 header or what Teredo puts in front of it. */
static inline bool tunnel_header_may_begin(uint8_t first)
{
    return first < 0x40 || first >> 4 == 6;
}

/* Whether a UDP datagram is to be looked at. In the path of every datagram. */
static inline bool tunnel_header_is_candidate(uint16_t sport, uint16_t dport,
                                              const uint8_t *payload, uint32_t len)
{
    return len >= 8 &&
           (tunnel_header_may_begin(payload[0]) || tunnel_port(dport) || tunnel_port(sport));
}

/* payload: what the UDP header carries, of wire_bytes. True if it is a tunnel: *t is filled. */
bool tunnel_header_udp(struct tunnel_header *t, uint16_t sport, uint16_t dport,
                       struct cursor payload, uint32_t wire_bytes);

/* The same for what an IP header carries under protocol number proto. */
bool tunnel_header_ip(struct tunnel_header *t, uint8_t proto, struct cursor payload,
                      uint32_t wire_bytes);

#endif
