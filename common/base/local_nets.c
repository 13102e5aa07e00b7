/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/local_nets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* RFC 1918, 3927, 4193, 4291, 6598, loopback, and the addresses of those that have or know none
 * yet: what Zeek takes as private address space. */
static const char private_nets[] =
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8,169.254.0.0/16,100.64.0.0/10,0.0.0.0/8,"
    "255.255.255.255/32,::/128,::1/128,fe80::/10,fc00::/7";

static int local_nets_add(struct local_nets *l, const char *item)
{
    unsigned bits;

    if (!strchr(item, '/') || l->n == LOCAL_NETS_MAX ||
        !ipaddr_parse_prefix(item, &l->net[l->n].addr, &bits))
        return -EINVAL;
    l->net[l->n++].bits = (uint8_t)bits;
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
    return rc < 0 ? rc : local_nets_parse(l, list, bad, bad_bytes);
}

bool local_nets_has(const struct local_nets *l, const struct ipaddr *a)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (ipaddr_has_prefix(a, &l->net[i].addr, l->net[i].bits))
            return true;
    return false;
}
