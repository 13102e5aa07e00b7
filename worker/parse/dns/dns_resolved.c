/* SPDX-License-Identifier: BSD-3-Clause */
/* A client that asks for an address or for the ways to a service takes all that the answer holds as
 * the way to the name that it asked for, through however many aliases and in whatever order; so
 * that name is told, and the chain of CNAMEs need not be walked. Where something else was asked for
 * (everything, a service's place) or nothing (an announcement on multicast DNS), each address is
 * its owner's. */
#include "worker/parse/dns/dns_resolved.h"

#define RECORDS_MAX    100u    /* as many as a log's list may have */
#define MDNS_FLUSH_BIT 0x8000u /* of the class: RFC 6762 section 10.2 */
#define CLASS_IN       1u

struct telling {
    struct analyzer_ctx *ctx;
    struct str name;
    uint32_t ttl_s;
};

static void tell(const struct telling *t, struct cursor *c, size_t bytes)
{
    const uint8_t *p = cursor_bytes(c, bytes);
    struct ipaddr a;

    if (!p)
        return;
    ipaddr_set(&a, p, bytes);
    analyzer_resolved(t->ctx, &a, t->name, t->ttl_s);
}

static void tell_hints(const struct telling *t, struct dns_message *m, struct cursor c)
{
    struct dns_name target;

    cursor_skip(&c, 2); /* priority */
    if (!dns_message_name(m, &c, &target))
        return;
    while (cursor_left(&c) > 0) {
        uint16_t key = cursor_be16(&c);
        uint16_t len = cursor_be16(&c);
        struct cursor value = cursor_sub(&c, len);
        size_t bytes = key == DNS_SVC_IPV4HINT ? 4 : 16;

        while ((key == DNS_SVC_IPV4HINT || key == DNS_SVC_IPV6HINT) && cursor_left(&value) > 0)
            tell(t, &value, bytes);
    }
}

/* "_8443._https.host.example" asks about host.example (RFC 9460 section 2.3). */
static struct str without_service(struct str name)
{
    const char *dot;

    while (name.len > 0 && name.p[0] == '_' && (dot = memchr(name.p, '.', name.len)))
        name = str_make(dot + 1, name.len - (size_t)(dot + 1 - name.p));
    return name;
}

static bool asks_for_addresses(uint16_t type)
{
    return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_HTTPS ||
           type == DNS_TYPE_SVCB;
}

static void tell_rr(struct telling *t, struct dns_message *m, struct dns_rr *rr)
{
    switch (rr->type) {
    case DNS_TYPE_A:
        tell(t, &rr->rdata, 4);
        break;
    case DNS_TYPE_AAAA:
        tell(t, &rr->rdata, 16);
        break;
    case DNS_TYPE_HTTPS:
    case DNS_TYPE_SVCB:
        tell_hints(t, m, rr->rdata);
        break;
    default:
        break;
    }
}

void dns_resolved_tell(struct analyzer_ctx *ctx, struct dns_message m,
                       const struct dns_question *asked, bool multicast)
{
    size_t records = m.count[DNS_ANSWER];
    struct telling t = {.ctx = ctx};
    struct dns_rr rr;

    if (multicast)
        records += m.count[DNS_AUTHORITY] + (size_t)m.count[DNS_ADDITIONAL];
    for (size_t i = 0; i < records && i < RECORDS_MAX && dns_message_rr(&m, &rr); i++) {
        uint16_t class = multicast ? rr.class & (uint16_t)~MDNS_FLUSH_BIT : rr.class;

        if (class != CLASS_IN || (multicast && rr.ttl_s == 0))
            continue;
        t.name = dns_name_str(asked && asks_for_addresses(asked->type) ? &asked->name : &rr.owner);
        t.name = without_service(t.name);
        t.ttl_s = rr.ttl_s;
        tell_rr(&t, &m, &rr);
    }
}
