/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of the QUIC connection on a flow, until its record is written. Private to
 * parse/quic.
 *
 *   quic.c          datagrams of a flow -> packets -> letters of the history
 *   quic_initial.c  Initial packets -> CRYPTO bytes -> the TLS reader
 *   quic_session.c  facts -> quic record */
#ifndef SPLIFF_PARSE_QUIC_SESSION_H
#define SPLIFF_PARSE_QUIC_SESSION_H

#include "worker/analyzer.h"
#include "worker/parse/quic/quic_packet.h"
#include "worker/parse/quic/quic_protect.h"
#include "worker/parse/quic/quic_stream.h"

#define QUIC_HISTORY_MAX     100u /* letters, as Zeek */
#define QUIC_DISCARDED_MAX   100u /* of them X */
#define QUIC_FACTS_BYTES_MAX (16u * 1024)

/* Where in `facts` something lies; n 0: it was not told. */
struct quic_fact {
    uint32_t at;
    uint32_t len;
};

/* Handshake messages of a side, of which only type and length are looked at (RFC 8446 section 4).
 */
struct quic_messages {
    uint8_t header[4];
    uint8_t header_len;
    uint32_t left; /* of the present message */
};

struct quic_side {
    struct quic_stream crypto;
    struct quic_messages messages;
    uint64_t largest;      /* packet number of its Initials */
    uint64_t shorts;       /* packets with a short header */
    uint64_t shorts_next;  /* so many get the next letter */
    struct quic_cid cid;   /* that it chose */
    struct quic_cid known; /* of these, the last that the host was told of */
    bool has_cid;
    bool hello; /* its ClientHello or ServerHello was seen whole */
};

struct quic_session {
    uint64_t ts_ns;   /* of the first packet of the record */
    uint32_t version; /* of its first long header */
    bool open;        /* there is something to write */
    bool has_version; /* one with a long header, or Google's header */
    bool closed;      /* its end was seen, and written */
    bool retried;     /* a Retry was seen, and written; the client begins again */
    bool negotiated;  /* the client's version was refused */
    bool keyed;       /* key_cid is set: the Initial keys come from it */
    bool decrypted;   /* an Initial was: it is QUIC for sure */
    bool tried;       /* keys of other versions, for a version that is unfamiliar */
    bool greased;     /* the client bears packets without the fixed bit (RFC 9287) */
    bool coalesced;   /* another Initial stands before the present packet in its datagram */
    bool google;      /* Google's public header: packets have no forms as RFC 8999 has */
    bool has_dcid, has_retry_scid;
    uint8_t discarded;
    uint8_t history_len;
    char history[QUIC_HISTORY_MAX];
    bool has_child; /* one was asked for, with the first bytes of the handshake */
    int child;      /* reader of the handshake; 0: none, or no room for it */
    struct quic_cid dcid, retry_scid, key_cid;
    struct quic_keys keys;
    struct quic_side side[2];
    struct membuf facts;
    struct quic_fact server_name, alpn, ja4, parameters, path_of, learned;
};

/* A record begins with the present packet, unless one has. */
void quic_session_begin(struct analyzer_ctx *ctx, struct quic_session *s);

/* Adds a letter: upper case for side 0. */
void quic_session_history(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                          char letter);

/* Version and connection ids of a packet with a long header. */
void quic_session_ids(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                      const struct quic_packet *p);

/* Tells the host the id that a side has chosen: packets to it may carry it. */
void quic_session_share_id(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side);

/* Keeps a copy of a text. */
void quic_session_keep(struct analyzer_ctx *ctx, struct quic_session *s, struct quic_fact *fact,
                       struct str text);

/* Emits what is known, once. */
void quic_session_log(struct analyzer_ctx *ctx, struct quic_session *s);

/* After a Retry: the same hello comes again, under other keys. */
void quic_session_retry(struct analyzer_ctx *ctx, struct quic_session *s);

/* Another connection begins on the flow, or the flow ends: writes, forgets, gives back. */
void quic_session_reset(struct analyzer_ctx *ctx, struct quic_session *s);

/* quic_initial.c: what an Initial packet holds, if it can be decrypted. May reset the session: the
 * packet may be the first of another connection. Adds the letters. */
void quic_initial(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                  const struct quic_packet *p);

/* The same for Google's packets before encryption. */
void quic_initial_clear(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                        const struct quic_packet *p);

#endif
