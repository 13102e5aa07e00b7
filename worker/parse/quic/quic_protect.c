/* SPDX-License-Identifier: BSD-3-Clause */
/* The cost of a QUIC connection is here: nine HMACs for the keys of both sides, and for each
 * Initial one AES block and one pass of AES-GCM.
 *
 * OpenSSL's own HKDF and HMAC look up and allocate at each use, which costs several times what
 * they compute. So HMAC is done by hand (RFC 2104), with the functions below EVP, which OpenSSL has
 * marked as old, and HKDF for what is needed of it: all outputs here are one block or less
 * (RFC 5869). A secret is the key of several HMACs, whose first block is then hashed once. The
 * cipher contexts are made once and only get new keys. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "worker/parse/quic/quic_protect.h"

#include "common/base/check.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#define HASH_BYTES      32u
#define HMAC_BLOCK      64u
#define TAG_BYTES       16u
#define SAMPLE_BYTES    16u
#define NUMBER_MAX      4u /* bytes of a packet number */
#define DATAGRAM_MAX    65536u
#define LABEL_BYTES_MAX 32u

static struct {
    EVP_CIPHER_CTX *mask; /* AES-128-ECB: header protection */
    EVP_CIPHER_CTX *gcm;
    struct quic_keys last; /* detection asks for the same keys as the analyzer after it */
} process;

/* Failures below are of memory at the first use, or bugs: no input can cause them. */
static void process_init(void)
{
    process.mask = EVP_CIPHER_CTX_new();
    process.gcm = EVP_CIPHER_CTX_new();
    CHECK(process.mask && process.gcm);
    CHECK(EVP_EncryptInit_ex(process.mask, EVP_aes_128_ecb(), NULL, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(process.mask, 0) == 1);
    CHECK(EVP_DecryptInit_ex(process.gcm, EVP_aes_128_gcm(), NULL, NULL, NULL) == 1);
}

/* HMAC with a key: both digests behind their first block. */
struct hmac_key {
    SHA256_CTX inner, outer;
};

static void digest_begin(SHA256_CTX *d, const uint8_t *key, size_t key_len, uint8_t pad)
{
    uint8_t block[HMAC_BLOCK];

    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key_len; i++)
        block[i] ^= key[i];
    SHA256_Init(d);
    SHA256_Update(d, block, sizeof block);
}

/* key_len <= HMAC_BLOCK */
static void hmac_key_set(struct hmac_key *k, const uint8_t *key, size_t key_len)
{
    digest_begin(&k->inner, key, key_len, 0x36);
    digest_begin(&k->outer, key, key_len, 0x5c);
}

static void hmac(const struct hmac_key *k, const void *data, size_t len, uint8_t out[HASH_BYTES])
{
    SHA256_CTX inner = k->inner, outer = k->outer;
    uint8_t hash[HASH_BYTES];

    SHA256_Update(&inner, data, len);
    SHA256_Final(hash, &inner);
    SHA256_Update(&outer, hash, sizeof hash);
    SHA256_Final(out, &outer);
}

/* HKDF-Expand-Label with an empty context (RFC 8446 section 7.1), at most HASH_BYTES. */
static void expand(const struct hmac_key *secret, const char *label, uint8_t *out, size_t len)
{
    uint8_t info[LABEL_BYTES_MAX + 10], block[HASH_BYTES];
    size_t label_len = strlen(label), n = 0;

    CHECK(label_len <= LABEL_BYTES_MAX && len <= HASH_BYTES);
    info[n++] = 0;
    info[n++] = (uint8_t)len;
    info[n++] = (uint8_t)(6 + label_len);
    memcpy(info + n, "tls13 ", 6);
    memcpy(info + n + 6, label, label_len);
    n += 6 + label_len;
    info[n++] = 0;
    info[n++] = 1; /* the counter of HKDF-Expand */
    hmac(secret, info, n, block);
    memcpy(out, block, len);
}

static void derive(struct quic_keys *k, const struct quic_version *version,
                   const struct quic_cid *dcid)
{
    static const char *const sides[2] = {"client in", "server in"};
    struct hmac_key salt, initial, secret;
    uint8_t bytes[HASH_BYTES];

    if (!process.gcm)
        process_init();
    *k = (struct quic_keys){.version = version, .dcid = *dcid};
    hmac_key_set(&salt, version->salt, QUIC_SALT_BYTES);
    hmac(&salt, dcid->bytes, dcid->len, bytes);
    hmac_key_set(&initial, bytes, sizeof bytes);
    for (unsigned side = 0; side < 2; side++) {
        struct quic_side_keys *s = &k->side[side];

        expand(&initial, sides[side], bytes, sizeof bytes);
        hmac_key_set(&secret, bytes, sizeof bytes);
        expand(&secret, version->v2_labels ? "quicv2 key" : "quic key", s->key, sizeof s->key);
        expand(&secret, version->v2_labels ? "quicv2 iv" : "quic iv", s->iv, sizeof s->iv);
        expand(&secret, version->v2_labels ? "quicv2 hp" : "quic hp", s->hp, sizeof s->hp);
    }
}

static bool keys_are(const struct quic_keys *k, const struct quic_version *version,
                     const struct quic_cid *dcid)
{
    return k->version == version && quic_cid_equal(&k->dcid, dcid);
}

void quic_protect_keys(struct quic_keys *k, const struct quic_version *version,
                       const struct quic_cid *dcid)
{
    if (!keys_are(&process.last, version, dcid))
        derive(&process.last, version, dcid);
    *k = process.last;
}

/* The full packet number from its last bytes (RFC 9000 appendix A.3). */
static uint64_t number_expand(uint64_t truncated, unsigned bytes, uint64_t largest)
{
    uint64_t window = UINT64_C(1) << (8 * bytes), half = window / 2;
    uint64_t expected = largest + 1, candidate = (expected & ~(window - 1)) | truncated;

    if (candidate + half <= expected && candidate < (UINT64_C(1) << 62) - window)
        return candidate + window;
    if (candidate > expected + half && candidate >= window)
        return candidate - window;
    return candidate;
}

/* What protects the first byte and the packet number. */
static void mask_make(const struct quic_side_keys *k, const uint8_t *sample,
                      uint8_t mask[SAMPLE_BYTES])
{
    int n;

    CHECK(EVP_EncryptInit_ex(process.mask, NULL, NULL, k->hp, NULL) == 1);
    CHECK(EVP_EncryptUpdate(process.mask, mask, &n, sample, SAMPLE_BYTES) == 1);
}

/* head: first byte and packet number in clear, as they were when the packet was protected. */
static bool gcm_open(const struct quic_side_keys *k, const struct quic_packet *p,
                     const uint8_t *head, unsigned number_bytes, uint64_t number, uint8_t *out,
                     size_t *len)
{
    size_t body_at = p->number_at + number_bytes;
    const uint8_t *tag = p->bytes + p->len - TAG_BYTES;
    uint8_t nonce[12], tag_copy[TAG_BYTES];
    int n, rest;

    memcpy(nonce, k->iv, sizeof nonce);
    for (unsigned i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
    memcpy(tag_copy, tag, TAG_BYTES);
    if (EVP_DecryptInit_ex(process.gcm, NULL, NULL, k->key, nonce) != 1 ||
        EVP_DecryptUpdate(process.gcm, NULL, &n, head, 1) != 1 ||
        EVP_DecryptUpdate(process.gcm, NULL, &n, p->bytes + 1, (int)(p->number_at - 1)) != 1 ||
        EVP_DecryptUpdate(process.gcm, NULL, &n, head + 1, (int)number_bytes) != 1 ||
        EVP_DecryptUpdate(process.gcm, out, &n, p->bytes + body_at,
                          (int)(tag - p->bytes - (ptrdiff_t)body_at)) != 1 ||
        EVP_CIPHER_CTX_ctrl(process.gcm, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag_copy) != 1)
        return false;
    *len = (size_t)n;
    return EVP_DecryptFinal_ex(process.gcm, out + n, &rest) == 1; /* the tag is checked here */
}

bool quic_protect_open(const struct quic_keys *k, unsigned side, const struct quic_packet *p,
                       uint64_t largest, struct quic_plain *out)
{
    static uint8_t plain[DATAGRAM_MAX];
    uint8_t mask[SAMPLE_BYTES], head[1 + NUMBER_MAX];
    uint64_t truncated = 0;
    unsigned number_bytes;

    if (p->number_at == 0 || p->len > DATAGRAM_MAX ||
        p->len < p->number_at + NUMBER_MAX + SAMPLE_BYTES)
        return false;
    mask_make(&k->side[side], p->bytes + p->number_at + NUMBER_MAX, mask);
    head[0] = p->bytes[0] ^ (mask[0] & 0x0f);
    number_bytes = (head[0] & 3u) + 1;
    for (unsigned i = 0; i < number_bytes; i++) {
        head[1 + i] = p->bytes[p->number_at + i] ^ mask[1 + i];
        truncated = truncated << 8 | head[1 + i];
    }
    out->number = number_expand(truncated, number_bytes, largest);
    out->frames = plain;
    return gcm_open(&k->side[side], p, head, number_bytes, out->number, plain, &out->len);
}
