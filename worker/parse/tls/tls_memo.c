/* SPDX-License-Identifier: BSD-3-Clause */
/* Fingerprints say which program a client or server is, so the same few come again and again, and
 * the digests of a hello take several times as long as to see that it is known. What the
 * fingerprints are made of is put together as a key, and a table of fixed size keeps the last
 * result for each place that a key may have.
 *
 * In a key lists follow each other, each closed by a value of RFC 8701 (GREASE), which none of them
 * has: those that were sent are left out, as both fingerprints do. A hello whose key is too long is
 * not remembered. Which place a key has is no secret: who makes others' hellos lose theirs has them
 * digested, as all would be without the table. */
#include "worker/parse/tls/tls_memo.h"

#include "worker/parse/tls/tls_names.h"

#include <string.h>

#define SLOTS     256u /* a power of two */
#define KEY_MAX   216u /* values */
#define LIST_ENDS 0x0a0a

struct key {
    uint16_t values[KEY_MAX];
    uint32_t n; /* more than KEY_MAX: it is not whole */
};

static struct client_slot {
    struct key key; /* n 0: empty */
    char ja3[TLS_JA3_BYTES], ja4[TLS_JA4_BYTES];
} client_slots[SLOTS];

static struct server_slot {
    struct key key;
    char ja3s[TLS_JA3_BYTES];
} server_slots[SLOTS];

static void key_add(struct key *k, uint16_t value)
{
    if (k->n < KEY_MAX)
        k->values[k->n] = value;
    k->n++;
}

/* A list of values of `width` bytes. */
static void key_add_values(struct key *k, struct cursor list, size_t width)
{
    while (cursor_left(&list) >= width) {
        uint16_t v = width == 2 ? cursor_be16(&list) : cursor_u8(&list);

        if (!tls_is_grease(v))
            key_add(k, v);
    }
    key_add(k, LIST_ENDS);
}

static void key_add_extensions(struct key *k, struct cursor extensions)
{
    struct cursor body;
    uint16_t type;

    while (tls_extension_next(&extensions, &type, &body))
        if (!tls_is_grease(type))
            key_add(k, type);
    key_add(k, LIST_ENDS);
}

/* The ends of the first name. */
static void key_add_alpn(struct key *k, struct cursor alpn)
{
    struct str name;

    if (tls_alpn_next(&alpn, &name) && name.len > 0) {
        key_add(k, (uint8_t)name.p[0]);
        key_add(k, (uint8_t)name.p[name.len - 1]);
    }
    key_add(k, LIST_ENDS);
}

static void client_key_make(struct key *k, const struct tls_client_hello *h, char transport)
{
    k->n = 0;
    key_add(k, (uint16_t)((uint8_t)transport << 8 | h->has_server_name));
    key_add(k, h->legacy_version);
    key_add(k, h->version);
    key_add_values(k, h->ciphers, 2);
    key_add_extensions(k, h->extensions);
    key_add_values(k, h->groups, 2);
    key_add_values(k, h->point_formats, 1);
    key_add_values(k, h->signature_algorithms, 2);
    key_add_alpn(k, h->alpn);
}

static void server_key_make(struct key *k, const struct tls_server_hello *h)
{
    k->n = 0;
    key_add(k, h->legacy_version);
    key_add(k, h->cipher);
    key_add_extensions(k, h->extensions);
}

static uint32_t slot_of(const struct key *k)
{
    uint32_t hash = 0;

    for (uint32_t i = 0; i < k->n; i++)
        hash = (hash ^ k->values[i]) * 0x9e3779b1u;
    return hash >> 24 & (SLOTS - 1);
}

/* Whether *slot_key is the key; if not, it becomes that. */
static bool key_take(struct key *slot_key, const struct key *key)
{
    size_t bytes = key->n * sizeof key->values[0];

    if (slot_key->n == key->n && memcmp(slot_key->values, key->values, bytes) == 0)
        return true;
    memcpy(slot_key->values, key->values, bytes);
    slot_key->n = key->n;
    return false;
}

void tls_memo_fingerprints(const struct tls_client_hello *h, char transport,
                           char ja3[TLS_JA3_BYTES], char ja4[TLS_JA4_BYTES])
{
    struct client_slot *s;
    struct key key;

    client_key_make(&key, h, transport);
    if (key.n > KEY_MAX) {
        tls_fingerprint_ja3(h, ja3);
        tls_fingerprint_ja4(h, transport, ja4);
        return;
    }
    s = &client_slots[slot_of(&key)];
    if (!key_take(&s->key, &key)) {
        tls_fingerprint_ja3(h, s->ja3);
        tls_fingerprint_ja4(h, transport, s->ja4);
    }
    memcpy(ja3, s->ja3, TLS_JA3_BYTES);
    memcpy(ja4, s->ja4, TLS_JA4_BYTES);
}

void tls_memo_ja3s(const struct tls_server_hello *h, char ja3s[TLS_JA3_BYTES])
{
    struct server_slot *s;
    struct key key;

    server_key_make(&key, h);
    if (key.n > KEY_MAX) {
        tls_fingerprint_ja3s(h, ja3s);
        return;
    }
    s = &server_slots[slot_of(&key)];
    if (!key_take(&s->key, &key))
        tls_fingerprint_ja3s(h, s->ja3s);
    memcpy(ja3s, s->ja3s, TLS_JA3_BYTES);
}
