/* SPDX-License-Identifier: BSD-3-Clause */
/* In order of address, and of length where that is the same, a prefix stands before all that lie in
 * it. So the last entry that is not behind an address is its longest prefix, or lies in one that
 * is, and the way there leads over the wider ones. */
#include "common/base/prefix_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 128

void prefix_table_init(struct prefix_table *t, uint32_t capacity)
{
    memset(t, 0, sizeof *t);
    t->capacity = capacity;
}

static void clear_behind(struct ipaddr *a, unsigned bits)
{
    for (unsigned i = (bits + 7) / 8; i < sizeof a->b; i++)
        a->b[i] = 0;
    if (bits % 8 > 0)
        a->b[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
}

/* One line, without its end. 0 also for one with nothing in it. */
static int add_line(struct prefix_table *t, const char *text, size_t len, uint8_t list)
{
    const char *comment = memchr(text, '#', len);
    char line[LINE_MAX_BYTES];
    struct prefix p = {.lists = list, .wider = PREFIX_TABLE_NONE};
    unsigned bits;

    if (comment)
        len = (size_t)(comment - text);
    while (len > 0 && strchr(" \t\r", text[len - 1]))
        len--;
    while (len > 0 && strchr(" \t", *text))
        text++, len--;
    if (len == 0)
        return 0;
    if (len >= sizeof line)
        return -EINVAL;
    memcpy(line, text, len);
    line[len] = '\0';
    if (!ipaddr_parse_prefix(line, &p.addr, &bits))
        return -EINVAL;
    if (t->n == t->capacity)
        return -ENOSPC;
    clear_behind(&p.addr, bits);
    p.bits = (uint8_t)bits;
    t->prefix[t->n++] = p;
    return 0;
}

int prefix_table_read(struct prefix_table *t, const char *text, size_t len, uint8_t list,
                      unsigned *line)
{
    t->lists |= list;
    for (*line = 1; len > 0; ++*line) {
        const char *nl = memchr(text, '\n', len);
        size_t n = nl ? (size_t)(nl - text) : len;
        int r = add_line(t, text, n, list);

        if (r < 0)
            return r;
        text += n + (nl != NULL);
        len -= n + (nl != NULL);
    }
    return 0;
}

static int compare(const void *x, const void *y)
{
    const struct prefix *a = x, *b = y;
    int c = memcmp(a->addr.b, b->addr.b, sizeof a->addr.b);

    return c ? c : (int)a->bits - (int)b->bits;
}

static bool holds(const struct prefix *p, const struct ipaddr *a)
{
    return ipaddr_has_prefix(a, &p->addr, p->bits);
}

/* The narrowest prefix around a, of entry i and those around it. */
static uint32_t around(const struct prefix_table *t, uint32_t i, const struct ipaddr *a)
{
    while (i < t->n && !holds(&t->prefix[i], a))
        i = t->prefix[i].wider;
    return i < t->n ? i : PREFIX_TABLE_NONE;
}

void prefix_table_finish(struct prefix_table *t)
{
    uint32_t n = 0;

    qsort(t->prefix, t->n, sizeof t->prefix[0], compare);
    for (uint32_t i = 0; i < t->n; i++) {
        struct prefix p = t->prefix[i];

        if (n > 0 && compare(&p, &t->prefix[n - 1]) == 0) {
            t->prefix[n - 1].lists |= p.lists;
            continue;
        }
        t->prefix[n++] = p;
    }
    t->n = n;
    for (uint32_t i = 1; i < t->n; i++) {
        struct prefix *p = &t->prefix[i];

        p->wider = around(t, i - 1, &p->addr);
        if (p->wider != PREFIX_TABLE_NONE)
            p->lists |= t->prefix[p->wider].lists;
    }
}

uint8_t prefix_table_lists(const struct prefix_table *t, const struct ipaddr *a)
{
    uint32_t low = 0, high = t->n, i;

    while (low < high) { /* entries before low are not behind a */
        uint32_t middle = low + (high - low) / 2;

        if (memcmp(t->prefix[middle].addr.b, a->b, sizeof a->b) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    i = low > 0 ? around(t, low - 1, a) : PREFIX_TABLE_NONE;
    return i == PREFIX_TABLE_NONE ? 0 : t->prefix[i].lists;
}
