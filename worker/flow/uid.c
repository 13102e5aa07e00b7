/* SPDX-License-Identifier: BSD-3-Clause */
/* 64 x 64 -> 128-bit products folded to 64 bits mix well and cost a few cycles each. Two such lanes
 * with different constants give 128 bits, of which 96 are used: among 10^9 flows the chance of any
 * two equal uids is about 10^-11. */
#include "worker/flow/uid.h"

static uint64_t uid_mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

void uid_make(const struct flow_key *key, uint64_t start_ns, uint32_t seed, uint32_t *hi,
              uint64_t *lo)
{
    uint64_t w[5], a, b;

    memcpy(w, key, sizeof w);
    a = uid_mix(start_ns ^ 0x9e3779b97f4a7c15u, seed ^ 0xd6e8feb86659fd93u);
    b = uid_mix(start_ns ^ 0xa0761d6478bd642fu, seed ^ 0xe7037ed1a0b428dbu);
    for (int i = 0; i < 5; i++) {
        a = uid_mix(a ^ w[i], 0x8ebc6af09c88c6e3u + (uint64_t)i);
        b = uid_mix(b + w[i], 0x589965cc75374cc3u ^ a);
    }
    *lo = uid_mix(a ^ 0x1d8e4e27c47d124fu, b | 1);
    *hi = (uint32_t)(uid_mix(b, 0xeb44accab455d165u) >> 32);
}

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

static size_t uid_digits(char *out, uint64_t v)
{
    size_t n = 0;

    do {
        out[n++] = digits[v % 62];
        v /= 62;
    } while (v > 0);
    return n;
}

/* Digit after digit is one division that waits for another; the two halves of a long number do not
 * wait for each other. */
static size_t uid_digits_long(char *out, uint64_t v)
{
    const uint64_t half = UINT64_C(62) * 62 * 62 * 62 * 62 * 62;
    uint32_t low[2] = {(uint32_t)(v % half % (62 * 62 * 62)),
                       (uint32_t)(v % half / (62 * 62 * 62))};

    if (v < half)
        return uid_digits(out, v);
    for (unsigned i = 0; i < 3; i++) {
        out[i] = digits[low[0] % 62];
        out[3 + i] = digits[low[1] % 62];
        low[0] /= 62;
        low[1] /= 62;
    }
    return 6 + uid_digits(out + 6, v / half);
}

size_t uid_format(char out[UID_MAX], char prefix, uint32_t hi, uint64_t lo)
{
    size_t n = 1;

    out[0] = prefix;
    n += uid_digits(out + n, hi);
    n += uid_digits_long(out + n, lo);
    return n;
}
