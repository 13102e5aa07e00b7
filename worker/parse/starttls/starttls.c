/* SPDX-License-Identifier: BSD-3-Clause */
/* Three things are waited for: what protocol it is, the client's question for TLS, and the server's
 * yes. Then the flow is handed back to detection, which finds the TLS behind it.
 *
 *   UNKNOWN   first bytes are gathered until a side is recognised
 *   TEXT      lines, one row of starttls_dialect.c; of each line only its beginning is looked at
 *   BINARY    messages of fixed form, one row of starttls_binary.c
 *
 * A greeting does not always tell: "220" is said by mail and by file servers. So a set of rows is
 * carried on, and the client's first command leaves one of them. If it is none that any of them
 * knows, its bytes go back to detection: an HTTP client that ran into a mail server is still one.
 *
 * While the client waits for the answer, what it sends is kept: it is TLS if the server agrees, and
 * more commands if not. A line that begins as a TLS record does is one, whatever was missed before;
 * that is how a capture of only one side is read. */
#include "worker/parse/starttls/starttls.h"

#include "worker/parse/starttls/starttls_binary.h"
#include "worker/parse/starttls/starttls_dialect.h"

#define TALK_MAX_BYTES  (16u * 1024) /* of a side, until TLS is asked for: later it is not */
#define KEPT_MAX_BYTES  (16u * 1024)
#define FIRST_MAX_BYTES 4096u /* until something is recognised */
#define FIRST_LINE_MAX  512u
#define LINE_MAX        64u /* of a line, what is looked at */
#define TLS_HANDSHAKE   0x16

enum kind { KIND_UNKNOWN, KIND_TEXT, KIND_BINARY };

struct line {
    char text[LINE_MAX];
    uint8_t len;
    bool skip; /* its beginning is missing */
};

struct starttls {
    struct membuf in[2]; /* not TEXT: not yet read; TEXT: see below, client only */
    struct line line[2]; /* TEXT: the present one of each side */
    uint64_t bytes[2];   /* TEXT: seen of each side */
    unsigned candidates; /* TEXT: rows that it can be, a bit each */
    uint8_t kind;        /* enum kind */
    uint8_t row;         /* BINARY */
    char tag[STARTTLS_TAG_MAX];
    uint8_t tag_len;
    bool waiting;   /* TLS is asked for: in[0] is what the client has sent since */
    bool heard;     /* the server has spoken */
    bool commanded; /* the client has: until then in[0] is what it sent, for detection */
    bool named;
    bool over;
};

/* Bytes of a side that are to be read. */
struct piece {
    unsigned side;
    const uint8_t *p;
    size_t len;
    bool own; /* they lie in memory that goes with the analyzer */
};

static void starttls_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
}

static void give_up(struct analyzer_ctx *ctx, struct starttls *s)
{
    s->over = true;
    analyzer_done(ctx);
}

static void name(struct analyzer_ctx *ctx, struct starttls *s, const char *service)
{
    if (!s->named)
        analyzer_service(ctx, service);
    s->named = true;
}

/* The row that is left of the candidates; NULL while there are several. */
static const struct starttls_dialect *dialect(const struct starttls *s)
{
    if (s->candidates == 0 || (s->candidates & (s->candidates - 1)))
        return NULL;
    return &starttls_dialects[__builtin_ctz(s->candidates)];
}

/* Other bytes begin: what was kept of the client, then the rest. */
static void turn(struct analyzer_ctx *ctx, struct starttls *s, const struct piece *rest)
{
    s->over = true;
    for (unsigned side = 0; side < 2; side++)
        if (s->in[side].len > 0)
            analyzer_leave(ctx, side, s->in[side].p, s->in[side].len);
    if (rest->own && rest->len > 0)
        analyzer_leave(ctx, rest->side, rest->p, rest->len);
    analyzer_hand_over(ctx, NULL, rest->side, rest->p, rest->own ? 0 : rest->len);
}

static void text_read(struct analyzer_ctx *ctx, struct starttls *s, struct piece *p);

/* No TLS: what the client has sent meanwhile is more of the talk. */
static void refused(struct analyzer_ctx *ctx, struct starttls *s)
{
    struct membuf kept = s->in[0];
    struct piece p = {0, kept.p, kept.len, true};

    s->waiting = false;
    s->in[0] = (struct membuf){.p = NULL};
    text_read(ctx, s, &p);
    membuf_free(&kept, ctx->bufs);
}

/* A line of the server while the client waits for its answer. True: TLS begins behind it. */
static bool is_agreed(struct analyzer_ctx *ctx, struct starttls *s, struct str line)
{
    const struct starttls_dialect *d = dialect(s);
    const char *const agrees[STARTTLS_WORDS_MAX] = {d->agrees};
    struct str tag;

    if (d->tagged) {
        line = starttls_untag(line, &tag);
        if (!str_equal(tag, str_make(s->tag, s->tag_len)))
            return false;
    }
    if (starttls_begins(line, agrees))
        return line.len < 4 || line.p[3] != '-'; /* "220-": more of the answer follows */
    if (starttls_begins(line, d->refuses))
        refused(ctx, s);
    return false;
}

static void command(struct analyzer_ctx *ctx, struct starttls *s, struct str line)
{
    const struct starttls_dialect *d = dialect(s);
    struct str tag = STR_LIT("");

    if (!d)
        return;
    if (s->heard)
        name(ctx, s, d->service);
    if (d->tagged)
        line = starttls_untag(line, &tag);
    if (!starttls_begins(line, d->asks))
        return;
    s->waiting = true;
    memcpy(s->tag, tag.p, tag.len);
    s->tag_len = (uint8_t)tag.len;
}

/* A whole line of the client. False: it speaks none of these protocols. */
static bool client_line(struct analyzer_ctx *ctx, struct starttls *s, struct str line)
{
    unsigned known = starttls_client_line(line) & s->candidates;

    if (known == 0)
        return s->commanded;
    s->candidates = known;
    s->commanded = true;
    membuf_free(&s->in[0], ctx->bufs);
    command(ctx, s, line);
    return true;
}

/* The same of the server. True: TLS begins behind it. */
static bool server_line(struct analyzer_ctx *ctx, struct starttls *s, struct str line)
{
    unsigned greeting = s->heard ? 0 : starttls_greeting(line) & s->candidates;

    s->heard = true;
    if (greeting)
        s->candidates = greeting;
    if (s->commanded && dialect(s))
        name(ctx, s, dialect(s)->service);
    return s->waiting && is_agreed(ctx, s, line);
}

/* Takes bytes up to the end of the line, keeps the first of them. True if the end was there. */
static bool line_take(struct line *l, struct piece *p, char line_end)
{
    const uint8_t *end = memchr(p->p, line_end, p->len);
    size_t n = end ? (size_t)(end - p->p) + 1 : p->len, keep = LINE_MAX - l->len;

    if (keep > n)
        keep = n;
    memcpy(l->text + l->len, p->p, keep);
    l->len = (uint8_t)(l->len + keep);
    p->p += n;
    p->len -= n;
    return end != NULL;
}

/* Bytes of a client that waits. A server of which nothing is captured has agreed, if that is so. */
static void wait_with(struct analyzer_ctx *ctx, struct starttls *s, struct piece *p)
{
    if (!s->heard && s->in[0].len == 0 && p->p[0] == TLS_HANDSHAKE) {
        name(ctx, s, dialect(s)->service);
        turn(ctx, s, p);
    } else if (membuf_append(&s->in[0], ctx->bufs, p->p, p->len, KEPT_MAX_BYTES) < 0) {
        give_up(ctx, s);
    }
    p->len = 0;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\r' || c == '\n';
}

/* One line, or as much of it as there is. */
static void line_read(struct analyzer_ctx *ctx, struct starttls *s, struct piece *p)
{
    struct line *l = &s->line[p->side];
    char line_end = starttls_dialects[__builtin_ctz(s->candidates)].line_end;
    bool first = p->side == 0 && !s->commanded, whole, skipped = l->skip;
    const uint8_t *from = p->p;
    struct str text;

    whole = line_take(l, p, line_end);
    if (first &&
        membuf_append(&s->in[0], ctx->bufs, from, (size_t)(p->p - from), FIRST_MAX_BYTES) < 0) {
        give_up(ctx, s);
        return;
    }
    if (!whole) {
        if (first && s->in[0].len > FIRST_LINE_MAX)
            turn(ctx, s, p);
        return;
    }
    text = str_make(l->text, l->len);
    l->len = 0;
    l->skip = false;
    if (skipped)
        return;
    if (p->side == 0 ? !client_line(ctx, s, text) : server_line(ctx, s, text)) {
        if (p->side == 1)
            name(ctx, s, dialect(s)->service);
        turn(ctx, s, p);
    }
}

static void text_read(struct analyzer_ctx *ctx, struct starttls *s, struct piece *p)
{
    while (p->len > 0 && !s->over) {
        struct line *l = &s->line[p->side];

        if (p->side == 0 && s->waiting) {
            wait_with(ctx, s, p);
            return;
        }
        if (l->len == 0 && !l->skip) {
            if (p->p[0] == TLS_HANDSHAKE) {
                if (dialect(s) && s->commanded)
                    name(ctx, s, dialect(s)->service);
                turn(ctx, s, p);
                return;
            }
            if (is_blank(p->p[0])) {
                p->p++;
                p->len--;
                continue;
            }
        }
        line_read(ctx, s, p);
    }
}

static void text_data(struct analyzer_ctx *ctx, struct starttls *s, struct piece *p)
{
    s->bytes[p->side] += p->len;
    if (s->bytes[p->side] > TALK_MAX_BYTES && !s->waiting)
        give_up(ctx, s);
    else
        text_read(ctx, s, p);
}

static void consume(struct membuf *b, size_t n)
{
    memmove(b->p, b->p + n, b->len - n);
    b->len -= (uint32_t)n;
}

static void binary_turn(struct analyzer_ctx *ctx, struct starttls *s)
{
    const struct piece nothing = {0, NULL, 0, false};

    name(ctx, s, starttls_binaries[s->row].service);
    turn(ctx, s, &nothing);
}

/* Question and answer, both gathered in `in`; again if the answer is no. */
static void binary_read(struct analyzer_ctx *ctx, struct starttls *s)
{
    const struct starttls_binary *b = &starttls_binaries[s->row];
    struct membuf *asked = &s->in[b->server_first], *answer = &s->in[!b->server_first];

    while (!s->over) {
        bool plain = false;
        int n = asked->len > 0 ? b->begins(asked->p, asked->len) : STARTTLS_MORE, m;

        if (n == STARTTLS_MORE)
            return;
        if (n == STARTTLS_OTHER) {
            give_up(ctx, s);
            return;
        }
        if (answer->len == 0 && asked->len > (size_t)n && asked->p[n] == TLS_HANDSHAKE) {
            consume(asked, (size_t)n); /* the answer is not captured */
            binary_turn(ctx, s);
            return;
        }
        m = answer->len > 0 ? b->answers(answer->p, answer->len, &plain) : STARTTLS_MORE;
        if (m == STARTTLS_MORE)
            return;
        if (m == STARTTLS_OTHER) {
            give_up(ctx, s);
            return;
        }
        name(ctx, s, b->service);
        consume(asked, (size_t)n);
        consume(answer, (size_t)m);
        if (!plain)
            binary_turn(ctx, s);
    }
}

/* Reads what was gathered as lines: first the side that was recognised. */
static void text_begin(struct analyzer_ctx *ctx, struct starttls *s, unsigned side, bool xml)
{
    struct membuf in[2] = {s->in[0], s->in[1]};

    s->kind = KIND_TEXT;
    s->candidates = 0;
    for (unsigned i = 0; i < STARTTLS_DIALECTS; i++)
        if ((starttls_dialects[i].line_end == '>') == xml)
            s->candidates |= 1u << i;
    memset(s->in, 0, sizeof s->in);
    for (unsigned i = 0; i < 2; i++, side ^= 1) {
        struct piece p = {side, in[side].p, in[side].len, true};

        if (!s->over)
            text_data(ctx, s, &p);
        else if (p.len > 0)
            analyzer_leave(ctx, side, p.p, p.len);
    }
    membuf_free(&in[0], ctx->bufs);
    membuf_free(&in[1], ctx->bufs);
}

static void recognise(struct analyzer_ctx *ctx, struct starttls *s, unsigned side)
{
    const struct membuf *in = &s->in[side];
    unsigned which = 0;
    enum probe_result text = starttls_text_probe(in->p, in->len);

    if (text != PROBE_NO && text != PROBE_MORE) {
        text_begin(ctx, s, side, in->p[0] == '<');
        return;
    }
    if (starttls_binary_probe(in->p, in->len, &which) < PROBE_CLIENT)
        return;
    s->kind = KIND_BINARY;
    s->row = (uint8_t)which;
    binary_read(ctx, s);
}

static void starttls_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                          size_t len)
{
    struct starttls *s = state;
    size_t bound = s->kind == KIND_UNKNOWN ? FIRST_MAX_BYTES : KEPT_MAX_BYTES;

    if (s->kind == KIND_TEXT) {
        struct piece p = {side, data, len, false};

        text_data(ctx, s, &p);
        return;
    }
    if (membuf_append(&s->in[side], ctx->bufs, data, len, bound) < 0)
        give_up(ctx, s);
    else if (s->kind == KIND_UNKNOWN)
        recognise(ctx, s, side);
    else
        binary_read(ctx, s);
}

/* Lines go on behind a gap; messages and what a client sends after its question do not. */
static void starttls_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    struct starttls *s = state;

    (void)len;
    if (s->kind != KIND_TEXT || (side == 0 && (s->waiting || !s->commanded))) {
        give_up(ctx, s);
        return;
    }
    s->line[side].len = 0;
    s->line[side].skip = true;
    if (side == 1)
        s->heard = false;
}

static void starttls_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)ctx;
    (void)state;
    (void)side;
}

static void starttls_close(struct analyzer_ctx *ctx, void *state)
{
    struct starttls *s = state;

    membuf_free(&s->in[0], ctx->bufs);
    membuf_free(&s->in[1], ctx->bufs);
}

static enum probe_result starttls_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    enum probe_result text = starttls_text_probe(data, len), binary;
    unsigned which;

    (void)transport;
    if (text != PROBE_NO && text != PROBE_MORE)
        return text;
    binary = starttls_binary_probe(data, len, &which);
    return binary == PROBE_NO ? text : binary;
}

const struct analyzer analyzer_starttls = {
    .name = "starttls",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct starttls),
    .state_max = 1u << 16,
    .probe = starttls_probe,
    .open = starttls_open,
    .data = starttls_data,
    .gap = starttls_gap,
    .end = starttls_end,
    .close = starttls_close,
};
