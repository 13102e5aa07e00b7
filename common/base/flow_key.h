/* SPDX-License-Identifier: BSD-3-Clause */
/* The five-tuple in canonical order: endpoint 0 is the smaller (address, port) by memcmp, so both
 * directions of a flow have the same key. For ICMP the ports are type and counterpart type (or
 * code), as Zeek has them. */
#ifndef SPLIFF_BASE_FLOW_KEY_H
#define SPLIFF_BASE_FLOW_KEY_H

#include "common/base/cursor.h"
#include "common/base/flow_hash.h"
#include "common/base/ipaddr.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct flow_key {
    struct ipaddr addr[2];
    uint16_t port[2]; /* host order */
    uint8_t proto;    /* IP protocol number */
    uint8_t pad[3];   /* zero */
};

_Static_assert(sizeof(struct flow_key) == 40, "compared as five 64-bit words");

static inline bool flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
    uint64_t x[5], y[5];

    memcpy(x, a, sizeof x);
    memcpy(y, b, sizeof y);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4])) == 0;
}

/* Fills key from a packet's source and destination. Returns the index (0 or 1) of the source. */
static inline unsigned flow_key_set(struct flow_key *key, const struct ipaddr *src, uint16_t sport,
                                    const struct ipaddr *dst, uint16_t dport, uint8_t proto)
{
    uint64_t a[2] = {bytes_be64(src->b), bytes_be64(src->b + 8)};
    uint64_t b[2] = {bytes_be64(dst->b), bytes_be64(dst->b + 8)};
    bool same = a[0] == b[0] && a[1] == b[1];
    unsigned from = same ? sport > dport : a[0] > b[0] || (a[0] == b[0] && a[1] > b[1]);

    memset(key, 0, sizeof *key);
    key->addr[from] = *src;
    key->addr[!from] = *dst;
    key->port[from] = sport;
    key->port[!from] = dport;
    key->proto = proto;
    return from;
}

/* The same for IPv4 addresses as they lie in a header: what most packets are, without comparing
 * the twelve bytes that all of them share. */
static inline unsigned flow_key_set_v4(struct flow_key *key, const uint8_t src[4], uint16_t sport,
                                       const uint8_t dst[4], uint16_t dport, uint8_t proto)
{
    uint32_t a = bytes_be32(src), b = bytes_be32(dst);
    unsigned from = a > b || (a == b && sport > dport);
    memset(key, 0, sizeof *key);
    ipaddr_set_v4(&key->addr[from], src);
    ipaddr_set_v4(&key->addr[!from], dst);
    key->port[from] = sport;
    key->port[!from] = dport;
    key->proto = proto;
    return from;
}

/* One endpoint's part in the hash: an address of 16 bytes, IPv4 as in ipaddr.h. */
static inline uint32_t flow_key_hash_endpoint(const uint8_t addr[16], uint16_t port, uint32_t seed)
{
    uint32_t w[4];

    memcpy(w, addr, sizeof w);
    return memcmp(addr, ipaddr_v4_prefix, sizeof ipaddr_v4_prefix) == 0
               ? flow_hash_endpoint_v4(w[3], port, seed)
               : flow_hash_endpoint_v6(w, port, seed);
}

/* The symmetric hash of a packet from its headers: addresses as they lie in that of IP, `version` 4
 * or 6, ports in host order. It equals flow_key_hash of the key that is made of them. */
static inline uint32_t flow_key_hash_headers(uint8_t version, const uint8_t *src,
                                             const uint8_t *dst, const uint16_t port[2],
                                             uint8_t proto, uint32_t seed)
{
    uint32_t h[2];

    if (version == 4) {
        memcpy(&h[0], src, sizeof h[0]);
        memcpy(&h[1], dst, sizeof h[1]);
        h[0] = flow_hash_endpoint_v4(h[0], port[0], seed);
        h[1] = flow_hash_endpoint_v4(h[1], port[1], seed);
    } else {
        h[0] = flow_key_hash_endpoint(src, port[0], seed);
        h[1] = flow_key_hash_endpoint(dst, port[1], seed);
    }
    return flow_hash_combine(h[0], h[1], proto);
}

/* The symmetric hash of flow_hash.h, equal to what the BPF programs compute. */
static inline uint32_t flow_key_hash(const struct flow_key *key, uint32_t seed)
{
    return flow_hash_combine(flow_key_hash_endpoint(key->addr[0].b, key->port[0], seed),
                             flow_key_hash_endpoint(key->addr[1].b, key->port[1], seed),
                             key->proto);
}

#endif
