/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it DNS? By content, on any port. */
#ifndef SPLIFF_PARSE_DNS_PROBE_H
#define SPLIFF_PARSE_DNS_PROBE_H

#include "worker/analyzer.h"

/* Pure. UDP: one datagram, so the answer is never PROBE_MORE; TCP: the first bytes of a side. */
enum probe_result dns_probe(const uint8_t *data, size_t len, uint8_t transport);

#endif
