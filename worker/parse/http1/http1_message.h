/* SPDX-License-Identifier: BSD-3-Clause */
/* One transaction: what a request and its response say, until it is a record.
 *
 * It lives in buffers of the worker's bufpool: one for the struct, and one each for the texts of
 * request and response, which grow as fields are added. */
#ifndef SPLIFF_PARSE_HTTP1_MESSAGE_H
#define SPLIFF_PARSE_HTTP1_MESSAGE_H

#include "worker/analyzer.h"

#define HTTP1_URI_MAX    8192u  /* bytes of a target that are kept */
#define HTTP1_VALUE_MAX  2048u  /* bytes of any other field */
#define HTTP1_TEXT_MAX   32768u /* bytes of all fields of a message */
#define HTTP1_PROXY_MAX  8u     /* headers of proxies that are kept */
#define HTTP1_HEADER_MAX 20u    /* longest header name that is known */

enum http1_field {
    HTTP1_METHOD,
    HTTP1_URI,
    HTTP1_VERSION,
    HTTP1_HOST,
    HTTP1_REFERRER,
    HTTP1_USER_AGENT,
    HTTP1_ORIGIN,
    HTTP1_REQUEST_TYPE,
    HTTP1_USERNAME,
    HTTP1_PASSWORD,
    HTTP1_PROXY, /* the first of HTTP1_PROXY_MAX */
    HTTP1_RESPONSE_FIELDS = HTTP1_PROXY + HTTP1_PROXY_MAX,
    HTTP1_RESPONSE_VERSION = HTTP1_RESPONSE_FIELDS,
    HTTP1_STATUS_MSG,
    HTTP1_INFO_MSG,
    HTTP1_RESPONSE_TYPE,
    HTTP1_FIELDS,
    HTTP1_NO_FIELD = HTTP1_FIELDS
};

struct http1_transaction {
    struct http1_transaction *next; /* younger */
    size_t capacity;                /* of the buffer this lies in */
    uint64_t ts_ns;                 /* first byte of the request, or of a response without one */
    uint64_t request_end_ns;
    uint64_t response_ns; /* first byte of the final response; 0: none yet */
    uint64_t body_bytes[2];
    uint64_t depth;
    struct membuf text[2];
    uint32_t present; /* bit n: field n was seen */
    uint16_t status;
    uint16_t info_status;
    bool has_status;
    bool simple;        /* HTTP/0.9 */
    bool after_gap;     /* requests before it may have been missed */
    bool unmatched;     /* a response whose request was not seen */
    bool request_done;  /* nothing more to come of the request */
    bool response_done; /* nor of the final response */
    struct {
        uint16_t at, len;
    } field[HTTP1_FIELDS];
};

/* Empty transaction, or NULL when the pool refuses. */
struct http1_transaction *http1_transaction_new(struct bufpool *bufs);
void http1_transaction_free(struct http1_transaction *t, struct bufpool *bufs);

/* Begins a field, empty, in place of what it held; pieces are then appended to it before another
 * field of the same side begins. append returns false when a bound cut the piece. */
void http1_field_begin(struct http1_transaction *t, enum http1_field f);
bool http1_field_append(struct http1_transaction *t, struct bufpool *bufs, enum http1_field f,
                        struct str piece);

/* The value of a header follows (name in any case): begins and returns the field that keeps it, or
 * HTTP1_NO_FIELD. *kept is false when a bound left something out. */
enum http1_field http1_header_begin(struct http1_transaction *t, struct bufpool *bufs,
                                    unsigned side, struct str name, bool *kept);

/* The value is complete: takes off blanks at its end, reads credentials (RFC 7617), of which the
 * password is kept only with log_secrets. */
void http1_header_end(struct http1_transaction *t, enum http1_field f, bool log_secrets);

/* A field as text, borrowed until the next append; empty if it is not present. */
struct str http1_field_text(const struct http1_transaction *t, enum http1_field f);

/* Is it a request of that method? t may be NULL. */
bool http1_transaction_is(const struct http1_transaction *t, const char *method);

/* Emits the http record. */
void http1_transaction_emit(const struct http1_transaction *t, struct analyzer_ctx *ctx);

#endif
