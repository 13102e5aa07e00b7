/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether the host itself needs an interface: a capture mode that takes the frames away from the
 * host would cut it off. Manager process. */
#ifndef SPLIFF_MANAGER_CAPTURE_HOST_USE_H
#define SPLIFF_MANAGER_CAPTURE_HOST_USE_H

#include <stdbool.h>
#include <stddef.h>

/* True if the interface carries an address or a route other than the link-local ones that the
 * kernel makes itself, belongs to a bridge or the like, or has a VLAN's or the like above it: then
 * why[bytes] says which, to follow "it ". What cannot be read is taken for not there. */
bool host_use_find(const char *interface, char *why, size_t bytes);

/* Pure: whether a line of /proc/net/route, or of /proc/net/ipv6_route, is such a route. */
bool host_use_route4(const char *line, const char *interface);
bool host_use_route6(const char *line, const char *interface);

#endif
