/* SPDX-License-Identifier: BSD-3-Clause */
/* The answers and TTLs of one dns.log line while it is made: text, and views of it for the record.
 * Lives on the stack of the one who emits; init touches little of it. */
#ifndef SPLIFF_PARSE_DNS_ANSWERS_H
#define SPLIFF_PARSE_DNS_ANSWERS_H

#include "worker/parse/dns/dns_message.h"
#include "worker/parse/dns/dns_text.h"

#define DNS_ANSWERS_MAX            100u /* elements, as in a container of Zeek's logs */
#define DNS_ANSWERS_MAX_TEXT_BYTES (48u * 1024)

struct dns_answers {
    uint32_t n;
    struct str items[DNS_ANSWERS_MAX];
    int64_t ttls_ns[DNS_ANSWERS_MAX];
    struct dns_name owner; /* of the first RR read */
    bool has_owner;
    struct dns_text text;
    char buf[DNS_ANSWERS_MAX_TEXT_BYTES];
};

void dns_answers_init(struct dns_answers *a);

/* Reads the answer section of a response; m stands behind its questions. Returns WEIRDS, or what
 * was wrong with it: a broken RR ends the reading, broken data of one RR leave only that one out.
 */
enum weird dns_answers_read(struct dns_answers *a, struct dns_message *m);

/* The same for a dynamic update (RFC 2136): its prerequisites as "pre: …", its changes as "add: …"
 * and "del: …". zone_class is the class of its question. */
enum weird dns_answers_read_update(struct dns_answers *a, struct dns_message *m,
                                   uint16_t zone_class);

#endif
