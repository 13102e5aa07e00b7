/* SPDX-License-Identifier: BSD-3-Clause */
/* IP fragments (RFC 791 section 3.2, RFC 8200 section 4.5) put together within a bound of memory,
 * number and time. Time is packet time. First bytes win where fragments overlap. */
#ifndef SPLIFF_WORKER_FRAGMENTS_H
#define SPLIFF_WORKER_FRAGMENTS_H

#include "common/base/ipaddr.h"
#include "common/schema/counters.h"
#include "common/schema/weird.h"

#include <stdbool.h>
#include <stdint.h>

struct fragments; /* heap handle; buffers come from a pool of its own */

struct fragment {
    struct ipaddr src, dst;
    uint32_t id;
    uint8_t proto;   /* IPv4: protocol; IPv6: next header of the first fragment */
    uint32_t offset; /* bytes */
    bool more;       /* more fragments follow */
    const uint8_t *data;
    uint32_t len;
    uint64_t ts_ns;
    uint32_t ip_len; /* of this fragment's packet, added up for the whole */
};

struct fragment_whole {
    const uint8_t *data; /* borrowed until the next fragments_add */
    uint32_t len;
    uint8_t proto;
    uint32_t ip_len; /* sum of the fragments' */
    uint32_t n;      /* fragments it was made of */
};

struct fragments *fragments_new(uint64_t memory_bytes, uint64_t timeout_ns, struct counters *c);
void fragments_free(struct fragments *f);

/* True when the datagram is complete: *whole is filled. *weird is set for overlaps and sizes that
 * do not fit, else left alone. */
bool fragments_add(struct fragments *f, const struct fragment *frag, struct fragment_whole *whole,
                   enum weird *weird);

#endif
