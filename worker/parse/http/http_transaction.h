/* SPDX-License-Identifier: BSD-3-Clause */
/* One transaction: what a request and its response say, until it is a record.
 *
 * It lives in buffers of the worker's bufpool: one for the struct, and one each for the texts of
 * request and response, which grow as fields are added. */
#ifndef SPLIFF_PARSE_HTTP_TRANSACTION_H
#define SPLIFF_PARSE_HTTP_TRANSACTION_H

#include "worker/parse/http/http_entity.h"
#include "worker/parse/http/http_exchange.h"

#define HTTP_URI_MAX    8192u  /* bytes of a target that are kept */
#define HTTP_VALUE_MAX  2048u  /* bytes of any other field */
#define HTTP_TEXT_MAX   32768u /* bytes of all fields of a message */
#define HTTP_PROXY_MAX  8u     /* headers of proxies that are kept */
#define HTTP_HEADER_MAX 24u    /* longest header name that is known */

enum http_field {
    HTTP_METHOD,
    HTTP_URI,
    HTTP_VERSION,
    HTTP_HOST,
    HTTP_REFERRER,
    HTTP_USER_AGENT,
    HTTP_ORIGIN,
    HTTP_REQUEST_TYPE,
    HTTP_AUTHORIZATION, /* only while its value comes */
    HTTP_USERNAME,
    HTTP_PASSWORD,
    HTTP_REQUEST_UPGRADE,
    HTTP_REQUEST_ENCODING,
    HTTP_REQUEST_DISPOSITION,
    HTTP_HTTP2_SETTINGS,
    HTTP_WS_KEY,
    HTTP_WS_PROTOCOLS,
    HTTP_WS_EXTENSIONS,
    HTTP_GRPC_ENCODING,
    HTTP_PROXY, /* the first of HTTP_PROXY_MAX */
    HTTP_RESPONSE_FIELDS = HTTP_PROXY + HTTP_PROXY_MAX,
    HTTP_RESPONSE_VERSION = HTTP_RESPONSE_FIELDS,
    HTTP_STATUS_MSG,
    HTTP_INFO_MSG,
    HTTP_RESPONSE_TYPE,
    HTTP_RESPONSE_UPGRADE,
    HTTP_RESPONSE_ENCODING,
    HTTP_RESPONSE_DISPOSITION,
    HTTP_WS_ACCEPT,
    HTTP_WS_PROTOCOL,
    HTTP_WS_EXTENSIONS_SET,
    HTTP_ALT_SVC,
    HTTP_GRPC_STATUS,
    HTTP_GRPC_MESSAGE,
    HTTP_FIELDS,
    HTTP_NO_FIELD = HTTP_FIELDS
};

struct http_transaction {
    struct http_transaction *next; /* younger */
    size_t capacity;               /* of the buffer this lies in */
    uint64_t ts_ns;                /* first byte of the request, or of a response without one */
    uint64_t request_end_ns;
    uint64_t response_ns; /* first byte of the final response; 0: none yet */
    uint64_t body_bytes[2];
    uint64_t depth;
    struct membuf text[2];
    struct http_entity entity[2];
    struct http_exchange *exchange; /* headers and bodies for people; NULL: not asked for */
    uint64_t present;               /* bit n: field n was seen */
    uint64_t stream_id;             /* with has_stream */
    const char *application;        /* static, as records.def names them; NULL: none */
    const char *reset; /* static name of the error code that ended the stream, or NULL */
    const char *view;  /* static; NULL: "packet" */
    uint16_t status;
    uint16_t info_status;
    bool has_status;
    bool has_stream;
    bool pushed;        /* promised by the server */
    bool partial;       /* bytes are missing: fields may be, too */
    bool simple;        /* HTTP/0.9 */
    bool after_gap;     /* requests before it may have been missed */
    bool unmatched;     /* a response whose request was not seen */
    bool request_done;  /* nothing more to come of the request */
    bool response_done; /* nor of the final response */
    bool secret[2];     /* by side: the value of the header that is being read is */
    struct {
        uint16_t at, len;
    } field[HTTP_FIELDS];
};

/* Empty transaction, or NULL when the pool refuses. */
struct http_transaction *http_transaction_new(struct analyzer_ctx *ctx);
void http_transaction_free(struct http_transaction *t, struct bufpool *bufs);

/* Begins a field, empty, in place of what it held; pieces are then appended to it before another
 * field of the same side begins. append returns false when a bound cut the piece. */
void http_field_begin(struct http_transaction *t, enum http_field f);
bool http_field_append(struct http_transaction *t, struct bufpool *bufs, enum http_field f,
                       struct str piece);

/* A field that is no header is complete: takes secrets out of it (http_redact.h). */
void http_field_end(struct http_transaction *t, struct analyzer_ctx *ctx, enum http_field f);

/* The value of a header follows (name in any case): begins and returns the field that keeps it, or
 * HTTP_NO_FIELD. *kept is false when a bound left something out. */
enum http_field http_header_begin(struct http_transaction *t, struct analyzer_ctx *ctx,
                                  unsigned side, struct str name, bool *kept);

/* The value is complete: takes off blanks at its end and secrets out of it, and reads credentials
 * (RFC 7617), of which the password is kept only with log_secrets. */
void http_header_end(struct http_transaction *t, struct analyzer_ctx *ctx, enum http_field f);

/* Bytes of buffers that its headers take. */
uint32_t http_transaction_text_bytes(const struct http_transaction *t);

/* A field as text, borrowed until the next append; empty if it is not present. */
struct str http_field_text(const struct http_transaction *t, enum http_field f);

/* Is it a request of that method? t may be NULL. */
bool http_transaction_is(const struct http_transaction *t, const char *method);

/* Emits the http record, and the exchange if that is asked for. What is set of `application` stays,
 * else it is told from type and path; a flow that carries DNS gets its category. */
void http_transaction_emit(struct http_transaction *t, struct analyzer_ctx *ctx);

#endif
