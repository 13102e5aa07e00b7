/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/text.h"

#include "common/base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *t)
{
    free(t->p);
    memset(t, 0, sizeof *t);
}

/* Doubles, so that a long document is copied a few times only. */
static void text_reserve(struct text *t, size_t more)
{
    size_t need = t->len + more + 1;

    if (need <= t->capacity)
        return;
    t->capacity = need * 2;
    t->p = realloc(t->p, t->capacity);
    CHECK(t->p); /* reports are a few kilobytes: without them the manager cannot go on */
}

void text_add(struct text *t, const char *data, size_t n)
{
    text_reserve(t, n);
    memcpy(t->p + t->len, data, n);
    t->len += n;
    t->p[t->len] = '\0';
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    text_reserve(t, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(t->p + t->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    t->len += (size_t)n;
}

void json_item(struct text *t)
{
    char last = t->len > 0 ? t->p[t->len - 1] : '[';

    if (last != '{' && last != '[' && last != ':')
        text_add(t, ",", 1);
}

void json_key(struct text *t, const char *key)
{
    json_item(t);
    json_string(t, key);
    text_add(t, ":", 1);
}

/* Bytes of the well-formed UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates), or 0.
 */
static size_t utf8_length(const unsigned char *s)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t n;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0)
        low = 0xa0;
    if (s[0] == 0xed)
        high = 0x9f;
    if (s[0] == 0xf0)
        low = 0x90;
    if (s[0] == 0xf4)
        high = 0x8f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return n;
}

void json_string(struct text *t, const char *s)
{
    text_add(t, "\"", 1);
    while (*s) {
        size_t n = utf8_length((const unsigned char *)s);

        if (n == 0)
            text_puts(t, "\\ufffd");
        else if (*s == '"' || *s == '\\')
            text_printf(t, "\\%c", *s);
        else if ((unsigned char)*s < 0x20 || *s == 0x7f)
            text_printf(t, "\\u%04x", (unsigned char)*s);
        else
            text_add(t, s, n);
        s += n ? n : 1;
    }
    text_add(t, "\"", 1);
}

void json_bool(struct text *t, bool v)
{
    text_puts(t, v ? "true" : "false");
}

void json_uint(struct text *t, uint64_t v)
{
    text_printf(t, "%" PRIu64, v);
}
