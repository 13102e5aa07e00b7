/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP/0.9, 1.0 and 1.1 (RFC 9112): analyzer "http1", one http record a transaction. */
#ifndef SPLIFF_PARSE_HTTP1_H
#define SPLIFF_PARSE_HTTP1_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_http1;

/* The analyzer's probe (http1_probe.c), as analyzer.h asks for it. */
enum probe_result http1_probe(const uint8_t *data, size_t len, uint8_t transport);

#endif
