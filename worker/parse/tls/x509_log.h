/* SPDX-License-Identifier: BSD-3-Clause */
/* x509.log: one record a certificate. */
#ifndef SPLIFF_PARSE_TLS_X509_LOG_H
#define SPLIFF_PARSE_TLS_X509_LOG_H

#include "worker/analyzer.h"

/* Where a certificate was seen. */
struct x509_context {
    const uint8_t *sha256;  /* of its DER form, 32 bytes */
    bool host_cert;         /* the first of its chain */
    bool client_cert;       /* sent by the client */
    struct str server_name; /* to compare it with; len 0 if there is none */
};

enum x509_match { X509_MATCH_UNKNOWN, X509_MATCH_NO, X509_MATCH_YES };

/* Emits an x509 record, unless the same certificate in the same role was logged by this process
 * less than a day of packet time ago and is still in its table of recent ones; for one that does
 * not parse a weird, as seldom. When too many are new within a second the rest gets a weird in
 * place of a record, and is due when it comes again. Returns whether server_name is one of its
 * names: X509_MATCH_UNKNOWN without a server_name or for a certificate that was not, or cannot be,
 * parsed. der is borrowed for the call. */
enum x509_match x509_log_certificate(struct analyzer_ctx *ctx, const uint8_t *der, size_t len,
                                     const struct x509_context *seen);

#endif
