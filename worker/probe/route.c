/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/probe/route.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/stat.h>

#define NO_INTERFACE HERITAGE_INTERFACES

bool route_is_loopback(const struct ipaddr *a)
{
    static const struct ipaddr v6 = {{[15] = 1}};

    return ipaddr_is_v4(a) ? a->b[12] == 127 : memcmp(a, &v6, sizeof v6) == 0;
}

static uint8_t interface_find(const struct route *r, const char *name)
{
    const struct heritage_probe *p = &r->heritage->probe;

    for (uint8_t i = 0; i < p->n_interfaces; i++)
        if (strcmp(p->interface[i], name) == 0)
            return i;
    return NO_INTERFACE;
}

static unsigned mask_bits(const uint8_t *mask, size_t bytes)
{
    unsigned bits = 0;

    while (bits < 8 * bytes && (mask[bits / 8] & (0x80 >> bits % 8)))
        bits++;
    return bits;
}

/* False: no IP address. */
static bool address_of(const struct ifaddrs *i, struct route_address *out)
{
    const void *sa = i->ifa_addr, *mask = i->ifa_netmask;

    if (sa && i->ifa_addr->sa_family == AF_INET) {
        ipaddr_set_v4(&out->addr, (const uint8_t *)&((const struct sockaddr_in *)sa)->sin_addr);
        out->bits = 128;
        if (mask)
            out->bits =
                (uint8_t)(96 +
                          mask_bits((const uint8_t *)&((const struct sockaddr_in *)mask)->sin_addr,
                                    4));
        return true;
    }
    if (sa && i->ifa_addr->sa_family == AF_INET6) {
        memcpy(out->addr.b, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof out->addr.b);
        out->bits = 128;
        if (mask)
            out->bits = (uint8_t)mask_bits(
                (const uint8_t *)&((const struct sockaddr_in6 *)mask)->sin6_addr, 16);
        return true;
    }
    return false;
}

void route_refresh(struct route *r)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return; /* what was read before is still the best guess */
    r->n = 0;
    r->loopback = NO_INTERFACE;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        struct route_address a = {.interface = interface_find(r, i->ifa_name)};

        if (i->ifa_flags & IFF_LOOPBACK && a.interface != NO_INTERFACE)
            r->loopback = a.interface;
        if (r->n < ROUTE_ADDRESSES_MAX && address_of(i, &a))
            r->address[r->n++] = a;
    }
    freeifaddrs(all);
}

void route_init(struct route *r, const struct heritage *h)
{
    struct stat st;

    *r = (struct route){.heritage = h, .loopback = NO_INTERFACE};
    if (stat("/proc/self/ns/net", &st) == 0)
        r->netns = (uint32_t)st.st_ino;
    route_refresh(r);
}

static const struct route_address *own_find(const struct route *r, const struct ipaddr *a)
{
    for (unsigned i = 0; i < r->n; i++)
        if (memcmp(&r->address[i].addr, a, sizeof *a) == 0)
            return &r->address[i];
    return NULL;
}

/* The captured interface with the narrowest network that has this address. */
static uint8_t network_find(const struct route *r, const struct ipaddr *a)
{
    uint8_t found = NO_INTERFACE;
    unsigned bits = 0;

    for (unsigned i = 0; i < r->n; i++) {
        const struct route_address *n = &r->address[i];

        if (n->interface != NO_INTERFACE && n->bits >= bits &&
            ipaddr_has_prefix(a, &n->addr, n->bits)) {
            bits = n->bits;
            found = n->interface;
        }
    }
    return found;
}

unsigned route_interface(const struct route *r, const struct ipaddr *local,
                         const struct ipaddr *remote)
{
    const struct route_address *own = own_find(r, local);
    uint8_t i = NO_INTERFACE;

    if (route_is_loopback(local) || (own && own_find(r, remote)))
        i = r->loopback;
    if (i == NO_INTERFACE && own)
        i = own->interface;
    if (i == NO_INTERFACE)
        i = network_find(r, local);
    if (i == NO_INTERFACE)
        i = network_find(r, remote);
    return i == NO_INTERFACE ? 0 : i;
}

unsigned route_worker(const struct route *r, unsigned interface, const struct flow_key *key)
{
    return r->heritage->probe
        .owner[interface][flow_key_hash(key, r->heritage->seed) % FLOW_BUCKETS];
}
