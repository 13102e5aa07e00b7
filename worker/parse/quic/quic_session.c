/* SPDX-License-Identifier: BSD-3-Clause */
/* One record of a connection: begun with its first packet, written once, forgotten with the next
 * one that begins between the same ports.
 *
 * What the TLS reader tells (names, fingerprint, parameters) is of any length and there for a few
 * flows only for long, so it lies in one buffer of the worker's memory, and the session has places
 * in it. A Retry does not take it away: the hello that comes again is the same (RFC 9000 section
 * 17.2.5.2), and the TLS reader tells of the first one only. */
#include "worker/parse/quic/quic_session.h"

#include "worker/parse/quic/quic_parameters.h"

#include <ctype.h>

void quic_session_begin(struct analyzer_ctx *ctx, struct quic_session *s)
{
    if (s->open)
        return;
    s->open = true;
    s->ts_ns = ctx->ts_ns;
    s->history_len = 0;
}

void quic_session_history(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                          char letter)
{
    /* Between a Retry and what the client sends next there is no record to write in. */
    if (!s->open || s->history_len == QUIC_HISTORY_MAX)
        return;
    s->history[s->history_len++] = (char)(side == 0 ? letter : tolower(letter));
    if (s->history_len == QUIC_HISTORY_MAX)
        analyzer_weird(ctx, WEIRD_QUIC_HISTORY_BOUND, NULL);
}

void quic_session_ids(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side,
                      const struct quic_packet *p)
{
    if (!s->has_version) {
        s->has_version = true;
        s->version = p->version;
        if (!s->retried) /* the handshake will tell more, once */
            analyzer_category(ctx, CATEGORY_other_tls);
    }
    if (side == 0 && p->dcid.len > 0 && !s->has_dcid) {
        s->has_dcid = true;
        s->dcid = p->dcid;
    }
    /* The last one counts: a server may choose its id anew with each of its Initials. */
    s->side[side].has_cid = true;
    s->side[side].cid = p->scid;
}

void quic_session_share_id(struct analyzer_ctx *ctx, struct quic_session *s, unsigned side)
{
    struct quic_side *from = &s->side[side];

    if (from->cid.len == 0 || quic_cid_equal(&from->cid, &from->known))
        return;
    from->known = from->cid;
    analyzer_connection_id(ctx, side, from->cid.bytes, from->cid.len);
}

void quic_session_keep(struct analyzer_ctx *ctx, struct quic_session *s, struct quic_fact *fact,
                       struct str text)
{
    uint32_t at = s->facts.len;

    if (membuf_append(&s->facts, ctx->bufs, text.p, text.len, QUIC_FACTS_BYTES_MAX) == 0)
        *fact = (struct quic_fact){at, text.len};
}

static struct str fact_text(const struct quic_session *s, const struct quic_fact *fact)
{
    return fact->len > 0 ? str_make(s->facts.p + fact->at, fact->len) : STR_LIT("");
}

struct cid_text {
    char digits[2 * QUIC_CID_BYTES_MAX];
};

static struct str cid_format(struct cid_text *out, const struct quic_cid *cid)
{
    static const char hex[] = "0123456789abcdef";

    for (unsigned i = 0; i < cid->len; i++) {
        out->digits[2 * i] = hex[cid->bytes[i] >> 4];
        out->digits[2 * i + 1] = hex[cid->bytes[i] & 15];
    }
    return str_make(out->digits, 2 * (size_t)cid->len);
}

static void log_parameters(const struct quic_session *s, struct rec_quic *r)
{
    static struct quic_parameters parameters; /* too large for the stack; used up in the call */
    const struct quic_version *known = quic_version_find(s->version);
    struct str body = fact_text(s, &s->parameters);

    if (body.len == 0)
        return;
    quic_parameters_format(&parameters, (const uint8_t *)body.p, body.len,
                           known && known->short_parameters);
    RECORD_SET(quic, r, transport_parameters, ((struct str_list){parameters.items, parameters.n}));
}

static void log_facts(const struct quic_session *s, struct rec_quic *r)
{
    if (s->server_name.len > 0)
        RECORD_SET(quic, r, server_name, fact_text(s, &s->server_name));
    if (s->alpn.len > 0)
        RECORD_SET(quic, r, client_protocol, fact_text(s, &s->alpn));
    if (s->ja4.len > 0)
        RECORD_SET(quic, r, ja4, fact_text(s, &s->ja4));
    if (s->path_of.len > 0)
        RECORD_SET(quic, r, path_of, fact_text(s, &s->path_of));
    if (s->learned.len > 0)
        RECORD_SET(quic, r, learned, fact_text(s, &s->learned));
    log_parameters(s, r);
}

void quic_session_log(struct analyzer_ctx *ctx, struct quic_session *s)
{
    char version[QUIC_VERSION_NAME_MAX];
    struct cid_text dcid, client, server, retry;
    struct rec_quic r;

    if (!s->open)
        return;
    s->open = false;
    r.present = 0;
    RECORD_SET(quic, &r, ts, s->ts_ns);
    if (s->has_version) {
        quic_version_name(s->version, version);
        RECORD_SET(quic, &r, version, str_of(version));
    }
    if (s->has_dcid)
        RECORD_SET(quic, &r, client_initial_dcid, cid_format(&dcid, &s->dcid));
    if (s->side[0].has_cid)
        RECORD_SET(quic, &r, client_scid, cid_format(&client, &s->side[0].cid));
    if (s->side[1].has_cid)
        RECORD_SET(quic, &r, server_scid, cid_format(&server, &s->side[1].cid));
    if (s->has_retry_scid)
        RECORD_SET(quic, &r, retry_scid, cid_format(&retry, &s->retry_scid));
    RECORD_SET(quic, &r, history, str_make(s->history, s->history_len));
    log_facts(s, &r);
    analyzer_record(ctx, RECORD_quic, &r);
}

void quic_session_retry(struct analyzer_ctx *ctx, struct quic_session *s)
{
    for (unsigned i = 0; i < 2; i++) {
        struct quic_side *side = &s->side[i];

        quic_stream_reset(&side->crypto, ctx->bufs);
        analyzer_child_gap(ctx, s->child, i, 1); /* the next byte begins a message */
        side->messages = (struct quic_messages){.left = 0};
        side->hello = false;
    }
    s->keyed = false;
}

void quic_session_reset(struct analyzer_ctx *ctx, struct quic_session *s)
{
    quic_session_log(ctx, s);
    quic_stream_reset(&s->side[0].crypto, ctx->bufs);
    quic_stream_reset(&s->side[1].crypto, ctx->bufs);
    analyzer_child_close(ctx, s->child);
    membuf_free(&s->facts, ctx->bufs);
    *s = (struct quic_session){.side[0].shorts_next = 1, .side[1].shorts_next = 1};
}
