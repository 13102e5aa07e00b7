/* SPDX-License-Identifier: BSD-3-Clause */
/* Fingerprints of hellos that were seen before. Private to parse/tls. */
#ifndef SPLIFF_PARSE_TLS_MEMO_H
#define SPLIFF_PARSE_TLS_MEMO_H

#include "worker/parse/tls/tls_fingerprint.h"

/* What tls_fingerprint_ja3 and tls_fingerprint_ja4 give for h and transport. */
void tls_memo_fingerprints(const struct tls_client_hello *h, char transport,
                           char ja3[TLS_JA3_BYTES], char ja4[TLS_JA4_BYTES]);

/* What tls_fingerprint_ja3s gives for h. */
void tls_memo_ja3s(const struct tls_server_hello *h, char ja3s[TLS_JA3_BYTES]);

#endif
