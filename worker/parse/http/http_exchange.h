/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers and bodies of a transaction, kept for people and not for analysis: the headers that
 * log_headers names, and all of it for --headers and --body. None of it exists unless asked for.
 *
 * It lies in buffers of the worker's bufpool, bounded for each transaction. Secrets go where a
 * header ends (http_redact.h). With x NULL the functions do nothing. */
#ifndef SPLIFF_PARSE_HTTP_EXCHANGE_H
#define SPLIFF_PARSE_HTTP_EXCHANGE_H

#include "worker/analyzer.h"

#define HTTP_EXCHANGE_ITEMS_MAX   128u   /* headers of a side that are kept */
#define HTTP_EXCHANGE_HEADERS_MAX 16384u /* bytes of them */
#define HTTP_EXCHANGE_VALUE_MAX   8192u  /* bytes of a longest header */
#define HTTP_EXCHANGE_BODY_MAX    32768u /* bytes of a body that are shown at most */

struct http_exchange;

/* Do the options ask for records of type exchange? */
static inline bool http_exchange_is_shown(const struct options *o)
{
    return (o->headers || o->body) && o->format == OUTPUT_TEXT;
}

/* Do they ask for any of it? */
static inline bool http_exchange_is_wanted(const struct options *o)
{
    return o->log_headers[0] != '\0' || http_exchange_is_shown(o);
}

/* NULL when the pool refuses. */
struct http_exchange *http_exchange_new(struct analyzer_ctx *ctx);
void http_exchange_free(struct http_exchange *x, struct bufpool *bufs);

/* Bytes of buffers that its headers take. */
uint32_t http_exchange_bytes(const struct http_exchange *x);

/* A header of a side: its name, then its value, each in any number of pieces, then its end, which
 * returns false when a bound left the value or all of it out. A header of no value needs no call of
 * http_exchange_value. */
void http_exchange_name(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                        struct str piece);
void http_exchange_value(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                         struct str piece);
bool http_exchange_header_end(struct http_exchange *x, struct analyzer_ctx *ctx, unsigned side);

/* Bytes of a side's body, without transfer coding, in its content coding (empty: none); and bytes
 * that are missing in it, behind which nothing is kept. */
void http_exchange_body(struct http_exchange *x, struct bufpool *bufs, unsigned side,
                        struct str coding, const uint8_t *data, size_t len);
void http_exchange_gap(struct http_exchange *x, unsigned side);

/* The headers of a side that log_headers names, as "name: value", into items of
 * HTTP_EXCHANGE_ITEMS_MAX; borrowed until x changes. Returns how many. */
uint32_t http_exchange_logged(const struct http_exchange *x, const struct options *o, unsigned side,
                              struct str *items);

/* Emits the exchange record if it is asked for. r is the transaction's http record as it was
 * emitted, coding the content coding of each side's body. */
void http_exchange_emit(const struct http_exchange *x, struct analyzer_ctx *ctx,
                        const struct rec_http *r, const struct str coding[2]);

#endif
