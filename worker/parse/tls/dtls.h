/* SPDX-License-Identifier: BSD-3-Clause */
/* DTLS: what its records are made of. Private to parse/tls; the analyzer is in tls.h. */
#ifndef SPLIFF_PARSE_DTLS_H
#define SPLIFF_PARSE_DTLS_H

#include "common/base/cursor.h"
#include "worker/analyzer.h"
#include "worker/parse/tls/dtls_fragment.h"

#define DTLS_RECORD_HEADER_BYTES 13u

/* Fragments of handshake messages (RFC 6347 section 4.2.2) at c, moving over it. False if there is
 * none: cut, or its numbers contradict each other. data is borrowed. */
bool dtls_fragment_next(struct cursor *c, struct dtls_fragment *piece);

/* A record's header (RFC 6347 section 4.1). */
struct dtls_record {
    uint8_t content; /* enum tls_content, or another */
    uint16_t version, epoch;
    uint64_t seq;
    struct cursor body;
};

/* The next record of a datagram, and moves over it. False if it is cut or not DTLS before 1.3. */
bool dtls_record_next(struct cursor *c, struct dtls_record *r);

/* Pure: is this datagram DTLS (analyzer.h)? */
enum probe_result dtls_probe(const uint8_t *data, size_t len, uint8_t transport);

#endif
