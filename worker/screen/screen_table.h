/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of fixed size that counts by key: how often, or how many different ones. Sets of eight
 * entries; a full set gives up the entry that has counted least, so that a flood of new keys pushes
 * out its own kind before what is about to be noticed. Which set a key is in is keyed. */
#ifndef SPLIFF_SCREEN_TABLE_H
#define SPLIFF_SCREEN_TABLE_H

#include "common/base/ipaddr.h"

#include <stdbool.h>
#include <stdint.h>

#define SCREEN_SKETCH_BITS  512u
#define SCREEN_DISTINCT_MAX 400u /* more different ones than this are not told apart reliably */

/* Compared whole: unused fields are zero. */
struct screen_key {
    struct ipaddr a, b;
    uint16_t port;
    uint16_t kind;
    uint32_t pad;
};

struct screen_entry {
    struct screen_key key;
    uint64_t since_ns; /* when its counting began */
    uint32_t n;        /* events, or at least so many different ones */
    uint64_t sketch[SCREEN_SKETCH_BITS / 64];
};

struct screen_table {
    struct screen_entry *entries;
    uint8_t *in_use; /* of each set, from its first entry on */
    uint32_t set_mask;
    uint32_t secret;
    uint64_t *evicted; /* grows by entries that are given up before their time */
};

/* Room for about capacity entries. 0 or -ENOMEM. */
int screen_table_init(struct screen_table *t, uint32_t capacity, uint32_t secret,
                      uint64_t *evicted);
void screen_table_fini(struct screen_table *t);

/* The entry of a key; a new one begins at now_ns. What is older than lifetime_ns may be given up
 * for it without loss. Valid until the next call. */
struct screen_entry *screen_table_entry(struct screen_table *t, const struct screen_key *key,
                                        uint64_t now_ns, uint64_t lifetime_ns);

/* Begins anew what is older than lifetime_ns. */
void screen_table_renew(struct screen_entry *e, uint64_t now_ns, uint64_t lifetime_ns);

/* Counts an address and port. True if it is surely one that was not counted before: `n` is never
 * more than there were. */
bool screen_table_distinct(const struct screen_table *t, struct screen_entry *e,
                           const struct ipaddr *addr, uint16_t port);

#endif
