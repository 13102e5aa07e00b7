/* SPDX-License-Identifier: BSD-3-Clause */
/* An advert is one flat array, because readers of bodies know no nesting: the values of the origin,
 * then those of each service, whose number follows from the array's length. So a decoder's first
 * check, of that length, bounds all that comes after it. Every value is bounded by what the table
 * holds, so that what was decoded can be kept and sent on without looking again. */
#include "common/ipc/event.h"

#include "common/base/check.h"
#include "common/base/pack.h"
#include "common/ipc/body.h"

#include <errno.h>

#define EVENT_VERSION 1u
#define ALT_SVC_KEYS  3u
#define HELLO_KEYS    1u
#define TABLE_KEYS    3u

/* Values of an advert before its services, and of a service. */
#define ADVERT_VALUES  6u
#define SERVICE_VALUES 5u

#define ADVERT_BYTES_MAX                                                                           \
    (128u + ALT_SVC_HOST_MAX + ALT_SVC_UID_MAX + ALT_SVC_NODE_MAX +                                \
     ALT_SVC_SERVICES_MAX * (40u + ALT_SVC_PROTOCOL_MAX + ALT_SVC_HOST_MAX))
_Static_assert(ADVERT_BYTES_MAX + 64 <= EVENT_ALT_SVC_BYTES, "any advert fits an event");

/* Version, and how many other keys there must be. */
static int begin(struct cursor *c, unsigned keys)
{
    body_map(c, keys);
    if (body_uint(c, "v", UINT64_MAX) == EVENT_VERSION)
        return 0;
    return cursor_ok(c) ? -EPROTO : -EBADMSG;
}

static uint8_t *put_bytes(uint8_t *p, struct str s, uint32_t max)
{
    CHECK(s.len <= max);
    return pack_str(p, s.p, s.len);
}

static uint8_t *put_advert(uint8_t *p, const struct alt_svc_advert *a)
{
    CHECK(a->n <= ALT_SVC_SERVICES_MAX);
    p = pack_array(p, ADVERT_VALUES + a->n * SERVICE_VALUES);
    p = pack_bin8(p, a->server.b, sizeof a->server.b);
    p = pack_uint(p, a->server_port);
    p = put_bytes(p, a->origin, ALT_SVC_HOST_MAX);
    p = put_bytes(p, a->uid, ALT_SVC_UID_MAX);
    p = put_bytes(p, a->node, ALT_SVC_NODE_MAX);
    p = pack_uint(p, a->learned_ns);
    for (unsigned i = 0; i < a->n; i++) {
        const struct alt_svc_service *s = &a->services[i];

        p = put_bytes(p, s->protocol, ALT_SVC_PROTOCOL_MAX);
        p = put_bytes(p, s->host, ALT_SVC_HOST_MAX);
        p = pack_uint(p, s->port);
        p = pack_uint(p, s->max_age_s);
        p = pack_bool(p, s->persist);
    }
    return p;
}

static void take_service(struct cursor *c, struct alt_svc_service *out)
{
    out->protocol = body_text(c, NULL, ALT_SVC_PROTOCOL_MAX);
    out->host = body_text(c, NULL, ALT_SVC_HOST_MAX);
    out->port = (uint16_t)body_uint(c, NULL, UINT16_MAX);
    out->max_age_s = (uint32_t)body_uint(c, NULL, ALT_SVC_MAX_AGE_S);
    out->persist = body_bool(c, NULL);
}

/* Its array's head has been read and said n. */
static void take_advert(struct cursor *c, uint32_t n, struct alt_svc_advert *out)
{
    struct str server;

    out->n = 0;
    if (n < ADVERT_VALUES || (n - ADVERT_VALUES) % SERVICE_VALUES != 0 ||
        (n - ADVERT_VALUES) / SERVICE_VALUES > ALT_SVC_SERVICES_MAX)
        c->error = true;
    server = body_text(c, NULL, sizeof out->server.b);
    if (server.len == sizeof out->server.b)
        memcpy(out->server.b, server.p, sizeof out->server.b);
    else
        c->error = true;
    out->server_port = (uint16_t)body_uint(c, NULL, UINT16_MAX);
    out->origin = body_text(c, NULL, ALT_SVC_HOST_MAX);
    out->uid = body_text(c, NULL, ALT_SVC_UID_MAX);
    out->node = body_text(c, NULL, ALT_SVC_NODE_MAX);
    out->learned_ns = body_uint(c, NULL, INT64_MAX); /* with any age added it is still a time */
    while (cursor_ok(c) && out->n < (n - ADVERT_VALUES) / SERVICE_VALUES)
        take_service(c, &out->services[out->n++]);
}

size_t event_alt_svc_encode(uint8_t out[EVENT_ALT_SVC_BYTES], uint64_t seq,
                            const struct alt_svc_advert *a)
{
    uint8_t *p = pack_map(out, ALT_SVC_KEYS);

    p = body_put_uint_pair(p, "v", EVENT_VERSION);
    p = body_put_uint_pair(p, "seq", seq);
    p = put_advert(body_put_text(p, "advert"), a);
    CHECK((size_t)(p - out) <= EVENT_ALT_SVC_BYTES);
    return (size_t)(p - out);
}

int event_alt_svc_decode(struct cursor *c, uint64_t *seq, struct alt_svc_advert *out)
{
    int err = begin(c, ALT_SVC_KEYS);

    if (err < 0)
        return err;
    *seq = body_uint(c, "seq", UINT64_MAX);
    take_advert(c, body_array(c, "advert"), out);
    return cursor_ok(c) ? 0 : -EBADMSG;
}

size_t event_hello_encode(uint8_t out[EVENT_HELLO_BYTES])
{
    uint8_t *p = pack_map(out, HELLO_KEYS);

    p = body_put_uint_pair(p, "v", EVENT_VERSION);
    return (size_t)(p - out);
}

int event_hello_decode(const uint8_t *body, size_t len)
{
    struct cursor c = cursor_init(body, len);
    int err = begin(&c, HELLO_KEYS);

    return err < 0 || cursor_left(&c) == 0 ? err : -EBADMSG;
}

/* The head's length does not depend on what it says, so it is written when that is known. */
static uint8_t *put_table_head(uint8_t *p, bool last, uint32_t n)
{
    p = pack_map(p, TABLE_KEYS);
    p = body_put_uint_pair(p, "v", EVENT_VERSION);
    p = body_put_bool_pair(p, "last", last);
    return pack_head32(body_put_text(p, "adverts"), 0xdd, n);
}

size_t event_table_encode(uint8_t out[EVENT_TABLE_BYTES], const struct alt_svc_table *t,
                          uint32_t *position, bool *last)
{
    uint8_t *p = put_table_head(out, false, 0);
    struct alt_svc_advert a;
    uint32_t n = 0;

    *last = false;
    while (!*last && (size_t)(p - out) + ADVERT_BYTES_MAX <= EVENT_TABLE_BYTES) {
        *last = !alt_svc_table_next(t, position, &a);
        if (*last)
            break;
        p = put_advert(p, &a);
        n++;
    }
    put_table_head(out, *last, n);
    return (size_t)(p - out);
}

int event_table_decode(struct cursor *c, bool *last,
                       void (*take)(void *arg, const struct alt_svc_advert *a), void *arg)
{
    int err = begin(c, TABLE_KEYS);
    struct alt_svc_advert a;
    uint32_t n;

    if (err < 0)
        return err;
    *last = body_bool(c, "last");
    n = body_array(c, "adverts");
    for (uint32_t i = 0; i < n && cursor_ok(c); i++) {
        take_advert(c, body_array(c, NULL), &a);
        if (cursor_ok(c))
            take(arg, &a);
    }
    return cursor_ok(c) ? 0 : -EBADMSG;
}

uint64_t event_senders_note(struct event_senders *s, struct str node, uint64_t seq)
{
    uint64_t missing = 0;

    for (unsigned i = 0; i < s->n; i++) {
        if (!str_equal(str_of(s->sender[i].node), node))
            continue;
        if (seq > s->sender[i].seq)
            missing = seq - s->sender[i].seq - 1;
        s->sender[i].seq = seq;
        return missing;
    }
    if (s->n < EVENT_SENDERS && node.len < sizeof s->sender[0].node) {
        memcpy(s->sender[s->n].node, node.p, node.len);
        s->sender[s->n].node[node.len] = '\0';
        s->sender[s->n++].seq = seq;
    }
    return missing;
}
