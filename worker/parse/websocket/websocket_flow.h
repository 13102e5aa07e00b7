/* SPDX-License-Identifier: BSD-3-Clause */
/* What the analyzer keeps of a WebSocket. Shared by websocket.c, which reads frames,
 * websocket_log.c, which writes the record, and websocket_tunnel.c, which reads what is inside. */
#ifndef SPLIFF_PARSE_WEBSOCKET_FLOW_H
#define SPLIFF_PARSE_WEBSOCKET_FLOW_H

#include "worker/analyzer.h"

#define WEBSOCKET_HEADER_MAX 14u /* RFC 6455 section 5.2: 2, a length of 8, a mask of 4 */

/* Places of an opcode's counts. */
enum websocket_kind {
    WEBSOCKET_CONTINUATION,
    WEBSOCKET_TEXT,
    WEBSOCKET_BINARY,
    WEBSOCKET_CLOSE,
    WEBSOCKET_PING,
    WEBSOCKET_PONG,
    WEBSOCKET_KINDS
};

struct websocket_side {
    uint64_t frames[WEBSOCKET_KINDS];
    uint64_t bytes[WEBSOCKET_KINDS]; /* of payload, as sent */
    uint64_t left;                   /* of the present frame's payload */
    uint8_t header[WEBSOCKET_HEADER_MAX];
    uint8_t header_len; /* bytes of it so far */
    uint8_t mask[4];    /* turned: the first byte is for the next byte of payload */
    uint8_t kind;       /* enum websocket_kind of the present frame */
    bool lost;          /* where frames begin is not known any more */
    bool in_message;    /* a message has more frames to come */
    bool binary;        /* the present message is not text */
    bool compressed;    /* RSV1 of its first frame */
    uint8_t close_len;  /* bytes of the close code so far */
    uint16_t close_code;
    bool has_close_code;
};

/* Who reads what the messages carry. */
enum websocket_tunnel {
    WEBSOCKET_TUNNEL_ASKING, /* nobody yet: the first bytes of both sides are looked at */
    WEBSOCKET_TUNNEL_OPEN,   /* `child` */
    WEBSOCKET_TUNNEL_NONE,
};

struct websocket_flow {
    struct websocket_side side[2];
    uint64_t ts_ns; /* of the upgrade */
    uint64_t compressed_messages;
    struct membuf text; /* of the facts, one behind the other */
    struct {
        uint16_t at, len;
    } fact[FACTS];
    uint32_t told;         /* bit n: fact n is in text */
    struct membuf head[2]; /* first bytes inside, while a reader is looked for */
    int child;
    uint8_t tunnel; /* enum websocket_tunnel */
    bool deflate;   /* permessage-deflate was negotiated (RFC 7692) */
};

_Static_assert(FACTS <= 32, "`told` has 32 bits");

/* A fact as it was told; empty if it was not. */
struct str websocket_fact(const struct websocket_flow *f, enum analyzer_fact fact);

/* Calls item for each element of a list header (RFC 9110 section 5.6.1), blanks around it taken
 * off, until it returns false. */
void websocket_list_each(struct str list, bool (*item)(void *arg, struct str element), void *arg);

/* Emits the websocket record. */
void websocket_log(const struct websocket_flow *f, struct analyzer_ctx *ctx);

/* Payload of the present data frame of a side, still masked: for whoever reads the inside. */
void websocket_tunnel_data(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                           const uint8_t *payload, size_t len);
/* Bytes of that payload are missing, or (len 0) frames can be read no more. */
void websocket_tunnel_gap(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side,
                          uint64_t len);
void websocket_tunnel_end(struct websocket_flow *f, struct analyzer_ctx *ctx, unsigned side);
void websocket_tunnel_close(struct websocket_flow *f, struct analyzer_ctx *ctx);

#endif
