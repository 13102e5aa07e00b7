/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of prefixes, and to which of them an address belongs.
 *
 * A table is built once from lists (manager) and then only read, also by other processes: it is
 * plain memory without pointers. Entries are in order of their addresses, each with the lists that
 * it or a wider prefix around it is in, so the longest prefix of an address tells all. */
#ifndef SPLIFF_BASE_PREFIX_TABLE_H
#define SPLIFF_BASE_PREFIX_TABLE_H

#include "common/base/ipaddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PREFIX_TABLE_NONE UINT32_MAX

struct prefix {
    struct ipaddr addr; /* bits behind the prefix are zero */
    uint32_t wider;     /* index of the next wider prefix around it; PREFIX_TABLE_NONE */
    uint8_t bits;       /* of the 128 */
    uint8_t lists;      /* a bit a list: it is in */
    uint8_t pad[2];
};

struct prefix_table {
    uint32_t n, capacity;
    uint8_t lists; /* those that are in use, also empty ones */
    uint8_t pad[7];
    struct prefix prefix[];
};

static inline size_t prefix_table_bytes(uint32_t capacity)
{
    return sizeof(struct prefix_table) + capacity * sizeof(struct prefix);
}

/* Two tables in memory that a process fills and others read: one is in use while the other is
 * filled. Its readers may not write to it: who fills it goes by what stands in it, too. */
struct prefix_share {
    uint32_t active; /* 0 or 1: atomic */
    uint32_t capacity;
};

static inline size_t prefix_share_bytes(uint32_t capacity)
{
    return sizeof(struct prefix_share) + 2 * prefix_table_bytes(capacity);
}

static inline struct prefix_table *prefix_share_table(struct prefix_share *s, unsigned i)
{
    return (struct prefix_table *)(void *)((uint8_t *)(s + 1) +
                                           i * prefix_table_bytes(s->capacity));
}

/* The one in use. */
static inline const struct prefix_table *prefix_share_active(const struct prefix_share *s)
{
    uint32_t i = __atomic_load_n(&s->active, __ATOMIC_ACQUIRE);

    return (const struct prefix_table *)(const void *)((const uint8_t *)(s + 1) +
                                                       i * prefix_table_bytes(s->capacity));
}

/* Empties the table. */
void prefix_table_init(struct prefix_table *t, uint32_t capacity);

/* Reads the lines of text[len] into a list (a bit): a prefix or an address, spaces, a comment
 * behind #. Returns 0, or -EINVAL with what is wrong and the number of the line in *line, -ENOSPC
 * if the table is full, with the line at which it is. */
int prefix_table_read(struct prefix_table *t, const char *text, size_t len, uint8_t list,
                      unsigned *line);

/* After all lists: puts it in order. Needs O(1) memory besides. */
void prefix_table_finish(struct prefix_table *t);

/* The lists that an address is in; 0: none. */
uint8_t prefix_table_lists(const struct prefix_table *t, const struct ipaddr *a);

#endif
