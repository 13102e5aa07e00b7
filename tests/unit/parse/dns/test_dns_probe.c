/* SPDX-License-Identifier: BSD-3-Clause */
#include "build.h"
#include "worker/parse/dns/dns_probe.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct build b;

static enum probe_result probe_udp(void)
{
    return dns_probe(b.b, b.n, ANALYZER_UDP);
}

static void build_query(unsigned id, unsigned flags)
{
    build_header(&b, id, flags, 1, 0, 0, 1);
    build_question(&b, "www.example", 1);
    build_rdata_end(&b, build_rr(&b, "", 41));
}

static void build_response(unsigned flags)
{
    build_header(&b, 7, flags, 1, 1, 0, 0);
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 1);
}

static void queries_and_responses(void **state)
{
    (void)state;
    build_query(7, BUILD_QUERY);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_response(BUILD_RESPONSE);
    assert_int_equal(probe_udp(), PROBE_SERVER);
    build_header(&b, 7, 0x8183, 1, 0, 0, 0); /* NXDOMAIN, nothing else */
    build_question(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_SERVER);
}

static void multicast(void **state)
{
    (void)state;
    build_header(&b, 0, 0, 2, 0, 0, 0);
    build_name(&b, "_ipp._tcp.local");
    build_u16(&b, 12);
    build_u16(&b, 0x8001); /* a unicast answer is welcome */
    build_question(&b, "_http._tcp.local", 12);
    assert_int_equal(probe_udp(), PROBE_EITHER);
    build_header(&b, 0, 0x8400, 0, 1, 0, 0);
    build_a(&b, "host.local", 1);
    assert_int_equal(probe_udp(), PROBE_EITHER);
}

static void netbios(void **state)
{
    (void)state;
    build_header(&b, 7, 0x0110, 1, 0, 0, 0); /* broadcast */
    build_question(&b, "FHFAEBEECACACACACACACACACACACAAA", 32);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_header(&b, 7, 0x2910, 1, 0, 0, 1); /* registration */
    build_question(&b, "FHFAEBEECACACACACACACACACACACAAA", 32);
    build_a(&b, "FHFAEBEECACACACACACACACACACACAAA", 1);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
}

static void updates_and_inverse_queries(void **state)
{
    (void)state;
    build_header(&b, 7, 0x2800, 1, 0, 6, 0);
    build_question(&b, "example", 6);
    for (int i = 0; i < 6; i++)
        build_a(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_header(&b, 7, 0x0900, 0, 1, 0, 0);
    build_a(&b, "", 1);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
}

static void one_oddity_is_forgiven_two_are_not(void **state)
{
    (void)state;
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0, 0);
    build_question(&b, "www.example", 61000);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_header(&b, 7, BUILD_QUERY | 0x0040, 1, 0, 0, 0);
    build_question(&b, "www.example", 61000);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_query(7, 0x0190); /* RA in a query */
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_query(7, 0x0583); /* AA, RA and a code */
    assert_int_equal(probe_udp(), PROBE_NO);
}

static void counts_must_fit(void **state)
{
    (void)state;
    build_header(&b, 7, BUILD_QUERY, 0, 0, 0, 0);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_QUERY, 2, 0, 0, 0);
    build_question(&b, "www.example", 1);
    build_question(&b, "www.example", 28);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_u8(&b, 0);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_RESPONSE, 1, 500, 0, 0);
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_RESPONSE | 0x0200, 1, 500, 0, 0); /* truncated: it may */
    build_question(&b, "www.example", 1);
    build_a(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_SERVER);
}

/* A datagram is judged at once, and no part of a message is a message. */
static void an_exact_question_outweighs_its_counts(void **state)
{
    (void)state;
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0x8000, 207);
    build_question(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_CLIENT);
    build_header(&b, 7, BUILD_QUERY | 0x40, 1, 0, 0, 207); /* and a reserved bit */
    build_question(&b, "www.example", 1);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0, 207);
    build_question(&b, "www.example", 60000);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0, 207);
    build_question(&b, "", 1);
    assert_int_equal(probe_udp(), PROBE_NO);
    build_header(&b, 7, BUILD_QUERY, 1, 0, 0, 207);
    build_question(&b, "www.example", 1);
    build_u8(&b, 0); /* something behind it */
    assert_int_equal(probe_udp(), PROBE_NO);
}

static void cut_datagrams_are_not_dns(void **state)
{
    (void)state;
    build_response(BUILD_RESPONSE);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(dns_probe(b.b, n, ANALYZER_UDP), PROBE_NO);
}

static void tcp_waits_for_the_question_and_first_answer(void **state)
{
    static struct build stream;

    (void)state;
    stream.n = 0;
    build_query(7, BUILD_QUERY);
    build_frame(&stream, &b);
    for (size_t n = 0; n < 2 + 12 + 17; n++)
        assert_int_equal(dns_probe(stream.b, n, ANALYZER_TCP), PROBE_MORE);
    for (size_t n = 2 + 12 + 17; n <= stream.n; n++)
        assert_int_equal(dns_probe(stream.b, n, ANALYZER_TCP), PROBE_CLIENT);
    stream.n = 0;
    build_response(BUILD_RESPONSE);
    build_frame(&stream, &b);
    for (size_t n = 0; n < stream.n; n++)
        assert_int_equal(dns_probe(stream.b, n, ANALYZER_TCP), PROBE_MORE);
    assert_int_equal(dns_probe(stream.b, stream.n, ANALYZER_TCP), PROBE_SERVER);
    build_frame(&stream, &b);
    assert_int_equal(dns_probe(stream.b, stream.n, ANALYZER_TCP), PROBE_SERVER);
}

static void other_protocols_are_not_dns(void **state)
{
    static const struct {
        const char *name;
        const void *data;
        size_t n;
        uint8_t transport;
    } v[] = {
#define ROW(name, transport, s) {name, s, sizeof(s) - 1, transport}
        ROW("HTTP", ANALYZER_TCP, "GET / HTTP/1.1\r\nHost: www.example\r\n\r\n"),
        ROW("TLS", ANALYZER_TCP, "\x16\3\1\2\0\1\0\1\xfc\3\3abcdefghijklmnopqrstuvwxyz012345\x20"),
        ROW("SSH", ANALYZER_TCP, "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        ROW("SMB", ANALYZER_TCP,
            "\0\0\0\x54\xffSMBr\0\0\0\0\x18\x53\xc8\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xfe\0"),
        ROW("zeros", ANALYZER_TCP, "\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ROW("zeros", ANALYZER_UDP, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ROW("ones", ANALYZER_UDP, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1"),
        ROW("QUIC v1 Initial", ANALYZER_UDP,
            "\xc3\0\0\0\1\x08\1\2\3\4\5\6\7\x08\0\0\x41\0\x9a\x31\x7e\xb1\x2c\x55\x0f\x88\x71\x10"),
        ROW("STUN", ANALYZER_UDP,
            "\0\1\0\x08\x21\x12\xa4\x42\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\0\3\0\4\0\0\0\0"),
        ROW("RTP", ANALYZER_UDP,
            "\x80\0\0\1\0\1\0\0\0\0\0\1\xff\xff\xff\xff\x7f\x7f\x7f\x7f\xff\xff\xff\xff\x7f\x7f"),
        ROW("NTP", ANALYZER_UDP,
            "\xe3\0\6\xec\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
            "\xe6"
            "\x12\x34\x56\0\0\0\0"),
        ROW("DHCP", ANALYZER_UDP,
            "\1\1\6\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\2\3"),
        ROW("SNMP", ANALYZER_UDP,
            "\x30\x29\2\1\0\4\6public\xa0\x1c\2\4\1\2\3\4\2\1\0\2\1\0\x30\x0e"),
        ROW("TFTP", ANALYZER_UDP, "\0\1boot/pxelinux.0\0octet\0blksize\0001024\0"),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof v[0]; i++)
        if (dns_probe(v[i].data, v[i].n, v[i].transport) != PROBE_NO)
            fail_msg("%s was taken for DNS", v[i].name);
}

/* Numbers from a fixed generator: nothing in ten million bytes of noise looks like DNS, though
 * every other datagram is made to start with plausible flags. */
static void noise_is_not_dns(void **state)
{
    uint64_t x = 88172645463325252u;

    (void)state;
    for (unsigned round = 0; round < 200000; round++) {
        uint64_t words[6];
        uint8_t data[sizeof words];

        for (int i = 0; i < 6; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            words[i] = x;
        }
        memcpy(data, words, sizeof data);
        if (round & 1) {
            data[2] = (round & 2) ? 0x81 : 0x01;
            data[3] = 0;
        }
        if (dns_probe(data, sizeof data, ANALYZER_UDP) != PROBE_NO ||
            dns_probe(data, sizeof data, ANALYZER_TCP) != PROBE_NO)
            fail_msg("datagram %u was taken for DNS", round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_and_responses),
        cmocka_unit_test(multicast),
        cmocka_unit_test(netbios),
        cmocka_unit_test(updates_and_inverse_queries),
        cmocka_unit_test(one_oddity_is_forgiven_two_are_not),
        cmocka_unit_test(counts_must_fit),
        cmocka_unit_test(an_exact_question_outweighs_its_counts),
        cmocka_unit_test(cut_datagrams_are_not_dns),
        cmocka_unit_test(tcp_waits_for_the_question_and_first_answer),
        cmocka_unit_test(other_protocols_are_not_dns),
        cmocka_unit_test(noise_is_not_dns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
