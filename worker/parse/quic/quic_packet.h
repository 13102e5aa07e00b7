/* SPDX-License-Identifier: BSD-3-Clause */
/* The packets of a datagram by what is in clear of them: long headers (RFC 8999, RFC 9000 section
 * 17.2, RFC 9369 section 3.2) and Google's headers before them. Private to parse/quic. */
#ifndef SPLIFF_PARSE_QUIC_PACKET_H
#define SPLIFF_PARSE_QUIC_PACKET_H

#include "common/base/cursor.h"
#include "common/base/str.h"
#include "worker/analyzer.h"
#include "worker/parse/quic/quic_version.h"

#define QUIC_CID_BYTES_MAX         20u
#define QUIC_SHORT_BYTES_MIN       21u   /* a short header packet cannot be told from noise below */
#define QUIC_CLIENT_DATAGRAM_BYTES 1200u /* a client pads its Initials to that (RFC 9000 14.1) */
#define QUIC_LENGTH_MIN            20u   /* packet number and sample (RFC 9001 section 5.4.2) */

#define QUIC_LONG_FORM 0x80u
#define QUIC_FIXED_BIT 0x40u

struct quic_cid {
    uint8_t len;
    uint8_t bytes[QUIC_CID_BYTES_MAX];
};

enum quic_type {
    QUIC_INITIAL,
    QUIC_ZERO_RTT,
    QUIC_HANDSHAKE,
    QUIC_RETRY,
    QUIC_NEGOTIATION, /* Version Negotiation */
    QUIC_UNFAMILIAR,  /* of a version that nobody here knows */
};

struct quic_packet {
    enum quic_type type;
    uint32_t version;
    const struct quic_version *known; /* NULL: unfamiliar */
    struct quic_cid dcid, scid;
    const uint8_t *bytes;    /* the packet, borrowed from the datagram */
    size_t len;              /* to its end */
    size_t number_at;        /* where the packet number begins; 0: not to be found */
    bool has_token;          /* an Initial with one is a client's */
    const uint8_t *versions; /* those that a Version Negotiation offers, to the packet's end */
};

static inline bool quic_cid_equal(const struct quic_cid *a, const struct quic_cid *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* Reads a packet with a long header and moves the cursor behind it. False: it is cut, or lengths in
 * it cannot be. A packet of an unfamiliar version reaches to the datagram's end; if it is laid out
 * like an Initial of version 1 it is one of this length, and number_at is set. */
bool quic_packet_read(struct cursor *c, struct quic_packet *out);

/* Pure: see analyzer.h. */
enum probe_result quic_probe(const uint8_t *data, size_t len, uint8_t transport);
bool quic_plausible(const uint8_t *data, size_t len);

#endif
