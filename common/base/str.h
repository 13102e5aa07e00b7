/* SPDX-License-Identifier: BSD-3-Clause */
/* A borrowed run of bytes, not NUL-terminated: what records hold and parsers hand on. */
#ifndef SPLIFF_BASE_STR_H
#define SPLIFF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    uint32_t len;
};

#define STR_LIT(s) ((struct str){(s), sizeof(s) - 1})

static inline struct str str_of(const char *s)
{
    return (struct str){s, (uint32_t)strlen(s)};
}

static inline struct str str_make(const void *p, size_t len)
{
    return (struct str){(const char *)p, (uint32_t)len};
}

static inline bool str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* Without the blanks around it (OWS of RFC 9110 section 5.6.3). */
static inline struct str str_trim(struct str s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.len--;
    }
    while (s.len > 0 && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Value of a hexadecimal digit, -1 if it is none. */
static inline int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding (RFC 3986 section 2.1) in place and returns the new length. A percent
 * sign without two digits stands for itself. */
static inline size_t str_percent_decode(char *s, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int high = i + 2 < len && s[i] == '%' ? str_hex_digit(s[i + 1]) : -1;
        int low = high >= 0 ? str_hex_digit(s[i + 2]) : -1;

        s[n++] = low >= 0 ? (char)(high << 4 | low) : s[i];
        i += low >= 0 ? 2 : 0;
    }
    return n;
}

#define STR_DECIMAL_BYTES 20u /* room for any number */

/* v in digits, made at the end of room[STR_DECIMAL_BYTES]. */
static inline struct str str_decimal(uint64_t v, char *room)
{
    uint32_t at = STR_DECIMAL_BYTES;

    do {
        room[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return str_make(room + at, STR_DECIMAL_BYTES - at);
}

#endif
