/* SPDX-License-Identifier: BSD-3-Clause */
/* QUIC: a handshake, or what is seen of a connection without one, becomes a quic record. */
#ifndef SPLIFF_PARSE_QUIC_H
#define SPLIFF_PARSE_QUIC_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_quic;

#endif
