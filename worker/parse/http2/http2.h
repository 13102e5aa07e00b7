/* SPDX-License-Identifier: BSD-3-Clause */
/* HTTP/2 in clear text (RFC 9113): analyzer "http2", one http record a stream. By prior knowledge,
 * after an upgrade from HTTP/1.1 (RFC 7540 section 3.2), or joined in the middle. */
#ifndef SPLIFF_PARSE_HTTP2_H
#define SPLIFF_PARSE_HTTP2_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_http2;

/* The analyzer's probe (http2_probe.c), as analyzer.h asks for it. */
enum probe_result http2_probe(const uint8_t *data, size_t len, uint8_t transport);

#endif
