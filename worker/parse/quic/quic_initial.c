/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial packets: keys, frames, and the handshake bytes in them.
 *
 * The keys of both sides come from the connection id to which the client sends its first Initial.
 * That one may not have been captured, a Retry may have been missed, and another connection may
 * begin on the same flow. So a client's Initial that the present keys do not open is tried with its
 * own connection id as well: if that fits, it is the first of something. */
#include "worker/parse/quic/quic_session.h"

#include "worker/parse/quic/quic_frame.h"
#include "worker/parse/quic/quic_google.h"

#define CLIENT_HELLO 1u
#define SERVER_HELLO 2u

struct reader {
    struct analyzer_ctx *ctx;
    struct quic_session *s;
    unsigned side;
    bool google; /* the handshake is Google's */
};

/* A whole message has gone by. The TLS reader tells nothing of a ServerHello, nor of a second
 * hello, and the history has a letter for each: so the messages are counted here as well. */
static void message_end(struct reader *r)
{
    struct quic_side *side = &r->s->side[r->side];
    uint8_t type = side->messages.header[0];

    side->messages.header_len = 0;
    if (type != (r->side == 0 ? CLIENT_HELLO : SERVER_HELLO))
        return;
    side->hello = true;
    quic_session_history(r->ctx, r->s, r->side, 'S');
}

static void messages_follow(struct reader *r, const uint8_t *data, size_t len)
{
    struct quic_messages *m = &r->s->side[r->side].messages;

    while (len > 0) {
        size_t n;

        if (m->header_len < sizeof m->header) {
            m->header[m->header_len++] = *data++;
            len--;
            if (m->header_len < sizeof m->header)
                continue;
            m->left = (bytes_be32(m->header)) & 0xffffff;
        }
        n = len < m->left ? len : m->left;
        data += n;
        len -= n;
        m->left -= (uint32_t)n;
        if (m->left == 0)
            message_end(r);
    }
}

static void google_hello(struct reader *r, const uint8_t *data, size_t len)
{
    struct str name;

    if (!quic_google_is_hello(data, len))
        return;
    r->s->side[r->side].hello = true;
    quic_session_history(r->ctx, r->s, r->side, 'S');
    analyzer_category(r->ctx, CATEGORY_web_quic); /* it carried nothing else */
    name = quic_google_server_name(data, len);
    if (name.len > 0)
        quic_session_keep(r->ctx, r->s, &r->s->server_name, name);
}

static void on_handshake(void *arg, const uint8_t *data, size_t len)
{
    struct reader *r = arg;

    if (r->google) {
        google_hello(r, data, len);
        return;
    }
    if (!r->s->has_child) {
        r->s->has_child = true;
        r->s->child = analyzer_child_open(r->ctx, "tls_quic");
    }
    analyzer_child_data(r->ctx, r->s->child, r->side, data, len);
    messages_follow(r, data, len);
}

static void frame_take(struct reader *r, const struct quic_frame *f)
{
    struct quic_stream *crypto = &r->s->side[r->side].crypto;

    if (f->kind == QUIC_FRAME_CLOSE) {
        quic_session_history(r->ctx, r->s, r->side, 'C');
        r->s->closed = true;
    } else if (quic_stream_add(crypto, r->ctx->bufs, f->offset, f->data, f->len, on_handshake, r) <
               0) {
        analyzer_weird(r->ctx, WEIRD_QUIC_CRYPTO_BOUND, NULL);
    }
}

static void frames_read(struct reader *r, const struct quic_packet *p, struct cursor frames)
{
    struct quic_frame f;

    if (p->known && p->known->google_frames) {
        bool big_endian = quic_google_big_endian(p->version);

        while (!r->s->closed && quic_frame_next_google(&frames, big_endian, &f))
            frame_take(r, &f);
        return;
    }
    while (!r->s->closed && quic_frame_next(&frames, &f))
        frame_take(r, &f);
    if (!cursor_ok(&frames))
        analyzer_weird(r->ctx, WEIRD_QUIC_BAD_FRAME, NULL);
}

/* With the keys of the connection, in the packet's version, which need not be that of the packets
 * before it (RFC 9368 section 2.3). */
static bool open_with(struct quic_session *s, unsigned side, const struct quic_version *version,
                      const struct quic_cid *cid, const struct quic_packet *p,
                      struct quic_plain *plain)
{
    if (s->keys.version != version || !quic_cid_equal(&s->keys.dcid, cid))
        quic_protect_keys(&s->keys, version, cid);
    return quic_protect_open(&s->keys, side, p, s->side[side].largest, plain);
}

static void key_by(struct quic_session *s, const struct quic_cid *cid)
{
    s->keyed = true;
    s->key_cid = *cid;
    s->side[0].largest = s->side[1].largest = 0;
}

/* A version that nobody knows may be protected like one that is known: clients that provoke a
 * negotiation do so. Tried once. */
static bool open_unfamiliar(struct quic_session *s, const struct quic_packet *p,
                            struct quic_plain *plain)
{
    static const uint32_t likely[] = {QUIC_VERSION_1, 0xff00001d};

    if (s->tried || p->number_at == 0)
        return false;
    s->tried = true;
    for (unsigned i = 0; i < sizeof likely / sizeof likely[0]; i++)
        if (open_with(s, 0, quic_version_find(likely[i]), &p->dcid, p, plain))
            return true;
    return false;
}

/* A client's Initial that only its own connection id opens. All of a datagram have the same. */
static bool open_as_first(struct analyzer_ctx *ctx, struct quic_session *s,
                          const struct quic_packet *p, struct quic_plain *plain)
{
    bool same = !s->closed && !s->side[1].hello &&
                (!s->side[0].has_cid || quic_cid_equal(&s->side[0].cid, &p->scid));
    struct quic_keys own;

    if (s->coalesced || p->dcid.len == 0 || quic_cid_equal(&p->dcid, &s->key_cid))
        return false;
    quic_protect_keys(&own, p->known, &p->dcid);
    if (!quic_protect_open(&own, 0, p, s->side[0].largest, plain))
        return false;
    if (same)
        quic_session_retry(ctx, s);
    else
        quic_session_reset(ctx, s);
    s->keys = own;
    key_by(s, &p->dcid);
    return true;
}

static bool open_initial(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                         const struct quic_packet *p, struct quic_plain *plain)
{
    if (!p->known)
        return side == 0 && open_unfamiliar(s, p, plain);
    if (!s->keyed) {
        if (side == 1)
            return false;
        key_by(s, &p->dcid);
    }
    if (open_with(s, side, p->known, &s->key_cid, p, plain))
        return true;
    return side == 0 && open_as_first(ctx, s, p, plain);
}

void quic_initial(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                  const struct quic_packet *p)
{
    struct quic_plain plain;
    bool opened = open_initial(ctx, s, side, p, &plain);
    struct reader r = {ctx, s, side, p->known && p->known->google_crypto};

    if (s->closed)
        return;
    quic_session_begin(ctx, s);
    quic_session_history(ctx, s, side, p->known ? 'I' : 'U');
    quic_session_ids(ctx, s, side, p);
    if (!opened)
        return;
    /* Only a packet whose tag was right may tell of ids and numbers. */
    s->decrypted = true;
    if (plain.number > s->side[side].largest)
        s->side[side].largest = plain.number;
    frames_read(&r, p, cursor_init(plain.frames, plain.len));
    quic_session_share_id(ctx, s, side); /* what it is for is known by now */
    if (s->closed)
        quic_session_log(ctx, s);
}

void quic_initial_clear(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                        const struct quic_packet *p)
{
    struct reader r = {ctx, s, side, true};

    quic_session_begin(ctx, s);
    quic_session_history(ctx, s, side, 'I');
    quic_session_ids(ctx, s, side, p);
    frames_read(&r, p, quic_google_frames(p));
    s->closed = false; /* nobody vouches for a frame in clear */
}
