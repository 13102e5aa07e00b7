/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking one out of the middle moves what lies behind it: at most 16 KiB, and mostly nothing, since
 * answers come about in the order of the queries. */
#include "worker/parse/dns/dns_pending.h"

#include "common/base/check.h"

#include <errno.h>
#include <string.h>

/* In front of each message in the buffer, not aligned. */
struct entry {
    uint64_t ts_ns;
    uint16_t id;
    uint16_t len;
};

#define ENTRY_BYTES (sizeof(uint64_t) + 2 * sizeof(uint16_t)) /* without the padding at its end */

int dns_pending_add(struct dns_pending *p, struct bufpool *bufs, uint16_t id, uint64_t ts_ns,
                    const uint8_t *message, size_t len)
{
    struct entry e = {ts_ns, id, (uint16_t)len};

    CHECK(len <= UINT16_MAX);
    if (p->count == DNS_PENDING_MAX || p->buf.len + ENTRY_BYTES + len > DNS_PENDING_MAX_BYTES)
        return -ENOBUFS;
    if (membuf_append(&p->buf, bufs, &e, ENTRY_BYTES, DNS_PENDING_MAX_BYTES) < 0)
        return -ENOBUFS;
    if (membuf_append(&p->buf, bufs, message, len, DNS_PENDING_MAX_BYTES) < 0) {
        p->buf.len -= ENTRY_BYTES;
        return -ENOBUFS;
    }
    p->count++;
    return 0;
}

bool dns_pending_next(const struct dns_pending *p, struct dns_query *q, bool first)
{
    struct entry e;

    q->place = first ? 0 : q->place + (uint32_t)ENTRY_BYTES + q->len;
    if (q->place >= p->buf.len)
        return false;
    memcpy(&e, p->buf.p + q->place, ENTRY_BYTES);
    q->ts_ns = e.ts_ns;
    q->id = e.id;
    q->len = e.len;
    q->message = p->buf.p + q->place + ENTRY_BYTES;
    return true;
}

void dns_pending_remove(struct dns_pending *p, struct bufpool *bufs, const struct dns_query *q)
{
    size_t bytes = ENTRY_BYTES + q->len;
    size_t end = q->place + bytes;

    CHECK(p->count > 0 && end <= p->buf.len);
    memmove(p->buf.p + q->place, p->buf.p + end, p->buf.len - end);
    p->buf.len -= (uint32_t)bytes;
    if (--p->count == 0)
        membuf_free(&p->buf, bufs);
}

void dns_pending_free(struct dns_pending *p, struct bufpool *bufs)
{
    membuf_free(&p->buf, bufs);
    p->count = 0;
}
