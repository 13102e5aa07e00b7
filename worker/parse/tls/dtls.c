/* SPDX-License-Identifier: BSD-3-Clause */
/* DTLS (RFC 6347; 1.3: RFC 9147): TLS over datagrams, so a record begins where a datagram does, may
 * be lost, doubled or late, and handshake messages are numbered and come in fragments.
 *
 * A message is read once, as soon as it is whole; what comes of it again is a retransmission and
 * says nothing new. So loss costs what was lost and nothing after it. That a late ServerHello is
 * read after the key exchange costs the curve, which is not worth holding messages back for.
 *
 * Up to 1.2 the epoch in a record's header says whether it is encrypted. In 1.3 records that are
 * encrypted have a header of their own (RFC 9147 section 4), which may carry a connection id of a
 * length that only the ends know: then what follows it in the datagram is not looked at.
 *
 * Where media flows beside it (WebRTC) the same ports carry STUN and RTP as well, told apart by the
 * first byte (RFC 7983): their datagrams are left alone. */
#include "worker/parse/tls/dtls.h"

#include "worker/parse/tls/tls.h"
#include "worker/parse/tls/tls_session.h"

struct dtls_session {
    struct tls_session tls;
    struct dtls_fragments fragments[2];
};

enum {
    DEMUX_FIRST = 20, /* RFC 7983 section 7: first bytes of DTLS */
    DEMUX_LAST = 63,
    UNIFIED_FIRST = 0x20, /* RFC 9147 section 4: 001CSLEE */
    UNIFIED_CID = 0x10,
    UNIFIED_SEQ16 = 0x08,
    UNIFIED_LENGTH = 0x04,
    UNIFIED_EPOCH = 0x03,
    EPOCH_EARLY_DATA = 1,
};

static void on_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    ((struct dtls_session *)state)->tls.carrier = TLS_OVER_DTLS;
}

static void bad_handshake(struct analyzer_ctx *ctx)
{
    analyzer_weird(ctx, WEIRD_TLS_BAD_HANDSHAKE, "DTLS fragment");
}

/* A fragment of a message that is neither whole nor read before. */
static void read_piece(struct analyzer_ctx *ctx, struct dtls_session *d, unsigned side,
                       const struct dtls_fragment *piece)
{
    struct dtls_fragments *f = &d->fragments[side];
    bool refused;
    struct dtls_message *m = dtls_fragment_add(f, ctx->bufs, piece, &refused);

    if (refused)
        analyzer_weird(ctx, WEIRD_TLS_HANDSHAKE_BOUND, "DTLS");
    if (!m)
        return;
    dtls_fragment_done(f, piece);
    tls_handshake_message(ctx, &d->tls, side, m->type, m->p, m->len);
    dtls_fragment_release(m, ctx->bufs);
}

static void read_fragment(struct analyzer_ctx *ctx, struct dtls_session *d, unsigned side,
                          const struct dtls_fragment *piece)
{
    struct dtls_fragments *f = &d->fragments[side];

    if (piece->seq >= DTLS_SEQ_MAX) {
        bad_handshake(ctx);
    } else if (dtls_fragment_is_known(f, piece)) {
        return;
    } else if (!tls_handshake_is_read(piece->type) || piece->message_len > DTLS_MESSAGE_MAX) {
        dtls_fragment_done(f, piece);
        tls_handshake_skipped(ctx, &d->tls, side, piece->type, piece->message_len);
    } else if (piece->len == piece->message_len) {
        dtls_fragment_done(f, piece);
        tls_handshake_message(ctx, &d->tls, side, piece->type, piece->data, piece->len);
    } else {
        read_piece(ctx, d, side, piece);
    }
}

static void read_handshake(struct analyzer_ctx *ctx, struct dtls_session *d, unsigned side,
                           struct cursor body)
{
    struct dtls_fragment piece;

    while (cursor_left(&body) > 0) {
        if (!dtls_fragment_next(&body, &piece)) {
            bad_handshake(ctx);
            return;
        }
        read_fragment(ctx, d, side, &piece);
    }
}

static void read_ciphertext(struct tls_session *s, unsigned side, size_t len)
{
    struct tls_side *from = &s->sides[side];

    from->encrypted = true;
    from->record_left = (uint16_t)len; /* what the session counts */
    tls_session_ciphertext(s, side);
    from->record_left = 0;
}

static void read_record(struct analyzer_ctx *ctx, struct dtls_session *d, unsigned side,
                        struct dtls_record *r)
{
    struct tls_session *s = &d->tls;

    if (r->epoch > 0) {
        read_ciphertext(s, side, cursor_left(&r->body));
        return;
    }
    switch (r->content) {
    case TLS_HANDSHAKE:
        read_handshake(ctx, d, side, r->body);
        break;
    case TLS_CHANGE_CIPHER_SPEC:
        if (!s->sides[side].encrypted) /* not one that is sent again */
            tls_session_change_cipher(s, side);
        break;
    case TLS_ALERT_RECORD:
        cursor_skip(&r->body, 1); /* level */
        if (cursor_left(&r->body) == 1)
            tls_session_alert(s, side, cursor_u8(&r->body));
        break;
    case TLS_HEARTBEAT:
        tls_session_history(s, side, 'B');
        break;
    default:
        break;
    }
}

/* An encrypted record of DTLS 1.3. False if the next one cannot be found. */
static bool read_unified(struct tls_session *s, unsigned side, struct cursor *c)
{
    uint8_t flags = cursor_u8(c);
    bool more = !(flags & UNIFIED_CID) && (flags & UNIFIED_LENGTH);
    size_t len = cursor_left(c);

    if (more) {
        cursor_skip(c, flags & UNIFIED_SEQ16 ? 2 : 1);
        len = cursor_be16(c);
        cursor_skip(c, len);
    }
    /* Early data says nothing of the handshake. */
    if (cursor_ok(c) && (flags & UNIFIED_EPOCH) != EPOCH_EARLY_DATA)
        read_ciphertext(s, side, len);
    return more && cursor_ok(c);
}

/* Returns false when the rest of the datagram cannot be read. */
static bool read_next(struct analyzer_ctx *ctx, struct dtls_session *d, unsigned side,
                      struct cursor *c)
{
    struct dtls_record r;

    if (*c->p >= UNIFIED_FIRST && d->tls.version == 0)
        return false; /* of 1.3, if a ServerHello was missed */
    if (*c->p >= UNIFIED_FIRST && d->tls.version == DTLS_V13)
        return read_unified(&d->tls, side, c);
    if (!dtls_record_next(c, &r)) {
        analyzer_weird(ctx, WEIRD_TLS_BAD_RECORD, "DTLS");
        return false;
    }
    read_record(ctx, d, side, &r);
    return true;
}

static void session_close(struct analyzer_ctx *ctx, struct dtls_session *d)
{
    tls_session_close(ctx, &d->tls);
    for (unsigned side = 0; side < 2; side++)
        dtls_fragment_fini(&d->fragments[side], ctx->bufs);
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct dtls_session *d = state;
    struct cursor c = cursor_init(data, len);
    bool more = true;

    if (len == 0 || data[0] < DEMUX_FIRST || data[0] > DEMUX_LAST)
        return;
    d->tls.sides[side].started = true;
    while (more && cursor_left(&c) > 0 && !d->tls.sides[side].over) {
        more = read_next(ctx, d, side, &c);
        tls_session_settle(ctx, &d->tls);
    }
    if (d->tls.sides[side].over)
        session_close(ctx, d);
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    session_close(ctx, state);
}

const struct analyzer analyzer_dtls = {
    .name = "dtls",
    .transports = ANALYZER_UDP,
    .state_bytes = sizeof(struct dtls_session),
    .state_max = 65536,
    .probe = dtls_probe,
    .open = on_open,
    .data = on_data,
    .close = on_close,
};
