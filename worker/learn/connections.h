/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers ask each other about QUIC connection ids (connections_event.c), apart from the table
 * (connections.c). Private to worker/learn.
 *
 * event/connections/<node>/, MessagePack: array of [asked…] and [told…], where
 *   asked  bin: the CONNECTIONS_ASK_BYTES behind the first byte of a datagram with a short header
 *          that begins with an id that the sender does not know, nor how long it is
 *   told   connection id (bin), uid of its connection (str), side that packets with it go to, and
 *          the connection's category by its number
 * one after the other. */
#ifndef SPLIFF_LEARN_CONNECTIONS_H
#define SPLIFF_LEARN_CONNECTIONS_H

#include "common/base/str.h"
#include "common/schema/category.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_ASK_BYTES   20u /* the longest id */
#define CONNECTIONS_EVENT_MAX   32u /* questions or answers of one event */
#define CONNECTIONS_UID_MAX     20u
#define CONNECTIONS_EVENT_BYTES 4096u

struct connections_answer {
    struct str cid; /* 1 to CONNECTIONS_ASK_BYTES */
    struct str uid; /* 1 to CONNECTIONS_UID_MAX */
    unsigned side;  /* 0 or 1 */
    enum category category;
};

/* At most CONNECTIONS_EVENT_MAX of each. Returns the length. */
size_t connections_event_write(uint8_t out[CONNECTIONS_EVENT_BYTES],
                               const uint8_t (*asked)[CONNECTIONS_ASK_BYTES], unsigned n_asked,
                               const struct connections_answer *told, unsigned n_told);

struct connections_event_takers {
    void (*asked)(void *arg, const uint8_t *bytes); /* CONNECTIONS_ASK_BYTES */
    void (*told)(void *arg, const struct connections_answer *a);
    void *arg;
};

/* Calls for what is in it; borrowed for the call. False: it cannot be read (what came before was
 * given). */
bool connections_event_read(const uint8_t *body, size_t len,
                            const struct connections_event_takers *t);

#endif
