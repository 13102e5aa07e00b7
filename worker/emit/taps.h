/* SPDX-License-Identifier: BSD-3-Clause */
/* Who taps the bus: what others have subscribed to of our log topics. The logger is told where a
 * batch lies; only for a tap a whole batch is made into a message. */
#ifndef SPLIFF_WORKER_TAPS_H
#define SPLIFF_WORKER_TAPS_H

#include "common/ipc/bus.h"

#include <stdbool.h>
#include <stdint.h>

#define TAPS_MAX         32u
#define TAPS_TOPIC_BYTES 64u /* of the longest log topic, at least */

/* Zeroed: nobody. */
struct taps {
    uint32_t n;
    bool many; /* there was no room for one: for good, all topics count as subscribed to */
    struct {
        uint8_t len;
        char prefix[TAPS_TOPIC_BYTES];
    } tap[TAPS_MAX];
};

/* Takes note of m if it is about a subscription to log topics. */
void taps_note(struct taps *t, const struct bus_message *m);

/* Whether somebody has subscribed to the topic, NUL-terminated. */
bool taps_want(const struct taps *t, const char *topic);

#endif
