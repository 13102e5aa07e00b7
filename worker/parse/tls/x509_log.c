/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates by OpenSSL: parsing DER with all its history is not for a parser of our own, and the
 * texts (names, algorithms) are then the same that other tools print.
 *
 * OpenSSL allocates while it parses and takes some 0.1 ms for a certificate, so each is parsed as
 * seldom as may be. Two tables of fixed size remember what was done: `recent` which certificates
 * were logged within the last day, `matches` whether a server name and a certificate fit. In both a
 * newcomer takes the place of an older entry: then something is parsed or logged again early, but
 * nothing grows. That helps as long as certificates come back; peers who send new ones all the time
 * are held by a budget of certificates a second, beyond which they are only hashed. */
#include "worker/parse/tls/x509_log.h"

#include "common/base/check.h"
#include "common/base/clock.h"
#include "worker/parse/tls/tls_fingerprint.h"
#include "worker/parse/tls/x509_parse.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#define RECENT_SLOTS   8192u /* a power of two */
#define MATCH_SLOTS    8192u /* a power of two */
#define MATCH_NAME_MAX 110u
#define RELOG_NS       (86400 * NS_PER_SEC)
#define BUDGET_PER_S   1000u /* certificates, or kilobytes of them, that are parsed a second, */
#define BUDGET_MAX     4000u /* and at once */
#define NAMES_MAX      100u  /* of each kind, as many as a log field holds */
#define TEXT_BYTES     4096u

/* Certificates logged lately: 16 bytes of the fingerprint name one well enough. */
static struct recent {
    uint8_t id[16];
    uint64_t ts_ns;
} recent[RECENT_SLOTS];

/* Answers by certificate, of which 16 bytes of the fingerprint name one, and server name. Names
 * that are longer, which hardly any is, are compared each time. */
static struct match {
    uint8_t id[16];
    uint8_t known; /* enum x509_match + 1; 0: empty */
    uint8_t name_len;
    char name[MATCH_NAME_MAX];
} matches[MATCH_SLOTS];

/* What a record under construction points to; there is one at a time. */
static struct workspace {
    char fingerprint[2 * TLS_SHA256_BYTES];
    char serial[128], exponent[512];
    char key_alg[128], sig_alg[128];
    char subject[TEXT_BYTES], issuer[TEXT_BYTES];
    struct str dns[NAMES_MAX], uri[NAMES_MAX], email[NAMES_MAX];
    struct ipaddr ip[NAMES_MAX];
    BIO *bio;
} work;

/* What was spent of the budget and is not yet made good, at a time. */
static struct {
    uint64_t ts_ns;
    uint64_t spent;
} budget;

/* False if there is no room for parsing so many bytes now. */
static bool budget_take(size_t len, uint64_t now_ns)
{
    const uint64_t one_ns = NS_PER_SEC / BUDGET_PER_S;
    uint64_t back = now_ns > budget.ts_ns ? (now_ns - budget.ts_ns) / one_ns : 0;
    uint64_t cost = 1 + len / 1024;

    /* Packet time may go back a little where captures were merged. */
    budget.ts_ns = now_ns > budget.ts_ns ? budget.ts_ns + back * one_ns : now_ns;
    budget.spent -= back < budget.spent ? back : budget.spent;
    if (budget.spent + cost > BUDGET_MAX)
        return false;
    budget.spent += cost;
    return true;
}

static void recent_id(const struct x509_context *seen, uint8_t id[16])
{
    memcpy(id, seen->sha256, 16);
    id[15] = (uint8_t)((id[15] & 0xfc) | seen->host_cert << 1 | seen->client_cert);
}

/* The place for this certificate in this role; NULL if it need not be logged again. */
static struct recent *recent_slot(const struct x509_context *seen, uint64_t now_ns)
{
    struct recent *slot, *victim = NULL;
    uint8_t id[16];
    uint32_t at;

    recent_id(seen, id);
    memcpy(&at, id, sizeof at);
    for (unsigned i = 0; i < 2; i++) {
        slot = &recent[(at ^ i) & (RECENT_SLOTS - 1)];
        if (memcmp(slot->id, id, sizeof id) == 0 && now_ns - slot->ts_ns < RELOG_NS)
            return NULL;
        if (!victim || slot->ts_ns < victim->ts_ns)
            victim = slot;
    }
    return victim;
}

/* The slot for this certificate and server name; it is theirs already if `known` is set on return.
 * NULL if there is none. */
static struct match *match_slot(const struct x509_context *seen)
{
    const struct str *name = &seen->server_name;
    struct match *slot;
    uint32_t at;

    if (name->len == 0 || name->len > MATCH_NAME_MAX)
        return NULL;
    memcpy(&at, seen->sha256, sizeof at);
    for (size_t i = 0; i < name->len; i++)
        at = (at ^ (uint8_t)name->p[i]) * 0x9e3779b1u;
    slot = &matches[at >> 16 & (MATCH_SLOTS - 1)];
    if (slot->name_len != name->len || memcmp(slot->id, seen->sha256, sizeof slot->id) != 0 ||
        memcmp(slot->name, name->p, name->len) != 0) {
        memcpy(slot->id, seen->sha256, sizeof slot->id);
        memcpy(slot->name, name->p, name->len);
        slot->name_len = (uint8_t)name->len;
        slot->known = 0;
    }
    return slot;
}

/* Moves what the workspace's BIO holds to out; cut at capacity. */
static struct str bio_take(char *out, size_t capacity)
{
    int n = BIO_read(work.bio, out, (int)capacity);

    CHECK(BIO_reset(work.bio) == 1);
    return str_make(out, n > 0 ? (size_t)n : 0);
}

static struct str name_text(const X509_NAME *name, char *out)
{
    X509_NAME_print_ex(work.bio, name, 0, XN_FLAG_RFC2253);
    return bio_take(out, TEXT_BYTES);
}

static struct str serial_text(const X509 *x)
{
    i2a_ASN1_INTEGER(work.bio, X509_get0_serialNumber(x));
    return bio_take(work.serial, sizeof work.serial);
}

static struct str object_text(const ASN1_OBJECT *object, char *out, size_t capacity)
{
    int n = OBJ_obj2txt(out, (int)capacity, object, 0);

    return str_make(out, n < 0 ? 0 : (size_t)n < capacity ? (size_t)n : capacity - 1);
}

/* False for a time that does not parse or lies before 1970: logs cannot show it. */
static bool time_ns(const ASN1_TIME *t, uint64_t *ns)
{
    struct tm tm;
    time_t seconds;

    if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    seconds = timegm(&tm);
    if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NS_PER_SEC)
        return false;
    *ns = (uint64_t)seconds * NS_PER_SEC;
    return true;
}

static void set_validity(struct rec_x509 *r, const X509 *x)
{
    uint64_t ns;

    if (time_ns(X509_get0_notBefore(x), &ns))
        RECORD_SET(x509, r, not_valid_before, ns);
    if (time_ns(X509_get0_notAfter(x), &ns))
        RECORD_SET(x509, r, not_valid_after, ns);
}

static void set_exponent(struct rec_x509 *r, const EVP_PKEY *key)
{
    BIGNUM *e = NULL;
    char *decimal;

    if (EVP_PKEY_get_bn_param(key, "e", &e) != 1)
        return;
    decimal = BN_num_bits(e) <= 1024 ? BN_bn2dec(e) : NULL;
    if (decimal && strlen(decimal) <= sizeof work.exponent) {
        memcpy(work.exponent, decimal, strlen(decimal));
        RECORD_SET(x509, r, exponent, str_make(work.exponent, strlen(decimal)));
    }
    OPENSSL_free(decimal);
    BN_free(e);
}

/* All that is logged of it is in the name of its curve (RFC 5480 section 2.1.1). */
static void set_ec_key(struct rec_x509 *r, const X509_ALGOR *algorithm)
{
    const void *curve;
    EC_GROUP *group;
    int kind, nid;

    RECORD_SET(x509, r, key_type, STR_LIT("ecdsa"));
    X509_ALGOR_get0(NULL, &kind, &curve, algorithm);
    if (kind != V_ASN1_OBJECT)
        return;
    nid = OBJ_obj2nid(curve);
    group = EC_GROUP_new_by_curve_name(nid);
    if (!group)
        return;
    RECORD_SET(x509, r, curve, str_of(OBJ_nid2sn(nid)));
    RECORD_SET(x509, r, key_length, (uint64_t)EC_GROUP_order_bits(group));
    EC_GROUP_free(group);
}

static void set_decoded_key(struct rec_x509 *r, const X509 *x)
{
    EVP_PKEY *key = x509_parse_key(x);

    if (!key)
        return;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        RECORD_SET(x509, r, key_type, STR_LIT("rsa"));
        set_exponent(r, key);
        break;
    case EVP_PKEY_DSA:
        RECORD_SET(x509, r, key_type, STR_LIT("dsa"));
        break;
    default:
        RECORD_SET(x509, r, key_type, STR_LIT("unknown"));
        break;
    }
    if (EVP_PKEY_get_bits(key) > 0)
        RECORD_SET(x509, r, key_length, (uint64_t)EVP_PKEY_get_bits(key));
    EVP_PKEY_free(key);
}

static void set_key(struct rec_x509 *r, const X509 *x)
{
    ASN1_OBJECT *name;
    X509_ALGOR *algorithm;

    if (X509_PUBKEY_get0_param(&name, NULL, NULL, &algorithm, X509_get_X509_PUBKEY(x)) != 1)
        return;
    RECORD_SET(x509, r, key_alg, object_text(name, work.key_alg, sizeof work.key_alg));
    if (OBJ_obj2nid(name) == NID_X9_62_id_ecPublicKey)
        set_ec_key(r, algorithm);
    else
        set_decoded_key(r, x);
}

static struct str asn1_str(const ASN1_STRING *s)
{
    return str_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void list_add(struct str_list *list, struct str *items, struct str s)
{
    if (list->n < NAMES_MAX)
        items[list->n++] = s;
    list->items = items;
}

static void ip_add(struct addr_list *list, const ASN1_OCTET_STRING *s)
{
    struct str bytes = asn1_str(s);
    struct ipaddr *ip = &work.ip[list->n];

    if (list->n == NAMES_MAX || (bytes.len != 4 && bytes.len != 16))
        return;
    ipaddr_set(ip, (const uint8_t *)bytes.p, bytes.len);
    list->items = work.ip;
    list->n++;
}

/* The strings stay in `names`, which the caller frees after the record was emitted. */
static void set_alternative_names(struct rec_x509 *r, const GENERAL_NAMES *names)
{
    struct str_list dns = {0}, uri = {0}, email = {0};
    struct addr_list ip = {0};

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);

        if (n->type == GEN_DNS)
            list_add(&dns, work.dns, asn1_str(n->d.dNSName));
        else if (n->type == GEN_URI)
            list_add(&uri, work.uri, asn1_str(n->d.uniformResourceIdentifier));
        else if (n->type == GEN_EMAIL)
            list_add(&email, work.email, asn1_str(n->d.rfc822Name));
        else if (n->type == GEN_IPADD)
            ip_add(&ip, n->d.iPAddress);
    }
    if (dns.n > 0)
        RECORD_SET(x509, r, san_dns, dns);
    if (uri.n > 0)
        RECORD_SET(x509, r, san_uri, uri);
    if (email.n > 0)
        RECORD_SET(x509, r, san_email, email);
    if (ip.n > 0)
        RECORD_SET(x509, r, san_ip, ip);
}

static void set_basic_constraints(struct rec_x509 *r, const X509 *x)
{
    BASIC_CONSTRAINTS *b = X509_get_ext_d2i(x, NID_basic_constraints, NULL, NULL);
    int64_t path_len;

    if (!b)
        return;
    RECORD_SET(x509, r, ca, b->ca != 0);
    if (b->ca && b->pathlen && ASN1_INTEGER_get_int64(&path_len, b->pathlen) == 1 && path_len >= 0)
        RECORD_SET(x509, r, path_len, (uint64_t)path_len);
    BASIC_CONSTRAINTS_free(b);
}

static void log_certificate(struct analyzer_ctx *ctx, const X509 *x,
                            const struct x509_context *seen)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    struct rec_x509 r;

    r.present = 0;
    tls_hex(seen->sha256, TLS_SHA256_BYTES, work.fingerprint);
    RECORD_SET(x509, &r, ts, ctx->ts_ns);
    RECORD_SET(x509, &r, fingerprint, str_make(work.fingerprint, sizeof work.fingerprint));
    RECORD_SET(x509, &r, version, (uint64_t)X509_get_version(x) + 1);
    RECORD_SET(x509, &r, serial, serial_text(x));
    RECORD_SET(x509, &r, subject, name_text(X509_get_subject_name(x), work.subject));
    RECORD_SET(x509, &r, issuer, name_text(X509_get_issuer_name(x), work.issuer));
    set_validity(&r, x);
    set_key(&r, x);
    RECORD_SET(x509, &r, sig_alg,
               object_text(X509_get0_tbs_sigalg(x)->algorithm, work.sig_alg, sizeof work.sig_alg));
    if (names)
        set_alternative_names(&r, names);
    set_basic_constraints(&r, x);
    RECORD_SET(x509, &r, host_cert, seen->host_cert);
    RECORD_SET(x509, &r, client_cert, seen->client_cert);
    analyzer_record(ctx, RECORD_x509, &r);
    GENERAL_NAMES_free(names);
}

/* Compares and logs, as far as each is asked for. */
static enum x509_match parse_certificate(struct analyzer_ctx *ctx, const uint8_t *der, size_t len,
                                         const struct x509_context *seen, bool log)
{
    enum x509_match match = X509_MATCH_UNKNOWN;
    X509 *x = x509_parse(der, len);

    if (!work.bio) {
        work.bio = BIO_new(BIO_s_mem());
        CHECK(work.bio);
    }
    if (!x) {
        analyzer_weird(ctx, WEIRD_TLS_BAD_CERTIFICATE, NULL);
    } else {
        const struct str *name = &seen->server_name;

        if (name->len > 0)
            match = X509_check_host(x, name->p, name->len, 0, NULL) == 1 ? X509_MATCH_YES
                                                                         : X509_MATCH_NO;
        if (log)
            log_certificate(ctx, x, seen);
        X509_free(x);
    }
    ERR_clear_error();
    return match;
}

enum x509_match x509_log_certificate(struct analyzer_ctx *ctx, const uint8_t *der, size_t len,
                                     const struct x509_context *seen)
{
    struct match *slot = match_slot(seen);
    struct recent *due = recent_slot(seen, ctx->ts_ns);
    enum x509_match match;

    if (!due && (slot ? slot->known > 0 : seen->server_name.len == 0))
        return slot ? (enum x509_match)(slot->known - 1) : X509_MATCH_UNKNOWN;
    if (!budget_take(len, ctx->ts_ns)) {
        analyzer_weird(ctx, WEIRD_TLS_CERTIFICATES_BOUND, NULL);
        return X509_MATCH_UNKNOWN;
    }
    if (due) {
        recent_id(seen, due->id);
        due->ts_ns = ctx->ts_ns;
    }
    match = parse_certificate(ctx, der, len, seen, due != NULL);
    if (slot)
        slot->known = (uint8_t)(match + 1);
    return match;
}
