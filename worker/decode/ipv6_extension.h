/* SPDX-License-Identifier: BSD-3-Clause */
/* Extension headers of IPv6 (RFC 8200 section 4). */
#ifndef SPLIFF_WORKER_DECODE_IPV6_EXTENSION_H
#define SPLIFF_WORKER_DECODE_IPV6_EXTENSION_H

#include "common/base/cursor.h"
#include "worker/decode/fragments.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether a next-header value stands for one that can be followed. */
static inline bool ipv6_is_extension(uint8_t proto)
{
    return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS ||
           proto == IPPROTO_AH || proto == IPPROTO_FRAGMENT;
}

/* Length of an extension header, of which eight bytes are at header. */
static inline uint32_t ipv6_extension_bytes(uint8_t proto, const uint8_t *header)
{
    switch (proto) {
    case IPPROTO_FRAGMENT:
        return 8;
    case IPPROTO_AH: /* in words, less two (RFC 4302 section 2.2) */
        return (header[1] + 2u) * 4;
    default:
        return (header[1] + 1u) * 8;
    }
}

/* Fills what the fragment header says. False for an atomic fragment, which is whole (RFC 6946). */
static inline bool ipv6_fragment_read(struct fragment *frag, const uint8_t *header)
{
    uint16_t offset = bytes_be16(header + 2);

    frag->offset = offset & 0xfff8u;
    frag->more = (offset & 1) != 0;
    frag->id = bytes_be32(header + 4);
    return frag->offset > 0 || frag->more;
}

#endif
