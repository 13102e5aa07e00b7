/* SPDX-License-Identifier: BSD-3-Clause */
/* Both hellos are read leniently: what stands before the extensions must be whole, but one broken
 * extension only marks the hello as malformed, since real stacks differ and an observer wants the
 * server's name even from a client that its server refuses. */
#include "worker/parse/tls/tls_hello.h"

#include "worker/parse/tls/tls_names.h"

#include <errno.h>

#define RANDOM_BYTES 32
#define ECH_OUTER    0 /* RFC 9849 section 5: type of the hello that everybody can read */

/* The random of a ServerHello that really is a HelloRetryRequest: SHA-256("HelloRetryRequest"). */
static const uint8_t retry_random[RANDOM_BYTES] = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static struct str cursor_str(struct cursor *c, size_t n)
{
    const uint8_t *p = cursor_bytes(c, n);

    return str_make(p, p ? n : 0);
}

static struct cursor list8(struct cursor *c)
{
    return cursor_sub(c, cursor_u8(c));
}

static struct cursor list16(struct cursor *c)
{
    return cursor_sub(c, cursor_be16(c));
}

bool tls_extension_next(struct cursor *c, uint16_t *type, struct cursor *body)
{
    if (cursor_left(c) == 0)
        return false;
    *type = cursor_be16(c);
    *body = list16(c);
    return cursor_ok(c);
}

bool tls_alpn_next(struct cursor *c, struct str *name)
{
    if (cursor_left(c) == 0)
        return false;
    *name = cursor_str(c, cursor_u8(c));
    return cursor_ok(c);
}

/* RFC 6066 section 3: a list of typed names, of which only host_name (0) was ever defined. */
static struct str parse_server_name(struct cursor *ext)
{
    struct cursor list = list16(ext);

    while (cursor_left(&list) > 0) {
        uint8_t type = cursor_u8(&list);
        struct str name = cursor_str(&list, cursor_be16(&list));

        if (type == 0 && cursor_ok(&list))
            return name;
    }
    ext->error |= list.error;
    return (struct str){"", 0};
}

/* DTLS counts down. */
static bool version_is_newer(uint16_t v, uint16_t than)
{
    return than == 0 || (tls_version_is_dtls(v) ? v < than : v > than);
}

static uint16_t parse_supported_versions(struct cursor *ext)
{
    struct cursor list = list8(ext);
    uint16_t best = 0;

    while (cursor_left(&list) >= 2) {
        uint16_t v = cursor_be16(&list);

        if (!tls_is_grease(v) && version_is_newer(v, best))
            best = v;
    }
    return best;
}

static void client_extension(struct tls_client_hello *h, uint16_t type, struct cursor *ext)
{
    uint16_t version;

    switch (type) {
    case TLS_EXT_SERVER_NAME:
        h->has_server_name = true;
        if (cursor_left(ext) > 0)
            h->server_name = parse_server_name(ext);
        break;
    case TLS_EXT_SUPPORTED_GROUPS:
        h->groups = list16(ext);
        break;
    case TLS_EXT_EC_POINT_FORMATS:
        h->point_formats = list8(ext);
        break;
    case TLS_EXT_SIGNATURE_ALGORITHMS:
        h->signature_algorithms = list16(ext);
        break;
    case TLS_EXT_ALPN:
        h->alpn = list16(ext);
        break;
    case TLS_EXT_SESSION_TICKET:
        h->has_ticket = cursor_left(ext) > 0;
        break;
    case TLS_EXT_SUPPORTED_VERSIONS:
        version = parse_supported_versions(ext);
        if (version)
            h->version = version;
        break;
    case TLS_EXT_PRE_SHARED_KEY:
        h->psk = true;
        break;
    case TLS_EXT_ENCRYPTED_HELLO:
        h->ech = cursor_u8(ext) == ECH_OUTER && cursor_ok(ext);
        break;
    case TLS_EXT_QUIC_PARAMETERS:
    case TLS_EXT_QUIC_PARAMETERS_OLD:
        h->transport_parameters = cursor_str(ext, cursor_left(ext));
        break;
    default:
        break;
    }
}

int tls_hello_parse_client(const void *body, size_t len, struct tls_client_hello *h)
{
    struct cursor c = cursor_init(body, len), rest, ext;
    uint16_t type;

    memset(h, 0, sizeof *h);
    h->legacy_version = cursor_be16(&c);
    h->version = h->legacy_version;
    cursor_skip(&c, RANDOM_BYTES);
    h->session_id = cursor_str(&c, cursor_u8(&c));
    if (tls_version_is_dtls(h->legacy_version))
        (void)list8(&c); /* cookie (RFC 6347 section 4.2.1) */
    h->ciphers = list16(&c);
    if (!cursor_ok(&c))
        return -EBADMSG;
    (void)list8(&c); /* compression methods */
    if (cursor_left(&c) == 0) {
        h->malformed = !cursor_ok(&c);
        return 0;
    }
    h->extensions = list16(&c);
    h->malformed = !cursor_ok(&c);
    rest = h->extensions;
    while (tls_extension_next(&rest, &type, &ext)) {
        client_extension(h, type, &ext);
        h->malformed |= !cursor_ok(&ext);
    }
    h->malformed |= !cursor_ok(&rest);
    return 0;
}

static void server_extension(struct tls_server_hello *h, uint16_t type, struct cursor *ext)
{
    struct cursor list;

    switch (type) {
    case TLS_EXT_ALPN:
        list = list16(ext);
        tls_alpn_next(&list, &h->alpn);
        break;
    case TLS_EXT_SUPPORTED_VERSIONS:
        h->version = cursor_be16(ext);
        break;
    case TLS_EXT_PRE_SHARED_KEY:
        h->psk = true;
        break;
    case TLS_EXT_KEY_SHARE:
    case TLS_EXT_KEY_SHARE_OLD:
        h->group = cursor_be16(ext);
        break;
    default:
        break;
    }
}

int tls_hello_parse_server(const void *body, size_t len, struct tls_server_hello *h)
{
    struct cursor c = cursor_init(body, len), rest, ext;
    const uint8_t *random;
    uint16_t type;
    bool early_draft;

    memset(h, 0, sizeof *h);
    h->legacy_version = cursor_be16(&c);
    h->version = h->legacy_version;
    random = cursor_bytes(&c, RANDOM_BYTES);
    /* Before draft 22 TLS 1.3 had neither session id nor compression here. */
    early_draft = h->version >> 8 == 0x7f && (h->version & 0xff) < 22;
    if (!early_draft)
        h->session_id = cursor_str(&c, cursor_u8(&c));
    h->cipher = cursor_be16(&c);
    if (!early_draft)
        cursor_skip(&c, 1);
    if (!cursor_ok(&c))
        return -EBADMSG;
    h->retry = memcmp(random, retry_random, RANDOM_BYTES) == 0;
    if (cursor_left(&c) == 0)
        return 0;
    h->extensions = list16(&c);
    h->malformed = !cursor_ok(&c);
    rest = h->extensions;
    while (tls_extension_next(&rest, &type, &ext)) {
        server_extension(h, type, &ext);
        h->malformed |= !cursor_ok(&ext);
    }
    h->malformed |= !cursor_ok(&rest);
    return 0;
}

int tls_hello_parse_sslv2(const void *body, size_t len, struct tls_client_hello *h)
{
    struct cursor c = cursor_init(body, len);
    size_t ciphers, session_id, challenge;

    memset(h, 0, sizeof *h);
    h->legacy_version = cursor_be16(&c);
    h->version = h->legacy_version;
    ciphers = cursor_be16(&c);
    session_id = cursor_be16(&c);
    challenge = cursor_be16(&c);
    cursor_skip(&c, ciphers);
    h->session_id = cursor_str(&c, session_id);
    cursor_skip(&c, challenge);
    return cursor_ok(&c) ? 0 : -EBADMSG;
}
