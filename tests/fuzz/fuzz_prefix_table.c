/* SPDX-License-Identifier: BSD-3-Clause */
/* Two lists, one after the other in the input, and an address in front: what the table says of it
 * is what going through all prefixes says. */
#include "common/base/check.h"
#include "common/base/cursor.h"
#include "common/base/prefix_table.h"

#include <stdlib.h>

#define CAPACITY 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In the order in which they were read, before the table changes that. */
static uint8_t search(const struct prefix_table *t, const struct ipaddr *a)
{
    uint8_t lists = 0;

    for (uint32_t i = 0; i < t->n; i++)
        if (ipaddr_has_prefix(a, &t->prefix[i].addr, t->prefix[i].bits))
            lists |= t->prefix[i].lists;
    return lists;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct prefix_table *t;
    struct cursor c = cursor_init(data, size);
    struct ipaddr a = {{0}};
    size_t cut, left;
    unsigned line;
    uint8_t found;

    if (!t)
        t = malloc(prefix_table_bytes(CAPACITY));
    CHECK(t);
    if (cursor_left(&c) < 18)
        return 0;
    memcpy(a.b, cursor_bytes(&c, sizeof a.b), sizeof a.b);
    cut = cursor_be16(&c);
    left = cursor_left(&c);
    cut = cut < left ? cut : left;
    prefix_table_init(t, CAPACITY);
    (void)prefix_table_read(t, (const char *)c.p, cut, 1, &line);
    (void)prefix_table_read(t, (const char *)c.p + cut, left - cut, 2, &line);
    found = search(t, &a);
    prefix_table_finish(t);
    CHECK(prefix_table_lists(t, &a) == found);
    for (uint32_t i = 0; i < t->n; i++)
        CHECK(prefix_table_lists(t, &t->prefix[i].addr) >= 1);
    return 0;
}
