/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS over TCP, from the first hello to the point where both sides have encrypted something.
 *
 * One ssl record a connection, emitted when the handshake is done or, if it never is, when nothing
 * more can come or the flow ends. After that the analyzer is done: the rest is ciphertext, and the
 * worker need not reassemble it.
 *
 * Established, as in Zeek: each side has changed to encryption (ChangeCipherSpec; in TLS 1.3 its
 * first application data will do) and an encrypted record came after that. */
#include "worker/parse/tls/tls.h"

#include "worker/parse/tls/tls_session.h"

static bool side_is_spent(const struct tls_side *side)
{
    return side->over || (side->encrypted && side->cipher_bytes > 0);
}

static bool side_is_alone(const struct tls_session *s, unsigned side)
{
    return s->sides[side].cipher_bytes >= TLS_LONE_SIDE_BYTES && !s->sides[!side].started;
}

/* A connection whose hellos were missed shows nothing but that it is TLS. */
static bool is_midstream(const struct tls_session *s)
{
    return !s->client_known && (s->sides[0].cipher_bytes > 0 || s->sides[1].cipher_bytes > 0);
}

/* Ends the analysis when nothing more can be learned. */
static void session_settle(struct analyzer_ctx *ctx, struct tls_session *s)
{
    if (is_midstream(s)) {
        analyzer_service(ctx, "ssl");
        analyzer_category(ctx, CATEGORY_other_tls);
    } else if (!s->established && !side_is_alone(s, 0) && !side_is_alone(s, 1) &&
               !(side_is_spent(&s->sides[0]) && side_is_spent(&s->sides[1]))) {
        return;
    }
    tls_session_close(ctx, s);
    analyzer_done(ctx);
}

/* A zeroed session is a new one; its time is that of its first bytes. */
static void on_open(struct analyzer_ctx *ctx, void *state)
{
    struct tls_session *s = state;

    s->ts_ns = ctx->ts_ns;
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct tls_session *s = state;
    size_t used = 0;

    /* Settled after every step, so that the end does not depend on how the stream was cut. */
    while (used < len && !s->sides[side].over) {
        used += tls_record_data(ctx, s, side, data + used, len - used);
        session_settle(ctx, s);
    }
}

static void on_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct tls_session *s = state;

    tls_record_gap(ctx, s, side, len);
    session_settle(ctx, s);
}

static void on_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct tls_session *s = state;

    s->sides[side].over = true;
    session_settle(ctx, s);
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    tls_session_close(ctx, state);
}

const struct analyzer analyzer_tls = {
    .name = "tls",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct tls_session),
    .state_max = 262144,
    .probe = tls_probe,
    .open = on_open,
    .data = on_data,
    .gap = on_gap,
    .end = on_end,
    .close = on_close,
};
