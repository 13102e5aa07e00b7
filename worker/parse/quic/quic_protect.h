/* SPDX-License-Identifier: BSD-3-Clause */
/* Protection of Initial packets (RFC 9001 sections 5.2 to 5.4, RFC 9369 section 3.3): keys that
 * anybody can derive from the client's first destination connection id. By OpenSSL's libcrypto.
 *
 * Contexts, the last keys and the decrypted bytes are the process's: one worker, one thread. */
#ifndef SPLIFF_PARSE_QUIC_PROTECT_H
#define SPLIFF_PARSE_QUIC_PROTECT_H

#include "worker/parse/quic/quic_packet.h"

struct quic_side_keys {
    uint8_t key[16], iv[12], hp[16];
};

struct quic_keys {
    const struct quic_version *version; /* NULL: none */
    struct quic_cid dcid;
    struct quic_side_keys side[2]; /* [0] of what the client sends */
};

struct quic_plain {
    const uint8_t *frames; /* borrowed until the next call */
    size_t len;
    uint64_t number; /* of the packet */
};

/* Keys for a connection id in a version whose layout is V1 or V2. Nothing is done if *k has them
 * already; it must be zeroed or hold keys, or may be anything if it is new. */
void quic_protect_keys(struct quic_keys *k, const struct quic_version *version,
                       const struct quic_cid *dcid);

/* Decrypts an Initial (p->number_at > 0) of a side. largest: the highest packet number seen of it
 * so far, or 0. False: it is cut, or it was not protected with these keys. */
bool quic_protect_open(const struct quic_keys *k, unsigned side, const struct quic_packet *p,
                       uint64_t largest, struct quic_plain *out);

#endif
