/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/local_nets.h"

#include "common/base/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What RFC 6890 and its registries have as not global, and the same within 6to4 (RFC 3056): what
 * Zeek takes as private address space. */
static const char private_nets[] =
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,169.254.0.0/16,100.64.0.0/10,0.0.0.0/8,"
    "192.0.0.0/24,192.0.2.0/24,198.18.0.0/15,198.51.100.0/24,203.0.113.0/24,240.0.0.0/4,"
    "::/128,::1/128,fe80::/10,fc00::/7,64:ff9b:1::/48,100::/64,2001::/23,2001:db8::/32,"
    "2002:0a00::/24,2002:ac10::/28,2002:c0a8::/32,2002:7f00::/24,2002:a9fe::/32,2002:6440::/26,"
    "2002::/24,2002:c000::/40,2002:c000:0200::/40,2002:c612::/31,2002:c633:6400::/40,"
    "2002:cb00:7100::/40,2002:f000::/20";

/* Where an address begins: IPv4 lies behind twelve bytes that all have. */
static unsigned first_byte_at(const struct ipaddr *a)
{
    return ipaddr_is_v4(a) ? 12 : 0;
}

/* Notes each first byte that addresses of the prefix begin with. */
static void note_first_byte(struct local_nets *l, const struct ipaddr *a, unsigned bits)
{
    unsigned at = first_byte_at(a), have = bits > at * 8 ? bits - at * 8 : 0;
    unsigned others = have < 8 ? 0xffu >> have : 0;

    for (unsigned i = 0; i <= others; i++) {
        unsigned byte = (a->b[at] & ~others) | i;
        l->first_byte[at > 0][byte / 64] |= UINT64_C(1) << byte % 64;
    }
}

static int local_nets_add(struct local_nets *l, const char *item)
{
    unsigned bits;

    if (!strchr(item, '/') || l->n - l->n_private == LOCAL_NETS_MAX ||
        !ipaddr_parse_prefix(item, &l->net[l->n].addr, &bits))
        return -EINVAL;
    l->net[l->n].bits = (uint8_t)bits;
    note_first_byte(l, &l->net[l->n++].addr, bits);
    return 0;
}

int local_nets_parse(struct local_nets *l, const char *list, char *bad, size_t bad_bytes)
{
    while (*list) {
        size_t n = strcspn(list, ", ");
        char item[64];

        if (n >= sizeof item)
            n = sizeof item - 1;
        memcpy(item, list, n);
        item[n] = '\0';
        snprintf(bad, bad_bytes, "%s", item);
        if (n > 0 && local_nets_add(l, item) < 0)
            return -EINVAL;
        list += n;
        list += strspn(list, ", ");
    }
    return 0;
}

int local_nets_init(struct local_nets *l, const char *list, char *bad, size_t bad_bytes)
{
    int rc;

    memset(l, 0, sizeof *l);
    rc = local_nets_parse(l, private_nets, bad, bad_bytes);
    CHECK(rc == 0 && l->n <= LOCAL_NETS_PRIVATE);
    l->n_private = l->n;
    return local_nets_parse(l, list, bad, bad_bytes);
}

bool local_nets_has(const struct local_nets *l, const struct ipaddr *a)
{
    unsigned at = first_byte_at(a), byte = a->b[at];

    if (!(l->first_byte[at > 0][byte / 64] >> byte % 64 & 1))
        return false;
    for (uint32_t i = 0; i < l->n; i++)
        if (ipaddr_has_prefix(a, &l->net[i].addr, l->net[i].bits))
            return true;
    return false;
}
