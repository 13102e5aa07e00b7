/* SPDX-License-Identifier: BSD-3-Clause */
/* The fingerprint of a certificate. Private to parse/tls. */
#ifndef SPLIFF_PARSE_X509_HASH_H
#define SPLIFF_PARSE_X509_HASH_H

#include "worker/parse/tls/tls_fingerprint.h"

/* SHA-256 of a certificate's DER form, borrowed for the call; len > 0. */
void x509_hash(const uint8_t *der, size_t len, uint8_t sha256[TLS_SHA256_BYTES]);

#endif
