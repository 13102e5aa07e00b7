/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS and SSL: handshakes become ssl and x509 records. */
#ifndef SPLIFF_PARSE_TLS_H
#define SPLIFF_PARSE_TLS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_tls;  /* over TCP */
extern const struct analyzer analyzer_dtls; /* over UDP */

/* A child of QUIC. data() is handshake messages in order, cut anywhere, as the CRYPTO frames of
 * Initial packets carry them: each side's bytes once. gap(), of any length, says that the next byte
 * is the first of a message (a new ClientHello after a Retry, or CRYPTO data that was lost). Tells
 * its parent of the first ClientHello, where it has them: FACT_SERVER_NAME, FACT_ALPN (the first
 * name), FACT_JA4, FACT_TRANSPORT_PARAMETERS. */
extern const struct analyzer analyzer_tls_quic;

#endif
