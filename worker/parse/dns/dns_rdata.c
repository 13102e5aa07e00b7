/* SPDX-License-Identifier: BSD-3-Clause */
/* Zeek prints a summary, not the master-file form: an address or a target alone where that says
 * what the answer is, else the type's name and its telling fields; so do we, for all types that it
 * knows. Types that it leaves as unknown but people ask for (SVCB, HTTPS, CAA, TLSA, URI, DNAME, …)
 * come in master-file form after the type's name, with opaque values in hex. */
#include "worker/parse/dns/dns_rdata.h"

#include "common/base/ipaddr.h"

/* Keys of SvcParams, RFC 9460 section 14.3.2. */
enum {
    SVC_MANDATORY,
    SVC_ALPN,
    SVC_NO_DEFAULT_ALPN,
    SVC_PORT,
    SVC_IPV4HINT,
    SVC_ECH,
    SVC_IPV6HINT
};

static void add_word(struct dns_text *out, const char *word)
{
    dns_text_add_literal(out, word);
    dns_text_add(out, " ", 1);
}

static void add_address(struct cursor *c, size_t bytes, struct dns_text *out)
{
    const uint8_t *p = cursor_bytes(c, bytes);
    char text[IPADDR_TEXT_MAX];
    struct ipaddr a;

    if (!p)
        return;
    if (bytes == 4)
        ipaddr_set_v4(&a, p);
    else
        memcpy(a.b, p, sizeof a.b);
    dns_text_add(out, text, ipaddr_format(&a, text));
}

/* A name; the root becomes `root`. */
static void add_name(struct dns_message *m, struct cursor *c, const char *root,
                     struct dns_text *out)
{
    struct dns_name name;

    if (!dns_message_name(m, c, &name))
        return;
    if (name.len == 0)
        dns_text_add_literal(out, root);
    else
        dns_text_add_str(out, dns_name_str(&name));
}

/* A <character-string>, RFC 1035 section 3.3. */
static struct str character_string(struct cursor *c)
{
    uint8_t n = cursor_u8(c);
    const uint8_t *p = cursor_bytes(c, n);

    return str_make(p, p ? n : 0);
}

/* "TXT 5 hello TXT 5 world" */
static void add_strings(struct cursor *c, const char *type, struct dns_text *out)
{
    for (bool first = true; cursor_left(c) > 0; first = false) {
        struct str s = character_string(c);

        if (!cursor_ok(c))
            return;
        if (!first)
            dns_text_add(out, " ", 1);
        add_word(out, type);
        dns_text_add_number(out, s.len);
        dns_text_add(out, " ", 1);
        dns_text_add_str(out, s);
    }
}

static void add_hinfo(struct cursor *c, struct dns_text *out)
{
    add_word(out, "HINFO");
    dns_text_add_str(out, character_string(c));
    dns_text_add(out, " ", 1);
    dns_text_add_str(out, character_string(c));
}

/* n numbers of one byte, each followed by a space. */
static void add_bytes(struct cursor *c, int n, struct dns_text *out)
{
    for (int i = 0; i < n; i++) {
        dns_text_add_number(out, cursor_u8(c));
        dns_text_add(out, " ", 1);
    }
}

static void add_be16(struct cursor *c, int n, struct dns_text *out)
{
    for (int i = 0; i < n; i++) {
        dns_text_add_number(out, cursor_be16(c));
        dns_text_add(out, " ", 1);
    }
}

static void add_rest_hex(struct cursor *c, struct dns_text *out)
{
    size_t n = cursor_left(c);
    const uint8_t *p = cursor_bytes(c, n);

    if (p)
        dns_text_add_hex(out, p, n);
}

/* order, preference, then flags, services, regexp where there is one, replacement (RFC 3403) */
static void add_naptr(struct dns_message *m, struct cursor *c, struct dns_text *out)
{
    add_word(out, "NAPTR");
    add_be16(c, 2, out);
    for (int i = 0; i < 3; i++) {
        struct str s = character_string(c);

        dns_text_add_str(out, s);
        if (s.len > 0)
            dns_text_add(out, " ", 1);
    }
    add_name(m, c, ".", out);
}

static void add_caa(struct cursor *c, struct dns_text *out)
{
    size_t n;

    add_word(out, "CAA");
    add_bytes(c, 1, out);
    dns_text_add_str(out, character_string(c));
    dns_text_add(out, " ", 1);
    n = cursor_left(c);
    dns_text_add(out, cursor_bytes(c, n), n);
}

static void add_uri(struct cursor *c, struct dns_text *out)
{
    size_t n;

    add_word(out, "URI");
    add_be16(c, 2, out);
    n = cursor_left(c);
    dns_text_add(out, cursor_bytes(c, n), n);
}

static void add_svc_value(uint16_t key, struct cursor *v, struct dns_text *out)
{
    for (bool first = true; cursor_left(v) > 0; first = false) {
        if (!first)
            dns_text_add(out, ",", 1);
        switch (key) {
        case SVC_ALPN:
            dns_text_add_str(out, character_string(v));
            break;
        case SVC_MANDATORY:
        case SVC_PORT:
            dns_text_add_number(out, cursor_be16(v));
            break;
        case SVC_IPV4HINT:
            add_address(v, 4, out);
            break;
        case SVC_IPV6HINT:
            add_address(v, 16, out);
            break;
        default:
            add_rest_hex(v, out);
        }
    }
}

/* "HTTPS 1 . alpn=h3,h2 port=8443", RFC 9460 section 2.1 */
static void add_svcb(struct dns_message *m, struct cursor *c, const char *type,
                     struct dns_text *out)
{
    static const char *const keys[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                       "ipv4hint",  "ech",  "ipv6hint"};

    add_word(out, type);
    add_be16(c, 1, out);
    add_name(m, c, ".", out);
    while (cursor_left(c) > 0) {
        uint16_t key = cursor_be16(c);
        struct cursor value = cursor_sub(c, cursor_be16(c));

        dns_text_add(out, " ", 1);
        if (key <= SVC_IPV6HINT) {
            dns_text_add_literal(out, keys[key]);
        } else {
            dns_text_add_literal(out, "key");
            dns_text_add_number(out, key);
        }
        if (cursor_left(&value) > 0)
            dns_text_add(out, "=", 1);
        add_svc_value(key, &value, out);
        c->error |= value.error;
    }
}

/* type covered, then signer's name past algorithm, labels, three times and key tag (RFC 4034) */
static void add_rrsig(struct dns_message *m, struct cursor *c, struct dns_text *out)
{
    add_word(out, "RRSIG");
    add_be16(c, 1, out);
    cursor_skip(c, 16);
    add_name(m, c, "<Root>", out);
}

static void add_dnskey(struct cursor *c, const char *type, struct dns_text *out)
{
    cursor_skip(c, 3); /* flags, protocol */
    add_word(out, type);
    dns_text_add_number(out, cursor_u8(c));
}

static void add_ds(struct cursor *c, const char *type, struct dns_text *out)
{
    cursor_skip(c, 2); /* key tag */
    add_word(out, type);
    add_bytes(c, 1, out);
    dns_text_add_number(out, cursor_u8(c));
}

static void add_nsec(struct dns_message *m, const struct dns_rr *rr, struct cursor *c,
                     struct dns_text *out)
{
    add_word(out, "NSEC");
    dns_text_add_str(out, dns_name_str(&rr->owner));
    dns_text_add(out, " ", 1);
    add_name(m, c, "", out);
}

/* size and the two precisions as the bytes they are (RFC 1876) */
static void add_loc(struct cursor *c, struct dns_text *out)
{
    cursor_skip(c, 1); /* version */
    dns_text_add_literal(out, "LOC:  ");
    add_bytes(c, 2, out);
    dns_text_add_number(out, cursor_u8(c));
}

static void add_sshfp(struct cursor *c, struct dns_text *out)
{
    cursor_skip(c, 2); /* algorithm, fingerprint type */
    dns_text_add_literal(out, "SSHFP: ");
    add_rest_hex(c, out);
}

/* usage, selector, matching type, data (RFC 6698) */
static void add_tlsa(struct cursor *c, struct dns_text *out)
{
    add_word(out, "TLSA");
    add_bytes(c, 3, out);
    add_rest_hex(c, out);
}

static void add_unknown(const struct dns_rr *rr, struct dns_text *out)
{
    dns_text_add_literal(out, "<unknown type=");
    dns_text_add_number(out, rr->type);
    dns_text_add(out, ">", 1);
}

/* NetBIOS: flags and an address, RFC 1002 section 4.2.13; a node status has no short form. */
static void add_netbios(const struct dns_rr *rr, struct cursor *c, struct dns_text *out)
{
    if (rr->type != DNS_TYPE_NB || cursor_left(c) < 6)
        return;
    cursor_skip(c, 2);
    add_address(c, 4, out);
}

/* One case a type. What is missing or broken shows in the cursor. */
static void add_rdata(struct dns_message *m, const struct dns_rr *rr, struct cursor *c,
                      struct dns_text *out)
{
    switch (rr->type) {
    case DNS_TYPE_A:
        return add_address(c, 4, out);
    case DNS_TYPE_AAAA:
        return add_address(c, 16, out);
    case DNS_TYPE_SRV:
        cursor_skip(c, 4); /* priority, weight; then as MX past one number more */
        __attribute__((fallthrough));
    case DNS_TYPE_MX:
    case DNS_TYPE_AFSDB:
    case DNS_TYPE_RT:
    case DNS_TYPE_KX:
        cursor_skip(c, 2);
        __attribute__((fallthrough));
    case DNS_TYPE_NS:
    case DNS_TYPE_CNAME:
    case DNS_TYPE_SOA:
    case DNS_TYPE_MB:
    case DNS_TYPE_MG:
    case DNS_TYPE_MR:
    case DNS_TYPE_PTR:
    case DNS_TYPE_RP:
    case DNS_TYPE_DNAME:
        return add_name(m, c, "", out);
    case DNS_TYPE_TXT:
        return add_strings(c, "TXT", out);
    case DNS_TYPE_SPF:
        return add_strings(c, "SPF", out);
    case DNS_TYPE_HINFO:
        return add_hinfo(c, out);
    case DNS_TYPE_NAPTR:
        return add_naptr(m, c, out);
    case DNS_TYPE_CAA:
        return add_caa(c, out);
    case DNS_TYPE_URI:
        return add_uri(c, out);
    case DNS_TYPE_SVCB:
        return add_svcb(m, c, "SVCB", out);
    case DNS_TYPE_HTTPS:
        return add_svcb(m, c, "HTTPS", out);
    case DNS_TYPE_RRSIG:
        return add_rrsig(m, c, out);
    case DNS_TYPE_DNSKEY:
        return add_dnskey(c, "DNSKEY", out);
    case DNS_TYPE_CDNSKEY:
        return add_dnskey(c, "CDNSKEY", out);
    case DNS_TYPE_DS:
        return add_ds(c, "DS", out);
    case DNS_TYPE_CDS:
        return add_ds(c, "CDS", out);
    case DNS_TYPE_NSEC:
        return add_nsec(m, rr, c, out);
    case DNS_TYPE_NSEC3:
        return dns_text_add_literal(out, "NSEC3");
    case DNS_TYPE_NSEC3PARAM:
        return dns_text_add_literal(out, "NSEC3PARAM");
    case DNS_TYPE_SSHFP:
        return add_sshfp(c, out);
    case DNS_TYPE_TLSA:
        return add_tlsa(c, out);
    case DNS_TYPE_LOC:
        return add_loc(c, out);
    case DNS_TYPE_WKS:
    case DNS_TYPE_OPT:
        return;
    default:
        return add_unknown(rr, out);
    }
}

bool dns_rdata_format(struct dns_message *m, const struct dns_rr *rr, struct dns_text *out)
{
    struct cursor c = rr->rdata;
    size_t before = out->len;

    m->problem = WEIRDS;
    if (m->netbios && (rr->type == DNS_TYPE_NB || rr->type == DNS_TYPE_SRV))
        add_netbios(rr, &c, out);
    else
        add_rdata(m, rr, &c, out);
    if (cursor_ok(&c))
        return true;
    if (m->problem == WEIRDS)
        m->problem = WEIRD_DNS_TRUNCATED;
    out->len = before;
    return false;
}
