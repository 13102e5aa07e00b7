/* SPDX-License-Identifier: BSD-3-Clause */
/* All answers of a record share one run of text, each a view of its part. Whatever a message says
 * of its counts, reading ends with its bytes, with as many RRs as a log's list may have elements,
 * or with the text's room, whichever is first; authority and additional records are not looked at.
 */
#include "worker/parse/dns/dns_answers.h"

#include "common/base/clock.h"
#include "worker/parse/dns/dns_names.h"
#include "worker/parse/dns/dns_rdata.h"

void dns_answers_init(struct dns_answers *a)
{
    a->n = 0;
    a->has_owner = false;
    a->text = (struct dns_text){a->buf, 0, sizeof a->buf, false};
}

/* What was written to the text since `start` becomes the next answer, unless it is nothing.
 * False when there is no room: the list is complete as it is. */
static bool add_item(struct dns_answers *a, size_t start, uint32_t ttl_s)
{
    if (a->text.full)
        return false;
    if (a->text.len == start)
        return true;
    a->items[a->n] = str_make(a->buf + start, a->text.len - start);
    a->ttls_ns[a->n++] = (int64_t)ttl_s * (int64_t)NS_PER_SEC;
    return true;
}

enum weird dns_answers_read(struct dns_answers *a, struct dns_message *m)
{
    enum weird first = WEIRDS;
    struct dns_rr rr;

    for (unsigned i = 0; i < m->count[DNS_ANSWER]; i++) {
        size_t start = a->text.len;

        if (i == DNS_ANSWERS_MAX)
            return WEIRD_DNS_ANSWERS_CUT;
        if (!dns_message_rr(m, &rr))
            return m->problem;
        if (i == 0)
            a->owner = rr.owner;
        a->has_owner = true;
        (void)dns_rdata_format(m, &rr, &a->text);
        if (cursor_left(&rr.rdata) == 0)
            m->problem = WEIRD_DNS_ZERO_RDLENGTH;
        if (first == WEIRDS)
            first = m->problem;
        if (!add_item(a, start, rr.ttl_s))
            return WEIRD_DNS_ANSWERS_CUT;
    }
    return first;
}

/* "add: A host.example 192.0.2.1", "pre: NoRRSet CNAME host.example"; what ANY and NONE stand for
 * in place of a class: RFC 2136 sections 2.4 and 2.5. */
static void add_change(struct dns_answers *a, struct dns_message *m, const struct dns_rr *rr,
                       bool prerequisite, uint16_t zone_class)
{
    struct dns_text *t = &a->text;
    char buf[DNS_NAMES_MAX];
    bool all_types = rr->type == DNS_TYPE_ANY;
    bool set = rr->class == DNS_CLASS_ANY || (prerequisite && rr->class == DNS_CLASS_NONE);

    if (prerequisite)
        dns_text_add_literal(t, rr->class == DNS_CLASS_NONE ? "pre: No" : "pre: ");
    else
        dns_text_add_literal(t, rr->class == zone_class ? "add: " : "del: ");
    if (set)
        dns_text_add_literal(t, all_types ? "Name" : "RRSet ");
    else if (prerequisite || rr->class != zone_class)
        dns_text_add_literal(t, "RR ");
    if (!set || !all_types)
        dns_text_add_str(t, dns_names_type(rr->type, false, buf));
    dns_text_add(t, " ", 1);
    dns_text_add_str(t, dns_name_str(&rr->owner));
    if (!set && cursor_left(&rr->rdata) > 0) {
        dns_text_add(t, " ", 1);
        (void)dns_rdata_format(m, rr, t);
    }
}

enum weird dns_answers_read_update(struct dns_answers *a, struct dns_message *m,
                                   uint16_t zone_class)
{
    unsigned prerequisites = m->count[DNS_ANSWER];
    unsigned all = prerequisites + m->count[DNS_AUTHORITY];
    struct dns_rr rr;

    for (unsigned i = 0; i < all; i++) {
        size_t start = a->text.len;

        if (i == DNS_ANSWERS_MAX)
            return WEIRD_DNS_ANSWERS_CUT;
        if (!dns_message_rr(m, &rr))
            return m->problem;
        add_change(a, m, &rr, i < prerequisites, zone_class);
        if (!add_item(a, start, rr.ttl_s))
            return WEIRD_DNS_ANSWERS_CUT;
    }
    return WEIRDS;
}
