/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/parse/dns/dns_names.h"

#include "worker/parse/dns/dns_message.h"
#include "worker/parse/dns/dns_text.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const low_types[] = {
    [1] = "A",           [2] = "NS",      [3] = "MD",        [4] = "MF",       [5] = "CNAME",
    [6] = "SOA",         [7] = "MB",      [8] = "MG",        [9] = "MR",       [10] = "NULL",
    [11] = "WKS",        [12] = "PTR",    [13] = "HINFO",    [14] = "MINFO",   [15] = "MX",
    [16] = "TXT",        [17] = "RP",     [18] = "AFSDB",    [19] = "X25",     [20] = "ISDN",
    [21] = "RT",         [22] = "NSAP",   [23] = "NSAP-PTR", [24] = "SIG",     [25] = "KEY",
    [26] = "PX",         [27] = "GPOS",   [28] = "AAAA",     [29] = "LOC",     [30] = "NXT",
    [31] = "EID",        [32] = "NIMLOC", [33] = "SRV",      [34] = "ATMA",    [35] = "NAPTR",
    [36] = "KX",         [37] = "CERT",   [38] = "A6",       [39] = "DNAME",   [40] = "SINK",
    [41] = "OPT",        [42] = "APL",    [43] = "DS",       [44] = "SSHFP",   [45] = "IPSECKEY",
    [46] = "RRSIG",      [47] = "NSEC",   [48] = "DNSKEY",   [49] = "DHCID",   [50] = "NSEC3",
    [51] = "NSEC3PARAM", [52] = "TLSA",   [53] = "SMIMEA",   [55] = "HIP",     [56] = "NINFO",
    [57] = "RKEY",       [58] = "TALINK", [59] = "CDS",      [60] = "CDNSKEY", [61] = "OPENPGPKEY",
    [62] = "CSYNC",      [63] = "ZONEMD", [64] = "SVCB",     [65] = "HTTPS",   [99] = "SPF",
    [100] = "UINFO",     [101] = "UID",   [102] = "GID",     [103] = "UNSPEC", [104] = "NID",
    [105] = "L32",       [106] = "L64",   [107] = "LP",      [108] = "EUI48",  [109] = "EUI64",
};

static const struct {
    uint16_t type;
    const char *name;
} high_types[] = {
    {249, "TKEY"},  {250, "TSIG"},   {251, "IXFR"},     {252, "AXFR"},  {253, "MAILB"},
    {254, "MAILA"}, {255, "*"},      {256, "URI"},      {257, "CAA"},   {32768, "TA"},
    {32769, "DLV"}, {65281, "WINS"}, {65282, "WINS-R"}, {65422, "XPF"}, {65521, "INTEGRITY"},
};

static const char *type_name(uint16_t type)
{
    if (type < COUNT_OF(low_types))
        return low_types[type];
    for (size_t i = 0; i < COUNT_OF(high_types); i++)
        if (high_types[i].type == type)
            return high_types[i].name;
    return NULL;
}

static const char *class_name(uint16_t class)
{
    switch (class) {
    case 1:
        return "C_INTERNET";
    case 2:
        return "C_CSNET";
    case 3:
        return "C_CHAOS";
    case 4:
        return "C_HESIOD";
    case 254:
        return "C_NONE";
    case 255:
        return "C_ANY";
    default:
        return NULL;
    }
}

/* "prefix-number" in buf: the prefix has at most 15 bytes, the number 5 digits. */
static struct str numbered(const char *prefix, uint16_t number, char buf[DNS_NAMES_MAX])
{
    struct dns_text t = {buf, 0, DNS_NAMES_MAX, false};

    dns_text_add(&t, prefix, strlen(prefix));
    dns_text_add(&t, "-", 1);
    dns_text_add_number(&t, number);
    return str_make(buf, t.len);
}

struct str dns_names_type(uint16_t type, bool netbios, char buf[DNS_NAMES_MAX])
{
    const char *name = type_name(type);

    /* RFC 1002 took number 33 for its node status before SRV got it. */
    if (netbios && type == DNS_TYPE_SRV)
        return STR_LIT("NBSTAT");
    return name ? str_of(name) : numbered("query", type, buf);
}

struct str dns_names_class(uint16_t class, char buf[DNS_NAMES_MAX])
{
    const char *name = class_name(class);

    return name ? str_of(name) : numbered("qclass", class, buf);
}

struct str dns_names_rcode(uint8_t rcode)
{
    static const char *const names[16] = {
        "NOERROR",       "FORMERR",       "SERVFAIL",      "NXDOMAIN",
        "NOTIMP",        "REFUSED",       "YXDOMAIN",      "YXRRSET",
        "NXRRSet",       "NOTAUTH",       "NOTZONE",       "unassigned-11",
        "unassigned-12", "unassigned-13", "unassigned-14", "unassigned-15",
    };
    return str_of(names[rcode & 15]);
}

struct str dns_names_opcode(uint8_t opcode, bool netbios, char buf[DNS_NAMES_MAX])
{
    static const char *const dns[] = {[0] = "query",  [1] = "iquery",         [2] = "server-status",
                                      [4] = "notify", [5] = "dynamic-update", [6] = "dso"};
    static const char *const nbns[] = {[0] = "netbios-query",
                                       [5] = "netbios-registration",
                                       [6] = "netbios-release",
                                       [7] = "netbios-wack",
                                       [8] = "netbios-refresh"};

    if (netbios && opcode < COUNT_OF(nbns) && nbns[opcode])
        return str_of(nbns[opcode]);
    if (!netbios && opcode < COUNT_OF(dns) && dns[opcode])
        return str_of(dns[opcode]);
    return numbered(netbios ? "netbios-opcode" : "opcode", opcode, buf);
}

bool dns_names_knows_type(uint16_t type)
{
    return type_name(type) != NULL;
}

bool dns_names_knows_class(uint16_t class)
{
    return class_name(class) != NULL;
}
