/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers, a and b, with one part of learn each: what they publish is kept, and the test gives
 * it to the other by hand. */
#ifndef SPLIFF_TESTS_LEARN_WORKERS_H
#define SPLIFF_TESTS_LEARN_WORKERS_H

#include "common/ipc/heritage.h"
#include "worker/learn/learn_private.h"

#define WORKERS_EVENT_BYTES (16u * 1024)

/* The part under test. */
struct workers_part {
    const char *name;
    size_t event_bytes_max;  /* at most WORKERS_EVENT_BYTES */
    struct learn *publisher; /* the only one that may publish; NULL: either */
    struct options options;
    int (*open)(struct learn *l);
    void (*close)(struct learn *l);
};

struct worker_of_test {
    struct learn l;
    struct heritage h;
    struct counters c;
};

struct workers_published {
    struct learn *from;
    uint8_t body[WORKERS_EVENT_BYTES]; /* of the last event */
    size_t len;
    unsigned n;
};

extern struct worker_of_test a, b;
extern struct workers_published published;

/* Opens the part in both, as workers of two; nothing is published yet. 0, or not 0 as cmocka wants
 * it of a setup. workers_close closes it, and may be followed by opening it anew by hand. */
int workers_open(const struct workers_part *part);
void workers_close(void);

#endif
