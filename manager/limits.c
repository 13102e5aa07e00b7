/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/limits.h"

#include "manager/privileged.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/resource.h>

#define FILES_ALWAYS   64u   /* bus, control, logs */
#define FILES_A_WORKER 16u   /* of the manager: ring, maps, spool, counters, output */
#define FILES_A_PROBE  4096u /* a descriptor a hook */

static uint64_t files_without_probe(const struct topology *t)
{
    return FILES_ALWAYS + (uint64_t)FILES_A_WORKER * topology_count(t, TOPOLOGY_WORKER);
}

uint64_t limits_files_needed(const struct topology *t)
{
    return files_without_probe(t) + (topology_count(t, TOPOLOGY_PROBE) > 0 ? FILES_A_PROBE : 0);
}

uint64_t limits_files_possible(void)
{
    struct rlimit l;

    if (privileged_has(CAP_SYS_RESOURCE) || getrlimit(RLIMIT_NOFILE, &l) < 0 ||
        l.rlim_max == RLIM_INFINITY)
        return UINT64_MAX;
    return l.rlim_max;
}

/* At least n, with the hard limit as far as that takes and we may. */
static int raise_to(struct rlimit l, uint64_t n)
{
    l.rlim_cur = n;
    if (l.rlim_max < n)
        l.rlim_max = n;
    return setrlimit(RLIMIT_NOFILE, &l) < 0 ? -errno : 0;
}

int limits_raise_files(const struct topology *t, char *error)
{
    uint64_t wanted = limits_files_needed(t), needed = files_without_probe(t), most;
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= wanted || raise_to(l, wanted) == 0)
        return 0;
    most = l.rlim_max < wanted ? l.rlim_max : wanted;
    if (most >= needed && raise_to(l, most) == 0)
        return 0;
    snprintf(error, INI_ERROR_BYTES,
             "%" PRIu64 " files may be open, and up to %" PRIu64 " are needed: ulimit -n %" PRIu64
             " (systemd: LimitNOFILE=%" PRIu64 ")",
             most, needed, needed, needed);
    return -EMFILE;
}
