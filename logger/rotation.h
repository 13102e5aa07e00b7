/* SPDX-License-Identifier: BSD-3-Clause */
/* When log files are archived: at multiples of log_rotation_interval, in local time as its users
 * think of midnight. Logger process. */
#ifndef SPLIFF_LOGGER_ROTATION_H
#define SPLIFF_LOGGER_ROTATION_H

#include <stdint.h>

struct rotation {
    uint64_t interval_ns; /* 0: never */
    uint64_t next_ns;     /* wall clock; UINT64_MAX: never */
};

void rotation_init(struct rotation *r, uint64_t interval_ns, uint64_t wall_ns);

/* The time of a rotation that is due, 0: none is. A clock that was set back brings the next one
 * nearer, one that was set forward over several brings one of them. */
uint64_t rotation_due(struct rotation *r, uint64_t wall_ns);

#endif
