/* SPDX-License-Identifier: BSD-3-Clause */
/* Events: what workers tell each other and the manager of what they learned, as bus messages.
 *
 *   event/alt_svc/<node>/  an origin advertised alternative services, or cleared them
 *                          map { "v":1, "seq":uint, "advert":[…] }, and further ones behind it
 *   event/hello/<node>/    worker -> manager: I am new, tell me all; asked until it is answered
 *                          map { "v":1 }
 *   event/table/<node>/    manager -> that worker: all origins, in one message or several
 *                          map { "v":1, "last":bool, "adverts":[[…]…] }
 *
 * An advert is an array: server (16 bytes), its port, origin, uid, node, time learned (ns since
 * 1970), then for each service: protocol, host, port, age in seconds, persist.
 *
 * Events are small and rare, and may be lost: a sender numbers its own, receivers count what is
 * missing. Decoders take hostile bytes, allocate nothing and bound everything. */
#ifndef SPLIFF_IPC_EVENT_H
#define SPLIFF_IPC_EVENT_H

#include "common/base/alt_svc_table.h"
#include "common/base/cursor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVENT_ALT_SVC_BYTES 6144u /* enough for any */
#define EVENT_HELLO_BYTES   16u
#define EVENT_TABLE_BYTES   65536u
#define EVENT_TOPIC_BYTES   64u

/* Returns the length. The advert's texts are within the table's bounds, its time below 2^63. */
size_t event_alt_svc_encode(uint8_t out[EVENT_ALT_SVC_BYTES], uint64_t seq,
                            const struct alt_svc_advert *a);

/* Reads one at the cursor. 0, -EBADMSG, or -EPROTO for another version. Borrows from the body. */
int event_alt_svc_decode(struct cursor *c, uint64_t *seq, struct alt_svc_advert *out);

size_t event_hello_encode(uint8_t out[EVENT_HELLO_BYTES]);
int event_hello_decode(const uint8_t *body, size_t len); /* 0, -EBADMSG, -EPROTO */

/* The origins of a table from *position (0 at first) on, as many as fit. Returns the length, and
 * in *last whether those were all. */
size_t event_table_encode(uint8_t out[EVENT_TABLE_BYTES], const struct alt_svc_table *t,
                          uint32_t *position, bool *last);

/* Reads a table message at the cursor: calls take for each advert. 0 and in *last whether it was
 * the last one, -EBADMSG (what came before the error was given), -EPROTO. Another may follow at the
 * cursor. */
int event_table_decode(struct cursor *c, bool *last,
                       void (*take)(void *arg, const struct alt_svc_advert *a), void *arg);

/* Senders by name and the number of the last event of each. Zeroed is empty; a sender beyond
 * EVENT_SENDERS is not watched. */
#define EVENT_SENDERS 192u
struct event_senders {
    struct {
        char node[ALT_SVC_NODE_MAX + 1];
        uint64_t seq;
    } sender[EVENT_SENDERS];
    unsigned n;
};

/* Notes an event; returns how many before it are missing. A number that goes back is of a sender
 * that began anew. */
uint64_t event_senders_note(struct event_senders *s, struct str node, uint64_t seq);

#endif
