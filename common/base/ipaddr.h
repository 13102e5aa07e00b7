/* SPDX-License-Identifier: BSD-3-Clause */
/* An IP address: 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
#ifndef SPLIFF_BASE_IPADDR_H
#define SPLIFF_BASE_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IPADDR_TEXT_MAX 46 /* longest text form with its NUL */

struct ipaddr {
    uint8_t b[16];
};

static const uint8_t ipaddr_v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static inline bool ipaddr_is_v4(const struct ipaddr *a)
{
    return memcmp(a->b, ipaddr_v4_prefix, 12) == 0;
}

static inline void ipaddr_set_v4(struct ipaddr *a, const uint8_t v4[4])
{
    memcpy(a->b, ipaddr_v4_prefix, 12);
    memcpy(a->b + 12, v4, 4);
}

/* From the 4 or 16 bytes that protocols carry. */
static inline void ipaddr_set(struct ipaddr *a, const uint8_t *p, size_t bytes)
{
    if (bytes == 4)
        ipaddr_set_v4(a, p);
    else
        memcpy(a->b, p, sizeof a->b);
}

/* The first bits (of 128) are those of prefix. */
static inline bool ipaddr_has_prefix(const struct ipaddr *a, const struct ipaddr *prefix,
                                     unsigned bits)
{
    uint64_t differs[2], p[2];

    memcpy(differs, a->b, sizeof differs);
    memcpy(p, prefix->b, sizeof p);
    differs[0] = __builtin_bswap64(differs[0] ^ p[0]);
    differs[1] = __builtin_bswap64(differs[1] ^ p[1]);
    if (bits <= 64)
        return bits == 0 || differs[0] >> (64 - bits) == 0;
    return differs[0] == 0 && differs[1] >> (128 - bits) == 0;
}

/* "192.0.2.0/24" or "2001:db8::/32"; an address alone is all of its bits, of which IPv4 has the
 * last 32 of 128. False if it is neither, or has a number with a sign or a leading zero. */
bool ipaddr_parse_prefix(const char *text, struct ipaddr *prefix, unsigned *bits);

/* Text form (RFC 5952) without NUL into out, which has IPADDR_TEXT_MAX bytes. Returns its length.
 */
size_t ipaddr_format(const struct ipaddr *a, char *out);

/* The same of an IPv4 address as protocols carry it. */
size_t ipaddr_format_v4(const uint8_t v4[4], char *out);

#endif
