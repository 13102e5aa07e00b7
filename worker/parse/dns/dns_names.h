/* SPDX-License-Identifier: BSD-3-Clause */
/* What the numbers of DNS are called, with Zeek's spelling: "*" for ANY, "NXRRSet",
 * "query-65400" for a type without a name. */
#ifndef SPLIFF_PARSE_DNS_NAMES_H
#define SPLIFF_PARSE_DNS_NAMES_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define DNS_NAMES_MAX 24 /* bytes of a buffer for a number that has no name */

/* Each returns a static name, or one made in buf and borrowed from it. netbios: as the NetBIOS name
 * service (RFC 1002) uses the number. */
struct str dns_names_type(uint16_t type, bool netbios, char buf[DNS_NAMES_MAX]);
struct str dns_names_class(uint16_t class, char buf[DNS_NAMES_MAX]);
struct str dns_names_rcode(uint8_t rcode); /* the four bits of the header: all have names */
struct str dns_names_opcode(uint8_t opcode, bool netbios, char buf[DNS_NAMES_MAX]);

/* Whether the number is assigned: what detection asks. */
bool dns_names_knows_type(uint16_t type);
bool dns_names_knows_class(uint16_t class);

#endif
