/* SPDX-License-Identifier: BSD-3-Clause */
/* ClientHello and ServerHello: bytes of one whole handshake message -> what they say.
 *
 * Pure functions over the message's body (without its four header bytes), whatever carried it: TLS
 * records, an SSLv2 record, QUIC's CRYPTO frames. Everything in the results is borrowed from it. */
#ifndef SPLIFF_PARSE_TLS_HELLO_H
#define SPLIFF_PARSE_TLS_HELLO_H

#include "common/base/cursor.h"
#include "common/base/str.h"

#include <stdbool.h>
#include <stdint.h>

/* Extension numbers that are looked at (IANA, TLS ExtensionType Values). */
enum tls_extension {
    TLS_EXT_SERVER_NAME = 0,
    TLS_EXT_SUPPORTED_GROUPS = 10,
    TLS_EXT_EC_POINT_FORMATS = 11,
    TLS_EXT_SIGNATURE_ALGORITHMS = 13,
    TLS_EXT_ALPN = 16,
    TLS_EXT_SESSION_TICKET = 35,
    TLS_EXT_KEY_SHARE_OLD = 40, /* before draft 23 of TLS 1.3 */
    TLS_EXT_PRE_SHARED_KEY = 41,
    TLS_EXT_SUPPORTED_VERSIONS = 43,
    TLS_EXT_KEY_SHARE = 51,
    TLS_EXT_QUIC_PARAMETERS = 57,
    TLS_EXT_ENCRYPTED_HELLO = 0xfe0d,
    TLS_EXT_QUIC_PARAMETERS_OLD = 0xffa5, /* before draft 33 of QUIC */
};

/* Cursors over lists whose length was read and checked; empty where the message has none. */
struct tls_client_hello {
    uint16_t legacy_version;
    uint16_t version; /* the highest one offered, GREASE apart */
    struct str session_id;
    struct cursor ciphers;              /* 16 bits each; none in an SSLv2 hello */
    struct cursor extensions;           /* as tls_extension_next reads them */
    struct cursor groups;               /* 16 bits each */
    struct cursor point_formats;        /* 8 bits each */
    struct cursor signature_algorithms; /* 16 bits each */
    struct cursor alpn;                 /* as tls_alpn_next reads them */
    struct str server_name;             /* first host name; len 0 if none */
    struct str transport_parameters;    /* QUIC's (RFC 9000 section 18); len 0 if none */
    bool has_server_name;               /* the extension is there, even if empty */
    bool has_ticket;                    /* offers a session ticket (RFC 5077) */
    bool psk;                           /* offers a pre-shared key (RFC 8446 section 4.2.11) */
    bool ech; /* outer hello of an Encrypted Client Hello (RFC 9849 section 5), or GREASE like it */
    bool malformed; /* an extension does not parse; the rest was read */
};

struct tls_server_hello {
    uint16_t legacy_version;
    uint16_t version; /* the one chosen */
    uint16_t cipher;
    uint16_t group; /* of its key share, 0 if none (TLS 1.3) */
    struct str session_id;
    struct cursor extensions;
    struct str alpn; /* the protocol chosen; len 0 if none */
    bool psk;        /* takes the pre-shared key: resumption in TLS 1.3 */
    bool retry;      /* a HelloRetryRequest (RFC 8446 section 4.1.4) */
    bool malformed;
};

/* RFC 8446 section 4.1.2; of DTLS, RFC 6347 section 4.3.2, if its version says so. 0, or -EBADMSG
 * if there is not even a whole list of cipher suites. */
int tls_hello_parse_client(const void *body, size_t len, struct tls_client_hello *h);

/* RFC 8446 section 4.1.3, RFC 5246 section 7.4.1.3. 0, or -EBADMSG if there is no cipher suite. */
int tls_hello_parse_server(const void *body, size_t len, struct tls_server_hello *h);

/* The ClientHello of SSLv2 form, after its message type, whether it asks for SSLv2 or for more
 * (RFC 5246 appendix E.2). 0 or -EBADMSG. */
int tls_hello_parse_sslv2(const void *body, size_t len, struct tls_client_hello *h);

/* The next extension, and moves over it. False at the end, or (with c's error set) if it is cut. */
bool tls_extension_next(struct cursor *c, uint16_t *type, struct cursor *body);

/* The next name of an ALPN list (RFC 7301 section 3.1). False at the end or if it is cut. */
bool tls_alpn_next(struct cursor *c, struct str *name);

#endif
