/* SPDX-License-Identifier: BSD-3-Clause */
/* WebSocket (RFC 6455, RFC 7692, RFC 8441): analyzer "websocket", one websocket record when it
 * ends.
 *
 * Named by others, never detected: what it reads begins after the handshake, with the first frame
 * of each side. Told by its predecessor or parent: FACT_HOST, FACT_URI, FACT_USER_AGENT, FACT_WS_*,
 * FACT_STREAM_ID, FACT_VIEW. */
#ifndef SPLIFF_PARSE_WEBSOCKET_H
#define SPLIFF_PARSE_WEBSOCKET_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_websocket;

#endif
