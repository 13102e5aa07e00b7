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
    int order = memcmp(src, dst, sizeof *src);
    unsigned from = order > 0 || (order == 0 && sport > dport);

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

/* The symmetric hash of flow_hash.h, equal to what the BPF programs compute. */
static inline uint32_t flow_key_hash(const struct flow_key *key, uint32_t seed)
{
    uint32_t h[2];

    for (int i = 0; i < 2; i++) {
        uint32_t w[4];
        memcpy(w, key->addr[i].b, sizeof w);
        h[i] = ipaddr_is_v4(&key->addr[i]) ? flow_hash_endpoint_v4(w[3], key->port[i], seed)
                                           : flow_hash_endpoint_v6(w, key->port[i], seed);
    }
    return flow_hash_combine(h[0], h[1], key->proto);
}

#endif
