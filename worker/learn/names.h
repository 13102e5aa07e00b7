/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names and the messages about it. Private to worker/learn. */
#ifndef SPLIFF_WORKER_LEARN_NAMES_H
#define SPLIFF_WORKER_LEARN_NAMES_H

#include "common/base/ipaddr.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_TEXT_MAX        255u
#define NAMES_EVENT_BYTES_MAX (16u * 1024)
#define NAMES_EVENTS_FULL_MAX 4u /* in a pace, beside the one that goes with it */

/* One answer: client was told at ts_ns that addr is where name is, for ttl_s. */
struct names_answer {
    struct ipaddr client;
    struct ipaddr addr;
    struct str name; /* borrowed */
    uint32_t ttl_s;
    uint64_t ts_ns;
};

/* Answers on their way to the other workers, as one MessagePack body: an array of arrays of five.
 * Zeroed is empty. */
struct names_event {
    uint8_t body[NAMES_EVENT_BYTES_MAX];
    size_t len;
    uint32_t n;
};

/* Adds one. False: it has no room, send first. */
bool names_event_add(struct names_event *e, const struct names_answer *a);

/* The whole body, borrowed until the next add; NULL when there is nothing to send. Empties e. */
const uint8_t *names_event_take(struct names_event *e, size_t *len);

/* Calls take for each answer of a body. False: it cannot be read to its end; what came before was
 * taken. */
bool names_event_read(const uint8_t *body, size_t len,
                      void (*take)(void *arg, const struct names_answer *a), void *arg);

#endif
