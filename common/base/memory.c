/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/memory.h"

#include <sys/mman.h>

#define HUGE_BYTES ((size_t)2 << 20)
#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB (21 << 26) /* linux/mman.h: whatever size is the default */
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

size_t memory_bytes(size_t bytes, enum memory_pages pages)
{
    return pages == MEMORY_SMALL ? bytes : (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

static void *map(size_t bytes, int flags)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

/* Reserved pages are taken with their reservation: without it a touch could find none, and that
 * would be the end of the process. */
void *memory_map(size_t bytes, enum memory_pages *pages)
{
    size_t n = memory_bytes(bytes, *pages);
    void *p = *pages == MEMORY_RESERVED ? map(n, MAP_HUGETLB | MAP_HUGE_2MB) : NULL;

    if (p)
        return p;
    if (*pages == MEMORY_RESERVED)
        *pages = MEMORY_HUGE;
    p = map(n, MAP_NORESERVE);
    if (p && *pages == MEMORY_HUGE)
        (void)madvise(p, n, MADV_HUGEPAGE); /* refused by a kernel without them, which is as well */
    return p;
}

void memory_touch(void *p, size_t bytes)
{
    (void)madvise(p, bytes, MADV_POPULATE_WRITE);
}

void memory_forget(void *p, size_t bytes)
{
    (void)madvise(p, bytes, MADV_DONTNEED);
}

void memory_unmap(void *p, size_t bytes, enum memory_pages pages)
{
    if (p)
        munmap(p, memory_bytes(bytes, pages));
}
