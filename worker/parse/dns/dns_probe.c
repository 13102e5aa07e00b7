/* SPDX-License-Identifier: BSD-3-Clause */
/* Detection of DNS without its port.
 *
 * What convicts: the counts. A query has 1 question and next to nothing else, so seven of eight
 * bytes are known; the counts of a response must have room in the message; and what they announce
 * must be there, the question wholly and the first RR with it. In random bytes that is met once in
 * 2^50; formats with many zero bytes (RTP, NTP, STUN, QUIC) fail on the names or the flags.
 *
 * So single oddities elsewhere are forgiven: an unassigned type or class, an unknown opcode, a
 * reserved bit, flags of a response in a query. One of them, not two.
 *
 * Multicast DNS (id 0, any number of questions, answers inside queries) and the NetBIOS name
 * service (a broadcast flag in the place of a reserved bit) pass as what they are: DNS. */
#include "worker/parse/dns/dns_probe.h"

#include "worker/parse/dns/dns_message.h"
#include "worker/parse/dns/dns_names.h"

#define ODDITIES_MAX       1u
#define QUESTION_MIN_BYTES 5u
#define RR_MIN_BYTES       11u
#define MDNS_QUESTIONS_MAX 64u
#define QUERY_RECORDS_MAX  4u /* OPT, TSIG, the name that a NetBIOS registration adds */
#define MDNS_UNICAST_BIT   0x8000u

static bool known_opcode(const struct dns_message *m)
{
    /* 3 was never assigned, 6 to 8 are NetBIOS' and DSO's, the rest is free (RFC 1002, 8490). */
    return m->opcode <= 8 && m->opcode != 3;
}

/* A truncated response may count what it left out. That leaves less to go by, so nothing else may
 * be odd about it. */
static bool announces_more(const struct dns_message *m)
{
    return m->response && m->tc && m->count[DNS_QUESTION] == 1;
}

/* Counts that a message of this kind can have and that fit in message_len bytes. */
static bool plausible_counts(const struct dns_message *m, size_t message_len)
{
    size_t records = (size_t)m->count[1] + m->count[2] + m->count[3];
    size_t least = DNS_HEADER_BYTES + m->count[0] * QUESTION_MIN_BYTES;
    bool mdns = m->id == 0;

    if (m->count[DNS_QUESTION] > (mdns ? MDNS_QUESTIONS_MAX : 1) || least > message_len)
        return false;
    if (!announces_more(m) && least + records * RR_MIN_BYTES > message_len)
        return false;
    if (m->response)
        return m->count[DNS_QUESTION] > 0 || m->count[DNS_ANSWER] > 0;
    if (m->opcode == DNS_OPCODE_IQUERY)
        return m->count[DNS_ANSWER] == 1;
    if (m->count[DNS_QUESTION] == 0)
        return mdns && m->count[DNS_ANSWER] > 0;
    return mdns || m->opcode == DNS_OPCODE_UPDATE || records <= QUERY_RECORDS_MAX;
}

/* A header whose counts are nonsense, or are of several questions, but with questions behind it
 * that end where the datagram does: who sends that wants to be understood by a server that does not
 * count. */
static bool is_exactly_questions(struct dns_message m)
{
    unsigned n = m.count[DNS_QUESTION];
    struct dns_question q;

    if (m.response || m.opcode != DNS_OPCODE_QUERY)
        return false;
    do {
        if (!dns_message_question(&m, &q) || q.name.len == 0 || q.class != 1 ||
            !dns_names_knows_type(q.type))
            return false;
    } while (cursor_left(&m.c) > 0 && n-- > 1);
    return cursor_left(&m.c) == 0;
}

static unsigned odd_flags(const struct dns_message *m)
{
    unsigned odd = !known_opcode(m) + ((m->z & 4) != 0);

    if (!m->response)
        odd += m->aa + m->ra + (m->rcode != 0);
    return odd;
}

static unsigned odd_question(const struct dns_question *q)
{
    uint16_t class = q->class & (uint16_t)~MDNS_UNICAST_BIT;

    return !dns_names_knows_type(q->type) + !dns_names_knows_class(class);
}

/* Broken only because the bytes that are there end too early? */
static bool ran_out(const struct dns_message *m)
{
    return m->problem == WEIRD_DNS_SHORT_QUESTION || m->problem == WEIRD_DNS_SHORT_ANSWER ||
           m->problem == WEIRD_DNS_LABEL_PAST_END;
}

/* Of DNS, with the bytes that are there? `more`: the message has bytes beyond them. */
static enum probe_result judge(const uint8_t *data, size_t len, size_t message_len)
{
    bool more = len < message_len;
    struct dns_question q;
    struct dns_message m;
    struct dns_rr rr;
    unsigned odd;

    if (!dns_message_begin(&m, data, len))
        return more ? PROBE_MORE : PROBE_NO;
    odd = odd_flags(&m);
    if (odd > ODDITIES_MAX)
        return PROBE_NO;
    if (!plausible_counts(&m, message_len))
        return odd == 0 && !more && is_exactly_questions(m) ? PROBE_CLIENT : PROBE_NO;
    if (m.count[DNS_QUESTION] > 0) {
        if (!dns_message_question(&m, &q))
            return more && ran_out(&m) ? PROBE_MORE : PROBE_NO;
        odd += odd_question(&q);
    }
    /* What follows several questions is not looked at. */
    if (m.count[DNS_ANSWER] > 0 && m.count[DNS_QUESTION] <= 1) {
        if (dns_message_rr(&m, &rr))
            odd += !dns_names_knows_type(rr.type);
        else if (!announces_more(&m))
            return more && ran_out(&m) ? PROBE_MORE : PROBE_NO;
    }
    if (odd > (announces_more(&m) ? 0 : ODDITIES_MAX))
        return PROBE_NO;
    if (m.id == 0)
        return PROBE_EITHER;
    return m.response ? PROBE_SERVER : PROBE_CLIENT;
}

enum probe_result dns_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    struct cursor c = cursor_init(data, len);
    size_t message_len;

    if (transport == ANALYZER_UDP)
        return judge(data, len, len);
    /* RFC 1035 section 4.2.2: a length of two bytes precedes each message. */
    message_len = cursor_be16(&c);
    if (!cursor_ok(&c))
        return PROBE_MORE;
    len = cursor_left(&c);
    return judge(c.p, len < message_len ? len : message_len, message_len);
}
