/* SPDX-License-Identifier: BSD-3-Clause */
/* What the analyzer keeps of a call. Private to grpc: grpc.c counts messages, grpc_log.c makes the
 * record. */
#ifndef SPLIFF_PARSE_GRPC_CALL_H
#define SPLIFF_PARSE_GRPC_CALL_H

#include "worker/analyzer.h"

#define GRPC_PREFIX_BYTES 5u
#define GRPC_TEXT_MAX     32768u /* bytes of all facts */
#define GRPC_TRAILERS_MAX 4096u  /* bytes of gRPC-Web trailers */

struct grpc_side {
    uint64_t messages; /* whole ones */
    uint64_t bytes;    /* without prefixes */
    struct membuf trailers;
    uint32_t left; /* bytes to come of the message */
    uint8_t have;  /* bytes of the prefix */
    uint8_t prefix[GRPC_PREFIX_BYTES];
    bool in_trailers; /* the message is gRPC-Web's trailers */
    bool lost;        /* where messages begin is not known */
};

struct grpc_call {
    struct grpc_side side[2];
    uint64_t ts_ns;
    uint64_t last_ns; /* when the parent last said something */
    uint64_t compressed;
    struct membuf text; /* of the facts, one behind the other */
    struct {
        uint16_t at, len;
    } fact[FACTS];
    uint64_t told; /* bit n: fact n */
    bool partial;
    bool web;        /* gRPC-Web: trailers are in the body */
    bool text_coded; /* in base64: nothing is counted */
};

/* A fact as told; empty if it was not. Borrowed until the next fact. */
struct str grpc_fact(const struct grpc_call *g, enum analyzer_fact fact);

/* Keeps a fact, in place of what was told before. */
void grpc_fact_set(struct grpc_call *g, struct analyzer_ctx *ctx, enum analyzer_fact fact,
                   struct str text);

/* Reads the trailers of gRPC-Web, which are header lines of HTTP/1 in a message. */
void grpc_trailers_read(struct grpc_call *g, struct analyzer_ctx *ctx, const struct membuf *lines);

/* Emits the grpc record. */
void grpc_call_emit(struct grpc_call *g, struct analyzer_ctx *ctx);

#endif
