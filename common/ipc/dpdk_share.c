/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/ipc/dpdk_share.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void dpdk_share_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
    struct timespec t = {timeout_ms / 1000, (long)(timeout_ms % 1000) * (long)NS_PER_MS};

    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

void dpdk_share_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int dpdk_share_reset(int fd)
{
    struct dpdk_share *s = heritage_map(fd, DPDK_SHARE_BYTES);

    if (!s)
        return -errno;
    memset(s, 0, sizeof *s);
    munmap(s, DPDK_SHARE_BYTES);
    return 0;
}
