/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of versions, cipher suites, groups and alerts for the logs (tls_names.def). */
#ifndef SPLIFF_PARSE_TLS_NAMES_H
#define SPLIFF_PARSE_TLS_NAMES_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define TLS_NAME_BYTES 24 /* for a name that has to be made: "TLSv13-draft127", "unknown-65535" */

enum tls_version {
    SSL_V2 = 0x0002,
    SSL_V3 = 0x0300,
    TLS_V10 = 0x0301,
    TLS_V11 = 0x0302,
    TLS_V12 = 0x0303,
    TLS_V13 = 0x0304,
    /* DTLS counts down (RFC 6347 section 4.1); OpenSSL up to 0.9.8e, and VPNs like it, did not. */
    DTLS_V10_OPENSSL = 0x0100,
    DTLS_V10 = 0xfeff,
    DTLS_V12 = 0xfefd,
    DTLS_V13 = 0xfefc,
};

/* Whether records of this version hide all but the hellos: 1.3, its drafts and experiments. */
bool tls_version_is_13(uint16_t version);

/* Whether a hello of this version has the form of DTLS. */
static inline bool tls_version_is_dtls(uint16_t version)
{
    return version >> 8 == 0xfe || version == DTLS_V10_OPENSSL;
}

/* Each returns a static name, or one made in out[TLS_NAME_BYTES]. */
struct str tls_version_name(uint16_t version, char *out);
struct str tls_cipher_name(uint32_t cipher, char *out); /* also the kinds of SSLv2 */
struct str tls_group_name(uint16_t group, char *out);
struct str tls_alert_name(uint8_t alert, char *out);

/* Values that clients mix in to keep servers tolerant (RFC 8701). */
static inline bool tls_is_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif
