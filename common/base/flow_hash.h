/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Which worker owns a flow: one symmetric hash for C and for BPF.
 *
 * Each endpoint (address words and port) is mixed by itself; sum and exclusive-or of the two mixes
 * are the same whichever endpoint comes first, so both directions get the same hash. IPv4 addresses
 * are one word, IPv6 addresses four. Fragments are hashed with both ports 0, since only the first
 * one carries them. The seed keeps a peer from choosing colliding flows.
 *
 * 32-bit arithmetic only and no loops with variable bounds: the BPF verifier reads it too. */
#ifndef SPLIFF_BASE_FLOW_HASH_H
#define SPLIFF_BASE_FLOW_HASH_H

#ifndef __BPF__
#include <stdint.h>
typedef uint32_t flow_hash_word;
#else
typedef __u32 flow_hash_word;
#endif

#define FLOW_BUCKETS 1024u /* power of two; bucket = hash mod FLOW_BUCKETS */

/* How far headers are followed to the ports. Decode and the BPF programs must agree on it: a packet
 * with more of them has no ports for either. */
#define FLOW_LINK_LAYERS     12 /* tags and the like in front of an IP header */
#define FLOW_MPLS_LABELS     8  /* of one stack */
#define FLOW_IPV6_EXTENSIONS 8  /* extension headers after the IPv6 header */

static inline __attribute__((always_inline)) flow_hash_word flow_hash_mix(flow_hash_word h,
                                                                          flow_hash_word v)
{
    h ^= v * 0xcc9e2d51u;
    h = (h << 13 | h >> 19) * 5u + 0xe6546b64u;
    return h;
}

/* Words as they lie in memory (network order, read natively); port in host order. */
static inline __attribute__((always_inline)) flow_hash_word
flow_hash_endpoint_v4(flow_hash_word addr, flow_hash_word port, flow_hash_word seed)
{
    return flow_hash_mix(flow_hash_mix(seed, addr), port);
}

static inline __attribute__((always_inline)) flow_hash_word
flow_hash_endpoint_v6(const flow_hash_word addr[4], flow_hash_word port, flow_hash_word seed)
{
    flow_hash_word h = flow_hash_mix(seed, addr[0]);

    h = flow_hash_mix(h, addr[1]);
    h = flow_hash_mix(h, addr[2]);
    h = flow_hash_mix(h, addr[3]);
    return flow_hash_mix(h, port);
}

static inline __attribute__((always_inline)) flow_hash_word
flow_hash_combine(flow_hash_word a, flow_hash_word b, flow_hash_word proto)
{
    flow_hash_word h = flow_hash_mix(flow_hash_mix(a + b, a ^ b), proto);

    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

#endif
