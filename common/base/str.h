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
