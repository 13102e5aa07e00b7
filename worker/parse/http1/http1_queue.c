/* SPDX-License-Identifier: BSD-3-Clause */
/* Pairing of requests and responses.
 *
 * Responses come in the order of requests (RFC 9112 section 9.3), so as long as every message was
 * seen, the oldest waiting request is the one that is answered. After a gap that may have swallowed
 * messages this no longer holds, and a wrong pair is worse than none:
 *
 * - A client that waits for each response (nearly all do) has at most one request under way, so
 *   the response that follows a gap belongs to the youngest request, and the older ones have lost
 *   theirs. A response that finds no request is logged alone.
 * - A client that pipelines leaves nothing to go by. From the gap on, requests and responses of the
 *   connection are logged apart.
 *
 * That a client pipelines shows when a second request comes in the packet that completed the
 * first, or when a response begins while two requests wait and nothing was missed. */
#include "worker/parse/http1/http1_queue.h"

static void queue_remove(struct http1_queue *q, const struct http_transaction *t)
{
    struct http_transaction **link = &q->head, *before = NULL;

    while (*link != t) {
        before = *link;
        link = &before->next;
    }
    *link = t->next;
    if (q->tail == t)
        q->tail = before;
    q->n--;
}

static void queue_emit(struct http1_queue *q, struct analyzer_ctx *ctx, struct http_transaction *t)
{
    queue_remove(q, t);
    for (int side = 0; side < 2; side++)
        if (q->open[side] == t)
            q->open[side] = NULL;
    http_transaction_emit(t, ctx);
    http_transaction_free(t, ctx->bufs);
}

static struct http_transaction *queue_new(struct http1_queue *q, struct analyzer_ctx *ctx,
                                          uint64_t ts_ns)
{
    struct http_transaction *t = http_transaction_new(ctx);

    q->depth++;
    if (!t) {
        analyzer_weird(ctx, WEIRD_HTTP_FIELD_CUT, "no memory for a transaction");
        return NULL;
    }
    t->ts_ns = ts_ns;
    t->depth = q->depth;
    q->n++;
    return t;
}

/* From here on requests do not wait for responses. */
static void queue_give_up(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    struct http_transaction *t = q->head, *next;

    q->unpaired = true;
    for (; t; t = next) {
        next = t->next;
        if (t->request_done)
            queue_emit(q, ctx, t);
    }
}

/* Makes room at the bound: the oldest goes without its response, which then must not be taken for
 * that of the next. */
static void queue_shorten(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    struct http_transaction *t = q->head;

    analyzer_weird(ctx, WEIRD_HTTP_EXCESSIVE_PIPELINING, NULL);
    if (t != q->open[1] && !t->response_done && !t->unmatched)
        q->skip++;
    queue_emit(q, ctx, t);
}

bool http1_queue_request(struct http1_queue *q, struct analyzer_ctx *ctx, uint64_t ts_ns)
{
    struct http_transaction *t;

    if (q->n >= HTTP1_PENDING_MAX)
        queue_shorten(q, ctx);
    if (q->head && q->request_end_ns == ts_ns)
        q->pipelined = true;
    t = queue_new(q, ctx, ts_ns);
    q->open[0] = t;
    if (!t) {
        q->missed[0] = true;
        return false;
    }
    t->after_gap = q->missed[0];
    q->missed[0] = false;
    if (q->tail)
        q->tail->next = t;
    else
        q->head = t;
    q->tail = t;
    return true;
}

void http1_queue_request_done(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    struct http_transaction *t = q->open[0];

    q->open[0] = NULL;
    q->request_end_ns = ctx->ts_ns;
    if (!t)
        return;
    t->request_done = true;
    t->request_end_ns = ctx->ts_ns;
    if (t->response_done || q->unpaired)
        queue_emit(q, ctx, t);
}

/* The request that the response beginning now answers, or NULL. */
static struct http_transaction *queue_match(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    if (q->missed[1] && q->pipelined) {
        queue_give_up(q, ctx);
    } else if (q->missed[1]) {
        while (q->n > 1)
            queue_emit(q, ctx, q->head);
        q->skip = 0;
    } else if (q->n >= 2) {
        q->pipelined = true;
    }
    q->missed[1] = false;
    if (q->head && q->head->after_gap && q->pipelined)
        queue_give_up(q, ctx);
    if (q->skip > 0) {
        q->skip--;
        return NULL;
    }
    return q->unpaired ? NULL : q->head;
}

bool http1_queue_response(struct http1_queue *q, struct analyzer_ctx *ctx, uint64_t ts_ns)
{
    struct http_transaction *t;

    /* Answered, but its request is still being sent: it has waited long enough. */
    if (q->head && q->head->response_done)
        queue_emit(q, ctx, q->head);
    if (q->head && q->head->unmatched) {
        q->open[1] = q->head;
        return true;
    }
    t = queue_match(q, ctx);
    if (!t) {
        analyzer_weird(ctx, WEIRD_HTTP_UNMATCHED_REPLY, NULL);
        t = queue_new(q, ctx, ts_ns);
        if (!t)
            return false;
        t->unmatched = true;
        t->request_done = true;
        t->next = q->head;
        q->head = t;
        if (!q->tail)
            q->tail = t;
    }
    q->open[1] = t;
    return true;
}

void http1_queue_response_done(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    struct http_transaction *t = q->open[1];

    q->open[1] = NULL;
    if (!t)
        return;
    t->response_done = true;
    if (t->request_done)
        queue_emit(q, ctx, t);
}

void http1_queue_flush(struct http1_queue *q, struct analyzer_ctx *ctx)
{
    while (q->head)
        queue_emit(q, ctx, q->head);
}
