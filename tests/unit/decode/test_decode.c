/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/decode/decode.h"

#include "common/base/linktype.h"
#include "tests/unit/packet_builder.h"
#include "worker/decode/fragments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define A 0x0a000001u
#define B 0x0a000002u

static struct counters counters;
static struct decoder decoder;
static struct packet_builder pb;
static struct frame frame;
static struct packet packet;
static enum weird weird;

static int set_up(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    decoder = (struct decoder){.seed = 7,
                               .counters = &counters,
                               .fragments = fragments_new(1 << 20, 30 * NS_PER_SEC, &counters)};
    return decoder.fragments ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fragments_free(decoder.fragments);
    return 0;
}

/* A copy of exactly the captured size, so that the sanitizer sees a read past it. */
static enum decode_result decode_cut(uint16_t linktype, size_t caplen)
{
    static uint8_t *copy;
    enum decode_result r;

    free(copy);
    copy = malloc(caplen ? caplen : 1);
    memcpy(copy, pb.b, caplen);
    frame = (struct frame){.data = copy,
                           .caplen = (uint32_t)caplen,
                           .wirelen = (uint32_t)pb.n,
                           .ts_ns = 1000,
                           .linktype = linktype};
    r = decode_frame(&decoder, &frame, &packet, &weird);
    if (r != DECODE_PACKET) {
        free(copy);
        copy = NULL;
    }
    return r;
}

static enum decode_result decode(void)
{
    return decode_cut(LINKTYPE_ETHERNET, pb.n);
}

static void assert_ports(unsigned sport, unsigned dport)
{
    assert_int_equal(packet.key.port[packet.from], sport);
    assert_int_equal(packet.key.port[!packet.from], dport);
}

static void build_tcp4(unsigned payload)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, A, B, 0, 0x4000);
    pb_tcp(&pb, 4000, 80, 100, 200, TCP_ACK | TCP_PSH);
    pb_fill(&pb, 'x', payload);
    pb_end(&pb);
}

static void test_tcp4(void **state)
{
    (void)state;
    build_tcp4(10);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(weird, WEIRDS);
    assert_ports(4000, 80);
    assert_int_equal(packet.key.proto, 6);
    assert_int_equal(packet.ip_version, 4);
    assert_int_equal(packet.tcp_seq, 100);
    assert_int_equal(packet.tcp_ack, 200);
    assert_int_equal(packet.tcp_flags, TCP_ACK | TCP_PSH);
    assert_int_equal(packet.tcp_window, 512);
    assert_int_equal(packet.ip_len, 50);
    assert_int_equal(packet.payload_len, 10);
    assert_memory_equal(packet.payload, "xxxxxxxxxx", 10);
    assert_int_equal(packet.hash, flow_key_hash(&packet.key, 7));
}

static void test_directions_share_key_and_hash(void **state)
{
    struct packet there;

    (void)state;
    build_tcp4(0);
    assert_int_equal(decode(), DECODE_PACKET);
    there = packet;
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, B, A, 0, 0);
    pb_tcp(&pb, 80, 4000, 0, 0, TCP_ACK);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_true(flow_key_equal(&there.key, &packet.key));
    assert_int_equal(there.hash, packet.hash);
    assert_int_not_equal(there.from, packet.from);
}

/* The short way to an IPv4 key gives what the general way gives. */
static void test_key_of_v4_is_the_general_one(void **state)
{
    static const uint32_t addrs[] = {0, 1, A, B, 0x80000000, 0xffffffff};

    (void)state;
    for (unsigned i = 0; i < 36; i++) {
        for (unsigned ports = 0; ports < 3; ports++) {
            uint32_t src = __builtin_bswap32(addrs[i / 6]), dst = __builtin_bswap32(addrs[i % 6]);
            struct flow_key fast, general;
            struct ipaddr s, d;
            unsigned from;

            ipaddr_set_v4(&s, (const uint8_t *)&src);
            ipaddr_set_v4(&d, (const uint8_t *)&dst);
            from = flow_key_set(&general, &s, 5 + (uint16_t)ports, &d, 6, 17);
            assert_int_equal(flow_key_set_v4(&fast, s.b + 12, 5 + (uint16_t)ports, d.b + 12, 6, 17),
                             from);
            assert_memory_equal(&fast, &general, sizeof fast);
        }
    }
}

static void test_udp6_behind_extensions(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x86dd);
    pb_ipv6(&pb, 0, 1, 2);
    pb_extension(&pb, 60, 0);
    pb_extension(&pb, 43, 0);
    pb_extension(&pb, 51, 0); /* AH: (0 + 2) words are 8 bytes */
    pb_extension(&pb, 17, 0);
    pb_udp(&pb, 53, 5353, 4);
    pb_u32(&pb, 0);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_ports(53, 5353);
    assert_int_equal(packet.key.proto, 17);
    assert_int_equal(packet.payload_len, 4);
    assert_int_equal(packet.ip_len, 40 + 32 + 12);
}

static void test_too_many_extensions_have_no_ports(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x86dd);
    pb_ipv6(&pb, 60, 1, 2);
    for (unsigned i = 0; i < FLOW_IPV6_EXTENSIONS; i++)
        pb_extension(&pb, 60, 0);
    pb_extension(&pb, 17, 0);
    pb_udp(&pb, 53, 5353, 0);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_ports(0, 0);
    assert_int_equal(packet.key.proto, 60);
}

static void test_vlan_tags(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0);
    pb_vlan(&pb, 0x88a8, 0x6064, 0);
    pb_vlan(&pb, 0x8100, 200, 0x0800);
    pb_ipv4(&pb, 17, A, B, 2, 0);
    pb_udp(&pb, 1, 2, 0);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.vlan, 100);
    assert_ports(1, 2);

    frame.vlan_tci = 0x2005; /* a tag that the kernel took out is outside of those in the frame */
    assert_int_equal(decode_frame(&decoder, &frame, &packet, &weird), DECODE_PACKET);
    assert_int_equal(packet.vlan, 5);
}

static void test_ethernet_padding_is_no_payload(void **state)
{
    (void)state;
    build_tcp4(0);
    pb_fill(&pb, 0xee, 6);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.payload_len, 0);
    assert_int_equal(packet.payload_wire_len, 0);
    assert_false(packet.payload_cut);
}

static void test_length_zero_is_segmented_later(void **state)
{
    (void)state;
    build_tcp4(3000);
    pb.b[pb.ip + 2] = pb.b[pb.ip + 3] = 0;
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.payload_len, 3000);
    assert_int_equal(packet.ip_len, 3040);
}

static void test_snap_length_cuts_payload(void **state)
{
    (void)state;
    build_tcp4(100);
    assert_int_equal(decode_cut(LINKTYPE_ETHERNET, 14 + 40 + 30), DECODE_PACKET);
    assert_int_equal(packet.payload_len, 30);
    assert_int_equal(packet.payload_wire_len, 100);
    assert_true(packet.payload_cut);
}

static void test_every_cut_is_survived(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0);
    pb_vlan(&pb, 0x8100, 7, 0x86dd);
    pb_ipv6(&pb, 0, 1, 2);
    pb_extension(&pb, 6, 0);
    pb_tcp(&pb, 1, 2, 3, 4, TCP_SYN);
    pb_end(&pb);
    for (size_t cut = 0; cut < pb.n; cut++) {
        counters.decode_errors = 0;
        assert_int_equal(decode_cut(LINKTYPE_ETHERNET, cut), DECODE_BAD);
        assert_int_equal(counters.decode_errors, 1);
        assert_int_not_equal(weird, WEIRDS);
    }
    assert_int_equal(decode(), DECODE_PACKET);
}

static void test_broken_headers_have_names(void **state)
{
    (void)state;
    build_tcp4(0);
    pb.b[14 + 20 + 12] = 4 << 4;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_BAD_TCP_HEADER_LEN);
    assert_ports(4000, 80); /* for the line in weird.log */

    build_tcp4(0);
    pb.b[14 + 20 + 12] = 6 << 4;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_TRUNCATED_HEADER);

    build_tcp4(0);
    pb.b[14] = 0x44;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_IPV4_MIN_HEADER_SIZE);

    build_tcp4(0);
    pb.b[14] = 0x55;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_UNKNOWN_IP_VERSION);

    build_tcp4(0);
    pb.b[14 + 3] = 19;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_INVALID_IP_HEADER_SIZE);

    build_tcp4(0);
    pb.b[14 + 3] += 1;
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(weird, WEIRD_TRUNCATED_IP_LEN);
    assert_int_equal(counters.decode_errors, 5);
}

static void test_udp_length_mismatch_is_still_read(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, A, B, 0, 0);
    pb_udp(&pb, 1, 2, 100);
    pb_fill(&pb, 'y', 5);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(weird, WEIRD_BAD_UDP_LENGTH);
    assert_int_equal(packet.payload_len, 5);
}

static void check_icmp(unsigned version, unsigned type, unsigned code, unsigned dport)
{
    pb_ethernet(&pb, version == 4 ? 0x0800 : 0x86dd);
    if (version == 4)
        pb_ipv4(&pb, 1, A, B, 0, 0);
    else
        pb_ipv6(&pb, 58, 1, 2);
    pb_icmp(&pb, type, code);
    pb_fill(&pb, 0, 56);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_ports(type, dport);
    assert_int_equal(packet.payload_len, 56);
}

static void test_icmp_ports(void **state)
{
    (void)state;
    check_icmp(4, 8, 0, 0);
    check_icmp(4, 0, 0, 8);
    check_icmp(4, 13, 0, 14);
    check_icmp(4, 3, 1, 1);
    check_icmp(6, 128, 0, 129);
    check_icmp(6, 136, 0, 135);
    check_icmp(6, 1, 4, 4);
}

static void test_other_protocols_have_no_ports(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 132, A, B, 0, 0);
    pb_fill(&pb, 9, 30);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_ports(0, 0);
    assert_int_equal(packet.key.proto, 132);
    assert_int_equal(packet.payload_len, 30);
}

static void test_not_ip(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x0806);
    pb_fill(&pb, 0, 28);
    assert_int_equal(decode(), DECODE_NOT_IP);
    pb_ethernet(&pb, 0x0030); /* IEEE 802.3 length */
    pb_fill(&pb, 0x42, 48);
    assert_int_equal(decode(), DECODE_NOT_IP);
    assert_int_equal(counters.decode_non_ip, 2);
    assert_int_equal(decode_cut(147, pb.n), DECODE_BAD);
    assert_int_equal(counters.decode_unknown_link, 1);
}

/* The same datagram behind each kind of link header. */
static void check_link(uint16_t linktype, const uint8_t *header, size_t bytes, enum decode_result r)
{
    for (pb.n = 0; pb.n < bytes;)
        pb_u8(&pb, header[pb.n]);
    pb_ipv4(&pb, 17, A, B, 0, 0);
    pb_udp(&pb, 1, 2, 0);
    pb_end(&pb);
    assert_int_equal(decode_cut(linktype, pb.n), r);
    if (r == DECODE_PACKET)
        assert_ports(1, 2);
}

static void test_link_types(void **state)
{
    static const uint8_t sll[16] = {0, 4, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0};
    static const uint8_t sll_vlan[20] = {0, 0, 0, 1, 0,    6, 1, 2, 3, 4,
                                         5, 6, 0, 0, 0x81, 0, 0, 9, 8, 0};
    static const uint8_t fddi[21] = {0x50, [13] = 0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
    static const uint8_t sll2[20] = {8, 0, 0, 0, 0, 0, 0, 1};
    static const uint8_t null_be[4] = {0, 0, 0, 2}, null_le[4] = {2, 0, 0, 0};
    static const uint8_t null_other[4] = {7, 0, 0, 0};

    (void)state;
    check_link(LINKTYPE_RAW, NULL, 0, DECODE_PACKET);
    check_link(LINKTYPE_IPV4, NULL, 0, DECODE_PACKET);
    check_link(LINKTYPE_RAW_BSD, NULL, 0, DECODE_PACKET);
    check_link(LINKTYPE_NULL, null_be, 4, DECODE_PACKET);
    check_link(LINKTYPE_NULL, null_le, 4, DECODE_PACKET);
    check_link(LINKTYPE_LOOP, null_be, 4, DECODE_PACKET);
    check_link(LINKTYPE_NULL, null_other, 4, DECODE_NOT_IP);
    check_link(LINKTYPE_FDDI, fddi, sizeof fddi, DECODE_PACKET);
    check_link(LINKTYPE_LINUX_SLL, sll, sizeof sll, DECODE_PACKET);
    check_link(LINKTYPE_LINUX_SLL, sll_vlan, sizeof sll_vlan, DECODE_PACKET);
    assert_int_equal(packet.vlan, 9);
    check_link(LINKTYPE_LINUX_SLL2, sll2, sizeof sll2, DECODE_PACKET);
}

static void test_fragments_become_one_packet(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, A, B, 0, 2); /* bytes 16 to 24, the last */
    pb_fill(&pb, 'c', 8);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_HELD);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, A, B, 0, 0x2000);
    pb_udp(&pb, 53, 4000, 16);
    pb_fill(&pb, 'b', 8);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_true(packet.reassembled);
    assert_ports(53, 4000);
    assert_int_equal(packet.payload_len, 16);
    assert_memory_equal(packet.payload, "bbbbbbbbcccccccc", 16);
    assert_int_equal(packet.ip_len, 20 + 8 + 20 + 16);
    assert_int_equal(packet.hash, flow_key_hash(&packet.key, 7));
    assert_int_equal(counters.fragments, 2);
}

static void test_fragments6_with_options_inside(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 44, 1, 2);
        pb_extension(&pb, i ? 17 : 60, i ? 16 : 1);
        if (i == 0) {
            pb_extension(&pb, 17, 0);
            pb_udp(&pb, 5, 6, 8);
        } else {
            pb_fill(&pb, 'z', 8);
        }
        pb_end(&pb);
        assert_int_equal(decode(), i ? DECODE_PACKET : DECODE_HELD);
    }
    assert_ports(5, 6);
    assert_memory_equal(packet.payload, "zzzzzzzz", 8);
}

static void test_atomic_fragment_is_whole(void **state)
{
    (void)state;
    pb_ethernet(&pb, 0x86dd);
    pb_ipv6(&pb, 44, 1, 2);
    pb_extension(&pb, 17, 0);
    pb_udp(&pb, 5, 6, 0);
    pb_end(&pb);
    assert_int_equal(decode(), DECODE_PACKET);
    assert_ports(5, 6);
    assert_int_equal(counters.fragments, 0);
}

/* One's complement of the sum over what is there, as a sender computes it. */
static void put_checksum(size_t at, size_t from, size_t to, uint32_t sum)
{
    pb.b[at] = pb.b[at + 1] = 0;
    for (size_t i = from; i < to; i++)
        sum += (i - from) % 2 ? pb.b[i] : (uint32_t)pb.b[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    pb.b[at] = (uint8_t)(~sum >> 8);
    pb.b[at + 1] = (uint8_t)~sum;
}

static void test_checksums(void **state)
{
    uint32_t pseudo = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 31;

    (void)state;
    decoder.checksums = CHECKSUMS_CHECK;
    build_tcp4(11); /* an odd number of bytes */
    put_checksum(14 + 10, 14, 34, 0);
    put_checksum(34 + 16, 34, pb.n, pseudo);
    assert_int_equal(decode(), DECODE_PACKET);

    pb.b[pb.n - 1] ^= 1;
    assert_int_equal(decode(), DECODE_BAD_CHECKSUM);
    assert_int_equal(weird, WEIRD_BAD_TCP_CHECKSUM);
    assert_int_equal(counters.decode_bad_checksums, 1);
    assert_int_equal(decode_cut(LINKTYPE_ETHERNET, pb.n - 1), DECODE_PACKET); /* cannot be told */
    pb.b[14 + 8] ^= 1;
    assert_int_equal(decode(), DECODE_BAD);
    assert_int_equal(weird, WEIRD_BAD_IP_CHECKSUM);
    assert_int_equal(counters.decode_errors, 0);
}

/* Which frames have their checksum looked at: by mode, direction and what the interface knows. */
static void test_which_checksums_are_checked(void **state)
{
    static const struct {
        enum checksums mode;
        bool outgoing;
        enum frame_checksum known;
        bool checked;
    } cases[] = {
        {CHECKSUMS_IGNORE, false, FRAME_CHECKSUM_UNKNOWN, false},
        {CHECKSUMS_CHECK, false, FRAME_CHECKSUM_UNKNOWN, true},
        {CHECKSUMS_CHECK, true, FRAME_CHECKSUM_UNKNOWN, true},
        {CHECKSUMS_CHECK, true, FRAME_CHECKSUM_ABSENT, false},
        {CHECKSUMS_CHECK, false, FRAME_CHECKSUM_GOOD, false},
        {CHECKSUMS_AUTO, false, FRAME_CHECKSUM_UNKNOWN, true},
        {CHECKSUMS_AUTO, true, FRAME_CHECKSUM_UNKNOWN, false},
        {CHECKSUMS_AUTO, false, FRAME_CHECKSUM_ABSENT, false},
        {CHECKSUMS_AUTO, false, FRAME_CHECKSUM_GOOD, false},
    };

    (void)state;
    build_tcp4(11); /* no checksum at all */
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum decode_result r;

        decoder.checksums = cases[i].mode;
        frame = (struct frame){.data = pb.b,
                               .caplen = (uint32_t)pb.n,
                               .wirelen = (uint32_t)pb.n,
                               .linktype = LINKTYPE_ETHERNET,
                               .outgoing = cases[i].outgoing,
                               .checksum = (uint8_t)cases[i].known};
        r = decode_frame(&decoder, &frame, &packet, &weird);
        if ((r == DECODE_PACKET) == cases[i].checked)
            fail_msg("case %u: result %d", i, (int)r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_tcp4),
        TEST(test_directions_share_key_and_hash),
        TEST(test_key_of_v4_is_the_general_one),
        TEST(test_udp6_behind_extensions),
        TEST(test_too_many_extensions_have_no_ports),
        TEST(test_vlan_tags),
        TEST(test_ethernet_padding_is_no_payload),
        TEST(test_length_zero_is_segmented_later),
        TEST(test_snap_length_cuts_payload),
        TEST(test_every_cut_is_survived),
        TEST(test_broken_headers_have_names),
        TEST(test_udp_length_mismatch_is_still_read),
        TEST(test_icmp_ports),
        TEST(test_other_protocols_have_no_ports),
        TEST(test_not_ip),
        TEST(test_link_types),
        TEST(test_fragments_become_one_packet),
        TEST(test_fragments6_with_options_inside),
        TEST(test_atomic_fragment_is_whole),
        TEST(test_checksums),
        TEST(test_which_checksums_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
