/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive queues of an interface where each worker reads one: as many as workers, and both
 * directions of a flow in one of them. What was changed for it is put back at the end. Manager. */
#ifndef SPLIFF_MANAGER_CAPTURE_QUEUES_H
#define SPLIFF_MANAGER_CAPTURE_QUEUES_H

#include "common/schema/options.h"
#include "manager/ethtool.h"

#include <stdbool.h>
#include <stdint.h>

struct queues {
    const char *interface; /* borrowed; NULL: nothing to put back */
    uint32_t rx;           /* before, if changed; else 0 */
    uint32_t workers, now; /* how many there should be, and were when it was looked at last */
    bool set;              /* they may be set */
    bool rss_changed;
    struct ethtool_rss rss; /* before */
};

/* Checks, or sets where o->set_queues and o->set_rss say so. Returns 0, or with a line in error
 * that holds the ethtool command: -EINVAL the numbers differ, else -errno. Queues that do not meet
 * are a warning only: a tap may see one direction alone, or share out by itself. */
int queues_open(struct queues *q, const char *interface, uint32_t workers, const struct options *o,
                char *error);

/* While it is captured: somebody may give it another number of queues. That is said, once, and set
 * right where o->set_queues said so. */
void queues_look(struct queues *q);

void queues_restore(const struct queues *q);

#endif
