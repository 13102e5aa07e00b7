/* SPDX-License-Identifier: BSD-3-Clause */
/* The record: what the handshake agreed on, as HTTP has told it, and what was counted since.
 *
 * Headers that are lists are shown element by element, as Zeek does. All counts are set, also those
 * that are 0: that there was no ping is something to know. Only a close code that was never sent is
 * left out, because 0 would be a code. */
#include "worker/parse/websocket/websocket_flow.h"

#define LIST_MAX      64u /* elements of a list that are shown */
#define STREAM_DIGITS 19u /* of 2^62, the highest stream id there is (RFC 9000) */

struct elements {
    struct str items[LIST_MAX];
    uint32_t n;
};

struct str websocket_fact(const struct websocket_flow *f, enum analyzer_fact fact)
{
    if ((f->told >> fact & 1) == 0 || f->fact[fact].len == 0)
        return STR_LIT("");
    return str_make(f->text.p + f->fact[fact].at, f->fact[fact].len);
}

void websocket_list_each(struct str list, bool (*item)(void *arg, struct str element), void *arg)
{
    struct cursor c = cursor_init(list.p, list.len);
    bool more = list.len > 0;

    while (more) {
        const uint8_t *comma = memchr(c.p, ',', cursor_left(&c));
        size_t n = comma ? (size_t)(comma - c.p) : cursor_left(&c);
        const uint8_t *p = cursor_bytes(&c, n);
        struct str element = p ? str_trim(str_make(p, n)) : STR_LIT("");

        /* Empty elements do not count (RFC 9110 section 5.6.1.2). */
        more = (element.len == 0 || item(arg, element)) && comma != NULL;
        if (comma)
            cursor_skip(&c, 1);
    }
}

/* Takes elements until the bound; what a list has beyond it is left out. */
static bool element_add(void *arg, struct str element)
{
    struct elements *e = arg;

    e->items[e->n++] = element;
    return e->n < LIST_MAX;
}

static struct str_list list_read(struct elements *e, struct str list)
{
    e->n = 0;
    websocket_list_each(list, element_add, e);
    return (struct str_list){e->items, e->n};
}

/* Facts are texts; the log wants a number. */
static uint64_t decimal(struct str s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < s.len && i < STREAM_DIGITS && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        n = n * 10 + (uint64_t)(s.p[i] - '0');
    return n;
}

/* A header that was not sent is unset, one that was sent empty is an empty text or list. */
#define SET_TEXT(member, fact)                                                                     \
    do {                                                                                           \
        if ((f->told >> (fact)&1) != 0)                                                            \
            RECORD_SET(websocket, r, member, websocket_fact(f, fact));                             \
    } while (0)

#define SET_LIST(member, fact, elements)                                                           \
    do {                                                                                           \
        if ((f->told >> (fact)&1) != 0)                                                            \
            RECORD_SET(websocket, r, member, list_read(elements, websocket_fact(f, fact)));        \
    } while (0)

#define SET_COUNTS(op, kind)                                                                       \
    do {                                                                                           \
        RECORD_SET(websocket, r, orig_##op##_frames, f->side[0].frames[kind]);                     \
        RECORD_SET(websocket, r, orig_##op##_bytes, f->side[0].bytes[kind]);                       \
        RECORD_SET(websocket, r, resp_##op##_frames, f->side[1].frames[kind]);                     \
        RECORD_SET(websocket, r, resp_##op##_bytes, f->side[1].bytes[kind]);                       \
    } while (0)

static void record_counts(const struct websocket_flow *f, struct rec_websocket *r)
{
    SET_COUNTS(text, WEBSOCKET_TEXT);
    SET_COUNTS(binary, WEBSOCKET_BINARY);
    SET_COUNTS(continuation, WEBSOCKET_CONTINUATION);
    SET_COUNTS(ping, WEBSOCKET_PING);
    SET_COUNTS(pong, WEBSOCKET_PONG);
    SET_COUNTS(close, WEBSOCKET_CLOSE);
    if (f->side[0].has_close_code)
        RECORD_SET(websocket, r, orig_close_code, f->side[0].close_code);
    if (f->side[1].has_close_code)
        RECORD_SET(websocket, r, resp_close_code, f->side[1].close_code);
    RECORD_SET(websocket, r, deflate, f->deflate);
    RECORD_SET(websocket, r, compressed_frames, f->compressed_messages);
}

void websocket_log(const struct websocket_flow *f, struct analyzer_ctx *ctx)
{
    struct elements protocols, server, client;
    struct rec_websocket record, *r = &record;

    r->present = 0;
    RECORD_SET(websocket, r, ts, f->ts_ns);
    SET_TEXT(host, FACT_HOST);
    SET_TEXT(uri, FACT_URI);
    SET_TEXT(user_agent, FACT_USER_AGENT);
    SET_TEXT(subprotocol, FACT_WS_PROTOCOL);
    SET_LIST(client_protocols, FACT_WS_PROTOCOLS, &protocols);
    SET_LIST(server_extensions, FACT_WS_EXTENSIONS_SET, &server);
    SET_LIST(client_extensions, FACT_WS_EXTENSIONS, &client);
    record_counts(f, r);
    if ((f->told >> FACT_STREAM_ID & 1) != 0)
        RECORD_SET(websocket, r, stream_id, decimal(websocket_fact(f, FACT_STREAM_ID)));
    /* Nobody tells what is usual. */
    RECORD_SET(websocket, r, view, STR_LIT("packet"));
    SET_TEXT(view, FACT_VIEW);
    analyzer_record(ctx, RECORD_websocket, r);
}
