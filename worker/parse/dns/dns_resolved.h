/* SPDX-License-Identifier: BSD-3-Clause */
/* Which addresses a response gave to which name: for analyzer_resolved. */
#ifndef SPLIFF_PARSE_DNS_RESOLVED_H
#define SPLIFF_PARSE_DNS_RESOLVED_H

#include "worker/analyzer.h"
#include "worker/parse/dns/dns_message.h"

/* Tells every address in a response whose reader stands behind the questions: of A and AAAA
 * records, and the hints of HTTPS and SVCB (RFC 9460 section 7.3). asked: the question that it
 * answers, or NULL. multicast: the additional records are believed too (RFC 6762 section 12), and a
 * TTL of 0 takes an address back (section 10.1). Stops where the message is broken. */
void dns_resolved_tell(struct analyzer_ctx *ctx, struct dns_message m,
                       const struct dns_question *asked, bool multicast);

#endif
