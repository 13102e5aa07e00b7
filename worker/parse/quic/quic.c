/* SPDX-License-Identifier: BSD-3-Clause */
/* QUIC (RFC 9000): what a passive monitor can see of a connection.
 *
 * A connection's first packets are its Initials, which anybody can decrypt; in them is the TLS
 * handshake up to the ServerHello, read by "tls_quic" as a child. All that follows is seen from
 * outside: handshake packets by their header, then packets with a short header, of which nothing
 * but their number can be told. Each packet is a letter of the history, as in Zeek's quic.log; of
 * short headers only the 1st, 2nd, 4th, 8th … of each side.
 *
 * The record is written when the connection is over: at the end of the flow, at a Retry (what comes
 * after it is a record of its own), at a CONNECTION_CLOSE that can be read, or when another
 * connection begins between the same ports; so the analyzer is never done. A flow may also be known
 * as QUIC by what others told: by Alt-Svc, or because its packets carry the connection id of a
 * connection seen before. Then there is a record as well, which says why. */
#include "worker/parse/quic/quic.h"

#include "worker/parse/quic/quic_google.h"
#include "worker/parse/quic/quic_parameters.h"
#include "worker/parse/quic/quic_session.h"

#define SPARED_FROM  64u /* short headers of a side after which more of them tell nothing */
#define VERSIONS_MAX 3u  /* one after the other in a datagram: it may go back to the first */

static void on_short(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side)
{
    struct quic_side *from = &s->side[side];

    if (++from->shorts < from->shorts_next)
        return;
    from->shorts_next *= 2;
    quic_session_history(ctx, s, side, 'O');
    if (from->shorts >= SPARED_FROM && s->side[!side].shorts > 0)
        analyzer_spare(ctx, side, UINT64_MAX);
}

/* Short headers that were spared. */
static void on_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct quic_session *s = state;
    struct quic_side *from = &s->side[side];

    from->shorts += len;
    for (; from->shorts >= from->shorts_next; from->shorts_next *= 2)
        quic_session_history(ctx, s, side, 'O');
}

/* Bytes without the fixed bit: padding behind the packets of a datagram, or something else. */
static void on_discarded(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side)
{
    if (!s->decrypted || s->discarded == QUIC_DISCARDED_MAX)
        return;
    s->discarded++;
    quic_session_history(ctx, s, side, 'X');
}

static void on_retry(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                     const struct quic_packet *p)
{
    /* A client takes one only (RFC 9000 section 17.2.5.2), and has begun again since. */
    if (!s->open && s->retried)
        return;
    quic_session_begin(ctx, s);
    quic_session_history(ctx, s, side, 'R');
    if (!s->has_version)
        quic_session_ids(ctx, s, side, p);
    s->has_retry_scid = true;
    s->retry_scid = p->scid;
    quic_session_log(ctx, s);
    quic_session_retry(ctx, s);
    s->retried = true;
    s->has_retry_scid = s->has_dcid = s->has_version = false;
    s->side[0].has_cid = s->side[1].has_cid = false;
}

static void on_negotiation(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                           const struct quic_packet *p)
{
    quic_session_begin(ctx, s);
    quic_session_history(ctx, s, side, 'U');
    if (!s->has_version)
        quic_session_ids(ctx, s, side, p);
    s->negotiated = true;
}

static void on_protected(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                         const struct quic_packet *p)
{
    quic_session_begin(ctx, s);
    quic_session_history(ctx, s, side, p->type == QUIC_ZERO_RTT ? 'Z' : 'H');
    quic_session_ids(ctx, s, side, p);
    if (p->type == QUIC_HANDSHAKE)
        quic_session_share_id(ctx, s, side);
}

/* A client's packet that is the first of another connection, as its kind alone tells: with a
 * version on offer after its own was refused, or a handshake where only short headers were seen. */
static bool begins_again(const struct quic_session *s, const struct quic_packet *p)
{
    bool refused = s->negotiated || !quic_version_find(s->version);

    if (s->has_version)
        return refused && p->known && p->version != s->version;
    return s->open && p->type == QUIC_INITIAL;
}

static void on_packet(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                      const struct quic_packet *p)
{
    if (side == 0 && begins_again(s, p))
        quic_session_reset(ctx, s);
    if (s->closed && p->type != QUIC_INITIAL)
        return;
    switch (p->type) {
    case QUIC_NEGOTIATION:
        on_negotiation(ctx, s, side, p);
        break;
    case QUIC_RETRY:
        on_retry(ctx, s, side, p);
        break;
    case QUIC_INITIAL:
    case QUIC_UNFAMILIAR:
        if (p->known && p->known->layout == QUIC_LAYOUT_Q046)
            quic_initial_clear(ctx, s, side, p);
        else
            quic_initial(ctx, s, side, p);
        break;
    default:
        on_protected(ctx, s, side, p);
    }
}

/* The fixed bit may be missing where the peer bears that (RFC 9287); Version Negotiation may have
 * any. */
static bool is_packet(const struct quic_session *s, const struct quic_packet *p)
{
    return p->bytes[0] & QUIC_FIXED_BIT || p->type == QUIC_NEGOTIATION ||
           (p->known && (s->greased || (s->has_version && p->version == s->version)));
}

/* What follows the long headers of a datagram: a packet with a short one, or padding. */
static bool is_short(const struct quic_session *s, const struct cursor *rest)
{
    bool zero = cursor_left(rest) < 2 || (rest->p[0] == 0 && rest->p[1] == 0);

    return *rest->p & QUIC_FIXED_BIT || (s->greased && !zero);
}

/* What the packets of a datagram have in common. */
struct datagram {
    struct quic_cid dcid;
    uint32_t version;  /* of the packet before */
    unsigned versions; /* that followed each other, 0: no packet yet */
};

/* A datagram is of one connection (RFC 9000 section 12.2), which has at most two versions (RFC 9368
 * section 2.3). Each other one would cost keys. */
static bool is_of_datagram(struct datagram *d, const struct quic_packet *p)
{
    if (d->versions > 0 && !quic_cid_equal(&d->dcid, &p->dcid))
        return false;
    if (d->versions == 0 || d->version != p->version)
        d->versions++;
    d->dcid = p->dcid;
    d->version = p->version;
    return d->versions <= VERSIONS_MAX;
}

static void long_headers(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                         const uint8_t *data, size_t len)
{
    struct cursor c = cursor_init(data, len);
    struct datagram d = {.versions = 0};
    struct quic_packet p;

    s->coalesced = false;
    while (cursor_left(&c) > 0 && *c.p & QUIC_LONG_FORM) {
        bool fixed = *c.p & QUIC_FIXED_BIT;

        if (!quic_packet_read(&c, &p)) {
            if (fixed)
                analyzer_weird(ctx, WEIRD_QUIC_BAD_PACKET, NULL);
            else
                on_discarded(ctx, s, side);
            return;
        }
        if (!is_packet(s, &p) || !is_of_datagram(&d, &p)) {
            on_discarded(ctx, s, side);
            return;
        }
        on_packet(ctx, s, side, &p);
        s->coalesced |= p.type == QUIC_INITIAL;
    }
    if (cursor_left(&c) == 0)
        return;
    if (is_short(s, &c))
        on_short(ctx, s, side);
    else
        on_discarded(ctx, s, side);
}

/* Up to Q043: a client names the version until it is answered, then the header is short as well. */
static void public_header(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                          const uint8_t *data, size_t len)
{
    struct quic_packet p;

    if (side == 0 && quic_google_read(data, len, &p)) {
        s->google = true;
        quic_initial_clear(ctx, s, side, &p);
    } else {
        on_short(ctx, s, side);
    }
}

/* The usual case first: all but a few of a connection's packets have a short header. */
static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct quic_session *s = state;
    uint8_t form = data[0] & (QUIC_LONG_FORM | QUIC_FIXED_BIT);

    if (form == QUIC_FIXED_BIT && !s->google)
        on_short(ctx, s, side);
    else if (form & QUIC_LONG_FORM && !s->google)
        long_headers(ctx, s, side, data, len);
    else if (s->google || !s->has_version)
        public_header(ctx, s, side, data, len);
    else if (s->greased)
        on_short(ctx, s, side);
    else
        on_discarded(ctx, s, side);
}

static void on_open(struct analyzer_ctx *ctx, void *state)
{
    struct quic_session *s = state;

    (void)ctx;
    s->side[0].shorts_next = s->side[1].shorts_next = 1;
}

static bool is_http3(struct str alpn)
{
    return alpn.len >= 2 && memcmp(alpn.p, "h3", 2) == 0;
}

static void on_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact, struct str text)
{
    struct quic_session *s = state;

    switch (fact) {
    case FACT_SERVER_NAME:
        quic_session_keep(ctx, s, &s->server_name, text);
        break;
    case FACT_ALPN:
        quic_session_keep(ctx, s, &s->alpn, text);
        break;
    case FACT_JA4:
        quic_session_keep(ctx, s, &s->ja4, text);
        break;
    case FACT_TRANSPORT_PARAMETERS:
        quic_session_keep(ctx, s, &s->parameters, text);
        s->greased = quic_parameters_have((const uint8_t *)text.p, text.len, false,
                                          QUIC_PARAMETER_GREASE_BIT);
        break;
    case FACT_LEARNED_ALPN:
        quic_session_begin(ctx, s);
        quic_session_keep(ctx, s, &s->learned, text);
        analyzer_category(ctx, is_http3(text) ? CATEGORY_web_quic : CATEGORY_other_tls);
        break;
    case FACT_PATH_OF:
        quic_session_begin(ctx, s);
        quic_session_keep(ctx, s, &s->path_of, text);
        break;
    default:
        break;
    }
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    analyzer_service(ctx, "quic");
    quic_session_reset(ctx, state);
}

const struct analyzer analyzer_quic = {
    .name = "quic",
    .transports = ANALYZER_UDP,
    .state_bytes = sizeof(struct quic_session),
    .state_max = 0,
    .probe = quic_probe,
    .plausible = quic_plausible,
    .open = on_open,
    .told = on_told,
    .data = on_data,
    .gap = on_gap,
    .close = on_close,
};
