/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS and SSL over TCP: handshakes become ssl and x509 records. */
#ifndef SPLIFF_PARSE_TLS_H
#define SPLIFF_PARSE_TLS_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_tls;

#endif
