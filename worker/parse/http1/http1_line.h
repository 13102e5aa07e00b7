/* SPDX-License-Identifier: BSD-3-Clause */
/* Start lines of HTTP/1 messages (RFC 9112 sections 3 and 4), read as leniently as servers do.
 * Everything here is pure; results borrow from the input. */
#ifndef SPLIFF_PARSE_HTTP1_LINE_H
#define SPLIFF_PARSE_HTTP1_LINE_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP1_METHOD_MAX 32u /* bytes of the longest method accepted */

struct http1_request_line {
    struct str method;
    struct str uri;     /* request target as sent, may hold blanks */
    struct str version; /* "1.1"; empty if none that can be read */
    bool simple;        /* no version at all: HTTP/0.9 */
};

struct http1_status_line {
    struct str version;
    struct str reason;
    uint16_t status; /* 0 … 999 */
};

/* Where a text stands between "not the start of a message" and "surely one". */
enum http1_fit { HTTP1_FITS_NOT, HTTP1_FITS_SO_FAR, HTTP1_FITS };

/* A whole line, with or without its CR, without LF. False if it is none. */
bool http1_request_line_parse(struct str line, struct http1_request_line *out);
bool http1_status_line_parse(struct str line, struct http1_status_line *out);

/* Can a message of the side (0 request, 1 response) begin with these bytes? FITS once the method
 * and a blank, or "HTTP/", are there. */
enum http1_fit http1_line_prefix(unsigned side, struct str bytes);

/* Do these bytes begin a message beyond doubt: a registered method and a blank, or "HTTP/" and a
 * digit? For finding the way back into a broken stream. */
bool http1_line_is_start(unsigned side, struct str bytes);

/* The origin that is asked: the authority of an absolute target (RFC 9112 section 3.2.2) without
 * user name, else the Host header. Both may be empty. */
struct str http1_target_origin(struct str target, struct str host);

/* Is it a method that llhttp has in its table of HTTP methods? */
bool http1_method_is_known(struct str method);

#endif
