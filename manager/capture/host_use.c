/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/capture/host_use.h"

#include <arpa/inet.h>
#include <glob.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512

/* The text of an address that is more than link-local, or NULL. */
static const char *address_text(const struct sockaddr *a, char text[INET6_ADDRSTRLEN])
{
    const struct sockaddr_in *four = (const void *)a;
    const struct sockaddr_in6 *six = (const void *)a;

    if (!a)
        return NULL;
    if (a->sa_family == AF_INET)
        return inet_ntop(AF_INET, &four->sin_addr, text, INET6_ADDRSTRLEN);
    if (a->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
        return inet_ntop(AF_INET6, &six->sin6_addr, text, INET6_ADDRSTRLEN);
    return NULL;
}

static bool has_address(const char *interface, char *why, size_t bytes)
{
    char text[INET6_ADDRSTRLEN];
    struct ifaddrs *all = NULL;
    const char *found = NULL;

    if (getifaddrs(&all) < 0)
        return false;
    for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
        if (strcmp(i->ifa_name, interface) == 0)
            found = address_text(i->ifa_addr, text);
    freeifaddrs(all);
    if (found)
        snprintf(why, bytes, "carries the address %s", found);
    return found != NULL;
}

bool host_use_route4(const char *line, const char *interface)
{
    char name[IFNAMSIZ];

    return sscanf(line, "%15s", name) == 1 && strcmp(name, interface) == 0;
}

/* Link-local prefixes and multicast groups are routed wherever IPv6 is on. */
bool host_use_route6(const char *line, const char *interface)
{
    char destination[33], name[IFNAMSIZ];

    return sscanf(line, "%32s %*s %*s %*s %*s %*s %*s %*s %*s %15s", destination, name) == 2 &&
           strcmp(name, interface) == 0 && strncmp(destination, "fe80", 4) != 0 &&
           strncmp(destination, "ff", 2) != 0;
}

static bool has_route(const char *path, bool (*is_route)(const char *, const char *),
                      const char *interface, char *why, size_t bytes)
{
    char line[LINE_MAX_BYTES];
    FILE *f = fopen(path, "re");
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f))
        found = is_route(line, interface);
    if (f)
        fclose(f);
    if (found)
        snprintf(why, bytes, "carries a route (ip route show dev %s)", interface);
    return found;
}

/* A bridge, bond or team of which the interface is a member. */
static bool has_master(const char *interface, char *why, size_t bytes)
{
    char path[64 + IFNAMSIZ], target[256];
    ssize_t n;

    snprintf(path, sizeof path, "/sys/class/net/%s/master", interface);
    n = readlink(path, target, sizeof target - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    snprintf(why, bytes, "belongs to %s", basename(target));
    return true;
}

/* An interface that is made of this one: with a tag of a VLAN, or an address of its own (macvlan).
 * Its addresses and routes are not this one's, but its frames are. */
static bool has_upper(const char *interface, char *why, size_t bytes)
{
    static const char prefix[] = "/upper_";
    char pattern[64 + IFNAMSIZ];
    glob_t found;
    bool any;

    snprintf(pattern, sizeof pattern, "/sys/class/net/%s%s*", interface, prefix);
    any = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
    if (any)
        snprintf(why, bytes, "carries the interface %s",
                 strrchr(found.gl_pathv[0], '/') + sizeof prefix - 1);
    globfree(&found);
    return any;
}

bool host_use_find(const char *interface, char *why, size_t bytes)
{
    return has_address(interface, why, bytes) ||
           has_route("/proc/net/route", host_use_route4, interface, why, bytes) ||
           has_route("/proc/net/ipv6_route", host_use_route6, interface, why, bytes) ||
           has_master(interface, why, bytes) || has_upper(interface, why, bytes);
}
