/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/rotation.h"

#include "common/base/clock.h"

#include <time.h>

static uint64_t next_after(uint64_t interval_ns, uint64_t wall_ns)
{
    time_t t = (time_t)(wall_ns / NS_PER_SEC);
    struct tm tm;
    uint64_t local_ns;

    if (interval_ns == 0)
        return UINT64_MAX;
    localtime_r(&t, &tm);
    local_ns = wall_ns + (uint64_t)tm.tm_gmtoff * NS_PER_SEC;
    return wall_ns + interval_ns - local_ns % interval_ns;
}

void rotation_init(struct rotation *r, uint64_t interval_ns, uint64_t wall_ns)
{
    r->interval_ns = interval_ns;
    r->next_ns = next_after(interval_ns, wall_ns);
}

uint64_t rotation_due(struct rotation *r, uint64_t wall_ns)
{
    uint64_t next_ns = next_after(r->interval_ns, wall_ns);
    uint64_t due_ns = wall_ns >= r->next_ns ? r->next_ns : 0;

    if (due_ns > 0 || next_ns < r->next_ns)
        r->next_ns = next_ns;
    return due_ns;
}
