/* SPDX-License-Identifier: BSD-3-Clause */
/* The queries of one flow that wait for their response, oldest first.
 *
 * Most flows have one or two, a flow between resolvers many, so they lie one after the other in one
 * growing buffer that is given back when the last is answered. Of a query only the bytes that its
 * record needs are kept: header and question, parsed again when the record is made. */
#ifndef SPLIFF_PARSE_DNS_PENDING_H
#define SPLIFF_PARSE_DNS_PENDING_H

#include "common/base/pool.h"

#include <stdbool.h>
#include <stdint.h>

#define DNS_PENDING_MAX       64u /* queries */
#define DNS_PENDING_MAX_BYTES (16u * 1024)

/* Zeroed is empty. */
struct dns_pending {
    struct membuf buf;
    uint32_t count;
};

struct dns_query {
    uint64_t ts_ns;
    uint16_t id;
    uint16_t len;
    const uint8_t *message; /* borrowed until the next add or remove */
    uint32_t place;         /* in the buffer */
};

/* Keeps len bytes of a query. Returns 0, or -ENOBUFS at a bound: remove the oldest and try again;
 * when there is none, the worker's memory is used up. */
int dns_pending_add(struct dns_pending *p, struct bufpool *bufs, uint16_t id, uint64_t ts_ns,
                    const uint8_t *message, size_t len);

/* Walks from the oldest on: start with first = true. False at the end. */
bool dns_pending_next(const struct dns_pending *p, struct dns_query *q, bool first);

void dns_pending_remove(struct dns_pending *p, struct bufpool *bufs, const struct dns_query *q);
void dns_pending_free(struct dns_pending *p, struct bufpool *bufs);

#endif
