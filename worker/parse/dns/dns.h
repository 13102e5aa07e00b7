/* SPDX-License-Identifier: BSD-3-Clause */
/* DNS over UDP and TCP, multicast DNS, LLMNR and the NetBIOS name service: one dns record a query
 * with its response. */
#ifndef SPLIFF_PARSE_DNS_H
#define SPLIFF_PARSE_DNS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_dns;

/* "dns_message": DNS inside something else that marks where messages begin and end, as HTTPS does
 * (RFC 8484). Never detected; opened as a child. Each child_data is one whole message, without a
 * length in front: side 0 the query (the body of a POST, or the decoded `dns` parameter of a GET),
 * side 1 the response. One child for one exchange or for all of a connection: queries are found by
 * their question. Emits dns records, tells resolved names, adds the service "dns"; the category is
 * the enclosing protocol's to set. A response whose query was not given makes its record too. */
extern const struct analyzer analyzer_dns_message;

#endif
