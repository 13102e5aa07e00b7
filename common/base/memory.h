/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for tables and pools, from the kernel, at start. Mapped whole and lazily: it is used as it
 * is touched, zeroed, and lies on the node of the core that touches it first. */
#ifndef SPLIFF_BASE_MEMORY_H
#define SPLIFF_BASE_MEMORY_H

#include <stddef.h>

/* How a mapping is cut into pages. Tables that are looked up at random are on huge ones: else each
 * look-up costs the memory of a page table beside its own. */
enum memory_pages {
    MEMORY_SMALL,
    MEMORY_HUGE,     /* huge where the kernel has some to give (madvise) */
    MEMORY_RESERVED, /* of the pool in vm.nr_hugepages, all of it; else as MEMORY_HUGE */
};

/* Bytes that a mapping of these pages takes: bytes rounded up. */
size_t memory_bytes(size_t bytes, enum memory_pages pages);

/* *pages: which are wanted; becomes MEMORY_HUGE where that was MEMORY_RESERVED and too few are
 * free. NULL: there is no room. */
void *memory_map(size_t bytes, enum memory_pages *pages);

/* Has the kernel make pages that are about to be touched, together: each touch of its own costs
 * several times what the page does. Does nothing where the kernel cannot (before Linux 5.14). */
void memory_touch(void *p, size_t bytes);

/* Gives the pages of a part of a mapping back: it is zeroed when it is touched again. */
void memory_forget(void *p, size_t bytes);

/* With the same bytes and what became of pages. */
void memory_unmap(void *p, size_t bytes, enum memory_pages pages);

#endif
