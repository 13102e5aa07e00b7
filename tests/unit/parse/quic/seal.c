/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/parse/quic/seal.h"

#include "common/base/check.h"

#include <openssl/evp.h>
#include <string.h>

#define TAG_BYTES 16u

void seal_bytes(struct seal *s, const void *p, size_t n)
{
    CHECK(s->len + n <= SEAL_BYTES);
    if (n > 0)
        memcpy(s->p + s->len, p, n);
    s->len += n;
}

void seal_fill(struct seal *s, uint8_t byte, size_t n)
{
    CHECK(s->len + n <= SEAL_BYTES);
    memset(s->p + s->len, byte, n);
    s->len += n;
}

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef", *p = c ? strchr(digits, c) : NULL;

    CHECK(p);
    return (unsigned)(p - digits);
}

void seal_hex(struct seal *s, const char *hex)
{
    for (; *hex; hex += 2)
        seal_fill(s, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])), 1);
}

struct quic_cid seal_cid(const char *hex)
{
    struct seal s = {.len = 0};
    struct quic_cid cid = {.len = 0};

    seal_hex(&s, hex);
    CHECK(s.len <= QUIC_CID_BYTES_MAX);
    cid.len = (uint8_t)s.len;
    memcpy(cid.bytes, s.p, s.len);
    return cid;
}

static void put_be(struct seal *s, uint64_t v, unsigned bytes)
{
    while (bytes-- > 0)
        seal_fill(s, (uint8_t)(v >> (8 * bytes)), 1);
}

/* In two bytes. */
static void put_varint(struct seal *s, size_t v)
{
    CHECK(v < 0x4000);
    put_be(s, 0x4000 | v, 2);
}

static void put_header(struct seal *s, uint8_t first, uint32_t version, const char *dcid,
                       const char *scid)
{
    seal_fill(s, first, 1);
    put_be(s, version, 4);
    seal_fill(s, (uint8_t)(strlen(dcid) / 2), 1);
    seal_hex(s, dcid);
    seal_fill(s, (uint8_t)(strlen(scid) / 2), 1);
    seal_hex(s, scid);
}

void seal_long(struct seal *s, uint8_t first, uint32_t version, const char *dcid, const char *scid,
               size_t n)
{
    put_header(s, first, version, dcid, scid);
    put_varint(s, n);
    seal_fill(s, 0x5a, n);
}

void seal_crypto(struct seal *frames, uint32_t offset, const void *data, size_t n)
{
    seal_fill(frames, 6, 1);
    put_be(frames, 0x80000000u | offset, 4);
    put_varint(frames, n);
    seal_bytes(frames, data, n);
}

/* AES-128-GCM and header protection over the packet that begins at `start`, whose packet number is
 * at `number_at` and whose frames follow it. */
static void protect(struct seal *s, size_t start, size_t number_at, uint64_t number,
                    unsigned number_bytes, const struct quic_side_keys *k)
{
    uint8_t *packet = s->p + start, *body = s->p + number_at + number_bytes;
    size_t len = s->len - number_at - number_bytes;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t nonce[12], mask[16];
    int n;

    memcpy(nonce, k->iv, sizeof nonce);
    for (unsigned i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(number >> (8 * i));
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, k->key, nonce) == 1);
    CHECK(EVP_EncryptUpdate(c, NULL, &n, packet, (int)(body - packet)) == 1);
    CHECK(EVP_EncryptUpdate(c, body, &n, body, (int)len) == 1);
    CHECK(EVP_EncryptFinal_ex(c, body + n, &n) == 1);
    seal_fill(s, 0, TAG_BYTES);
    CHECK(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, body + len) == 1);
    CHECK(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, k->hp, NULL) == 1);
    CHECK(EVP_EncryptUpdate(c, mask, &n, s->p + number_at + 4, 16) == 1);
    EVP_CIPHER_CTX_free(c);
    packet[0] ^= mask[0] & 0x0f;
    for (unsigned i = 0; i < number_bytes; i++)
        s->p[number_at + i] ^= mask[1 + i];
}

void seal_initial(struct seal *s, const struct seal_initial *i)
{
    const struct quic_version *keys_of = quic_version_find(i->keys);
    bool v2 = keys_of->layout == QUIC_LAYOUT_V2;
    size_t start = s->len, number_at, token = i->token ? strlen(i->token) : 0, padding;
    unsigned number_bytes = i->number_bytes > 0 ? i->number_bytes : 2;
    struct quic_cid key_cid = seal_cid(i->key_cid);
    struct quic_keys keys = {.version = NULL};

    put_header(s, (uint8_t)((i->unfixed ? 0x80 : 0xc0) | (v2 ? 0x10 : 0) | (number_bytes - 1)),
               i->version, i->dcid, i->scid);
    CHECK(token < 64);
    seal_fill(s, (uint8_t)token, 1);
    seal_bytes(s, i->token, token);
    padding = s->len + 2 + number_bytes + i->frames_len + TAG_BYTES - start;
    padding = i->padded_to > padding ? i->padded_to - padding : 0;
    put_varint(s, number_bytes + i->frames_len + padding + TAG_BYTES);
    number_at = s->len;
    put_be(s, i->number, number_bytes);
    seal_bytes(s, i->frames, i->frames_len);
    seal_fill(s, 0, padding);
    quic_protect_keys(&keys, keys_of, &key_cid);
    protect(s, start, number_at, i->number, number_bytes, &keys.side[i->side]);
}
