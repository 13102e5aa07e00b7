/* SPDX-License-Identifier: BSD-3-Clause */
/* The transactions of a connection that wait for their response, oldest first, and which response
 * belongs to which request. */
#ifndef SPLIFF_PARSE_HTTP1_QUEUE_H
#define SPLIFF_PARSE_HTTP1_QUEUE_H

#include "worker/parse/http/http_transaction.h"

#define HTTP1_PENDING_MAX 64u

/* Zeroed is empty. */
struct http1_queue {
    struct http_transaction *head;
    struct http_transaction *tail;
    struct http_transaction *open[2]; /* that of the message each side is in, or NULL */
    uint64_t depth;                   /* transactions so far */
    uint64_t request_end_ns;          /* when the last request was complete */
    uint32_t n;
    uint32_t skip;  /* responses to come of requests that were given up */
    bool pipelined; /* the client does not wait for responses */
    bool unpaired;  /* which response is whose cannot be known any more */
    bool missed[2]; /* messages of the side may be missing since the last one */
};

/* A message begins; it becomes open[side], or NULL when the pool refuses (then false). */
bool http1_queue_request(struct http1_queue *q, struct analyzer_ctx *ctx, uint64_t ts_ns);
bool http1_queue_response(struct http1_queue *q, struct analyzer_ctx *ctx, uint64_t ts_ns);

/* open[side] is complete, or will never be: emits it when nothing else is to come. */
void http1_queue_request_done(struct http1_queue *q, struct analyzer_ctx *ctx);
void http1_queue_response_done(struct http1_queue *q, struct analyzer_ctx *ctx);

/* Emits and frees all. */
void http1_queue_flush(struct http1_queue *q, struct analyzer_ctx *ctx);

#endif
