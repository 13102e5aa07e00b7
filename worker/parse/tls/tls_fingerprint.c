/* SPDX-License-Identifier: BSD-3-Clause */
/* JA3 (github.com/salesforce/ja3) is the MD5 of five decimal lists of a ClientHello:
 *     version,ciphers,extensions,groups,point formats      each "-"-joined, in the order sent
 * JA3S that of version,cipher,extensions of a ServerHello. Values of RFC 8701 (GREASE) are left
 * out.
 *
 * JA4 (github.com/FoxIO-LLC/ja4) is readable in front and sorted behind, so that a client that
 * shuffles its extensions keeps its fingerprint:
 *     t13d1516h2_8daaf6152771_b186095e22b6
 *     | | || | |   |            sha256/12 of sorted extensions (without SNI, ALPN) _ signature algs
 *     | | || | |   sha256/12 of sorted ciphers
 *     | | || | first and last character of the first ALPN name
 *     | | || extensions, | | ciphers: how many, at most 99
 *     | | d SNI is there, i it is not;  13 version;  t TCP, q QUIC, d DTLS
 *
 * The lists go through a small buffer into the digest, whatever their length; only JA4 has to hold
 * one to sort it and takes the first SORT_MAX values: real clients send fewer than 200. */
#include "worker/parse/tls/tls_fingerprint.h"

#include "common/base/check.h"
#include "worker/parse/tls/tls_names.h"

#include <openssl/evp.h>

#define SORT_MAX       512u
#define JA4_HASH_CHARS 12

static const char hex_digits[] = "0123456789abcdef";

/* The one digest context of this process and the buffer before it. The context is made at first use
 * and kept: making one allocates. */
static struct digest {
    EVP_MD_CTX *ctx;
    EVP_MD *md5, *sha256;
    size_t used; /* of buf */
    char buf[512];
} digest;

static void digest_begin(bool sha256)
{
    if (!digest.ctx) {
        digest.ctx = EVP_MD_CTX_new();
        /* Fingerprints are names, not security: MD5 is asked for also where policy forbids it. */
        digest.md5 = EVP_MD_fetch(NULL, "MD5", "-fips");
        digest.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        CHECK(digest.ctx && digest.md5 && digest.sha256);
    }
    CHECK(EVP_DigestInit_ex2(digest.ctx, sha256 ? digest.sha256 : digest.md5, NULL) == 1);
    digest.used = 0;
}

static void digest_flush(void)
{
    CHECK(EVP_DigestUpdate(digest.ctx, digest.buf, digest.used) == 1);
    digest.used = 0;
}

/* n <= 16 */
static void digest_text(const char *text, size_t n)
{
    if (digest.used + n > sizeof digest.buf)
        digest_flush();
    memcpy(digest.buf + digest.used, text, n);
    digest.used += n;
}

static void digest_decimal(uint32_t v)
{
    char room[STR_DECIMAL_BYTES];
    struct str digits = str_decimal(v, room);

    digest_text(digits.p, digits.len);
}

static void digest_hex16(uint16_t v)
{
    const char text[4] = {hex_digits[v >> 12], hex_digits[v >> 8 & 15], hex_digits[v >> 4 & 15],
                          hex_digits[v & 15]};

    digest_text(text, sizeof text);
}

static void digest_end(uint8_t out[EVP_MAX_MD_SIZE])
{
    digest_flush();
    CHECK(EVP_DigestFinal_ex(digest.ctx, out, NULL) == 1);
}

void tls_hex(const uint8_t *data, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = hex_digits[data[i] >> 4];
        out[2 * i + 1] = hex_digits[data[i] & 15];
    }
}

void tls_sha256(const void *data, size_t len, uint8_t out[TLS_SHA256_BYTES])
{
    digest_begin(true);
    CHECK(EVP_DigestUpdate(digest.ctx, data, len) == 1);
    CHECK(EVP_DigestFinal_ex(digest.ctx, out, NULL) == 1);
}

/* ,1-2-3 of a list of values of `width` bytes. */
static void ja3_values(struct cursor list, size_t width)
{
    const char *separator = ",";

    while (cursor_left(&list) >= width) {
        uint16_t v = width == 2 ? cursor_be16(&list) : cursor_u8(&list);

        if (width == 2 && tls_is_grease(v))
            continue;
        digest_text(separator, 1);
        digest_decimal(v);
        separator = "-";
    }
    if (*separator == ',')
        digest_text(separator, 1);
}

static void ja3_extensions(struct cursor extensions)
{
    const char *separator = ",";
    struct cursor body;
    uint16_t type;

    while (tls_extension_next(&extensions, &type, &body)) {
        if (tls_is_grease(type))
            continue;
        digest_text(separator, 1);
        digest_decimal(type);
        separator = "-";
    }
    if (*separator == ',')
        digest_text(separator, 1);
}

static void ja3_end(char out[TLS_JA3_BYTES])
{
    uint8_t md5[EVP_MAX_MD_SIZE];

    digest_end(md5);
    tls_hex(md5, 16, out);
    out[32] = '\0';
}

void tls_fingerprint_ja3(const struct tls_client_hello *h, char out[TLS_JA3_BYTES])
{
    digest_begin(false);
    digest_decimal(h->legacy_version);
    ja3_values(h->ciphers, 2);
    ja3_extensions(h->extensions);
    ja3_values(h->groups, 2);
    ja3_values(h->point_formats, 1);
    ja3_end(out);
}

void tls_fingerprint_ja3s(const struct tls_server_hello *h, char out[TLS_JA3_BYTES])
{
    digest_begin(false);
    digest_decimal(h->legacy_version);
    digest_text(",", 1);
    digest_decimal(h->cipher);
    ja3_extensions(h->extensions);
    ja3_end(out);
}

/* The place is found by halves and made by one move, so that a list in the worst of orders costs
 * little more than another. */
static void sort_insert(uint16_t *values, unsigned *n, uint16_t v)
{
    unsigned low = 0, high = *n;

    if (*n == SORT_MAX)
        return;
    while (low < high) {
        unsigned mid = low + (high - low) / 2;

        if (values[mid] > v)
            high = mid;
        else
            low = mid + 1;
    }
    memmove(values + low + 1, values + low, (*n - low) * sizeof *values);
    values[low] = v;
    (*n)++;
}

static void ja4_list(const uint16_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            digest_text(",", 1);
        digest_hex16(values[i]);
    }
}

/* An empty list has zeros instead of a digest. */
static void ja4_hash_end(bool empty, char *out)
{
    uint8_t sha256[EVP_MAX_MD_SIZE];

    digest_end(sha256);
    if (empty)
        memset(out, '0', JA4_HASH_CHARS);
    else
        tls_hex(sha256, JA4_HASH_CHARS / 2, out);
}

/* Returns how many ciphers there are. */
static unsigned ja4_ciphers(const struct tls_client_hello *h, char *out)
{
    uint16_t values[SORT_MAX];
    struct cursor list = h->ciphers;
    unsigned n = 0, sorted = 0;

    while (cursor_left(&list) >= 2) {
        uint16_t v = cursor_be16(&list);

        if (tls_is_grease(v))
            continue;
        n++;
        sort_insert(values, &sorted, v);
    }
    digest_begin(true);
    ja4_list(values, sorted);
    ja4_hash_end(n == 0, out);
    return n;
}

/* Returns how many extensions there are, SNI and ALPN among them. */
static unsigned ja4_extensions(const struct tls_client_hello *h, char *out)
{
    uint16_t values[SORT_MAX], type;
    struct cursor list = h->extensions, signatures = h->signature_algorithms, body;
    const char *separator = "_";
    unsigned n = 0, sorted = 0;

    while (tls_extension_next(&list, &type, &body)) {
        if (tls_is_grease(type))
            continue;
        n++;
        if (type != TLS_EXT_SERVER_NAME && type != TLS_EXT_ALPN)
            sort_insert(values, &sorted, type);
    }
    digest_begin(true);
    ja4_list(values, sorted);
    while (cursor_left(&signatures) >= 2) {
        uint16_t v = cursor_be16(&signatures);

        if (tls_is_grease(v))
            continue;
        digest_text(separator, 1);
        digest_hex16(v);
        separator = ",";
    }
    ja4_hash_end(sorted == 0, out);
    return n;
}

static const char *ja4_version(uint16_t version)
{
    switch (version) {
    case TLS_V13:
        return "13";
    case TLS_V12:
        return "12";
    case TLS_V11:
        return "11";
    case TLS_V10:
        return "10";
    case SSL_V3:
        return "s3";
    case SSL_V2:
        return "s2";
    case DTLS_V10:
        return "d1";
    case DTLS_V12:
        return "d2";
    case DTLS_V13:
        return "d3";
    default:
        return "00";
    }
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The ends of the first name; where one is not a letter or digit, the ends of its hexadecimal form.
 */
static void ja4_alpn(struct cursor alpn, char *out)
{
    struct str name;
    char first, last;

    memcpy(out, "00", 2);
    if (!tls_alpn_next(&alpn, &name) || name.len == 0)
        return;
    first = name.p[0];
    last = name.p[name.len - 1];
    if (is_alphanumeric(first) && is_alphanumeric(last)) {
        out[0] = first;
        out[1] = last;
    } else {
        out[0] = hex_digits[(uint8_t)first >> 4];
        out[1] = hex_digits[(uint8_t)last & 15];
    }
}

static void two_digits(unsigned n, char *out)
{
    n = n > 99 ? 99 : n;
    out[0] = (char)('0' + n / 10);
    out[1] = (char)('0' + n % 10);
}

void tls_fingerprint_ja4(const struct tls_client_hello *h, char transport, char out[TLS_JA4_BYTES])
{
    out[0] = transport;
    memcpy(out + 1, ja4_version(h->version), 2);
    out[3] = h->has_server_name ? 'd' : 'i';
    two_digits(ja4_ciphers(h, out + 11), out + 4);
    two_digits(ja4_extensions(h, out + 24), out + 6);
    ja4_alpn(h->alpn, out + 8);
    out[10] = '_';
    out[23] = '_';
    out[36] = '\0';
}
