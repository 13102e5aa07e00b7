/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/starttls/starttls_binary.h"

#define MYSQL_VERSION_MAX 64u
#define MYSQL_CLIENT_SSL  0x0800u /* capability flag */
#define MYSQL_SSL_REQUEST 32u     /* bytes: a handshake response that ends before the user name */

static int result(const struct cursor *c, const uint8_t *data)
{
    return cursor_ok(c) ? (int)(c->p - data) : STARTTLS_MORE;
}

/* Whether data is as far as it goes what a protocol begins with. */
static bool agrees(const uint8_t *data, size_t len, const uint8_t *fixed, size_t n)
{
    return memcmp(data, fixed, len < n ? len : n) == 0;
}

/* --- PostgreSQL: SSLRequest or GSSENCRequest, answered by one letter (its manual, chapter on the
 * message flow) --- */

static int postgresql_begins(const uint8_t *data, size_t len)
{
    static const uint8_t head[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16};

    if (!agrees(data, len, head, sizeof head))
        return STARTTLS_OTHER;
    if (len <= sizeof head)
        return STARTTLS_MORE;
    return data[7] == 0x2f || data[7] == 0x30 ? 8 : STARTTLS_OTHER;
}

static int postgresql_answers(const uint8_t *data, size_t len, bool *plain)
{
    if (len == 0)
        return STARTTLS_MORE;
    *plain = data[0] == 'N';
    return data[0] == 'S' || data[0] == 'N' ? 1 : STARTTLS_OTHER;
}

/* --- MySQL: the server greets, a client that wants TLS answers with the short form --- */

static int mysql_begins(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    uint32_t size = cursor_u8(&c);
    size_t n = 0;

    size |= (uint32_t)cursor_le16(&c) << 8;
    if ((len > 2 && (size < 40 || size > 512)) || (len > 3 && cursor_u8(&c) != 0) ||
        (len > 4 && cursor_u8(&c) != 10))
        return STARTTLS_OTHER;
    for (; n < cursor_left(&c) && c.p[n] != 0; n++)
        if (n >= MYSQL_VERSION_MAX || c.p[n] <= ' ' || c.p[n] >= 0x7f ||
            (n == 0 && (c.p[n] < '0' || c.p[n] > '9')))
            return STARTTLS_OTHER;
    c = cursor_init(data, len);
    cursor_skip(&c, size + 4);
    return len > 5 ? result(&c, data) : STARTTLS_MORE;
}

static int mysql_answers(const uint8_t *data, size_t len, bool *plain)
{
    struct cursor c = cursor_init(data, len);
    uint32_t size = cursor_u8(&c), flags;
    uint8_t sequence;

    size |= (uint32_t)cursor_le16(&c) << 8;
    sequence = cursor_u8(&c);
    flags = cursor_le16(&c);
    if (!cursor_ok(&c))
        return STARTTLS_MORE;
    if (sequence != 1)
        return STARTTLS_OTHER;
    *plain = size != MYSQL_SSL_REQUEST || !(flags & MYSQL_CLIENT_SSL);
    c = cursor_init(data, len);
    cursor_skip(&c, size + 4);
    return *plain ? (int)len : result(&c, data);
}

/* --- LDAP: an extended request and its response (RFC 4511 sections 4.12 and 4.14) --- */

/* A BER header with this tag; lengths as long as such messages need them. */
static bool ber_header(struct cursor *c, uint8_t tag, size_t *n)
{
    bool same = cursor_u8(c) == tag;
    uint8_t length = cursor_u8(c);

    *n = length;
    if (length == 0x81)
        *n = cursor_u8(c);
    else if (length == 0x82)
        *n = cursor_be16(c);
    else if (length == 0x84)
        *n = cursor_be32(c);
    else if (length >= 0x80)
        same = false;
    return same || !cursor_ok(c);
}

/* A whole LDAPMessage with this operation; *c is left at the operation's content. */
static int ldap_message(struct cursor *c, const uint8_t *data, uint8_t operation)
{
    size_t n, total;

    if (!ber_header(c, 0x30, &n) || (cursor_ok(c) && (n < 7 || n > 1024)))
        return STARTTLS_OTHER;
    total = (size_t)(c->p - data) + n;
    if (!ber_header(c, 0x02, &n) || (cursor_ok(c) && (n < 1 || n > 4)))
        return STARTTLS_OTHER;
    cursor_skip(c, n);
    if (!ber_header(c, operation, &n))
        return STARTTLS_OTHER;
    return cursor_ok(c) ? (int)total : STARTTLS_MORE;
}

static int ldap_begins(const uint8_t *data, size_t len)
{
    static const char oid[] = "\x80\x16"
                              "1.3.6.1.4.1.1466.20037";
    struct cursor c = cursor_init(data, len);
    int total = ldap_message(&c, data, 0x77);
    size_t left = cursor_left(&c);

    if (total <= 0)
        return total;
    if (left > sizeof oid - 1)
        left = sizeof oid - 1;
    if (left > 0 && memcmp(c.p, oid, left) != 0)
        return STARTTLS_OTHER;
    return left == sizeof oid - 1 && len >= (size_t)total ? total : STARTTLS_MORE;
}

static int ldap_answers(const uint8_t *data, size_t len, bool *plain)
{
    struct cursor c = cursor_init(data, len);
    int total = ldap_message(&c, data, 0x78);
    size_t n;

    if (total <= 0)
        return total;
    if (!ber_header(&c, 0x0a, &n) || (cursor_ok(&c) && n != 1))
        return STARTTLS_OTHER;
    *plain = cursor_u8(&c) != 0; /* resultCode: success */
    return cursor_ok(&c) && len >= (size_t)total ? total : STARTTLS_MORE;
}

/* --- RDP: X.224 connection request and confirm with a negotiation ([MS-RDPBCGR] sections 2.2.1.1
 * and 2.2.1.2) --- */

/* A TPKT that holds an X.224 TPDU of this kind; *c is left behind its fixed part. */
static int rdp_message(struct cursor *c, uint8_t kind)
{
    static const uint8_t tpkt[] = {3, 0};
    size_t have = cursor_left(c) < 2 ? cursor_left(c) : 2;
    uint16_t total;
    uint8_t rest, got;

    if (!agrees(c->p, have, tpkt, sizeof tpkt))
        return STARTTLS_OTHER;
    cursor_skip(c, 2);
    total = cursor_be16(c);
    rest = cursor_u8(c);
    got = cursor_u8(c);
    if (cursor_ok(c) && (got != kind || total < 11 || rest + 5 != total))
        return STARTTLS_OTHER;
    cursor_skip(c, 5); /* references and class */
    return cursor_ok(c) ? total : STARTTLS_MORE;
}

static int rdp_begins(const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    int total = rdp_message(&c, 0xe0);
    const uint8_t *negotiation;

    if (total <= 0)
        return total;
    if (len < (size_t)total)
        return STARTTLS_MORE;
    /* The last eight bytes, behind a cookie or a token if there is one. */
    negotiation = total >= 19 ? data + total - 8 : NULL;
    return negotiation && negotiation[0] == 1 && negotiation[2] == 8 && negotiation[3] == 0
               ? total
               : STARTTLS_OTHER;
}

static int rdp_answers(const uint8_t *data, size_t len, bool *plain)
{
    struct cursor c = cursor_init(data, len);
    int total = rdp_message(&c, 0xd0);
    uint8_t type;

    if (total <= 0)
        return total;
    if (total < 19)
        return STARTTLS_OTHER;
    type = cursor_u8(&c);
    cursor_skip(&c, 3);
    *plain = type != 2 || cursor_u8(&c) == 0; /* a response that selects more than RDP's own */
    return cursor_ok(&c) && len >= (size_t)total ? total : STARTTLS_MORE;
}

const struct starttls_binary starttls_binaries[STARTTLS_BINARIES] = {
    {"postgresql", false, postgresql_begins, postgresql_answers},
    {"mysql", true, mysql_begins, mysql_answers},
    {"ldap_tcp", false, ldap_begins, ldap_answers},
    {"rdp", false, rdp_begins, rdp_answers},
};

enum probe_result starttls_binary_probe(const uint8_t *data, size_t len, unsigned *which)
{
    enum probe_result r = PROBE_NO;

    if (len == 0)
        return PROBE_MORE;
    for (unsigned i = 0; i < STARTTLS_BINARIES; i++) {
        int n = starttls_binaries[i].begins(data, len);

        if (n > 0) {
            *which = i;
            return starttls_binaries[i].server_first ? PROBE_SERVER : PROBE_CLIENT;
        }
        if (n == STARTTLS_MORE)
            r = PROBE_MORE;
    }
    return r;
}
