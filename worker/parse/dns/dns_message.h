/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading one DNS message (RFC 1035 section 4): header, questions and resource records in order,
 * names with compression. Borrows the message's bytes; keeps no memory of its own.
 *
 * Functions that return bool say false when the message is broken there; m->problem is then what is
 * wrong, and nothing after it can be read. */
#ifndef SPLIFF_PARSE_DNS_MESSAGE_H
#define SPLIFF_PARSE_DNS_MESSAGE_H

#include "common/base/cursor.h"
#include "common/base/str.h"
#include "common/schema/weird.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEADER_BYTES  12u
#define DNS_MESSAGE_MAX   65535u /* TCP; a UDP datagram is shorter */
#define DNS_NAME_TEXT_MAX 255u   /* a name of 255 bytes on the wire has at most 253 in text */
#define DNS_PORT_NETBIOS  137u
#define DNS_PORT_MDNS     5353u
#define DNS_PORT_LLMNR    5355u

enum dns_opcode { DNS_OPCODE_QUERY, DNS_OPCODE_IQUERY, DNS_OPCODE_NOTIFY = 4, DNS_OPCODE_UPDATE };

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_MB = 7,
    DNS_TYPE_MG = 8,
    DNS_TYPE_MR = 9,
    DNS_TYPE_WKS = 11,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_HINFO = 13,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_RP = 17,
    DNS_TYPE_AFSDB = 18,
    DNS_TYPE_RT = 21,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_LOC = 29,
    DNS_TYPE_NB = 32, /* of NetBIOS; elsewhere NIMLOC */
    DNS_TYPE_SRV = 33,
    DNS_TYPE_NAPTR = 35,
    DNS_TYPE_KX = 36,
    DNS_TYPE_DNAME = 39,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_DS = 43,
    DNS_TYPE_SSHFP = 44,
    DNS_TYPE_RRSIG = 46,
    DNS_TYPE_NSEC = 47,
    DNS_TYPE_DNSKEY = 48,
    DNS_TYPE_NSEC3 = 50,
    DNS_TYPE_NSEC3PARAM = 51,
    DNS_TYPE_TLSA = 52,
    DNS_TYPE_CDS = 59,
    DNS_TYPE_CDNSKEY = 60,
    DNS_TYPE_SVCB = 64,
    DNS_TYPE_HTTPS = 65,
    DNS_TYPE_SPF = 99,
    DNS_TYPE_TKEY = 249,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_ANY = 255,
    DNS_TYPE_URI = 256,
    DNS_TYPE_CAA = 257,
};

/* Keys of SvcParams, RFC 9460 section 14.3.2 and later ones. */
enum dns_svc_key {
    DNS_SVC_MANDATORY,
    DNS_SVC_ALPN,
    DNS_SVC_NO_DEFAULT_ALPN,
    DNS_SVC_PORT,
    DNS_SVC_IPV4HINT,
    DNS_SVC_ECH,
    DNS_SVC_IPV6HINT,
    DNS_SVC_DOHPATH, /* RFC 9461 */
    DNS_SVC_OHTTP,   /* RFC 9540 */
    DNS_SVC_KEYS
};

enum { DNS_CLASS_NONE = 254, DNS_CLASS_ANY = 255 };

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

struct dns_message {
    const uint8_t *data;
    size_t len;
    struct cursor c;    /* what comes next */
    enum weird problem; /* WEIRDS while there is none */
    bool netbios;       /* set by the caller: types 32 and 33 mean other things there */
    uint16_t id;
    bool response, aa, tc, rd, ra;
    uint8_t opcode;
    uint8_t z; /* Zeek's Z: the reserved bit, AD and CD */
    uint8_t rcode;
    uint16_t count[4]; /* by enum dns_section, as the header says */
};

/* A name as text: labels joined by '.', lower-case, no dot at the end, the root empty. Other bytes
 * as they are on the wire, dots and NULs inside labels too: escaping is the sink's. */
struct dns_name {
    uint8_t len;
    char text[DNS_NAME_TEXT_MAX];
};

struct dns_question {
    struct dns_name name;
    uint16_t type;
    uint16_t class;
};

struct dns_rr {
    struct dns_name owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl_s;
    struct cursor rdata; /* of exactly the stated length */
};

/* Reads the header. False: shorter than a header. */
bool dns_message_begin(struct dns_message *m, const uint8_t *data, size_t len);

/* The next question, or RR. Call as often as count[] says, in the order of the sections. */
bool dns_message_question(struct dns_message *m, struct dns_question *q);
bool dns_message_rr(struct dns_message *m, struct dns_rr *rr);

/* Moves over the questions from the `done`-th on, to the first RR, without reading their names. */
bool dns_message_skip_questions(struct dns_message *m, unsigned done);

/* A name at c, a cursor into m's bytes (RFC 1035 section 4.1.4). Pointers must lead backwards. When
 * it is broken, c is in error too, so a reader of several things may ask the cursor at the end. */
bool dns_message_name(struct dns_message *m, struct cursor *c, struct dns_name *out);

static inline struct str dns_name_str(const struct dns_name *n)
{
    return str_make(n->text, n->len);
}

static inline bool dns_question_equal(const struct dns_question *a, const struct dns_question *b)
{
    return a->type == b->type && a->class == b->class &&
           str_equal(dns_name_str(&a->name), dns_name_str(&b->name));
}

#endif
