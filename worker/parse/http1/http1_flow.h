/* SPDX-License-Identifier: BSD-3-Clause */
/* What the analyzer keeps of a connection. Shared by http1.c, which reads the streams, and
 * http1_headers.c, which reads headers and chunks for it. */
#ifndef SPLIFF_PARSE_HTTP1_FLOW_H
#define SPLIFF_PARSE_HTTP1_FLOW_H

#include "worker/parse/http1/http1_queue.h"

#include <llhttp.h>

#define HTTP1_TAIL_BYTES 12u /* of a cut start line: enough for " HTTP/1.1" and CR */

enum http1_phase {
    HTTP1_LINE,        /* at a start line, or at empty lines before it */
    HTTP1_SEARCH,      /* somewhere: looking for a start line */
    HTTP1_HEADERS,     /* in llhttp */
    HTTP1_CHUNKED,     /* in llhttp */
    HTTP1_LENGTH,      /* in a body with `remaining` bytes to come */
    HTTP1_UNTIL_CLOSE, /* in a body that only the end of the stream ends */
    HTTP1_CONNECTING,  /* after a CONNECT that is not answered yet */
    HTTP1_CLOSED,
};

struct http1_side {
    llhttp_t parser;
    struct membuf line; /* start line that is not complete yet */
    uint64_t first_ns;  /* when the message's first byte came */
    uint64_t remaining; /* bytes to come of the body (LENGTH) or chunk (CHUNKED) */
    uint8_t phase;      /* enum http1_phase */
    uint8_t field;      /* enum http_field of the header being read */
    uint8_t name_len;   /* HTTP_HEADER_MAX + 1: longer than any we know */
    uint8_t tail_len;
    bool in_value;  /* of a header */
    bool skip_line; /* the rest of this line is of no use */
    char name[HTTP_HEADER_MAX];
    char tail[HTTP1_TAIL_BYTES]; /* last bytes of a start line that did not fit */
};

struct http1_flow {
    struct analyzer_ctx *ctx; /* of the callback that runs now */
    struct http1_side side[2];
    struct http1_queue queue;
    uint16_t status; /* of the present response */
    bool cut_reported;
};

/* The weird for a field that a bound cut, once a flow. */
void http1_report_cut(struct http1_flow *f);

/* A start line of the side was read: HEADERS begins. */
void http1_headers_start(struct http1_flow *f, unsigned side);

/* RFC 9112 section 6.3, rules 1 and 2. t may be NULL. */
bool http1_response_has_no_body(const struct http_transaction *t, unsigned status);

#endif
