/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/ipaddr.h"

#include <arpa/inet.h>
#include <stdlib.h>

#define GROUPS 8u

/* 0 to 255, each with a dot behind it. */
#define TEN(tens)                                                                                  \
    tens "0.", tens "1.", tens "2.", tens "3.", tens "4.", tens "5.", tens "6.", tens "7.",        \
        tens "8.", tens "9."
static const char octets[][5] = {
    TEN(""),   TEN("1"),  TEN("2"),  TEN("3"),  TEN("4"),  TEN("5"),  TEN("6"),
    TEN("7"),  TEN("8"),  TEN("9"),  TEN("10"), TEN("11"), TEN("12"), TEN("13"),
    TEN("14"), TEN("15"), TEN("16"), TEN("17"), TEN("18"), TEN("19"), TEN("20"),
    TEN("21"), TEN("22"), TEN("23"), TEN("24"), TEN("25"),
};

static char *put_v4(char *p, const uint8_t b[4])
{
    for (unsigned i = 0; i < 4; i++) {
        memcpy(p, octets[b[i]], 4);
        p += 2 + (b[i] >= 10) + (b[i] >= 100);
    }
    return p - 1;
}

static char *put_group(char *p, unsigned v)
{
    static const char hex_digits[] = "0123456789abcdef";

    for (unsigned digits = v < 0x10 ? 1 : v < 0x100 ? 2 : v < 0x1000 ? 3 : 4; digits-- > 0;)
        *p++ = hex_digits[v >> 4 * digits & 15];
    return p;
}

/* The first of the longest runs of two or more groups that are zero; its length, or 0. */
static unsigned longest_zeros(const uint16_t group[GROUPS], unsigned *at)
{
    unsigned best = 1, n = 0;

    for (unsigned i = 0; i < GROUPS; i++) {
        n = group[i] == 0 ? n + 1 : 0;
        if (n > best) {
            best = n;
            *at = i + 1 - n;
        }
    }
    return best > 1 ? best : 0;
}

static char *put_v6(char *p, const uint8_t b[16])
{
    uint16_t group[GROUPS];
    unsigned at = GROUPS, zeros;

    for (unsigned i = 0; i < GROUPS; i++)
        group[i] = (uint16_t)(b[2 * i] << 8 | b[2 * i + 1]);
    zeros = longest_zeros(group, &at);
    for (unsigned i = 0; i < GROUPS; i++) {
        if (i == at) {
            *p++ = ':';
            i += zeros - 1;
            if (i == GROUPS - 1)
                *p++ = ':';
            continue;
        }
        if (i > 0)
            *p++ = ':';
        /* ::a.b.c.d, as old tunnels have it (RFC 4291 section 2.5.5.1) */
        if (i == 6 && at == 0 && zeros == 6)
            return put_v4(p, b + 12);
        p = put_group(p, group[i]);
    }
    return p;
}

/* By hand: inet_ntop prints IPv6 with sprintf, which takes as long as the rest of a line. */
size_t ipaddr_format(const struct ipaddr *a, char *out)
{
    const char *end = ipaddr_is_v4(a) ? put_v4(out, a->b + 12) : put_v6(out, a->b);

    return (size_t)(end - out);
}

size_t ipaddr_format_v4(const uint8_t v4[4], char *out)
{
    return (size_t)(put_v4(out, v4) - out);
}

/* A length that begins with 0 is octal to some programs and not to others: as with the numbers of
 * an address (inet_pton), there is one way to write it. */
static bool parse_length(const char *text, unsigned *out)
{
    size_t n = strspn(text, "0123456789");

    if (n == 0 || n > 3 || text[n] != '\0' || (n > 1 && *text == '0'))
        return false;
    *out = (unsigned)strtoul(text, NULL, 10);
    return true;
}

bool ipaddr_parse_prefix(const char *text, struct ipaddr *prefix, unsigned *bits)
{
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    char address[IPADDR_TEXT_MAX];
    unsigned given = 0, all;
    uint8_t v4[4];

    if (n >= sizeof address || (slash && !parse_length(slash + 1, &given)))
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    if (inet_pton(AF_INET, address, v4) == 1) {
        ipaddr_set_v4(prefix, v4);
        all = 32;
    } else if (inet_pton(AF_INET6, address, prefix->b) == 1) {
        all = 128;
    } else {
        return false;
    }
    *bits = 128 - all + (slash && given < all ? given : all);
    return !slash || given <= all;
}
