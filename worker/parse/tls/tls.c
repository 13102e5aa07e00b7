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

/* A zeroed session is a new one. */
static void on_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    struct tls_session *s = state;
    size_t used = 0;

    /* Settled after every step, so that the end does not depend on how the stream was cut. */
    while (used < len && !s->sides[side].over) {
        used += tls_record_data(ctx, s, side, data + used, len - used);
        tls_session_settle(ctx, s);
    }
}

static void on_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct tls_session *s = state;

    tls_record_gap(ctx, s, side, len);
    tls_session_settle(ctx, s);
}

static void on_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct tls_session *s = state;

    s->sides[side].over = true;
    tls_session_settle(ctx, s);
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    tls_session_close(ctx, state);
}

const struct analyzer analyzer_tls = {
    .name = "tls",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct tls_session),
    .state_max = 0,
    .probe = tls_probe,
    .open = on_open,
    .data = on_data,
    .gap = on_gap,
    .end = on_end,
    .close = on_close,
};
