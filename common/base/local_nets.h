/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses are local: for conn.log's local_orig and local_resp. */
#ifndef SPLIFF_BASE_LOCAL_NETS_H
#define SPLIFF_BASE_LOCAL_NETS_H

#include "common/base/ipaddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCAL_NETS_MAX     64u /* of a list */
#define LOCAL_NETS_PRIVATE 34u /* that are local without one, at most */

/* Prefixes of this site: the private ones and those of option local_nets. */
struct local_nets {
    struct {
        struct ipaddr addr;
        uint8_t bits; /* of the 128 */
    } net[LOCAL_NETS_PRIVATE + LOCAL_NETS_MAX];
    uint32_t n, n_private;
    uint64_t first_byte[2][4]; /* of IPv6 and IPv4: a bit for each that some of them have */
};

/* Adds the prefixes of list ("192.0.2.0/24,2001:db8::/32"). 0, or -EINVAL with the first bad or
 * surplus item in bad[bad_bytes]. */
int local_nets_parse(struct local_nets *l, const char *list, char *bad, size_t bad_bytes);

/* Private, link-local and loopback prefixes and those of list. As local_nets_parse. */
int local_nets_init(struct local_nets *l, const char *list, char *bad, size_t bad_bytes);
bool local_nets_has(const struct local_nets *l, const struct ipaddr *a);

#endif
