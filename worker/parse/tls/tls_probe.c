/* SPDX-License-Identifier: BSD-3-Clause */
/* Is this TLS? By content alone. A handshake begins with a hello in a record, or with a hello of
 * SSLv2 form, or (where only the server's side is seen) with an alert. In the middle of a
 * connection there is nothing but the five bytes of application data's headers: two of them in a
 * row, the second exactly where the first says, make it TLS. */
#include "worker/parse/tls/tls_session.h"

enum { HELLO_CLIENT = 1, HELLO_SERVER = 2, SSLV2_CLIENT_HELLO = 1, SSLV2_SERVER_HELLO = 4 };

/* Version, random and the shortest of the rest: a ServerHello of an early draft of TLS 1.3. */
#define HELLO_BYTES_MIN 36u

/* 16 03 xx length, hello type, length, version 03 xx. A hello may be cut into records smaller than
 * its own header: then only what the first record holds can speak. */
static enum probe_result probe_handshake(struct cursor c, uint16_t record_len)
{
    enum probe_result yes;
    uint32_t len;
    uint8_t type = cursor_u8(&c), major;

    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (type != HELLO_CLIENT && type != HELLO_SERVER)
        return PROBE_NO;
    yes = type == HELLO_CLIENT ? PROBE_CLIENT : PROBE_SERVER;
    if (record_len < 5)
        return yes;
    len = cursor_be24(&c);
    major = cursor_u8(&c);
    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (len < HELLO_BYTES_MIN || len > TLS_MESSAGE_MAX)
        return PROBE_NO;
    /* Not only 3: ServerHellos of TLS 1.3's drafts have numbers of their own. */
    return major == 3 || tls_version_is_13((uint16_t)(major << 8)) ? yes : PROBE_NO;
}

static enum probe_result probe_alert(struct cursor c, uint16_t record_len)
{
    uint8_t level = cursor_u8(&c), description = cursor_u8(&c);

    if (record_len != 2)
        return PROBE_NO;
    if (!cursor_ok(&c))
        return PROBE_MORE;
    return (level == 1 || level == 2) && description <= 121 ? PROBE_EITHER : PROBE_NO;
}

static enum probe_result probe_application_data(struct cursor c, uint16_t record_len)
{
    uint16_t version, len;
    uint8_t content;

    cursor_skip(&c, record_len);
    content = cursor_u8(&c);
    version = cursor_be16(&c);
    len = cursor_be16(&c);
    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (content != TLS_APPLICATION_DATA && content != TLS_ALERT_RECORD)
        return PROBE_NO;
    return version >= TLS_V10 && version <= TLS_V12 && len > 0 && len <= TLS_RECORD_BODY_MAX
               ? PROBE_EITHER
               : PROBE_NO;
}

static enum probe_result probe_sslv2_client(struct cursor c, uint16_t len)
{
    uint16_t version = cursor_be16(&c), ciphers = cursor_be16(&c);
    uint16_t session_id = cursor_be16(&c), challenge = cursor_be16(&c);

    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (version != SSL_V2 && (version < SSL_V3 || version > TLS_V12))
        return PROBE_NO;
    if (ciphers == 0 || ciphers % 3 != 0 || session_id > 32 || challenge < 16 || challenge > 32)
        return PROBE_NO;
    return len == 9u + ciphers + session_id + challenge ? PROBE_CLIENT : PROBE_NO;
}

static enum probe_result probe_sslv2_server(struct cursor c, uint16_t len)
{
    uint8_t hit = cursor_u8(&c), certificate_type = cursor_u8(&c);
    uint16_t version = cursor_be16(&c), certificate = cursor_be16(&c);
    uint16_t ciphers = cursor_be16(&c), connection_id = cursor_be16(&c);

    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (version != SSL_V2 || hit > 1 || certificate_type > 1 || ciphers % 3 != 0)
        return PROBE_NO;
    return len == 11u + certificate + ciphers + connection_id ? PROBE_SERVER : PROBE_NO;
}

static enum probe_result probe_sslv2(struct cursor c)
{
    uint16_t len = cursor_be16(&c) & 0x7fff;
    uint8_t type = cursor_u8(&c);

    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (type == SSLV2_CLIENT_HELLO)
        return probe_sslv2_client(c, len);
    if (type == SSLV2_SERVER_HELLO)
        return probe_sslv2_server(c, len);
    return PROBE_NO;
}

enum probe_result tls_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct cursor c = cursor_init(data, len);
    uint8_t content, major, minor;
    uint16_t record_len;

    if (transport != ANALYZER_TCP)
        return PROBE_NO;
    if (len == 0)
        return PROBE_MORE;
    if (data[0] & 0x80)
        return probe_sslv2(c);
    content = cursor_u8(&c);
    major = cursor_u8(&c);
    minor = cursor_u8(&c);
    record_len = cursor_be16(&c);
    if (content < TLS_ALERT_RECORD || content > TLS_APPLICATION_DATA)
        return PROBE_NO;
    if ((len > 1 && major != 3) || (len > 2 && minor > 4))
        return PROBE_NO;
    if (!cursor_ok(&c))
        return PROBE_MORE;
    if (record_len == 0 || record_len > TLS_RECORD_BODY_MAX)
        return PROBE_NO;
    switch (content) {
    case TLS_HANDSHAKE:
        return probe_handshake(c, record_len);
    case TLS_ALERT_RECORD:
        return probe_alert(c, record_len);
    default:
        return probe_application_data(c, record_len);
    }
}
