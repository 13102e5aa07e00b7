/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/capture/kernel_map.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int call(int command, union bpf_attr *attr)
{
    return syscall(SYS_bpf, command, attr, sizeof *attr) < 0 ? -errno : 0;
}

static int call_element(int command, int fd, const void *key, const void *value, uint64_t flags)
{
    union bpf_attr attr = {.map_fd = (uint32_t)fd,
                           .key = (uint64_t)(uintptr_t)key,
                           .value = (uint64_t)(uintptr_t)value,
                           .flags = flags};

    return call(command, &attr);
}

/* A list in order, such as "0-7": the highest number counts. */
unsigned kernel_map_cpus(void)
{
    FILE *f = fopen("/sys/devices/system/cpu/possible", "re");
    unsigned last = 0;

    if (!f)
        return 0;
    while (fscanf(f, "%u", &last) == 1)
        if (fscanf(f, "-%u", &last) < 0 || fgetc(f) != ',')
            break;
    fclose(f);
    return last + 1;
}

int kernel_map_info(int fd, struct bpf_map_info *info)
{
    union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)fd,
                                    .info_len = sizeof *info,
                                    .info = (uint64_t)(uintptr_t)info}};

    return call(BPF_OBJ_GET_INFO_BY_FD, &attr);
}

int kernel_map_get(int fd, const void *key, void *value)
{
    return call_element(BPF_MAP_LOOKUP_ELEM, fd, key, value, 0);
}

int kernel_map_take(int fd, const void *key, void *value)
{
    int r = call_element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value, 0);

    if (r == 0 || r == -ENOENT)
        return r;
    r = kernel_map_get(fd, key, value);
    return r < 0 ? r : kernel_map_remove(fd, key);
}

int kernel_map_put(int fd, const void *key, const void *value, uint64_t flags)
{
    int r = call_element(BPF_MAP_UPDATE_ELEM, fd, key, value, flags);

    return r == -E2BIG || r == -ENOMEM ? -ENOSPC : r;
}

int kernel_map_remove(int fd, const void *key)
{
    return call_element(BPF_MAP_DELETE_ELEM, fd, key, NULL, 0);
}

int kernel_map_next(int fd, const void *key, void *next)
{
    return call_element(BPF_MAP_GET_NEXT_KEY, fd, key, next, 0);
}
