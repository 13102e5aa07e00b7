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

#define PAGE_BYTES ((sizeof(struct dpdk_share) + 4095) & ~(size_t)4095)

void dpdk_share_wait(_Atomic uint32_t *word, uint32_t value, unsigned timeout_ms)
{
    struct timespec t = {timeout_ms / 1000, (long)(timeout_ms % 1000) * (long)NS_PER_MS};

    (void)syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

void dpdk_share_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

size_t dpdk_share_bytes(uint32_t queues, uint32_t flows)
{
    return PAGE_BYTES + queues * dpdk_orders_bytes(flows);
}

void *dpdk_share_orders(struct dpdk_share *s, uint32_t queue, uint32_t flows)
{
    return (uint8_t *)s + PAGE_BYTES + queue * dpdk_orders_bytes(flows);
}

void dpdk_share_ring(struct dpdk_share *s)
{
    atomic_fetch_add(&s->bell, 1);
    dpdk_share_wake(&s->bell);
}

int dpdk_share_reset(int fd)
{
    struct dpdk_share *s = heritage_map(fd, PAGE_BYTES);

    if (!s)
        return -errno;
    memset(s, 0, sizeof *s);
    munmap(s, PAGE_BYTES);
    return 0;
}
