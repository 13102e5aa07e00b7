/* SPDX-License-Identifier: BSD-3-Clause */
/* Resource data as the text that stands in the `answers` of dns.log. */
#ifndef SPLIFF_PARSE_DNS_RDATA_H
#define SPLIFF_PARSE_DNS_RDATA_H

#include "worker/parse/dns/dns_message.h"
#include "worker/parse/dns/dns_text.h"

/* Adds the text of rr's data to out; nothing for what is no answer by itself (OPT, WKS, the root as
 * a target). Returns false, with m->problem set and out as it was, when the data do not parse as
 * their type says; the RRs after it can be read all the same. Of a type that it does not know it
 * says so in out and m->problem, and returns true. */
bool dns_rdata_format(struct dns_message *m, const struct dns_rr *rr, struct dns_text *out);

#endif
