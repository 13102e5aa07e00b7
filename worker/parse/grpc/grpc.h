/* SPDX-License-Identifier: BSD-3-Clause */
/* gRPC calls: analyzer "grpc", one grpc record a call, when it ends.
 *
 * Named by others, never detected: it reads the body of an HTTP/2 or HTTP/3 stream, of each side.
 * Told by its parent: FACT_HOST, FACT_URI, FACT_USER_AGENT, FACT_CONTENT_TYPE,
 * FACT_CONTENT_ENCODING, FACT_STREAM_ID, FACT_VIEW; later FACT_STATUS, FACT_GRPC_STATUS,
 * FACT_GRPC_MESSAGE and FACT_RESET. A gap of length 0 is one of unknown length. */
#ifndef SPLIFF_PARSE_GRPC_H
#define SPLIFF_PARSE_GRPC_H

#include "worker/analyzer.h"

extern const struct analyzer analyzer_grpc;

#endif
