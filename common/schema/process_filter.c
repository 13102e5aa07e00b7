/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/schema/process_filter.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#define PID_HIGHEST 4194304ul /* PID_MAX_LIMIT of the kernel */

/* The next item of a list, moves over it. False at the end. */
static bool item_next(const char **list, const char **item, size_t *len)
{
    *list += strspn(*list, ", ");
    *item = *list;
    *len = strcspn(*list, ",");
    *list += *len;
    while (*len > 0 && (*item)[*len - 1] == ' ')
        --*len;
    return *len > 0;
}

static int pids_parse(const char *option, const char *list, uint32_t pids[PROCESS_FILTER_MAX],
                      uint32_t *n, char *error, size_t error_bytes)
{
    const char *item;
    size_t len;

    while (item_next(&list, &item, &len)) {
        char *end;
        unsigned long pid = strtoul(item, &end, 10);

        if (*item == '-' || *item == '+' || end != item + len || pid == 0 || pid > PID_HIGHEST ||
            *n == PROCESS_FILTER_MAX) {
            snprintf(error, error_bytes,
                     "%s: '%.*s' is not the number of a process, or one too many (at most %u)",
                     option, (int)(len < 64 ? len : 64), item, PROCESS_FILTER_MAX);
            return -EINVAL;
        }
        pids[(*n)++] = (uint32_t)pid;
    }
    return 0;
}

static int comms_parse(const char *list, struct process_filter *out, char *error,
                       size_t error_bytes)
{
    const char *item;
    size_t len;

    while (item_next(&list, &item, &len)) {
        if (len >= PROCESS_FILTER_COMM || out->n_comms == PROCESS_FILTER_MAX) {
            snprintf(error, error_bytes,
                     "comm: '%.*s' is longer than %u bytes, to which the kernel cuts names, or one "
                     "too many (at most %u)",
                     (int)(len < 64 ? len : 64), item, PROCESS_FILTER_COMM - 1, PROCESS_FILTER_MAX);
            return -EINVAL;
        }
        memcpy(out->comms[out->n_comms++], item, len); /* zeroed, so it has its NUL */
    }
    return 0;
}

int process_filter_parse(const struct options *o, struct process_filter *out, char *error,
                         size_t error_bytes)
{
    char bad[64];

    memset(out, 0, sizeof *out);
    if (pids_parse("pid", o->probe_pid, out->pids, &out->n_pids, error, error_bytes) < 0 ||
        pids_parse("ppid", o->probe_ppid, out->ppids, &out->n_ppids, error, error_bytes) < 0 ||
        comms_parse(o->probe_comm, out, error, error_bytes) < 0)
        return -EINVAL;
    if (local_nets_parse(&out->addresses, o->probe_address, bad, sizeof bad) < 0) {
        snprintf(error, error_bytes,
                 "address: '%s' is not a prefix such as 192.0.2.0/24, or one too many (at most %u)",
                 bad, LOCAL_NETS_MAX);
        return -EINVAL;
    }
    return 0;
}

int process_filter_cgroup(const char *path, uint64_t *id, char *error, size_t error_bytes)
{
    /* Where version 2 is mounted: alone, or beside version 1. */
    static const char *const roots[] = {"", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char full[OPTION_STRING_MAX + 32];
    struct statfs fs;
    struct stat st;

    *id = 0;
    if (!*path)
        return 0;
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        snprintf(full, sizeof full, "%s%s%s", roots[i], *path == '/' ? "" : "/", path);
        if (statfs(full, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC && stat(full, &st) == 0) {
            *id = st.st_ino;
            return 0;
        }
    }
    snprintf(error, error_bytes, "cgroup: there is no cgroup %s of version 2 in /sys/fs/cgroup",
             path);
    return -ENOENT;
}
