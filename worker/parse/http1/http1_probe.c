/* SPDX-License-Identifier: BSD-3-Clause */
/* Is it HTTP/1? Asked of every TCP flow's first bytes, so most answers must come from the first one
 * or two: a request begins with a letter (or with empty lines before it), a response with "HTTP/".
 *
 * Relatives with the same shape are told apart by the end of the line: RTSP and SIP name
 * themselves there, and the preface of HTTP/2 is a request of version 2.0. A known method with an
 * absolute path is taken for HTTP at once, so that a long target need not be awaited, except where
 * RTSP shares the method. */
#include "worker/parse/http1/http1.h"
#include "worker/parse/http1/http1_line.h"

#define LINE_MAX_BYTES 2048u /* a request line that is longer must show a known method */
#define EMPTY_LINES    8u    /* bytes of CR and LF that may stand before a request */

static bool is_letter(uint8_t c)
{
    return (uint8_t)((c | 0x20) - 'a') < 26;
}

/* The method is complete, the line is not. */
static enum probe_result probe_part(struct str s, uint32_t method_len)
{
    struct str method = str_make(s.p, method_len);
    bool known = http1_method_is_known(method);

    if (known && s.len > method_len + 1 && s.p[method_len + 1] == '/' &&
        !str_equal(method, STR_LIT("OPTIONS")))
        return PROBE_CLIENT;
    if (s.len < LINE_MAX_BYTES)
        return PROBE_MORE;
    return known ? PROBE_CLIENT : PROBE_NO;
}

static enum probe_result probe_request(struct str s)
{
    const char *lf = memchr(s.p, '\n', s.len);
    const char *blank = memchr(s.p, ' ', s.len < HTTP1_METHOD_MAX ? s.len : HTTP1_METHOD_MAX);
    struct http1_request_line line;

    switch (http1_line_prefix(0, s)) {
    case HTTP1_FITS_NOT:
        return PROBE_NO;
    case HTTP1_FITS_SO_FAR:
        return PROBE_MORE;
    default:
        break;
    }
    if (!lf)
        return blank ? probe_part(s, (uint32_t)(blank - s.p)) : PROBE_NO;
    return http1_request_line_parse(str_make(s.p, (size_t)(lf - s.p)), &line) ? PROBE_CLIENT
                                                                              : PROBE_NO;
}

enum probe_result http1_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct cursor c = cursor_init(data, len);
    struct str s;

    (void)transport;
    while (cursor_left(&c) > 0 && (*c.p == '\r' || *c.p == '\n'))
        cursor_skip(&c, 1);
    if (len - cursor_left(&c) > EMPTY_LINES)
        return PROBE_NO;
    if (cursor_left(&c) == 0)
        return PROBE_MORE;
    if (!is_letter(*c.p))
        return PROBE_NO;
    s = str_make(c.p, cursor_left(&c));
    if (http1_line_is_start(1, s))
        return PROBE_SERVER;
    if (s.len <= 5 && http1_line_prefix(1, s) != HTTP1_FITS_NOT)
        return PROBE_MORE;
    return probe_request(s);
}
