/* SPDX-License-Identifier: BSD-3-Clause */
/* A client asks a proxy for a connection, the proxy agrees, and from then on the connection belongs
 * to whatever runs through it:
 *
 *   version 4, 4a   request · reply · tunnel
 *   version 5       greeting · choice · [user name · status] · request · reply · tunnel
 *   BIND            two replies, the second one when somebody has connected
 *   UDP ASSOCIATE   the connection stays silent; datagrams go elsewhere
 *
 * Each side's messages are read by themselves, so that a capture that has only one of the sides, or
 * a client that does not wait for answers, is followed too: what it sent into the tunnel before the
 * proxy agreed is kept and left to the successor. A client that goes on, time and again, while the
 * proxy is silent has heard an answer that the capture has not. Whatever does not fit ends the
 * reading: the flow stays what it was. */
#include "worker/parse/socks/socks.h"

#include "worker/parse/socks/socks_message.h"

#include <stdio.h>

#define KEPT_MAX_BYTES (16u * 1024) /* of a side: messages, and what runs ahead of the answer */
#define UNHEARD_TURNS  3 /* of a client that goes on although nobody is heard to answer */

/* The message that a side sends next. */
enum step {
    STEP_FIRST,   /* greeting or request; choice or reply of version 4 */
    STEP_USER,    /* user name or request; status */
    STEP_REPLY,   /* server only */
    STEP_THROUGH, /* all that follows is the tunnel's */
};

struct socks {
    struct membuf in[2];
    uint8_t step[2];
    uint8_t version;
    uint8_t command;
    uint8_t replies; /* of the server that said yes */
    uint8_t turns;   /* of the client: times at which it has spoken */
    bool confirmed;
    bool over; /* nothing more to learn here */
    uint64_t turn_ns;
};

static void socks_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
}

static void give_up(struct analyzer_ctx *ctx, struct socks *s)
{
    s->over = true;
    analyzer_done(ctx);
}

static void confirm(struct analyzer_ctx *ctx, struct socks *s)
{
    if (!s->confirmed)
        analyzer_service(ctx, "socks");
    s->confirmed = true;
}

/* What a proxy is seldom asked for is worth a line, with the place that was asked for. */
static void request_taken(struct analyzer_ctx *ctx, struct socks *s, const struct socks_request *r)
{
    char place[256 + IPADDR_TEXT_MAX + 8], addr[IPADDR_TEXT_MAX];
    struct str host = r->name;

    s->command = r->command;
    s->step[0] = STEP_THROUGH;
    if (r->command == SOCKS_CONNECT)
        return;
    if (host.len == 0)
        host = str_make(addr, ipaddr_format(&r->addr, addr));
    snprintf(place, sizeof place, "%.*s:%u", (int)host.len, host.p, r->port);
    analyzer_weird(ctx, r->command == SOCKS_BIND ? WEIRD_SOCKS_BIND : WEIRD_SOCKS_UDP, place);
}

/* Reads the client's next message. Its length, SOCKS_MORE or SOCKS_BAD. */
static int client_step(struct analyzer_ctx *ctx, struct socks *s, const uint8_t *data, size_t len)
{
    struct socks_request r;
    int n;

    if (s->step[0] == STEP_FIRST && data[0] == 5) {
        n = socks_greeting_read(data, len);
        if (n > 0) {
            s->version = 5;
            s->step[0] = STEP_USER;
        }
        return n;
    }
    if (s->step[0] == STEP_USER && data[0] == 1)
        return socks_user_read(data, len);
    n = s->step[0] == STEP_USER ? socks_request5_read(data, len, &r)
                                : socks_request4_read(data, len, &r);
    if (n <= 0)
        return n;
    if (s->version == 0)
        s->version = 4;
    request_taken(ctx, s, &r);
    return n;
}

static void reply_taken(struct analyzer_ctx *ctx, struct socks *s, bool success)
{
    confirm(ctx, s);
    if (!success) {
        give_up(ctx, s);
        return;
    }
    s->replies++;
    s->step[1] =
        s->command == SOCKS_BIND && s->replies < 2 ? (uint8_t)STEP_REPLY : (uint8_t)STEP_THROUGH;
}

static void choice_taken(struct analyzer_ctx *ctx, struct socks *s, uint8_t method)
{
    confirm(ctx, s);
    if (method == SOCKS_METHOD_NONE)
        s->step[1] = STEP_REPLY;
    else if (method == SOCKS_METHOD_USER)
        s->step[1] = STEP_USER;
    else
        give_up(ctx, s); /* refused, or talk that only the two of them understand */
}

/* The same of the server. */
static int server_step(struct analyzer_ctx *ctx, struct socks *s, const uint8_t *data, size_t len)
{
    bool success = true;
    uint8_t method;
    int n;

    if (s->step[1] == STEP_FIRST && (s->version == 5 || (s->version == 0 && data[0] == 5))) {
        n = socks_choice_read(data, len, &method);
        if (n > 0) {
            s->version = 5;
            choice_taken(ctx, s, method);
        }
        return n;
    }
    if (s->step[1] == STEP_USER) {
        n = socks_status_read(data, len, &success);
        if (n > 0 && success)
            s->step[1] = STEP_REPLY;
        else if (n > 0)
            give_up(ctx, s);
        return n;
    }
    n = s->version == 5 ? socks_reply5_read(data, len, &success)
                        : socks_reply4_read(data, len, &success);
    if (n > 0)
        reply_taken(ctx, s, success);
    return n;
}

static void tunnel_record(struct analyzer_ctx *ctx)
{
    struct rec_tunnel r = {.present = 0};

    RECORD_SET(tunnel, &r, ts, ctx->ts_ns);
    RECORD_SET(tunnel, &r, tunnel_type, STR_LIT("Tunnel::SOCKS"));
    RECORD_SET(tunnel, &r, action, STR_LIT("Tunnel::DISCOVER"));
    analyzer_record(ctx, RECORD_tunnel, &r);
}

/* Whether all that there is to say has been said: by both, or by the only one that is captured. */
static bool is_through(const struct socks *s)
{
    if (s->step[1] == STEP_THROUGH)
        return s->step[0] == STEP_THROUGH || (s->step[0] == STEP_FIRST && s->in[0].len == 0);
    return s->step[0] == STEP_THROUGH && s->in[0].len > 0 && s->turns >= UNHEARD_TURNS &&
           s->step[1] == STEP_FIRST && s->in[1].len == 0;
}

static void consume(struct membuf *b, size_t n)
{
    memmove(b->p, b->p + n, b->len - n);
    b->len -= (uint32_t)n;
}

static void messages_read(struct analyzer_ctx *ctx, struct socks *s, unsigned side)
{
    struct membuf *in = &s->in[side];

    while (!s->over && s->step[side] != STEP_THROUGH && in->len > 0) {
        int n =
            side == 0 ? client_step(ctx, s, in->p, in->len) : server_step(ctx, s, in->p, in->len);

        if (n == SOCKS_BAD || (n == SOCKS_MORE && in->len > SOCKS_MESSAGE_MAX))
            give_up(ctx, s);
        if (n <= 0)
            return;
        consume(in, (size_t)n);
    }
}

static void tunnel_open(struct analyzer_ctx *ctx, struct socks *s, unsigned side)
{
    confirm(ctx, s);
    tunnel_record(ctx);
    if (s->command == SOCKS_UDP_ASSOCIATE) {
        give_up(ctx, s);
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        if (s->in[i].len > 0)
            analyzer_leave(ctx, i, s->in[i].p, s->in[i].len);
    analyzer_hand_over(ctx, NULL, side, NULL, 0);
}

static void socks_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                       size_t len)
{
    struct socks *s = state;

    if (membuf_append(&s->in[side], ctx->bufs, data, len, KEPT_MAX_BYTES) < 0) {
        give_up(ctx, s);
        return;
    }
    if (side == 0 && ctx->ts_ns != s->turn_ns && s->turns < UNHEARD_TURNS)
        s->turns++;
    if (side == 0)
        s->turn_ns = ctx->ts_ns;
    messages_read(ctx, s, side);
    if (!s->over && is_through(s))
        tunnel_open(ctx, s, side);
}

/* Where the next message begins is not known any more. */
static void socks_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    (void)side;
    (void)len;
    give_up(ctx, state);
}

static void socks_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static void socks_close(struct analyzer_ctx *ctx, void *state)
{
    struct socks *s = state;

    membuf_free(&s->in[0], ctx->bufs);
    membuf_free(&s->in[1], ctx->bufs);
}

const struct analyzer analyzer_socks = {
    .name = "socks",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct socks),
    .state_max = 1u << 16,
    .probe = socks_probe,
    .open = socks_open,
    .data = socks_data,
    .gap = socks_gap,
    .end = socks_end,
    .close = socks_close,
};
