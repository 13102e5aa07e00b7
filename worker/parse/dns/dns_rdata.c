/* SPDX-License-Identifier: BSD-3-Clause */
/* Zeek prints a summary, not the master-file form: an address or a target alone where that says
 * what the answer is, else the type's name and its telling fields; so do we, for all types that it
 * knows. Types that it leaves as unknown but people ask for (SVCB, HTTPS, CAA, TLSA, URI, DNAME,
 * TKEY, …) come in master-file form after the type's name, with opaque values in hex.
 *
 * Every reader works on through missing bytes: the cursor remembers, and is asked once at the end.
 */
#include "worker/parse/dns/dns_rdata.h"

#include "common/base/ipaddr.h"

#define ECH_VERSION 0xfe0du /* RFC 9849; earlier drafts were numbered otherwise */

/* The data of one RR while they are read. */
struct rdata {
    struct dns_message *m;
    const struct dns_rr *rr;
    struct cursor c;
    struct dns_text *out;
};

static void add_space(struct rdata *r)
{
    dns_text_add(r->out, " ", 1);
}

static void add_address(struct rdata *r, struct cursor *c, size_t bytes)
{
    const uint8_t *p = cursor_bytes(c, bytes);
    char text[IPADDR_TEXT_MAX];
    struct ipaddr a;

    if (!p)
        return;
    ipaddr_set(&a, p, bytes);
    dns_text_add(r->out, text, ipaddr_format(&a, text));
}

/* A name; the root becomes `root`. */
static void add_name_or(struct rdata *r, const char *root)
{
    struct dns_name name;

    if (!dns_message_name(r->m, &r->c, &name))
        return;
    if (name.len == 0)
        dns_text_add_literal(r->out, root);
    else
        dns_text_add_str(r->out, dns_name_str(&name));
}

/* A <character-string>, RFC 1035 section 3.3. */
static struct str character_string(struct cursor *c)
{
    uint8_t n = cursor_u8(c);
    const uint8_t *p = cursor_bytes(c, n);

    return str_make(p, p ? n : 0);
}

static void add_u8(struct rdata *r)
{
    dns_text_add_number(r->out, cursor_u8(&r->c));
}

static void add_u16(struct rdata *r)
{
    dns_text_add_number(r->out, cursor_be16(&r->c));
}

static void add_rest(struct rdata *r)
{
    size_t n = cursor_left(&r->c);

    dns_text_add(r->out, cursor_bytes(&r->c, n), n);
}

static void add_rest_hex(struct rdata *r, struct cursor *c)
{
    size_t n = cursor_left(c);

    dns_text_add_hex(r->out, cursor_bytes(c, n), n);
}

/* Readers of whole types, behind the bytes that their row skips and the text that it puts first. */

static void add_nothing(struct rdata *r)
{
    (void)r;
}

static void add_ipv4(struct rdata *r)
{
    add_address(r, &r->c, 4);
}

static void add_ipv6(struct rdata *r)
{
    add_address(r, &r->c, 16);
}

static void add_target(struct rdata *r)
{
    add_name_or(r, "");
}

/* "TXT 5 hello TXT 5 world" */
static void add_strings(struct rdata *r, const char *prefix)
{
    for (bool first = true; cursor_left(&r->c) > 0; first = false) {
        struct str s = character_string(&r->c);

        if (!first)
            add_space(r);
        dns_text_add_literal(r->out, prefix);
        dns_text_add_number(r->out, s.len);
        add_space(r);
        dns_text_add_str(r->out, s);
    }
}

static void add_txt(struct rdata *r)
{
    add_strings(r, "TXT ");
}

static void add_spf(struct rdata *r)
{
    add_strings(r, "SPF ");
}

static void add_hinfo(struct rdata *r)
{
    dns_text_add_str(r->out, character_string(&r->c));
    add_space(r);
    dns_text_add_str(r->out, character_string(&r->c));
}

static void add_two_u8(struct rdata *r)
{
    add_u8(r);
    add_space(r);
    add_u8(r);
}

static void add_three_u8(struct rdata *r)
{
    add_two_u8(r);
    add_space(r);
    add_u8(r);
}

static void add_hex(struct rdata *r)
{
    add_rest_hex(r, &r->c);
}

/* usage, selector, matching type, data: RFC 6698 section 2.1 */
static void add_tlsa(struct rdata *r)
{
    add_three_u8(r);
    add_space(r);
    add_hex(r);
}

/* order, preference, then flags, services, regexp where there is one, replacement: RFC 3403 */
static void add_naptr(struct rdata *r)
{
    for (int i = 0; i < 2; i++) {
        add_u16(r);
        add_space(r);
    }
    for (int i = 0; i < 3; i++) {
        struct str s = character_string(&r->c);

        dns_text_add_str(r->out, s);
        if (s.len > 0)
            add_space(r);
    }
    add_name_or(r, ".");
}

/* flags, tag, value: RFC 8659 section 4.1 */
static void add_caa(struct rdata *r)
{
    add_u8(r);
    add_space(r);
    dns_text_add_str(r->out, character_string(&r->c));
    add_space(r);
    add_rest(r);
}

/* priority, weight, target: RFC 7553 section 4.5 */
static void add_uri(struct rdata *r)
{
    for (int i = 0; i < 2; i++) {
        add_u16(r);
        add_space(r);
    }
    add_rest(r);
}

/* Of each configuration in an ECHConfigList the name that the outer hello shows. False: there is
 * something else in it. */
static bool add_ech_names(struct rdata *r, struct cursor v)
{
    uint16_t list_bytes = cursor_be16(&v);
    struct cursor list = cursor_sub(&v, list_bytes);
    struct str last = STR_LIT("");

    while (cursor_left(&list) > 0) {
        bool known = cursor_be16(&list) == ECH_VERSION;
        uint16_t n = cursor_be16(&list);
        struct cursor config = cursor_sub(&list, n);
        struct str name;

        cursor_skip(&config, 3); /* config_id, kem_id */
        n = cursor_be16(&config);
        cursor_skip(&config, n); /* public_key */
        n = cursor_be16(&config);
        cursor_skip(&config, n); /* cipher_suites */
        cursor_skip(&config, 1); /* maximum_name_length */
        name = character_string(&config);
        if (!known || !cursor_ok(&config) || !cursor_ok(&list) || name.len == 0)
            return false;
        if (str_equal(name, last)) /* keys of one server */
            continue;
        if (last.len > 0)
            dns_text_add(r->out, ",", 1);
        dns_text_add_str(r->out, name);
        last = name;
    }
    return cursor_ok(&v) && last.len > 0;
}

static void add_ech(struct rdata *r, struct cursor *v)
{
    size_t before = r->out->len;

    if (!add_ech_names(r, *v)) {
        r->out->len = before;
        add_rest_hex(r, v);
    }
    cursor_skip(v, cursor_left(v));
}

static void add_svc_value(struct rdata *r, uint16_t key, struct cursor *v)
{
    for (bool first = true; cursor_left(v) > 0; first = false) {
        if (!first)
            dns_text_add(r->out, ",", 1);
        switch (key) {
        case DNS_SVC_ALPN:
            dns_text_add_str(r->out, character_string(v));
            break;
        case DNS_SVC_MANDATORY:
        case DNS_SVC_PORT:
            dns_text_add_number(r->out, cursor_be16(v));
            break;
        case DNS_SVC_IPV4HINT:
            add_address(r, v, 4);
            break;
        case DNS_SVC_IPV6HINT:
            add_address(r, v, 16);
            break;
        case DNS_SVC_ECH:
            add_ech(r, v);
            break;
        case DNS_SVC_DOHPATH:
            dns_text_add(r->out, v->p, cursor_left(v));
            cursor_skip(v, cursor_left(v));
            break;
        default:
            add_rest_hex(r, v);
        }
    }
}

/* "1 . alpn=h3,h2 port=8443 ech=public.example": RFC 9460 section 2.1, but for ECH */
static void add_svcb(struct rdata *r)
{
    static const char *const keys[DNS_SVC_KEYS] = {"mandatory", "alpn",     "no-default-alpn",
                                                   "port",      "ipv4hint", "ech",
                                                   "ipv6hint",  "dohpath",  "ohttp"};

    add_u16(r);
    add_space(r);
    add_name_or(r, ".");
    while (cursor_left(&r->c) > 0) {
        uint16_t key = cursor_be16(&r->c);
        uint16_t n = cursor_be16(&r->c);
        struct cursor value = cursor_sub(&r->c, n);

        add_space(r);
        if (key < DNS_SVC_KEYS) {
            dns_text_add_literal(r->out, keys[key]);
        } else {
            dns_text_add_literal(r->out, "key");
            dns_text_add_number(r->out, key);
        }
        if (cursor_left(&value) > 0)
            dns_text_add(r->out, "=", 1);
        add_svc_value(r, key, &value);
        r->c.error |= value.error;
    }
}

/* The type covered, and past algorithm, labels, three times and key tag the signer: RFC 4034 */
static void add_rrsig(struct rdata *r)
{
    add_u16(r);
    add_space(r);
    cursor_skip(&r->c, 16);
    add_name_or(r, "<Root>");
}

/* algorithm, and past two times mode and error: RFC 2930 section 2 */
static void add_tkey(struct rdata *r)
{
    add_target(r);
    cursor_skip(&r->c, 8);
    for (int i = 0; i < 2; i++) {
        add_space(r);
        add_u16(r);
    }
}

static void add_nsec(struct rdata *r)
{
    dns_text_add_str(r->out, dns_name_str(&r->rr->owner));
    add_space(r);
    add_target(r);
}

/* How the data of a type are written: past `skip` bytes, `prefix`, then what `add` makes of the
 * rest. The commonest types come first. */
static const struct row {
    uint16_t type;
    uint8_t skip;
    const char *prefix;
    void (*add)(struct rdata *r);
} rows[] = {
    {DNS_TYPE_A, 0, "", add_ipv4},
    {DNS_TYPE_AAAA, 0, "", add_ipv6},
    {DNS_TYPE_CNAME, 0, "", add_target},
    {DNS_TYPE_PTR, 0, "", add_target},
    {DNS_TYPE_NS, 0, "", add_target},
    {DNS_TYPE_TXT, 0, "", add_txt},
    {DNS_TYPE_MX, 2, "", add_target},
    {DNS_TYPE_SRV, 6, "", add_target},
    {DNS_TYPE_HTTPS, 0, "HTTPS ", add_svcb},
    {DNS_TYPE_RRSIG, 0, "RRSIG ", add_rrsig},
    {DNS_TYPE_SOA, 0, "", add_target},
    {DNS_TYPE_DNAME, 0, "", add_target},
    {DNS_TYPE_MB, 0, "", add_target},
    {DNS_TYPE_MG, 0, "", add_target},
    {DNS_TYPE_MR, 0, "", add_target},
    {DNS_TYPE_RP, 0, "", add_target},
    {DNS_TYPE_AFSDB, 2, "", add_target},
    {DNS_TYPE_RT, 2, "", add_target},
    {DNS_TYPE_KX, 2, "", add_target},
    {DNS_TYPE_SPF, 0, "", add_spf},
    {DNS_TYPE_HINFO, 0, "HINFO ", add_hinfo},
    {DNS_TYPE_NAPTR, 0, "NAPTR ", add_naptr},
    {DNS_TYPE_CAA, 0, "CAA ", add_caa},
    {DNS_TYPE_URI, 0, "URI ", add_uri},
    {DNS_TYPE_SVCB, 0, "SVCB ", add_svcb},
    {DNS_TYPE_DNSKEY, 3, "DNSKEY ", add_u8},
    {DNS_TYPE_CDNSKEY, 3, "CDNSKEY ", add_u8},
    {DNS_TYPE_DS, 2, "DS ", add_two_u8},
    {DNS_TYPE_CDS, 2, "CDS ", add_two_u8},
    {DNS_TYPE_NSEC, 0, "NSEC ", add_nsec},
    {DNS_TYPE_NSEC3, 0, "NSEC3", add_nothing},
    {DNS_TYPE_NSEC3PARAM, 0, "NSEC3PARAM", add_nothing},
    {DNS_TYPE_SSHFP, 2, "SSHFP: ", add_hex},
    {DNS_TYPE_TLSA, 0, "TLSA ", add_tlsa},
    {DNS_TYPE_LOC, 1, "LOC:  ", add_three_u8},
    {DNS_TYPE_TKEY, 0, "TKEY ", add_tkey},
    {DNS_TYPE_TSIG, 0, "TSIG ", add_target},
    {DNS_TYPE_WKS, 0, "", add_nothing},
    {DNS_TYPE_OPT, 0, "", add_nothing},
};

/* NetBIOS' own meanings: flags and an address (RFC 1002 section 4.2.13); the list of a node status
 * (section 4.2.18) has no short form. */
static const struct row netbios_rows[] = {
    {DNS_TYPE_NB, 2, "", add_ipv4},
    {DNS_TYPE_SRV, 0, "", add_nothing},
};

static const struct row *find_row(const struct row *table, size_t n, uint16_t type)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].type == type)
            return &table[i];
    return NULL;
}

static const struct row *row_of(uint16_t type, bool netbios)
{
    const struct row *row = NULL;

    if (netbios)
        row = find_row(netbios_rows, sizeof netbios_rows / sizeof netbios_rows[0], type);
    return row ? row : find_row(rows, sizeof rows / sizeof rows[0], type);
}

bool dns_rdata_format(struct dns_message *m, const struct dns_rr *rr, struct dns_text *out)
{
    struct rdata r = {m, rr, rr->rdata, out};
    const struct row *row = row_of(rr->type, m->netbios);
    size_t before = out->len;

    m->problem = WEIRDS;
    if (!row) {
        dns_text_add_literal(out, "<unknown type=");
        dns_text_add_number(out, rr->type);
        dns_text_add(out, ">", 1);
        m->problem = WEIRD_DNS_UNKNOWN_TYPE;
        return true;
    }
    cursor_skip(&r.c, row->skip);
    dns_text_add_literal(out, row->prefix);
    row->add(&r);
    if (cursor_ok(&r.c))
        return true;
    if (m->problem == WEIRDS)
        m->problem = WEIRD_DNS_TRUNCATED;
    out->len = before;
    return false;
}
