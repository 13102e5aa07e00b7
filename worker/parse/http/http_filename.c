/* SPDX-License-Identifier: BSD-3-Clause */
/* `filename*` (RFC 8187: charset'language'percent-encoded) is preferred to `filename`, which is a
 * token or a quoted string; senders percent-encode that one, too. Charsets are not converted: logs
 * show the bytes, and all but a few senders use UTF-8.
 *
 * Names are taken as they are, with their directories: what is shown is what was sent, and nothing
 * here opens a file. */
#include "worker/parse/http/http_filename.h"

#include <strings.h>

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

bool http_parameter_find(struct str value, const char *parameter, struct cursor *at)
{
    struct cursor c = cursor_init(value.p, value.len);
    size_t n = strlen(parameter);
    bool quoted = false, at_name = true;

    while (cursor_left(&c) > 0) {
        uint8_t byte;

        if (at_name && !quoted && cursor_left(&c) > n &&
            strncasecmp((const char *)c.p, parameter, n) == 0) {
            struct cursor rest = c;

            cursor_skip(&rest, n);
            while (cursor_left(&rest) > 0 && is_blank(*rest.p))
                cursor_skip(&rest, 1);
            if (cursor_u8(&rest) == '=') {
                *at = rest;
                return true;
            }
        }
        byte = cursor_u8(&c);
        /* A semicolon or name inside quotes is text. */
        if (byte == '\\' && quoted)
            cursor_skip(&c, cursor_left(&c) > 0);
        else if (byte == '"')
            quoted = !quoted;
        at_name = byte == ';' || (at_name && is_blank(byte));
    }
    return false;
}

size_t http_parameter_take(struct cursor *c, char *out, size_t max)
{
    bool quoted;
    size_t n = 0;

    while (cursor_left(c) > 0 && is_blank(*c->p))
        cursor_skip(c, 1);
    quoted = cursor_left(c) > 0 && *c->p == '"';
    cursor_skip(c, quoted);
    while (cursor_left(c) > 0 && n < max) {
        uint8_t byte = cursor_u8(c);

        if (quoted ? byte == '"' : byte == ';')
            break;
        /* Only a quote is ever escaped in practice: backslashes are of Windows paths. */
        if (quoted && byte == '\\' && cursor_left(c) > 0 && *c->p == '"')
            byte = cursor_u8(c);
        out[n++] = (char)byte;
    }
    while (!quoted && n > 0 && is_blank((uint8_t)out[n - 1]))
        n--;
    return n;
}

/* charset'language' */
static size_t skip_charset(const char *s, size_t len)
{
    const char *first = len > 0 ? memchr(s, '\'', len) : NULL;
    const char *second = first ? memchr(first + 1, '\'', (size_t)(s + len - (first + 1))) : NULL;

    return second ? (size_t)(second + 1 - s) : 0;
}

size_t http_filename_read(struct str value, char *out)
{
    struct cursor c;
    size_t n, charset;

    if (http_parameter_find(value, "filename*", &c)) {
        n = http_parameter_take(&c, out, HTTP_FILENAME_MAX);
        charset = skip_charset(out, n);
        memmove(out, out + charset, n - charset);
        return str_percent_decode(out, n - charset);
    }
    if (!http_parameter_find(value, "filename", &c))
        return 0;
    n = http_parameter_take(&c, out, HTTP_FILENAME_MAX);
    return str_percent_decode(out, n);
}
