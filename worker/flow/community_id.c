/* SPDX-License-Identifier: BSD-3-Clause */
/* The hashed bytes are seed (2), the lower endpoint's address (4 or 16), the higher one's, protocol
 * (1), a zero, the lower one's port (2), the higher one's: a flow key is in that order already.
 *
 * ICMP has no ports: type and counterpart type stand for them when messages come in pairs, and
 * order as ports do. For messages without counterpart they are type and code, sender first.
 *
 * SHA1() looks its algorithm up at each call, and EVP sets up and wipes a context of two layers:
 * both cost more than the digest of these few bytes, which there is one of for every flow. So the
 * functions below EVP are called, which OpenSSL has marked as old. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "worker/flow/community_id.h"

#include <netinet/in.h>
#include <openssl/sha.h>

/* The type that answers this one, or -1. */
static int icmp_counterpart(uint8_t proto, uint16_t type)
{
    static const uint8_t v4[][2] = {{8, 0}, {13, 14}, {15, 16}, {10, 9}, {17, 18}};
    static const uint8_t v6[][2] = {{128, 129}, {133, 134}, {135, 136},
                                    {130, 131}, {139, 140}, {144, 145}};
    const uint8_t(*pairs)[2] = proto == IPPROTO_ICMP ? v4 : v6;
    size_t n = proto == IPPROTO_ICMP ? sizeof v4 / sizeof v4[0] : sizeof v6 / sizeof v6[0];

    for (size_t i = 0; i < n; i++)
        for (int j = 0; j < 2; j++)
            if (pairs[i][j] == type)
                return pairs[i][!j];
    return -1;
}

/* Index in key of the endpoint that is hashed first. */
static unsigned first_endpoint(const struct flow_key *key, unsigned orig)
{
    if (key->proto != IPPROTO_ICMP && key->proto != IPPROTO_ICMPV6)
        return 0;
    return icmp_counterpart(key->proto, key->port[orig]) == key->port[!orig] ? 0 : orig;
}

static size_t put_address(uint8_t *out, const struct ipaddr *a, bool v4)
{
    size_t n = v4 ? 4 : 16;

    memcpy(out, a->b + 16 - n, n);
    return n;
}

/* Base64 (RFC 4648 section 4) of a digest, with its padding. Returns the length. */
static size_t put_base64(char *out, const uint8_t digest[SHA_DIGEST_LENGTH])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t in[SHA_DIGEST_LENGTH + 1] = {0};
    size_t n = 0;

    _Static_assert(sizeof in % 3 == 0, "one byte is padding");
    memcpy(in, digest, SHA_DIGEST_LENGTH);
    for (size_t i = 0; i < sizeof in; i += 3) {
        uint32_t bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];

        for (unsigned shift = 24; shift > 0; shift -= 6)
            out[n++] = digits[bits >> (shift - 6) & 63];
    }
    out[n - 1] = '=';
    return n;
}

size_t community_id_format(const struct flow_key *key, unsigned orig, char out[COMMUNITY_ID_MAX])
{
    unsigned first = first_endpoint(key, orig);
    bool v4 = ipaddr_is_v4(&key->addr[0]) && ipaddr_is_v4(&key->addr[1]);
    uint16_t ports[2] = {key->port[first], key->port[!first]};
    uint8_t in[2 + 2 * 16 + 2 + 4] = {0};
    uint8_t digest[SHA_DIGEST_LENGTH];
    SHA_CTX sha1;
    size_t n = 2;

    n += put_address(in + n, &key->addr[first], v4);
    n += put_address(in + n, &key->addr[!first], v4);
    in[n++] = key->proto;
    in[n++] = 0;
    for (int i = 0; i < 2; i++) {
        in[n++] = (uint8_t)(ports[i] >> 8);
        in[n++] = (uint8_t)ports[i];
    }
    SHA1_Init(&sha1);
    SHA1_Update(&sha1, in, n);
    SHA1_Final(digest, &sha1);
    memcpy(out, "1:", 2);
    return 2 + put_base64(out + 2, digest);
}
