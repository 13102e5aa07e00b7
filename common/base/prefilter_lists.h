/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The lists of the prefilter, for the programs of BPF (bpf/prefilter.h), the manager that fills
 * them and workers that look themselves. */
#ifndef SPLIFF_BASE_PREFILTER_LISTS_H
#define SPLIFF_BASE_PREFILTER_LISTS_H

/* The lists, bits. */
enum {
    PREFILTER_IGNORE = 1, /* packets from or to these are left out */
    PREFILTER_ONLY = 2,   /* those from and to others are, if there is the list */
    PREFILTER_DROP = 4,   /* they are kept from the host as well, where the mode can */
};

/* Value of prefilter_state: the lists that there are, and which trie is used. */
#define PREFILTER_LISTS  0xffu
#define PREFILTER_SECOND 0x100u

/* Index of prefilter_counts. */
enum prefilter_count { PREFILTER_IGNORED, PREFILTER_NOT_ONLY, PREFILTER_DROPPED, PREFILTER_COUNTS };

/* Key of a trie. */
struct prefilter_key {
    unsigned int bits;
    unsigned char addr[16]; /* as ipaddr.h has them */
};

/* What becomes of a packet between two addresses that are in these lists, where there are `used`:
 * 0 it goes on, else 1 + the count that it adds to. */
static inline __attribute__((always_inline)) unsigned prefilter_judge(unsigned used, unsigned lists)
{
    if (lists & PREFILTER_DROP)
        return 1 + PREFILTER_DROPPED;
    if (lists & PREFILTER_IGNORE)
        return 1 + PREFILTER_IGNORED;
    return (used & PREFILTER_ONLY) && !(lists & PREFILTER_ONLY) ? 1 + PREFILTER_NOT_ONLY : 0;
}

#endif
