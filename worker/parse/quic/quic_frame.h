/* SPDX-License-Identifier: BSD-3-Clause */
/* The frames that an Initial packet may hold (RFC 9000 section 12.4), and Google's of before.
 * Private to parse/quic. */
#ifndef SPLIFF_PARSE_QUIC_FRAME_H
#define SPLIFF_PARSE_QUIC_FRAME_H

#include "common/base/cursor.h"

enum quic_frame_kind { QUIC_FRAME_CRYPTO, QUIC_FRAME_CLOSE };

struct quic_frame {
    enum quic_frame_kind kind;
    uint64_t offset; /* CRYPTO: of data in the stream */
    const uint8_t *data;
    size_t len;
};

/* The next CRYPTO or CONNECTION_CLOSE; all others are stepped over. False at the end; then the
 * cursor's error tells of a frame that is cut or that no Initial may hold. */
bool quic_frame_next(struct cursor *c, struct quic_frame *out);

/* The same for Google's frames. Handshake data come in CRYPTO frames or, until Q046, in STREAM
 * frames of stream 1. big_endian: numbers of STREAM frames are (from Q039 on). A frame that is not
 * known ends it, without an error: its length is not known either. */
bool quic_frame_next_google(struct cursor *c, bool big_endian, struct quic_frame *out);

#endif
