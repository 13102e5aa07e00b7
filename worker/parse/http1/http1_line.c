/* SPDX-License-Identifier: BSD-3-Clause */
/* Start lines.
 *
 * llhttp reads headers and chunks, but not start lines: it refuses methods that it has not in its
 * table, targets with blanks in them, and versions such as "HTTP/1.", all of which servers answer.
 * So a request is whatever has a token, a blank, and either a version at its end or a known method
 * and a target that looks like one; everything between method and version is the target. */
#include "worker/parse/http1/http1_line.h"

#include "common/base/cursor.h"

#include <llhttp.h>
#include <strings.h>

static const struct str methods[] = {
#define METHOD(number, name, text) STR_LIT(#text),
    HTTP_METHOD_MAP(METHOD)
#undef METHOD
};

bool http1_method_is_known(struct str method)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (str_equal(method, methods[i]))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* tchar of RFC 9110 section 5.6.2. */
static bool is_token(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str trim(struct str s)
{
    while (s.len > 0 && is_blank(s.p[0])) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && (is_blank(s.p[s.len - 1]) || s.p[s.len - 1] == '\r'))
        s.len--;
    return s;
}

/* Length of the token that s begins with; HTTP1_METHOD_MAX + 1 if it is longer. */
static uint32_t token_length(struct str s)
{
    uint32_t n = 0;

    while (n < s.len && n <= HTTP1_METHOD_MAX && is_token(s.p[n]))
        n++;
    return n;
}

/* Offset of the last "HTTP/" in s, or s.len. */
static uint32_t find_version(struct str s)
{
    for (uint32_t i = s.len >= 5 ? s.len - 5 + 1 : 0; i-- > 0;)
        if (strncasecmp(s.p + i, "HTTP/", 5) == 0)
            return i;
    return s.len;
}

/* What follows "HTTP/" as "1.1", or nothing if it is not digit, dot, digit. */
static struct str version_number(struct str s)
{
    s = trim(s);
    if (s.len == 3 && is_digit(s.p[0]) && s.p[1] == '.' && is_digit(s.p[2]))
        return s;
    return (struct str){s.p, 0};
}

/* A target of HTTP/0.9, or of a request whose version ran into it. */
static bool target_is_plausible(struct str s)
{
    bool absolute = s.len >= 7 && strncasecmp(s.p, "http://", 7) == 0;

    if (s.len == 0 || (s.p[0] != '/' && !absolute))
        return false;
    return memchr(s.p, ' ', s.len) == NULL && memchr(s.p, '\t', s.len) == NULL;
}

bool http1_request_line_parse(struct str line, struct http1_request_line *out)
{
    struct cursor c = cursor_init(line.p, line.len);
    uint32_t n = token_length(line), at;
    struct str rest;

    if (n == 0 || n > HTTP1_METHOD_MAX || n == line.len || !is_blank(line.p[n]))
        return false;
    out->method = str_make(cursor_bytes(&c, n), n);
    rest = trim(str_make(c.p, cursor_left(&c)));
    at = find_version(rest);
    out->simple = at == rest.len || (at > 0 && !is_blank(rest.p[at - 1]));
    if (out->simple) {
        out->uri = rest;
        out->version = STR_LIT("0.9");
        return target_is_plausible(rest) && (at < rest.len || http1_method_is_known(out->method));
    }
    out->uri = trim(str_make(rest.p, at));
    out->version = version_number(str_make(rest.p + at + 5, rest.len - at - 5));
    /* Later versions are not lines of text: this is the preface of HTTP/2 (RFC 9113 section 3.4).
     */
    return out->version.len == 0 || out->version.p[0] <= '1';
}

bool http1_status_line_parse(struct str line, struct http1_status_line *out)
{
    struct cursor c = cursor_init(line.p, line.len);
    const uint8_t *word = cursor_bytes(&c, 5), *code;
    uint32_t n = 0;

    if (!word || memcmp(word, "HTTP/", 5) != 0)
        return false;
    word = c.p;
    while (n < cursor_left(&c) && !is_blank((char)word[n]))
        n++;
    out->version = version_number(str_make(cursor_bytes(&c, n), n));
    while (cursor_left(&c) > 0 && is_blank((char)*c.p))
        cursor_skip(&c, 1);
    code = cursor_bytes(&c, 3);
    if (!code || !is_digit((char)code[0]) || !is_digit((char)code[1]) || !is_digit((char)code[2]))
        return false;
    out->status = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
    out->reason = trim(str_make(c.p, cursor_left(&c)));
    return true;
}

struct str http1_target_origin(struct str target, struct str host)
{
    struct cursor c = cursor_init(target.p, target.len);
    const char *at;
    size_t n = 0;

    if (target.len > 8 && strncasecmp(target.p, "https://", 8) == 0)
        cursor_skip(&c, 8);
    else if (target.len > 7 && strncasecmp(target.p, "http://", 7) == 0)
        cursor_skip(&c, 7);
    else
        return host;
    while (n < cursor_left(&c) && strchr("/?#", c.p[n]) == NULL)
        n++;
    at = memchr(c.p, '@', n);
    if (at) {
        size_t user = (size_t)(at + 1 - (const char *)c.p);

        cursor_skip(&c, user);
        n -= user;
    }
    return str_make(c.p, n);
}

static enum http1_fit response_prefix(struct str s)
{
    if (s.len < 5)
        return memcmp(s.p, "HTTP/", s.len) == 0 ? HTTP1_FITS_SO_FAR : HTTP1_FITS_NOT;
    return memcmp(s.p, "HTTP/", 5) == 0 ? HTTP1_FITS : HTTP1_FITS_NOT;
}

enum http1_fit http1_line_prefix(unsigned side, struct str bytes)
{
    uint32_t n;

    if (side == 1)
        return response_prefix(bytes);
    n = token_length(bytes);
    if (n > HTTP1_METHOD_MAX)
        return HTTP1_FITS_NOT;
    if (n == bytes.len)
        return HTTP1_FITS_SO_FAR;
    return n > 0 && is_blank(bytes.p[n]) ? HTTP1_FITS : HTTP1_FITS_NOT;
}

bool http1_line_is_start(unsigned side, struct str bytes)
{
    uint32_t n;

    if (side == 1)
        return bytes.len > 5 && response_prefix(bytes) == HTTP1_FITS && is_digit(bytes.p[5]);
    n = token_length(bytes);
    return n < bytes.len && bytes.p[n] == ' ' && http1_method_is_known(str_make(bytes.p, n));
}
