/* SPDX-License-Identifier: BSD-3-Clause */
/* Versions of QUIC: what they are called and how their first packets are laid out and protected. */
#ifndef SPLIFF_PARSE_QUIC_VERSION_H
#define SPLIFF_PARSE_QUIC_VERSION_H

#include <stdbool.h>
#include <stdint.h>

#define QUIC_VERSION_NEGOTIATION 0u /* stands where a version would (RFC 9000 section 17.2.1) */
#define QUIC_VERSION_1           1u
#define QUIC_SALT_BYTES          20u
#define QUIC_VERSION_NAME_MAX    24 /* bytes of a buffer for any name */

enum quic_layout {
    QUIC_LAYOUT_V1,   /* long headers of RFC 9000 */
    QUIC_LAYOUT_V2,   /* the same with other packet types (RFC 9369) */
    QUIC_LAYOUT_Q046, /* Google's: lengths of both connection ids in one byte, nothing encrypted */
    QUIC_LAYOUT_PUBLIC, /* Google's public header, up to Q043 */
};

struct quic_version {
    uint32_t first, last; /* the numbers that this row is for */
    enum quic_layout layout;
    uint8_t salt[QUIC_SALT_BYTES]; /* of the Initial keys; only layouts V1 and V2 */
    bool v2_labels;                /* "quicv2 key" in place of "quic key" */
    bool google_frames;            /* frames and handshake are Google's */
    bool google_crypto;            /* the handshake is a CHLO, not TLS */
    bool short_parameters;         /* transport parameters with 16-bit numbers and lengths */
};

/* NULL: unfamiliar. Google's versions before Q050 are familiar and have no salt. */
const struct quic_version *quic_version_find(uint32_t version);

/* Reserved to make servers negotiate (RFC 9000 section 15). */
static inline bool quic_version_is_greased(uint32_t version)
{
    return (version & 0x0f0f0f0f) == 0x0a0a0a0a;
}

/* Zeek's name where it has one: "1", "quicv2", "draft-29", "mvfst (faceb002)"; Google's by theirs,
 * "Q046"; else "unknown-" and the number. NUL-terminated. */
void quic_version_name(uint32_t version, char out[QUIC_VERSION_NAME_MAX]);

#endif
