/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The key of a flow (flows.h) from its endpoints. */
#ifndef SPLIFF_BPF_FLOWS_KEY_H
#define SPLIFF_BPF_FLOWS_KEY_H

#include "bpf/flows.h"

#include <bpf/bpf_endian.h>

/* An address as it lies in memory, IPv4 as ::ffff:a.b.c.d. */
struct flows_address {
    __u32 word[4];
};

/* Orders the ends as flow_key_set() does: by address, then by port. The key is aligned to words.
 * Returns the end that the first endpoint is. */
static __always_inline _Bool flows_key_set(struct flows_key *key, const struct flows_address *src,
                                           const struct flows_address *dst, __u16 sport,
                                           __u16 dport)
{
    __u32 *key0 = (__u32 *)key->addr[0], *key1 = (__u32 *)key->addr[1];
    _Bool from = sport > dport;

    for (int i = 3; i >= 0; i--) {
        __u32 a = bpf_ntohl(src->word[i]), b = bpf_ntohl(dst->word[i]);

        if (a != b)
            from = a > b;
    }
    for (int i = 0; i < 4; i++) {
        key0[i] = from ? dst->word[i] : src->word[i];
        key1[i] = from ? src->word[i] : dst->word[i];
    }
    key->port[0] = from ? dport : sport;
    key->port[1] = from ? sport : dport;
    return from;
}

#endif
