/* SPDX-License-Identifier: BSD-3-Clause */
/* Frame headers of HTTP/2 (RFC 9113 section 4.1), and how much a run of bytes looks like frames.
 * Everything here is pure. */
#ifndef SPLIFF_PARSE_HTTP2_FRAME_H
#define SPLIFF_PARSE_HTTP2_FRAME_H

#include "common/base/cursor.h"

#define HTTP2_PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_BYTES 24u
#define HTTP2_HEAD_BYTES    9u

enum http2_type {
    HTTP2_DATA,
    HTTP2_HEADERS,
    HTTP2_PRIORITY,
    HTTP2_RST_STREAM,
    HTTP2_SETTINGS,
    HTTP2_PUSH_PROMISE,
    HTTP2_PING,
    HTTP2_GOAWAY,
    HTTP2_WINDOW_UPDATE,
    HTTP2_CONTINUATION,
    HTTP2_ALTSVC, /* RFC 7838 section 4 */
    HTTP2_ORIGIN = 12,
    HTTP2_PRIORITY_UPDATE = 16,
};

enum {
    HTTP2_END_STREAM = 0x1, /* DATA, HEADERS */
    HTTP2_ACK = 0x1,        /* SETTINGS, PING */
    HTTP2_END_HEADERS = 0x4,
    HTTP2_PADDED = 0x8,
    HTTP2_HAS_PRIORITY = 0x20,
};

struct http2_frame {
    uint32_t len; /* of the payload */
    uint32_t stream_id;
    uint8_t type; /* any value: types that nobody knows are to be skipped */
    uint8_t flags;
};

/* head has HTTP2_HEAD_BYTES. */
struct http2_frame http2_frame_parse(const uint8_t *head);

/* Does it keep the rules for its type: length, stream or none (RFC 9113 section 6)? Unknown types
 * do. */
bool http2_frame_is_valid(const struct http2_frame *f);

#define HTTP2_CHAIN_MAX 4u /* frames in a row that are looked at: more prove no more */

/* What frames the bytes are, if they begin with one. */
struct http2_chain {
    unsigned heads; /* whole frame headers in a row that are valid, of known types, of usual
                     * size and with no flag that their type has not */
    bool broken;    /* followed by something else */
    bool exact;     /* the last frame ends where the bytes end */
    int side;       /* that sends it, by the first header block that tells; -1: none does */
};
struct http2_chain http2_frame_chain(const uint8_t *data, size_t len);

/* The side, if the bytes are surely frames; -1 if not, or if they do not tell. */
int http2_chain_side(const struct http2_chain *chain);

/* Static name of an error code (RFC 9113 section 7). */
const char *http2_error_name(uint32_t code);

#endif
