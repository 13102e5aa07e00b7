/* SPDX-License-Identifier: BSD-3-Clause */
/* From messages to transactions.
 *
 * A query waits (dns_pending.h) until the response with its id comes: the oldest one with the same
 * question, or else the oldest with that id. Then one record tells of both. Queries that are sent
 * again wait each for themselves, as in Zeek's logs; what is never answered is logged when the flow
 * ends or when newer queries displace it; a response that nobody asked for is logged at once.
 * Multicast DNS has no ids: there each message is a record.
 *
 * Whether a message is a query stands in it, not in its direction: multicast and resolvers that use
 * one port for both send queries from either side.
 *
 * RD and Z are the query's; AA, TC, RA and rtt are the response's, whatever it carries (Zeek takes
 * them from responses with answers only).
 *
 * A dynamic update asks for nothing: its question is the zone, and what it tests and changes stands
 * in the place of answers.
 *
 * A zone transfer answers one query with many messages. The first one makes the record, with as
 * many answers as it has and a record holds; the others belong to it and are passed over.
 *
 * Addresses are told to the host (dns_resolved.h) where somebody asked: what comes unasked anyone
 * could send. On multicast and inside HTTPS nothing comes unasked in that sense: there the group,
 * or the exchange, is the question.
 *
 * TCP: a message that lies whole in one piece is read where it is, else it is gathered up first.
 * After a gap there is no way to find the next length: that side is given up. */
#include "worker/parse/dns/dns.h"

#include "worker/parse/dns/dns_answers.h"
#include "worker/parse/dns/dns_message.h"
#include "worker/parse/dns/dns_names.h"
#include "worker/parse/dns/dns_pending.h"
#include "worker/parse/dns/dns_probe.h"
#include "worker/parse/dns/dns_resolved.h"

#define LENGTH_BYTES          2u
#define QUESTIONS_MAX         25u   /* of a message that is nothing odd */
#define UPDATE_KEEP_MAX_BYTES 4096u /* of a dynamic update, what waits for the response */

struct dns {
    struct membuf
        partial[2]; /* TCP: the message of a side that is not whole yet, with its length */
    struct dns_pending pending;
    uint16_t transfer_id; /* of the zone transfer whose first message was logged */
    bool transfer;
    bool lost[2];  /* TCP: message boundaries are not known any more */
    bool enclosed; /* each call of data() is a whole message */
};

/* A record and what it borrows from. */
struct draft {
    struct rec_dns rec;
    struct dns_question question;
    bool has_question;
    char type_name[DNS_NAMES_MAX];
    char class_name[DNS_NAMES_MAX];
    char opcode_name[DNS_NAMES_MAX];
    char netbios_name[16];
    struct dns_answers answers;
};

static void weird_if(struct analyzer_ctx *ctx, enum weird w)
{
    if (w != WEIRDS)
        analyzer_weird(ctx, w, NULL);
}

static bool is_netbios(const struct analyzer_ctx *ctx)
{
    return ctx->transport == ANALYZER_UDP && ctx->resp_p == DNS_PORT_NETBIOS;
}

static bool is_mdns(const struct analyzer_ctx *ctx)
{
    return ctx->transport == ANALYZER_UDP && ctx->resp_p == DNS_PORT_MDNS;
}

/* Queries go to a group and responses come from its members, on flows of their own. */
static bool is_multicast(const struct analyzer_ctx *ctx)
{
    return is_mdns(ctx) || (ctx->transport == ANALYZER_UDP && ctx->resp_p == DNS_PORT_LLMNR);
}

/* A NetBIOS name is 16 bytes, each written as two letters from A to P; the last byte is the kind of
 * service and the padding is spaces or NULs (RFC 1001 section 14.1). Other names stay as they are.
 */
static struct str netbios_name(const struct dns_name *name, char out[16])
{
    size_t n = 15;

    if (name->len < 32 || (name->len > 32 && name->text[32] != '.'))
        return dns_name_str(name);
    for (size_t i = 0; i < 32; i++)
        if (name->text[i] < 'a' || name->text[i] > 'p')
            return dns_name_str(name);
    for (size_t i = 0; i < 16; i++)
        out[i] = (char)((name->text[2 * i] - 'a') << 4 | (name->text[2 * i + 1] - 'a'));
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '\0'))
        n--;
    return str_make(out, n);
}

static void draft_init(struct draft *d, const struct analyzer_ctx *ctx, const struct dns_message *m,
                       uint64_t ts_ns)
{
    struct rec_dns *r = &d->rec;

    r->present = 0;
    d->has_question = false;
    dns_answers_init(&d->answers);
    RECORD_SET(dns, r, ts, ts_ns);
    RECORD_SET(dns, r, proto, ctx->transport == ANALYZER_UDP ? STR_LIT("udp") : STR_LIT("tcp"));
    RECORD_SET(dns, r, trans_id, m->id);
    RECORD_SET(dns, r, aa, false);
    RECORD_SET(dns, r, tc, m->tc);
    RECORD_SET(dns, r, rd, m->rd);
    RECORD_SET(dns, r, ra, false);
    RECORD_SET(dns, r, z, m->z);
    RECORD_SET(dns, r, rejected, false);
    RECORD_SET(dns, r, opcode, m->opcode);
    RECORD_SET(dns, r, opcode_name, dns_names_opcode(m->opcode, m->netbios, d->opcode_name));
}

static void draft_name(struct draft *d, const struct dns_message *m, const struct dns_name *name)
{
    RECORD_SET(dns, &d->rec, query,
               m->netbios ? netbios_name(name, d->netbios_name) : dns_name_str(name));
}

static void draft_question(struct draft *d, const struct dns_message *m)
{
    const struct dns_question *q = &d->question;
    struct rec_dns *r = &d->rec;

    d->has_question = true;
    draft_name(d, m, &q->name);
    RECORD_SET(dns, r, qclass, q->class);
    RECORD_SET(dns, r, qclass_name, dns_names_class(q->class, d->class_name));
    RECORD_SET(dns, r, qtype, q->type);
    RECORD_SET(dns, r, qtype_name, dns_names_type(q->type, m->netbios, d->type_name));
}

/* Begins the record of a query from the bytes of it that were kept. What is broken in them was
 * reported when they came. */
static void draft_query(struct draft *d, const struct analyzer_ctx *ctx, const uint8_t *message,
                        size_t len, uint64_t ts_ns)
{
    struct dns_message m;

    (void)dns_message_begin(&m, message, len);
    m.netbios = is_netbios(ctx);
    draft_init(d, ctx, &m, ts_ns);
    if (m.count[DNS_QUESTION] == 0 || !dns_message_question(&m, &d->question))
        return;
    draft_question(d, &m);
    if (m.opcode == DNS_OPCODE_UPDATE && !m.netbios)
        (void)dns_answers_read_update(&d->answers, &m, d->question.class);
}

static void draft_emit(struct draft *d, struct analyzer_ctx *ctx)
{
    const struct dns_answers *a = &d->answers;

    if (a->n > 0) {
        RECORD_SET(dns, &d->rec, answers, ((struct str_list){a->items, a->n}));
        RECORD_SET(dns, &d->rec, ttls, ((struct interval_list){a->ttls_ns, a->n}));
    }
    analyzer_record(ctx, RECORD_dns, &d->rec);
}

static void log_unanswered(struct analyzer_ctx *ctx, const uint8_t *message, size_t len,
                           uint64_t ts_ns)
{
    struct draft d;

    draft_query(&d, ctx, message, len, ts_ns);
    draft_emit(&d, ctx);
}

/* Logs and forgets the oldest query. False if there is none. */
static bool displace(struct analyzer_ctx *ctx, struct dns *s)
{
    struct dns_query q;

    if (!dns_pending_next(&s->pending, &q, true))
        return false;
    log_unanswered(ctx, q.message, q.len, q.ts_ns);
    dns_pending_remove(&s->pending, ctx->bufs, &q);
    return true;
}

/* Bytes of a query that its record needs; says what is broken in them. */
static size_t bytes_to_keep(struct analyzer_ctx *ctx, struct dns_message *m)
{
    struct dns_question q;

    if (m->count[DNS_QUESTION] > 0 && !dns_message_question(m, &q)) {
        analyzer_weird(ctx, m->problem, NULL);
        return DNS_HEADER_BYTES;
    }
    if (m->opcode == DNS_OPCODE_UPDATE)
        return m->len < UPDATE_KEEP_MAX_BYTES ? m->len : UPDATE_KEEP_MAX_BYTES;
    return (size_t)(m->c.p - m->data);
}

static void on_query(struct analyzer_ctx *ctx, struct dns *s, struct dns_message *m)
{
    size_t keep = bytes_to_keep(ctx, m);

    if (s->transfer && s->transfer_id == m->id)
        s->transfer = false;
    if (is_mdns(ctx)) {
        log_unanswered(ctx, m->data, keep, ctx->ts_ns);
        return;
    }
    while (dns_pending_add(&s->pending, ctx->bufs, m->id, ctx->ts_ns, m->data, keep) < 0) {
        analyzer_weird(ctx, WEIRD_DNS_EXCESSIVE_PENDING, NULL);
        if (!displace(ctx, s)) {
            log_unanswered(ctx, m->data, keep, ctx->ts_ns);
            return;
        }
    }
}

/* The pending query that a response with this id and question (NULL if it has none) answers. */
static bool find_query(const struct dns *s, uint16_t id, const struct dns_question *question,
                       struct dns_query *out)
{
    struct dns_question asked;
    struct dns_message m;
    struct dns_query q;
    bool found = false;

    for (bool more = dns_pending_next(&s->pending, &q, true); more;
         more = dns_pending_next(&s->pending, &q, false)) {
        if (q.id != id)
            continue;
        if (!found)
            *out = q;
        found = true;
        if (!question)
            return true;
        (void)dns_message_begin(&m, q.message, q.len);
        if (dns_message_question(&m, &asked) && dns_question_equal(&asked, question)) {
            *out = q;
            return true;
        }
    }
    return found;
}

/* believed: somebody asked for it. */
static void draft_response(struct draft *d, struct analyzer_ctx *ctx, struct dns_message *m,
                           bool believed)
{
    struct rec_dns *r = &d->rec;
    bool empty = m->count[1] + m->count[2] + m->count[3] == 0;

    if (ctx->ts_ns > r->ts)
        RECORD_SET(dns, r, rtt, (int64_t)(ctx->ts_ns - r->ts));
    RECORD_SET(dns, r, rcode, m->rcode);
    RECORD_SET(dns, r, rcode_name, dns_names_rcode(m->rcode));
    RECORD_SET(dns, r, aa, m->aa);
    RECORD_SET(dns, r, tc, m->tc);
    RECORD_SET(dns, r, ra, m->ra);
    RECORD_SET(dns, r, rejected, m->count[DNS_QUESTION] > 0 ? empty : m->rcode != 0);
    /* The response to an update may repeat it, but says nothing of its own. */
    if (m->problem != WEIRDS || (m->opcode == DNS_OPCODE_UPDATE && !m->netbios))
        return;
    if (!dns_message_skip_questions(m, m->count[DNS_QUESTION] > 0)) {
        analyzer_weird(ctx, m->problem, NULL);
        return;
    }
    if (believed && !m->netbios && m->rcode == 0)
        dns_resolved_tell(ctx, *m, d->has_question ? &d->question : NULL, is_mdns(ctx));
    weird_if(ctx, dns_answers_read(&d->answers, m));
    if (!d->has_question && d->answers.has_owner)
        draft_name(d, m, &d->answers.owner);
}

static void on_response(struct analyzer_ctx *ctx, struct dns *s, struct dns_message *m)
{
    struct dns_question question;
    bool asked = m->count[DNS_QUESTION] > 0 && dns_message_question(m, &question);
    bool believed = s->enclosed || is_multicast(ctx);
    struct dns_query q;
    struct draft d;

    weird_if(ctx, m->problem);
    if (s->transfer && s->transfer_id == m->id)
        return;
    if (!is_mdns(ctx) && find_query(s, m->id, asked ? &question : NULL, &q)) {
        draft_query(&d, ctx, q.message, q.len, q.ts_ns);
        dns_pending_remove(&s->pending, ctx->bufs, &q);
        believed = true;
    } else {
        draft_init(&d, ctx, m, ctx->ts_ns);
        if (!believed)
            analyzer_weird(ctx, WEIRD_DNS_UNMATCHED_REPLY, NULL);
    }
    if (asked && !d.has_question) {
        d.question = question;
        draft_question(&d, m);
    }
    draft_response(&d, ctx, m, believed);
    draft_emit(&d, ctx);
    s->transfer = ctx->transport == ANALYZER_TCP && asked &&
                  (question.type == DNS_TYPE_AXFR || question.type == DNS_TYPE_IXFR);
    s->transfer_id = m->id;
}

static void on_message(struct analyzer_ctx *ctx, struct dns *s, const uint8_t *data, size_t len)
{
    struct dns_message m;

    if (!dns_message_begin(&m, data, len)) {
        analyzer_weird(ctx, m.problem, NULL);
        return;
    }
    m.netbios = is_netbios(ctx);
    if (m.count[DNS_QUESTION] > QUESTIONS_MAX)
        analyzer_weird(ctx, WEIRD_DNS_QUESTIONS, NULL);
    if (m.response)
        on_response(ctx, s, &m);
    else
        on_query(ctx, s, &m);
}

static void dns_open(struct analyzer_ctx *ctx, void *state)
{
    (void)state;
    analyzer_service(ctx, "dns");
    analyzer_category(ctx, CATEGORY_dns);
}

static void dns_message_open(struct analyzer_ctx *ctx, void *state)
{
    struct dns *s = state;

    s->enclosed = true;
    analyzer_service(ctx, "dns");
}

/* Gives a side of a TCP flow up; the other one may go on. */
static void lose_side(struct analyzer_ctx *ctx, struct dns *s, unsigned side)
{
    membuf_free(&s->partial[side], ctx->bufs);
    s->lost[side] = true;
    if (s->lost[!side])
        analyzer_done(ctx);
}

/* The length that precedes a message; 0 and a lost side if no message is that short. */
static size_t message_bytes(struct analyzer_ctx *ctx, struct dns *s, unsigned side,
                            const uint8_t *data)
{
    struct cursor c = cursor_init(data, LENGTH_BYTES);
    size_t n = cursor_be16(&c);

    if (n >= DNS_HEADER_BYTES)
        return n;
    analyzer_weird(ctx, WEIRD_DNS_BAD_MESSAGE, NULL);
    lose_side(ctx, s, side);
    return 0;
}

/* Reads every whole message at the start of data[len]. Returns the bytes read. */
static size_t read_whole(struct analyzer_ctx *ctx, struct dns *s, unsigned side,
                         const uint8_t *data, size_t len)
{
    size_t used = 0;

    while (!s->lost[side] && len - used >= LENGTH_BYTES) {
        size_t n = message_bytes(ctx, s, side, data + used);

        if (n == 0 || len - used - LENGTH_BYTES < n)
            break;
        on_message(ctx, s, data + used + LENGTH_BYTES, n);
        used += LENGTH_BYTES + n;
    }
    return used;
}

/* Adds to the message that is not whole yet what is missing of it, or all of data[len] if that is
 * less. Returns how much it took. */
static size_t complete_partial(struct analyzer_ctx *ctx, struct dns *s, unsigned side,
                               const uint8_t *data, size_t len)
{
    struct membuf *b = &s->partial[side];
    size_t want = LENGTH_BYTES;
    size_t taken;

    if (b->len >= LENGTH_BYTES)
        want += (size_t)(b->p[0] << 8 | b->p[1]);
    taken = want - b->len < len ? want - b->len : len;
    if (membuf_append(b, ctx->bufs, data, taken, LENGTH_BYTES + DNS_MESSAGE_MAX) < 0) {
        lose_side(ctx, s, side);
        return len;
    }
    if (read_whole(ctx, s, side, b->p, b->len) > 0)
        membuf_free(b, ctx->bufs);
    return taken;
}

static void dns_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                     size_t len)
{
    struct dns *s = state;
    size_t used = 0;

    if (ctx->transport == ANALYZER_UDP || s->enclosed) {
        on_message(ctx, s, data, len);
        return;
    }
    while (used < len && !s->lost[side]) {
        if (s->partial[side].len == 0)
            used += read_whole(ctx, s, side, data + used, len - used);
        if (used < len && !s->lost[side])
            used += complete_partial(ctx, s, side, data + used, len - used);
    }
}

static void dns_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    const struct dns *s = state;

    (void)len;
    if (!s->enclosed)
        lose_side(ctx, state, side);
}

static void dns_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    struct dns *s = state;

    membuf_free(&s->partial[side], ctx->bufs);
}

static void dns_close(struct analyzer_ctx *ctx, void *state)
{
    struct dns *s = state;

    while (displace(ctx, s))
        continue;
    dns_pending_free(&s->pending, ctx->bufs);
    for (int i = 0; i < 2; i++)
        membuf_free(&s->partial[i], ctx->bufs);
}

const struct analyzer analyzer_dns = {
    .name = "dns",
    .transports = ANALYZER_TCP | ANALYZER_UDP,
    .state_bytes = sizeof(struct dns),
    .state_max = 0,
    .probe = dns_probe,
    .open = dns_open,
    .data = dns_data,
    .gap = dns_gap,
    .end = dns_end,
    .close = dns_close,
};

const struct analyzer analyzer_dns_message = {
    .name = "dns_message",
    .transports = ANALYZER_TCP | ANALYZER_UDP,
    .state_bytes = sizeof(struct dns),
    .state_max = 1u << 16,
    .open = dns_message_open,
    .data = dns_data,
    .gap = dns_gap,
    .end = dns_end,
    .close = dns_close,
};
