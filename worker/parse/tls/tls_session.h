/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of one TLS connection, and the layers that fill it. Private to parse/tls.
 *
 *   tls_record.c     bytes of a side -> records -> handshake bytes, alerts, ciphertext
 *   tls_sslv2.c      the same for SSLv2, and for clients that say hello in its form
 *   tls_handshake.c  handshake bytes -> messages
 *   tls_session.c    messages -> facts about the session
 *   tls_log.c        facts -> ssl record
 *   tls.c            the analyzer over TCP: when a session begins and ends
 *   tls_quic.c       the analyzer inside QUIC, which has no records: starts at tls_handshake.c
 *   dtls.c           the analyzer over UDP, with records and fragments of its own
 *
 * Sides are those of the analyzer (0 originator); who is client is told by the hellos. */
#ifndef SPLIFF_PARSE_TLS_SESSION_H
#define SPLIFF_PARSE_TLS_SESSION_H

#include "worker/analyzer.h"
#include "worker/parse/tls/tls_fingerprint.h"
#include "worker/parse/tls/tls_names.h"

#define TLS_RECORD_HEADER_BYTES 5u
#define TLS_RECORD_BODY_MAX     (16384u + 2048u) /* RFC 5246 section 6.2.3 */
#define TLS_CONTENT_MAX         63u              /* content types end here (RFC 9443 section 3) */
#define TLS_MESSAGE_MAX         (128u * 1024)    /* a handshake message that is held whole */
#define TLS_CHAIN_MAX           16u              /* certificates of a chain that are looked at */
#define TLS_HISTORY_MAX         15u              /* letters in ssl_history */
#define TLS_SERVER_NAME_MAX     1024u            /* bytes that are kept; longer names are cut */
#define TLS_ALPN_MAX            512u             /* of a client's list; later names are left out */
/* One side alone says nothing new after so much ciphertext: the other one is not on this link. */
#define TLS_LONE_SIDE_BYTES (64u * 1024)

enum tls_content {
    TLS_CHANGE_CIPHER_SPEC = 20,
    TLS_ALERT_RECORD = 21,
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
    TLS_HEARTBEAT = 24,
};

/* Where in `facts` something lies. */
struct tls_slice {
    uint32_t at;
    uint32_t len;
};

struct tls_side {
    struct membuf message;  /* what is there of an unfinished handshake or SSLv2 message */
    uint32_t message_bytes; /* its length with its header; 0 until that is there */
    uint32_t skip_bytes;    /* still to come of a handshake message that is not looked at */
    uint32_t cipher_bytes; /* ciphertext that record headers announced, up to TLS_LONE_SIDE_BYTES */
    uint16_t record_left;  /* bytes of the present record still to come */
    uint8_t header[TLS_RECORD_HEADER_BYTES];
    uint8_t header_len;
    uint8_t content;  /* of the present record: enum tls_content */
    uint8_t alert[2]; /* level, description */
    uint8_t alert_len;
    bool started;   /* bytes were seen */
    bool sslv2;     /* its records are SSLv2's */
    bool clear;     /* the present record is not encrypted */
    bool encrypted; /* what follows is ciphertext */
    bool over;      /* nothing more can be read: gap, not TLS, or finished */
};

/* What carries the session: says how its JA4 begins and what its ALPN names mean. */
enum tls_carrier { TLS_OVER_TCP, TLS_OVER_QUIC, TLS_OVER_DTLS };

struct tls_session {
    struct tls_side sides[2];
    struct membuf facts; /* strings and hashes for the record, by slice */
    struct tls_slice server_name, client_alpn, next_protocol, transport_parameters;
    struct tls_slice chain[2]; /* SHA-256 values; [0] the client's, [1] the server's */
    uint64_t ts_ns;            /* of the first hello */
    uint32_t cipher;
    uint16_t version; /* negotiated; 0 not yet known */
    uint16_t group;
    uint8_t carrier;     /* enum tls_carrier */
    uint8_t client_side; /* which side is the client */
    uint8_t session_id[32], session_id_len;
    uint8_t last_alert;
    uint8_t sni_match; /* enum x509_match */
    uint8_t history_len;
    char history[TLS_HISTORY_MAX];
    char ja3[TLS_JA3_BYTES], ja3s[TLS_JA3_BYTES], ja4[TLS_JA4_BYTES];
    bool client_known; /* client_side was told by a hello */
    bool client_hello, server_hello;
    bool has_cipher, has_alert;
    bool retry;               /* a HelloRetryRequest was seen */
    bool ech;                 /* an Encrypted Client Hello, or an imitation, was offered */
    bool ticket;              /* a session ticket or pre-shared key was offered */
    bool ticket_no_id;        /* a ticket was offered with an empty session id */
    bool client_key_exchange; /* so it is a full handshake */
    bool chain_seen[2];
    bool resumed, established;
    bool emitted;
};

/* Record layer. Takes a record's header, or what is there of its body, from bytes of a side that is
 * not over; returns how many it took (len > 0, result > 0). Bytes that make no sense end the side,
 * with a weird. */
size_t tls_record_data(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                       const uint8_t *data, size_t len);
void tls_record_gap(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side, uint64_t len);

/* The same for a side whose records are SSLv2's. */
size_t tls_sslv2_data(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                      const uint8_t *data, size_t len);

/* Takes at most one handshake message, or what is there of it, from bytes of a side that is not
 * over, cut anywhere and without any record framing; returns how many it took (len > 0, result >
 * 0). */
size_t tls_handshake_next(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                          const uint8_t *data, size_t len);

/* One message whose framing is not TLS's: whether its body is wanted; if so the whole body, else
 * only the length that it has. */
bool tls_handshake_is_read(uint8_t type);
void tls_handshake_message(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           uint8_t type, const uint8_t *body, size_t len);
void tls_handshake_skipped(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           uint8_t type, uint32_t len);

/* Pure: the first bytes of a direction (analyzer.h). */
enum probe_result tls_probe(const uint8_t *data, size_t len, uint8_t transport);

/* tls_session.c: what the layers report. */

/* A ClientHello of either form. The first one that is seen decides who is client; the fingerprints
 * and names are those of the first hello, since a second one only answers a HelloRetryRequest. */
void tls_session_client_hello(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                              const struct tls_client_hello *h);

/* The ServerHello of `side` was read: the other one is the client, unless a ClientHello has told.
 */
void tls_session_server_seen(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side);

/* The next certificate of a side's chain: logs it and keeps its hash. der is borrowed. */
void tls_session_chain_add(struct analyzer_ctx *ctx, struct tls_session *s, unsigned side,
                           const uint8_t *der, size_t len);

/* A ChangeCipherSpec: what the side sends from here on is ciphertext. */
void tls_session_change_cipher(struct tls_session *s, unsigned side);

/* A record of ciphertext begins (record_left is set): with both sides encrypting, this proves that
 * the handshake succeeded. */
void tls_session_ciphertext(struct tls_session *s, unsigned side);

/* An alert in clear. */
void tls_session_alert(struct tls_session *s, unsigned side, uint8_t description);

/* To be called after every step of the input: closes s, and says that the analyzer is done, when
 * nothing more can be learned. */
void tls_session_settle(struct analyzer_ctx *ctx, struct tls_session *s);

/* Adds a letter to ssl_history: upper case if the client sent it. */
void tls_session_history(struct tls_session *s, unsigned side, char letter);

/* Emits what is known, once, and gives the buffers back; no side is read any more. */
void tls_session_close(struct analyzer_ctx *ctx, struct tls_session *s);

/* The bytes of a slice, borrowed from s until something is kept or s is closed. */
struct str tls_session_str(const struct tls_session *s, struct tls_slice slice);

/* Copies bytes into facts; an empty slice when there is no memory. */
struct tls_slice tls_session_keep(struct analyzer_ctx *ctx, struct tls_session *s, const void *data,
                                  size_t len);

#endif
