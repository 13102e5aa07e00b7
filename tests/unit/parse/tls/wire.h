/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes TLS bytes for tests: lengths are filled in when what they count is complete. */
#ifndef SPLIFF_TESTS_TLS_WIRE_H
#define SPLIFF_TESTS_TLS_WIRE_H

#include "common/base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_BYTES 4096u

struct wire {
    uint8_t p[WIRE_BYTES];
    size_t len;
};

static inline void wire_bytes(struct wire *w, const void *data, size_t n)
{
    CHECK(w->len + n <= WIRE_BYTES);
    if (n > 0)
        memcpy(w->p + w->len, data, n);
    w->len += n;
}

static inline void wire_fill(struct wire *w, uint8_t byte, size_t n)
{
    CHECK(w->len + n <= WIRE_BYTES);
    memset(w->p + w->len, byte, n);
    w->len += n;
}

/* v in `width` bytes. */
static inline void wire_be(struct wire *w, uint32_t v, unsigned width)
{
    for (unsigned i = width; i-- > 0;)
        wire_fill(w, (uint8_t)(v >> 8 * i), 1);
}

/* Leaves room for a length of `width` bytes; wire_end with the place returned fills it in. */
static inline size_t wire_begin(struct wire *w, unsigned width)
{
    wire_fill(w, 0, width);
    return w->len;
}

static inline void wire_end(struct wire *w, size_t place, unsigned width)
{
    size_t n = w->len - place;

    for (unsigned i = 0; i < width; i++)
        w->p[place - 1 - i] = (uint8_t)(n >> 8 * i);
}

/* A record of n bytes. */
static inline void wire_record(struct wire *w, uint8_t content, const void *body, size_t n)
{
    wire_be(w, content, 1);
    wire_be(w, 0x0303, 2);
    wire_be(w, (uint32_t)n, 2);
    wire_bytes(w, body, n);
}

static inline void wire_handshake(struct wire *w, uint8_t type, const void *body, size_t n)
{
    wire_be(w, type, 1);
    wire_be(w, (uint32_t)n, 3);
    wire_bytes(w, body, n);
}

/* A handshake message in a record of its own. */
static inline void wire_handshake_record(struct wire *w, uint8_t type, const void *body, size_t n)
{
    struct wire message = {.len = 0};

    wire_handshake(&message, type, body, n);
    wire_record(w, 22, message.p, message.len);
}

static inline void wire_change_cipher(struct wire *w)
{
    wire_record(w, 20, "\x01", 1);
}

/* A record of `content` whose n bytes mean nothing. */
static inline void wire_ciphertext(struct wire *w, uint8_t content, size_t n)
{
    struct wire body = {.len = 0};

    wire_fill(&body, 0xee, n);
    wire_record(w, content, body.p, body.len);
}

static inline void wire_extension(struct wire *w, uint16_t type, const void *body, size_t n)
{
    wire_be(w, type, 2);
    wire_be(w, (uint32_t)n, 2);
    wire_bytes(w, body, n);
}

/* What a hello says; zero: leaves it out. */
struct wire_hello {
    uint16_t version;        /* 0: 0x0303 */
    uint16_t cipher;         /* ServerHello; 0: c02f */
    uint8_t session_id_len;  /* bytes of value 0x5a */
    const char *server_name; /* ClientHello */
    const char *alpn[3];
    uint16_t supported_version;
    uint16_t key_share_group; /* ServerHello */
    uint16_t other_extension; /* of ClientHello */
    const char *other_body;   /* its body; NULL: empty */
    uint8_t other_len;        /* of the body; 0: it is text */
    bool ticket;
    bool psk;
    bool retry; /* ServerHello */
};

static inline void wire_server_name(struct wire *w, const char *name)
{
    size_t ext, list, one;

    wire_be(w, 0, 2);
    ext = wire_begin(w, 2);
    list = wire_begin(w, 2);
    wire_be(w, 0, 1);
    one = wire_begin(w, 2);
    wire_bytes(w, name, strlen(name));
    wire_end(w, one, 2);
    wire_end(w, list, 2);
    wire_end(w, ext, 2);
}

static inline void wire_alpn(struct wire *w, const char *const names[3])
{
    size_t ext, list;

    wire_be(w, 16, 2);
    ext = wire_begin(w, 2);
    list = wire_begin(w, 2);
    for (unsigned i = 0; i < 3 && names[i]; i++) {
        wire_be(w, (uint32_t)strlen(names[i]), 1);
        wire_bytes(w, names[i], strlen(names[i]));
    }
    wire_end(w, list, 2);
    wire_end(w, ext, 2);
}

/* Body of a ClientHello. */
static inline void wire_client_hello(struct wire *w, const struct wire_hello *h)
{
    size_t place;

    wire_be(w, h->version ? h->version : 0x0303, 2);
    wire_fill(w, 0x11, 32);
    wire_be(w, h->session_id_len, 1);
    wire_fill(w, 0x5a, h->session_id_len);
    if (h->version >> 8 == 0xfe)
        wire_bytes(w, "\x03yum", 4); /* cookie of DTLS */
    place = wire_begin(w, 2);
    wire_bytes(w, "\x0a\x0a\x13\x01\xc0\x2f\x00\x2f", 8); /* GREASE first */
    wire_end(w, place, 2);
    wire_bytes(w, "\x01\x00", 2);
    place = wire_begin(w, 2);
    if (h->server_name)
        wire_server_name(w, h->server_name);
    wire_extension(w, 10, "\x00\x04\x00\x1d\x00\x17", 6);
    wire_extension(w, 13, "\x00\x04\x04\x03\x08\x04", 6);
    if (h->alpn[0])
        wire_alpn(w, h->alpn);
    if (h->ticket)
        wire_extension(w, 35, "ticket", 6);
    if (h->supported_version) {
        uint8_t list[5] = {4, 0xfa, 0xfa, (uint8_t)(h->supported_version >> 8),
                           (uint8_t)h->supported_version};
        wire_extension(w, 43, list, sizeof list);
    }
    if (h->other_extension)
        wire_extension(w, h->other_extension, h->other_body,
                       h->other_body && !h->other_len ? strlen(h->other_body) : h->other_len);
    if (h->psk)
        wire_extension(w, 41, "\x00\x00", 2);
    wire_end(w, place, 2);
}

/* SHA-256("HelloRetryRequest"), RFC 8446 section 4.1.3. */
static const uint8_t wire_retry_random[32] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

/* Body of a ServerHello. */
static inline void wire_server_hello(struct wire *w, const struct wire_hello *h)
{
    size_t place;

    wire_be(w, h->version ? h->version : 0x0303, 2);
    if (h->retry)
        wire_bytes(w, wire_retry_random, 32);
    else
        wire_fill(w, 0x22, 32);
    wire_be(w, h->session_id_len, 1);
    wire_fill(w, 0x5a, h->session_id_len);
    wire_be(w, h->cipher ? h->cipher : 0xc02f, 2);
    wire_be(w, 0, 1);
    place = wire_begin(w, 2);
    if (h->alpn[0])
        wire_alpn(w, h->alpn);
    if (h->supported_version) {
        uint8_t v[2] = {(uint8_t)(h->supported_version >> 8), (uint8_t)h->supported_version};
        wire_extension(w, 43, v, sizeof v);
    }
    if (h->key_share_group) {
        uint8_t share[5] = {(uint8_t)(h->key_share_group >> 8), (uint8_t)h->key_share_group, 0, 1,
                            7};
        wire_extension(w, 51, share, h->retry ? 2 : sizeof share);
    }
    if (h->psk)
        wire_extension(w, 41, "\x00\x00", 2);
    wire_end(w, place, 2);
}

/* Records that carry the hellos. */
static inline void wire_client_hello_record(struct wire *w, const struct wire_hello *h)
{
    struct wire body = {.len = 0};

    wire_client_hello(&body, h);
    wire_handshake_record(w, 1, body.p, body.len);
}

static inline void wire_server_hello_record(struct wire *w, const struct wire_hello *h)
{
    struct wire body = {.len = 0};

    wire_server_hello(&body, h);
    wire_handshake_record(w, 2, body.p, body.len);
}

#endif
