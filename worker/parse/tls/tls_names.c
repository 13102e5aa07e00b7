/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/tls/tls_names.h"

struct name {
    uint32_t code;
    struct str text;
};

#define NAME(code, name) {code, {#name, sizeof #name - 1}},

static const struct name ciphers[] = {
#define TLS_CIPHER(code, name)   NAME(code, name)
#define SSLV2_CIPHER(code, name) NAME(code, name)
#define TLS_GROUP(code, name)
#define TLS_ALERT(code, name)
#include "worker/parse/tls/tls_names.def"
#undef TLS_CIPHER
#undef SSLV2_CIPHER
#undef TLS_GROUP
};

static const struct name groups[] = {
#define TLS_CIPHER(code, name)
#define SSLV2_CIPHER(code, name)
#define TLS_GROUP(code, name) NAME(code, name)
#include "worker/parse/tls/tls_names.def"
#undef TLS_GROUP
#undef TLS_ALERT
};

static const struct name alerts[] = {
#define TLS_GROUP(code, name)
#define TLS_ALERT(code, name) NAME(code, name)
#include "worker/parse/tls/tls_names.def"
};

static struct str name_numbered(const char *prefix, uint32_t number, char *out)
{
    char room[STR_DECIMAL_BYTES];
    struct str digits = str_decimal(number, room);
    size_t n = strlen(prefix);

    memcpy(out, prefix, n);
    memcpy(out + n, digits.p, digits.len);
    return str_make(out, n + digits.len);
}

static struct str name_find(const struct name *names, size_t n, uint32_t code, char *out)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (names[mid].code == code)
            return names[mid].text;
        if (names[mid].code < code)
            low = mid + 1;
        else
            high = mid;
    }
    return name_numbered("unknown-", code, out);
}

#define FIND(names, code, out) name_find(names, sizeof names / sizeof names[0], code, out)

struct str tls_cipher_name(uint32_t cipher, char *out)
{
    return FIND(ciphers, cipher, out);
}

struct str tls_group_name(uint16_t group, char *out)
{
    return FIND(groups, group, out);
}

struct str tls_alert_name(uint8_t alert, char *out)
{
    return FIND(alerts, alert, out);
}

bool tls_version_is_13(uint16_t version)
{
    /* 0x7f: IETF drafts; 0x7e and 0xfb: experiments of browsers with the drafts. */
    return version == TLS_V13 || version == DTLS_V13 || version >> 8 == 0x7f ||
           version >> 8 == 0x7e || version >> 8 == 0xfb;
}

struct str tls_version_name(uint16_t version, char *out)
{
    switch (version) {
    case SSL_V2:
        return STR_LIT("SSLv2");
    case SSL_V3:
        return STR_LIT("SSLv3");
    case TLS_V10:
        return STR_LIT("TLSv10");
    case TLS_V11:
        return STR_LIT("TLSv11");
    case TLS_V12:
        return STR_LIT("TLSv12");
    case TLS_V13:
        return STR_LIT("TLSv13");
    case DTLS_V10_OPENSSL:
        return STR_LIT("DTLSv10-openssl");
    case DTLS_V10:
        return STR_LIT("DTLSv10");
    case DTLS_V12:
        return STR_LIT("DTLSv12");
    case DTLS_V13:
        return STR_LIT("DTLSv13");
    default:
        if (version >> 8 == 0x7f)
            return name_numbered("TLSv13-draft", version & 0xff, out);
        return name_numbered("unknown-", version, out);
    }
}
