/* SPDX-License-Identifier: BSD-3-Clause */
/* Fingerprints of hellos: JA3, JA3S and JA4 (TLS client), and the digests that they need. */
#ifndef SPLIFF_PARSE_TLS_FINGERPRINT_H
#define SPLIFF_PARSE_TLS_FINGERPRINT_H

#include "worker/parse/tls/tls_hello.h"

#define TLS_JA3_BYTES    33 /* 32 hexadecimal digits and NUL */
#define TLS_JA4_BYTES    37 /* t13d1516h2_8daaf6152771_b186095e22b6 and NUL */
#define TLS_SHA256_BYTES 32

/* Each writes a NUL-terminated text. transport: 't' for TCP, 'q' for QUIC, 'd' for DTLS. */
void tls_fingerprint_ja3(const struct tls_client_hello *h, char out[TLS_JA3_BYTES]);
void tls_fingerprint_ja3s(const struct tls_server_hello *h, char out[TLS_JA3_BYTES]);
void tls_fingerprint_ja4(const struct tls_client_hello *h, char transport, char out[TLS_JA4_BYTES]);

void tls_sha256(const void *data, size_t len, uint8_t out[TLS_SHA256_BYTES]);

/* n bytes as 2n lower-case hexadecimal digits, no NUL. */
void tls_hex(const uint8_t *data, size_t n, char *out);

#endif
