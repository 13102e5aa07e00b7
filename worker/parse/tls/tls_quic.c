/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS inside QUIC (RFC 9001): the handshake messages of Initial packets, which anybody can decrypt.
 *
 * There are no records here, so this reader is only the handshake layer and the session. What comes
 * is a ClientHello, a second one after a Retry or a HelloRetryRequest, and the ServerHello: all
 * that follows is in packets that only the ends can read. So the session is logged once both hellos
 * are here; whether the handshake was completed nobody can tell from TLS alone, and `established`
 * stays false, as in Zeek's log.
 *
 * QUIC itself wants to know what the first ClientHello says, and is told as soon as it is read. */
#include "worker/parse/tls/tls.h"

#include "worker/parse/tls/tls_session.h"

static void on_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    ((struct tls_session *)state)->carrier = TLS_OVER_QUIC;
}

static void tell(struct analyzer_ctx *ctx, enum analyzer_fact fact, struct str text)
{
    if (text.len > 0)
        analyzer_tell(ctx, ANALYZER_PARENT, fact, text);
}

static void tell_client_hello(struct analyzer_ctx *ctx, const struct tls_session *s)
{
    struct str alpn = tls_session_str(s, s->client_alpn), first = {"", 0};
    struct cursor names = cursor_init(alpn.p, alpn.len);

    tls_alpn_next(&names, &first);
    tell(ctx, FACT_SERVER_NAME, tls_session_str(s, s->server_name));
    tell(ctx, FACT_ALPN, first);
    tell(ctx, FACT_JA4, str_of(s->ja4));
    tell(ctx, FACT_TRANSPORT_PARAMETERS, tls_session_str(s, s->transport_parameters));
}

/* After every message, so that the end does not depend on how the bytes were cut. */
static void settle(struct analyzer_ctx *ctx, struct tls_session *s, bool was_told)
{
    if (s->client_hello && !was_told)
        tell_client_hello(ctx, s);
    if (s->client_hello && s->server_hello) {
        tls_session_close(ctx, s);
        analyzer_done(ctx);
    }
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct tls_session *s = state;
    size_t used = 0;

    while (used < len && !s->sides[side].over) {
        bool told = s->client_hello;

        used += tls_handshake_next(ctx, s, side, data + used, len - used);
        settle(ctx, s, told);
    }
}

/* What is missing never comes, or the side begins anew after a Retry: the next byte is the first of
 * a message. */
static void on_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct tls_session *s = state;
    struct tls_side *from = &s->sides[side];

    (void)len;
    membuf_free(&from->message, ctx->bufs);
    from->message_bytes = 0;
    from->skip_bytes = 0;
}

static void on_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    ((struct tls_session *)state)->sides[side].over = true;
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    tls_session_close(ctx, state);
}

const struct analyzer analyzer_tls_quic = {
    .name = "tls_quic",
    .transports = ANALYZER_UDP,
    .state_bytes = sizeof(struct tls_session),
    .state_max = 0,
    .open = on_open,
    .data = on_data,
    .gap = on_gap,
    .end = on_end,
    .close = on_close,
};
