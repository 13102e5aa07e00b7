/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"
#include "worker/parse/dns/dns_rdata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DATA(s) s, sizeof(s) - 1

/* One RR with these data in a message that has "host.example" at 12. */
static bool format(unsigned type, bool netbios, const void *data, size_t n, struct dns_text *out)
{
    static struct build b;
    struct dns_question q;
    struct dns_message m;
    struct dns_rr rr;
    size_t start;

    build_header(&b, 1, BUILD_RESPONSE, 1, 1, 0, 0);
    build_question(&b, "host.example", type);
    start = build_rr(&b, "Owner.example", type);
    build_raw(&b, data, n);
    build_rdata_end(&b, start);
    assert_true(dns_message_begin(&m, b.b, b.n));
    m.netbios = netbios;
    assert_true(dns_message_question(&m, &q) && dns_message_rr(&m, &rr));
    return dns_rdata_format(&m, &rr, out);
}

static void assert_text(unsigned type, const void *data, size_t n, const char *expected)
{
    char buf[256];
    struct dns_text out = {buf, 0, sizeof buf - 1, false};

    if (!format(type, false, data, n, &out))
        fail_msg("type %u does not parse", type);
    buf[out.len] = '\0';
    assert_string_equal(buf, expected);
}

static void addresses(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_A, DATA("\xc0\x00\x02\x07"), "192.0.2.7");
    assert_text(DNS_TYPE_AAAA, DATA("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"), "2001:db8::7");
}

static void targets(void **state)
{
    const unsigned plain[] = {DNS_TYPE_NS, DNS_TYPE_CNAME, DNS_TYPE_PTR, DNS_TYPE_DNAME,
                              DNS_TYPE_MB, DNS_TYPE_MG,    DNS_TYPE_MR,  DNS_TYPE_RP};
    const unsigned preferred[] = {DNS_TYPE_MX, DNS_TYPE_AFSDB, DNS_TYPE_RT, DNS_TYPE_KX};

    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_text(plain[i], DATA("\3WWW\xc0\x0c"), "www.host.example");
    for (size_t i = 0; i < sizeof preferred / sizeof preferred[0]; i++)
        assert_text(preferred[i], DATA("\0\x0a\4mail\xc0\x0c"), "mail.host.example");
    assert_text(DNS_TYPE_SOA, DATA("\2ns\0\5admin\0....................."), "ns");
    assert_text(DNS_TYPE_SRV, DATA("\0\1\0\2\0\x50\3www\xc0\x0c"), "www.host.example");
    assert_text(DNS_TYPE_MX, DATA("\0\0\0"), ""); /* null MX, RFC 7505 */
}

static void strings(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_TXT, DATA("\5hello\0\6w\\o\0ld"), "TXT 5 hello TXT 0  TXT 6 w\\o");
    assert_text(DNS_TYPE_SPF, DATA("\6v=spf1"), "SPF 6 v=spf1");
    assert_text(DNS_TYPE_HINFO, DATA("\3ARM\5Linux"), "HINFO ARM Linux");
    assert_text(DNS_TYPE_CAA, DATA("\x80\5issueca.example"), "CAA 128 issue ca.example");
    assert_text(DNS_TYPE_URI, DATA("\0\1\0\2http://x/"), "URI 1 2 http://x/");
    assert_text(DNS_TYPE_NAPTR, DATA("\0\1\0\2\1u\3sip\5!a!b!\0"), "NAPTR 1 2 u sip !a!b! .");
    assert_text(DNS_TYPE_NAPTR, DATA("\0\1\0\2\1s\3sip\0\xc0\x0c"), "NAPTR 1 2 s sip host.example");
}

static void dnssec(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_DS, DATA("\x12\x34\x08\x02\xaa"), "DS 8 2");
    assert_text(DNS_TYPE_CDS, DATA("\x12\x34\x08\x02\xaa"), "CDS 8 2");
    assert_text(DNS_TYPE_DNSKEY, DATA("\x01\x01\x03\x0d\xaa"), "DNSKEY 13");
    assert_text(DNS_TYPE_CDNSKEY, DATA("\x01\x01\x03\x0d\xaa"), "CDNSKEY 13");
    assert_text(DNS_TYPE_RRSIG, DATA("\0\x30................\xc0\x0cs"), "RRSIG 48 host.example");
    assert_text(DNS_TYPE_RRSIG, DATA("\0\x30................\0s"), "RRSIG 48 <Root>");
    assert_text(DNS_TYPE_NSEC, DATA("\xc0\x0c\0\1\x40"), "NSEC owner.example host.example");
    assert_text(DNS_TYPE_NSEC3, DATA("\1\0\0\0"), "NSEC3");
    assert_text(DNS_TYPE_NSEC3PARAM, DATA("\1\0\0\0\0"), "NSEC3PARAM");
    assert_text(DNS_TYPE_SSHFP, DATA("\4\2\xca\xfe"), "SSHFP: cafe");
    assert_text(DNS_TYPE_TLSA, DATA("\3\1\1\xbe\xef"), "TLSA 3 1 1 beef");
}

static void service_bindings(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_HTTPS,
                DATA("\0\1\0\0\1\0\6\2h3\2h2\0\3\0\2\x20\xfb\0\4\0\x08\xc0\0\2\1\xc0\0\2\2"),
                "HTTPS 1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1,192.0.2.2");
    assert_text(DNS_TYPE_SVCB, DATA("\0\0\xc0\x0c"), "SVCB 0 host.example");
    assert_text(DNS_TYPE_SVCB, DATA("\0\1\0\0\0\0\4\0\1\0\3\0\2\0\0\0\5\0\2\xca\xfe\0\x63\0\1z"),
                "SVCB 1 . mandatory=1,3 no-default-alpn ech=cafe key99=7a");
    assert_text(DNS_TYPE_SVCB, DATA("\0\1\0\0\6\0\x10\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
                "SVCB 1 . ipv6hint=2001:db8::1");
}

/* One ECHConfig of version 0xfe0d whose key is 2 bytes: 28 bytes with a name of 7. */
#define ECH_CONFIG(name7) "\xfe\x0d\0\x18\x2a\0\x20\0\2kk\0\4\0\1\0\1\x20\7" name7 "\0\0"

static void encrypted_hellos_show_their_public_name(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_HTTPS, DATA("\0\1\0\0\5\0\x1e\0\x1c" ECH_CONFIG("a.hello")),
                "HTTPS 1 . ech=a.hello");
    assert_text(DNS_TYPE_HTTPS,
                DATA("\0\1\0\0\5\0\x56\0\x54" ECH_CONFIG("a.hello") ECH_CONFIG("a.hello")
                         ECH_CONFIG("b.hello")),
                "HTTPS 1 . ech=a.hello,b.hello");
    /* Another version, a list that is longer than its value, none: as they are. */
    assert_text(DNS_TYPE_HTTPS, DATA("\0\1\0\0\5\0\6\0\4\xfe\x0a\0\0"),
                "HTTPS 1 . ech=0004fe0a0000");
    assert_text(DNS_TYPE_HTTPS, DATA("\0\1\0\0\5\0\x1e\0\x1d" ECH_CONFIG("a.hello")),
                "HTTPS 1 . ech=001dfe0d00182a002000026b6b00040001000120"
                "07612e68656c6c6f0000");
    /* A configuration longer than its list. */
    assert_text(DNS_TYPE_HTTPS, DATA("\0\1\0\0\5\0\6\0\4\xfe\x0d\0\x18"),
                "HTTPS 1 . ech=0004fe0d0018");
    assert_text(DNS_TYPE_HTTPS, DATA("\0\1\0\0\5\0\2\0\0\0\x03\0\2\x20\xfb"),
                "HTTPS 1 . ech=0000 port=8443");
}

static void keys_of_other_documents(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_SVCB, DATA("\0\1\0\0\7\0\x08/q{?dns}\0\x08\0\0"),
                "SVCB 1 . dohpath=/q{?dns} ohttp");
}

static void keys_of_updates(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_TKEY, DATA("\x08gss-tsig\0\0\0\0\1\0\0\0\2\0\3\0\x11\0\2\xab\xcd\0\0"),
                "TKEY gss-tsig 3 17");
    assert_text(DNS_TYPE_TSIG, DATA("\x0bhmac-sha256\0\0\0\0\0\0\1\1\x2c\0\0\0\0\0\0\0\0"),
                "TSIG hmac-sha256");
}

static void others(void **state)
{
    (void)state;
    assert_text(DNS_TYPE_LOC, DATA("\0\x12\x16\x13\0\0\0\0\0\0\0\0\0\0\0\0"), "LOC:  18 22 19");
    assert_text(DNS_TYPE_OPT, DATA(""), "");
    assert_text(DNS_TYPE_WKS, DATA("\xc0\0\2\1\6"), "");
    assert_text(65280, DATA("abc"), "<unknown type=65280>");
}

static void netbios_numbers(void **state)
{
    char buf[64];
    struct dns_text out = {buf, 0, sizeof buf, false};

    (void)state;
    assert_true(format(DNS_TYPE_NB, true, DATA("\0\0\xc0\0\2\1"), &out));
    assert_int_equal(out.len, 9);
    assert_memory_equal(buf, "192.0.2.1", 9);
    assert_true(format(DNS_TYPE_SRV, true, DATA("\1NAME"), &out));
    assert_int_equal(out.len, 9);
}

/* Data cut anywhere: refused, or still text, but never half an answer before an error. */
static void broken_data_leave_no_text(void **state)
{
    const struct {
        unsigned type;
        const char *data;
        size_t n;
    } v[] = {
        {DNS_TYPE_A, DATA("\1\2\3")},
        {DNS_TYPE_AAAA, DATA("\1\2\3\4")},
        {DNS_TYPE_CNAME, DATA("\3ww")},
        {DNS_TYPE_CNAME, DATA("\xff\xff")},
        {DNS_TYPE_MX, DATA("\0")},
        {DNS_TYPE_SRV, DATA("\0\1\0\2\0")},
        {DNS_TYPE_TXT, DATA("\2ok\5shor")},
        {DNS_TYPE_HINFO, DATA("\3ARM")},
        {DNS_TYPE_NAPTR, DATA("\0\1\0\2\1u\3sip")},
        {DNS_TYPE_CAA, DATA("\0\x20issue")},
        {DNS_TYPE_RRSIG, DATA("\0\1")},
        {DNS_TYPE_DS, DATA("\1\2\3")},
        {DNS_TYPE_SSHFP, DATA("\1")},
        {DNS_TYPE_TLSA, DATA("\3\1")},
        {DNS_TYPE_LOC, DATA("\0\1\2")},
        {DNS_TYPE_HTTPS, DATA("\0\1\0\0\4\0\3\1\2\3")},
        {DNS_TYPE_HTTPS, DATA("\0\1\0\0\1\0\6\2h3")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++) {
        char buf[64] = "x";
        struct dns_text out = {buf, 1, sizeof buf, false};

        if (format(v[i].type, false, v[i].data, v[i].n, &out))
            fail_msg("row %zu (type %u) was taken", i, v[i].type);
        assert_int_equal(out.len, 1);
    }
}

static void text_stops_at_its_end(void **state)
{
    char buf[8];
    struct dns_text out = {buf, 0, sizeof buf, false};

    (void)state;
    assert_true(format(DNS_TYPE_A, false, DATA("\xc0\x00\x02\x07"), &out));
    assert_true(out.full);
    assert_true(out.len <= sizeof buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(targets),
        cmocka_unit_test(strings),
        cmocka_unit_test(dnssec),
        cmocka_unit_test(service_bindings),
        cmocka_unit_test(encrypted_hellos_show_their_public_name),
        cmocka_unit_test(keys_of_other_documents),
        cmocka_unit_test(keys_of_updates),
        cmocka_unit_test(others),
        cmocka_unit_test(netbios_numbers),
        cmocka_unit_test(broken_data_leave_no_text),
        cmocka_unit_test(text_stops_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
