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

/* Digits after another, each by a division that waits for the one before, take longer than this:
 * six at a time, all of which are written, and the number of those that count. */
#define POWER2 (UINT64_C(62) * 62)
#define POWER3 (POWER2 * 62)
#define POWER4 (POWER3 * 62)
#define POWER5 (POWER4 * 62)
#define POWER6 (POWER5 * 62)

/* v < POWER6 */
static void uid_put_six(char out[6], uint64_t v)
{
    uint32_t three[2] = {(uint32_t)(v % POWER3), (uint32_t)(v / POWER3)};

    for (unsigned i = 0; i < 2; i++) {
        out[3 * i] = digits[three[i] % 62];
        out[3 * i + 1] = digits[three[i] / 62 % 62];
        out[3 * i + 2] = digits[three[i] / POWER2];
    }
}

static size_t uid_digits(uint64_t v)
{
    return 1u + (v >= 62) + (v >= POWER2) + (v >= POWER3) + (v >= POWER4) + (v >= POWER5);
}

_Static_assert(UINT64_MAX / POWER6 < POWER6 && UID_MAX >= 1 + 6 + 6 + 6, "at most twelve digits");

size_t uid_format(char out[UID_MAX], char prefix, uint32_t hi, uint64_t lo)
{
    size_t n = 1;

    out[0] = prefix;
    uid_put_six(out + n, hi);
    n += uid_digits(hi);
    if (lo >= POWER6) {
        uid_put_six(out + n, lo % POWER6);
        n += 6;
        lo /= POWER6;
    }
    uid_put_six(out + n, lo);
    return n + uid_digits(lo);
}
