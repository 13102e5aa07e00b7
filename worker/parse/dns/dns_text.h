/* SPDX-License-Identifier: BSD-3-Clause */
/* Text built in a caller's buffer. What does not fit is left out and sets `full`, so that a builder
 * asks once, at the end. */
#ifndef SPLIFF_PARSE_DNS_TEXT_H
#define SPLIFF_PARSE_DNS_TEXT_H

#include "common/base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dns_text {
    char *p;
    size_t len;
    size_t max;
    bool full;
};

static inline void dns_text_add(struct dns_text *t, const void *bytes, size_t n)
{
    if (t->full || t->max - t->len < n) {
        t->full = true;
        return;
    }
    if (n > 0)
        memcpy(t->p + t->len, bytes, n);
    t->len += n;
}

static inline void dns_text_add_str(struct dns_text *t, struct str s)
{
    dns_text_add(t, s.p, s.len);
}

static inline void dns_text_add_literal(struct dns_text *t, const char *s)
{
    dns_text_add(t, s, strlen(s));
}

/* Decimal. */
static inline void dns_text_add_number(struct dns_text *t, uint64_t v)
{
    char digits[20];
    size_t n = 0;

    do {
        digits[sizeof digits - ++n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    dns_text_add(t, digits + sizeof digits - n, n);
}

/* Two lower-case digits a byte. */
static inline void dns_text_add_hex(struct dns_text *t, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n && !t->full; i++) {
        char pair[2] = {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
        dns_text_add(t, pair, 2);
    }
}

#endif
