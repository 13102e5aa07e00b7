/* SPDX-License-Identifier: BSD-3-Clause */
/* What the analyzer keeps of a connection. Shared by http1.c, which reads the streams,
 * http1_headers.c, which reads headers and chunks for it, and http1_switch.c, which lets other
 * protocols follow. */
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
    HTTP1_WAITING,     /* after a CONNECT or Upgrade that is not answered yet (side 0) */
    HTTP1_CLOSED,
};

struct http1_side {
    llhttp_t parser;
    struct membuf line; /* start line that is not complete yet */
    uint64_t first_ns;  /* when the message's first byte came */
    uint64_t remaining; /* bytes to come of the body (HEADERS, LENGTH) or chunk (CHUNKED) */
    uint16_t version;   /* two characters of the last start line's; 0: none yet */
    uint8_t phase;      /* enum http1_phase */
    uint8_t field;      /* enum http_field of the header being read */
    uint8_t name_len;   /* HTTP_HEADER_MAX + 1: longer than any we know */
    uint8_t tail_len;
    bool in_value;   /* of a header */
    bool has_length; /* Content-Length was there */
    bool skip_line;  /* the rest of this line is of no use */
    bool filling;    /* the parser is given bytes in place of missing ones */
    char name[HTTP_HEADER_MAX];
    char tail[HTTP1_TAIL_BYTES]; /* last bytes of a start line that did not fit */
};

struct http1_flow {
    struct analyzer_ctx *ctx; /* of the callback that runs now */
    struct http1_side side[2];
    struct http1_queue queue;
    struct membuf kept; /* what the client said while WAITING */
    uint64_t kept_ns;   /* when that began */
    const char *view;   /* static; NULL: "packet" */
    uint16_t status;    /* of the present response */
    bool connecting;    /* WAITING for a tunnel, not for an upgrade */
    bool kept_lost;     /* of what the client said bytes are missing */
    bool cut_reported;
};

/* The weird for a field that a bound cut, once a flow. */
void http1_report_cut(struct http1_flow *f);

/* A start line of the side was read: HEADERS begins. */
void http1_headers_start(struct http1_flow *f, unsigned side);

/* Reads bytes of a side to their end, or to where the connection was handed over: then false, and f
 * is gone. */
bool http1_feed(struct http1_flow *f, unsigned side, struct cursor *c);

/* The side's stream is lost: what is known of the message is all that will be. */
void http1_stream_lost(struct http1_flow *f, unsigned side);

/* --- http1_switch.c --- */

/* Does another protocol follow if this request (or NULL) is granted? */
bool http1_may_switch(const struct http_transaction *t);

/* WAITING: takes bytes of the client, or goes on at LINE and takes none. */
void http1_wait_step(struct http1_flow *f, struct cursor *c);

/* The client is not waiting any more, and goes on with HTTP: reads what was kept. */
void http1_wait_end(struct http1_flow *f);

/* The present response grants a CONNECT or Upgrade: the successor's name (NULL: to be detected),
 * after it was told and left what is its own. */
const char *http1_switch(struct http1_flow *f);

/* 101 ends HTTP on the connection, so it is the final one, as well as being informational. */
static inline bool http1_status_is_final(unsigned status)
{
    return status / 100 != 1 || status == 101;
}

/* RFC 9112 section 6.3, rules 1 and 2. t may be NULL. */
bool http1_response_has_no_body(const struct http_transaction *t, unsigned status);

#endif
