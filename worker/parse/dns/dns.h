/* SPDX-License-Identifier: BSD-3-Clause */
/* DNS over UDP and TCP, multicast DNS, LLMNR and the NetBIOS name service: one dns record a query
 * with its response. */
#ifndef SPLIFF_PARSE_DNS_H
#define SPLIFF_PARSE_DNS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_dns;

#endif
