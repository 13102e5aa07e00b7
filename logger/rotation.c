/* SPDX-License-Identifier: BSD-3-Clause */
#include "logger/rotation.h"

#include "common/base/clock.h"

#include <time.h>

/* Since the last multiple of the interval, in local time. */
static uint64_t behind_multiple(uint64_t interval_ns, uint64_t wall_ns)
{
    time_t t = (time_t)(wall_ns / NS_PER_SEC);
    struct tm tm;

    localtime_r(&t, &tm);
    return (wall_ns + (uint64_t)tm.tm_gmtoff * NS_PER_SEC) % interval_ns;
}

static uint64_t next_after(uint64_t interval_ns, uint64_t wall_ns)
{
    return interval_ns == 0 ? UINT64_MAX
                            : wall_ns + interval_ns - behind_multiple(interval_ns, wall_ns);
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
    /* Summer time began or ended since that was foreseen. */
    return due_ns > 0 && behind_multiple(r->interval_ns, due_ns) > 0 ? 0 : due_ns;
}
