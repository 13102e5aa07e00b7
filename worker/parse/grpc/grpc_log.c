/* SPDX-License-Identifier: BSD-3-Clause */
/* From what was told of a call to its record. */
#include "worker/parse/grpc/grpc_call.h"

#include <strings.h>

#define FACT_BYTES_MAX 8192u

static const char *const status_names[] = {
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
};

_Static_assert(FACTS <= 64, "`told` has 64 bits");
_Static_assert(GRPC_TEXT_MAX <= UINT16_MAX, "offsets have 16 bits");

struct str grpc_fact(const struct grpc_call *g, enum analyzer_fact fact)
{
    if (g->fact[fact].len == 0)
        return STR_LIT("");
    return str_make(g->text.p + g->fact[fact].at, g->fact[fact].len);
}

void grpc_fact_set(struct grpc_call *g, struct analyzer_ctx *ctx, enum analyzer_fact fact,
                   struct str text)
{
    uint32_t len = text.len < FACT_BYTES_MAX ? text.len : FACT_BYTES_MAX;
    uint32_t at = g->text.len;

    if (membuf_append(&g->text, ctx->bufs, text.p, len, GRPC_TEXT_MAX) < 0) {
        g->partial = true;
        return;
    }
    g->told |= UINT64_C(1) << fact;
    g->fact[fact].at = (uint16_t)at;
    g->fact[fact].len = (uint16_t)len;
}

/* --- trailers of gRPC-Web --- */

static void trailer_read(struct grpc_call *g, struct analyzer_ctx *ctx, struct str line)
{
    static const struct {
        struct str name;
        enum analyzer_fact fact;
    } known[] = {
        {STR_LIT("grpc-status"), FACT_GRPC_STATUS},
        {STR_LIT("grpc-message"), FACT_GRPC_MESSAGE},
    };
    const char *colon = line.len > 0 ? memchr(line.p, ':', line.len) : NULL;
    uint32_t name_len = colon ? (uint32_t)(colon - line.p) : 0;

    for (size_t i = 0; i < sizeof known / sizeof known[0] && colon; i++)
        if (name_len == known[i].name.len && strncasecmp(line.p, known[i].name.p, name_len) == 0)
            grpc_fact_set(g, ctx, known[i].fact,
                          str_trim(str_make(colon + 1, line.len - name_len - 1)));
}

void grpc_trailers_read(struct grpc_call *g, struct analyzer_ctx *ctx, const struct membuf *lines)
{
    struct cursor c = cursor_init(lines->p ? (const char *)lines->p : "", lines->len);

    while (cursor_left(&c) > 0) {
        const uint8_t *lf = memchr(c.p, '\n', cursor_left(&c));
        size_t n = lf ? (size_t)(lf - c.p) : cursor_left(&c);
        bool cr = n > 0 && c.p[n - 1] == '\r';

        trailer_read(g, ctx, str_make(c.p, cr ? n - 1 : n));
        cursor_skip(&c, lf ? n + 1 : n);
    }
}

/* --- the record --- */

/* False if it is no decimal number of at most nine digits. */
static bool number_read(struct str s, uint64_t *number)
{
    *number = 0;
    for (uint32_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(s.p[i] - '0');
    }
    return s.len > 0 && s.len <= 9;
}

/* In place: the record is the last that is made of it. */
static struct str message_decode(struct grpc_call *g)
{
    char *p = (char *)g->text.p + g->fact[FACT_GRPC_MESSAGE].at;

    return str_make(p, str_percent_decode(p, g->fact[FACT_GRPC_MESSAGE].len));
}

/* "/package.Service/Method" (the gRPC specification calls it Path). Any other path names none. */
static void record_path(const struct grpc_call *g, struct rec_grpc *r)
{
    struct str path = grpc_fact(g, FACT_URI);
    const char *slash = path.len > 0 ? memrchr(path.p, '/', path.len) : NULL;

    if (path.len == 0)
        return;
    RECORD_SET(grpc, r, path, path);
    if (!slash || slash == path.p || path.p[0] != '/')
        return;
    RECORD_SET(grpc, r, service, str_make(path.p + 1, (size_t)(slash - path.p - 1)));
    RECORD_SET(grpc, r, method, str_make(slash + 1, path.len - (size_t)(slash + 1 - path.p)));
}

static void record_status(struct grpc_call *g, struct rec_grpc *r)
{
    uint64_t n;

    if (number_read(grpc_fact(g, FACT_GRPC_STATUS), &n)) {
        RECORD_SET(grpc, r, status, n);
        if (n < sizeof status_names / sizeof status_names[0])
            RECORD_SET(grpc, r, status_name, str_of(status_names[n]));
    }
    if (number_read(grpc_fact(g, FACT_STATUS), &n))
        RECORD_SET(grpc, r, status_code, n);
    if (g->fact[FACT_GRPC_MESSAGE].len > 0)
        RECORD_SET(grpc, r, message, message_decode(g));
}

static void record_messages(const struct grpc_call *g, struct rec_grpc *r)
{
    if (g->text_coded)
        return;
    RECORD_SET(grpc, r, orig_messages, g->side[0].messages);
    RECORD_SET(grpc, r, orig_bytes, g->side[0].bytes);
    RECORD_SET(grpc, r, resp_messages, g->side[1].messages);
    RECORD_SET(grpc, r, resp_bytes, g->side[1].bytes);
    RECORD_SET(grpc, r, compressed, g->compressed);
}

#define SET_TEXT(member, name)                                                                     \
    do {                                                                                           \
        if ((g->told >> (name)&1) != 0)                                                            \
            RECORD_SET(grpc, &r, member, grpc_fact(g, name));                                      \
    } while (0)

void grpc_call_emit(struct grpc_call *g, struct analyzer_ctx *ctx)
{
    struct rec_grpc r;
    uint64_t n;

    r.present = 0;
    RECORD_SET(grpc, &r, ts, g->ts_ns);
    RECORD_SET(grpc, &r, duration, (int64_t)(g->last_ns - g->ts_ns));
    SET_TEXT(authority, FACT_HOST);
    record_path(g, &r);
    record_status(g, &r);
    record_messages(g, &r);
    SET_TEXT(encoding, FACT_CONTENT_ENCODING);
    SET_TEXT(content_type, FACT_CONTENT_TYPE);
    SET_TEXT(user_agent, FACT_USER_AGENT);
    if (number_read(grpc_fact(g, FACT_STREAM_ID), &n))
        RECORD_SET(grpc, &r, stream_id, n);
    SET_TEXT(reset, FACT_RESET);
    if (g->partial)
        RECORD_SET(grpc, &r, partial, true);
    RECORD_SET(grpc, &r, view, STR_LIT("packet"));
    SET_TEXT(view, FACT_VIEW);
    analyzer_record(ctx, RECORD_grpc, &r);
}
