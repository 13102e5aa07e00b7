/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/socks/socks_message.h"

#define METHODS_MAX   16u /* that a client offers; real ones offer one to four */
#define TEXT_MAX      255u
#define REPLY4_BYTES  8
#define GRANTED4      0x5a /* 0x5b to 0x5d refuse */
#define REFUSED4_LAST 0x5d

/* Address types (RFC 1928 section 5). */
enum { ADDRESS_V4 = 1, ADDRESS_NAME = 3, ADDRESS_V6 = 4 };

static bool is_name(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] <= ' ' || p[i] >= 0x7f)
            return false;
    return n > 0;
}

/* The end of a read: more bytes may help if the input ran out. */
static int result(const struct cursor *c, const uint8_t *data)
{
    return cursor_ok(c) ? (int)(c->p - data) : SOCKS_MORE;
}

/* Methods that are assigned by IANA, or private; each once. */
static bool methods_ok(const uint8_t *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((m[i] > 9 && m[i] < 0x80) || m[i] == SOCKS_METHOD_REFUSED)
            return false;
        for (size_t j = 0; j < i; j++)
            if (m[j] == m[i])
                return false;
    }
    return n > 0 && n <= METHODS_MAX;
}

int socks_greeting_read(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c), n = cursor_u8(&c);
    size_t have = cursor_left(&c) < n ? cursor_left(&c) : n;

    if (!cursor_ok(&c))
        return len > 0 && version != 5 ? SOCKS_BAD : SOCKS_MORE;
    if (version != 5 || n == 0 || n > METHODS_MAX || (have > 0 && !methods_ok(c.p, have)))
        return SOCKS_BAD;
    cursor_skip(&c, n);
    return result(&c, data);
}

int socks_user_read(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c);

    cursor_skip(&c, cursor_u8(&c));
    cursor_skip(&c, cursor_u8(&c));
    return len > 0 && version != 1 ? SOCKS_BAD : result(&c, data);
}

/* Address and port as requests and replies have them; false if the type is none. */
static bool address_read(struct cursor *c, struct socks_request *r)
{
    const uint8_t *p;
    size_t n;

    switch (cursor_u8(c)) {
    case ADDRESS_V4:
        if ((p = cursor_bytes(c, 4)))
            ipaddr_set_v4(&r->addr, p);
        break;
    case ADDRESS_V6:
        if ((p = cursor_bytes(c, sizeof r->addr.b)))
            memcpy(r->addr.b, p, sizeof r->addr.b);
        break;
    case ADDRESS_NAME:
        n = cursor_u8(c);
        p = cursor_bytes(c, n);
        if (p && !is_name(p, n))
            return false;
        if (p)
            r->name = str_make(p, n);
        break;
    default:
        return !cursor_ok(c);
    }
    r->port = cursor_be16(c);
    return true;
}

int socks_request5_read(const uint8_t *data, size_t len, struct socks_request *r)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c), reserved;

    memset(r, 0, sizeof *r);
    r->command = cursor_u8(&c);
    reserved = cursor_u8(&c);
    if (len > 0 && version != 5)
        return SOCKS_BAD;
    if (cursor_ok(&c) &&
        (r->command < SOCKS_CONNECT || r->command > SOCKS_UDP_ASSOCIATE || reserved != 0))
        return SOCKS_BAD;
    return address_read(&c, r) ? result(&c, data) : SOCKS_BAD;
}

/* A text up to its NUL. False if it cannot be one: too long, or other than printable. */
static bool text_read(struct cursor *c, struct str *text)
{
    const uint8_t *p = c->p;
    size_t left = cursor_left(c), n = 0;

    while (n < left && n <= TEXT_MAX && p[n] > ' ' && p[n] < 0x7f)
        n++;
    if (n == left || n > TEXT_MAX || p[n] != 0) {
        c->error = true;
        return n == left && n <= TEXT_MAX;
    }
    *text = str_make(p, n);
    cursor_skip(c, n + 1);
    return true;
}

int socks_request4_read(const uint8_t *data, size_t len, struct socks_request *r)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c);
    const uint8_t *addr;
    struct str user;

    memset(r, 0, sizeof *r);
    r->command = cursor_u8(&c);
    r->port = cursor_be16(&c);
    addr = cursor_bytes(&c, 4);
    if (len > 0 && version != 4)
        return SOCKS_BAD;
    if (len > 1 && r->command != SOCKS_CONNECT && r->command != SOCKS_BIND)
        return SOCKS_BAD;
    if (!addr)
        return SOCKS_MORE;
    ipaddr_set_v4(&r->addr, addr);
    if ((addr[0] == 0 && (bytes_be32(addr) == 0 || bytes_be32(addr) > 0xff)) ||
        (r->port == 0 && r->command == SOCKS_CONNECT) || !text_read(&c, &user))
        return SOCKS_BAD;
    /* 0.0.0.x says that a name follows: SOCKS 4a */
    if (addr[0] == 0 && cursor_ok(&c) &&
        (!text_read(&c, &r->name) || (cursor_ok(&c) && r->name.len == 0)))
        return SOCKS_BAD;
    return result(&c, data);
}

int socks_choice_read(const uint8_t *data, size_t len, uint8_t *method)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c);

    *method = cursor_u8(&c);
    return len > 0 && version != 5 ? SOCKS_BAD : result(&c, data);
}

int socks_status_read(const uint8_t *data, size_t len, bool *success)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c);

    *success = cursor_u8(&c) == 0;
    /* Some proxies answer with SOCKS's version instead of the one of the negotiation. */
    return len > 0 && version != 1 && version != 5 ? SOCKS_BAD : result(&c, data);
}

int socks_reply5_read(const uint8_t *data, size_t len, bool *success)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c), code = cursor_u8(&c), reserved = cursor_u8(&c);
    struct socks_request bound = {.port = 0};

    *success = code == 0;
    if (len > 0 && version != 5)
        return SOCKS_BAD;
    if (cursor_ok(&c) && (code > 8 || reserved != 0))
        return SOCKS_BAD;
    return address_read(&c, &bound) ? result(&c, data) : SOCKS_BAD;
}

int socks_reply4_read(const uint8_t *data, size_t len, bool *success)
{
    struct cursor c = cursor_init(data, len);
    uint8_t version = cursor_u8(&c), code = cursor_u8(&c);

    *success = code == GRANTED4;
    if ((len > 0 && version != 0) || (len > 1 && (code < GRANTED4 || code > REFUSED4_LAST)))
        return SOCKS_BAD;
    cursor_skip(&c, REPLY4_BYTES - 2);
    return result(&c, data);
}

/* Both messages of a server that asks for no authentication, or both of one that refuses the
 * request: its choice alone is too little to know it by. */
static bool is_server5(const uint8_t *data, size_t len, bool *more)
{
    uint8_t method;
    bool success;
    int n = socks_choice_read(data, len, &method), reply;

    *more = false;
    if (n == SOCKS_BAD || (n > 0 && method != SOCKS_METHOD_NONE))
        return false;
    reply = n > 0 ? socks_reply5_read(data + n, len - (size_t)n, &success) : SOCKS_MORE;
    *more = reply == SOCKS_MORE;
    return reply > 0;
}

/* A client waits after its greeting. One that does not goes on with a request or a user name. */
static enum probe_result probe_client5(const uint8_t *data, size_t len)
{
    int n = socks_greeting_read(data, len);

    if (n == SOCKS_MORE)
        return PROBE_MORE;
    if (n == SOCKS_BAD || ((size_t)n < len && data[n] != 5 && data[n] != 1))
        return PROBE_NO;
    return PROBE_CLIENT;
}

enum probe_result socks_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct socks_request r;
    bool more, success;
    int n;

    (void)transport;
    if (len == 0)
        return PROBE_MORE;
    if (data[0] == 5) {
        enum probe_result client = probe_client5(data, len);

        if (client == PROBE_CLIENT || !is_server5(data, len, &more))
            return client == PROBE_NO && more ? PROBE_MORE : client;
        return PROBE_SERVER;
    }
    if (data[0] == 4) {
        n = socks_request4_read(data, len, &r);
        return n == SOCKS_BAD ? PROBE_NO : n == SOCKS_MORE ? PROBE_MORE : PROBE_CLIENT;
    }
    /* Few proxies say more than zeros, and other answers could be anything. */
    n = socks_reply4_read(data, len, &success);
    return n == (int)len && success && bytes_be16(data + 2) == 0 && bytes_be32(data + 4) == 0
               ? PROBE_SERVER
               : PROBE_NO;
}
