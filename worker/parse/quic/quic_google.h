/* SPDX-License-Identifier: BSD-3-Clause */
/* What Google called QUIC before it was a standard: the public header of versions up to Q043, and
 * the client's hello of its handshake, a CHLO. Private to parse/quic. */
#ifndef SPLIFF_PARSE_QUIC_GOOGLE_H
#define SPLIFF_PARSE_QUIC_GOOGLE_H

#include "worker/parse/quic/quic_packet.h"

/* Pure: a client's first datagram, which names its version in the public header? */
enum probe_result quic_google_probe(const uint8_t *data, size_t len);

/* Reads a datagram with a public header. False: it names no version (or is none). */
bool quic_google_read(const uint8_t *data, size_t len, struct quic_packet *out);

/* The frames of a packet up to Q046, before there are keys: behind the packet number and the hash.
 * Empty for other packets. */
struct cursor quic_google_frames(const struct quic_packet *p);

/* Numbers are in network byte order. */
static inline bool quic_google_big_endian(uint32_t version)
{
    return version >= 0x51303339; /* Q039 */
}

/* handshake begins with a CHLO: the name in it, borrowed; empty if there is none or it is cut. */
bool quic_google_is_hello(const uint8_t *handshake, size_t len);
struct str quic_google_server_name(const uint8_t *handshake, size_t len);

#endif
