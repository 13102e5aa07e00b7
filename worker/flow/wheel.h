/* SPDX-License-Identifier: BSD-3-Clause */
/* A timer wheel over objects of a pool.
 *
 * WHEEL_SLOTS slots of one tick each (2^26 ns, about 67 ms), every slot a doubly linked list
 * through the objects. A deadline further away than the wheel's span is filed at its far end and
 * filed again from there. Deadlines move only when the owner arms anew, so a flow that is busy
 * costs nothing: when its old deadline comes up, the owner looks at the flow and arms it again.
 *
 * Time is what the caller says it is (packet time); it never goes back. */
#ifndef SPLIFF_WORKER_WHEEL_H
#define SPLIFF_WORKER_WHEEL_H

#include "common/base/pool.h"

#include <stddef.h>
#include <stdint.h>

#define WHEEL_TICK_SHIFT 26
#define WHEEL_SLOTS      8192u /* a power of two: 9 minutes */

/* Inside each object. */
struct wheel_link {
    uint32_t next, prev;
    uint32_t filed; /* slot + 1; 0 while it is not armed */
};

struct wheel {
    struct pool *pool;
    size_t link_offset;
    uint64_t tick; /* all slots before this one are empty */
    uint32_t armed;
    uint32_t head[WHEEL_SLOTS];
};

void wheel_init(struct wheel *w, struct pool *pool, size_t link_offset);

/* The present time; moves the wheel, also back, if nothing is armed. Before an arm. */
void wheel_start(struct wheel *w, uint64_t now_ns);

/* Files object `index` for deadline_ns, whether or not it was filed before. */
void wheel_arm(struct wheel *w, uint32_t index, uint64_t deadline_ns);
void wheel_disarm(struct wheel *w, uint32_t index);

/* One object whose tick has passed at now_ns, disarmed; POOL_NONE when there is none left. */
uint32_t wheel_expire(struct wheel *w, uint64_t now_ns);

#endif
