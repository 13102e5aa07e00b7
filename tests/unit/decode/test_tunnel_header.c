/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/linktype.h"
#include "tests/unit/tunnel_builder.h"
#include "worker/decode/decode.h"
#include "worker/decode/fragments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define A 0x0a000001u
#define B 0x0a000002u
#define C 0xc0a80001u
#define D 0xc0a80002u

static struct counters counters;
static struct decoder decoder;
static struct packet_builder pb;
static struct tunnel_builder tb;
static struct packet packet;
static enum weird weird;

static int set_up(void **state)
{
    (void)state;
    memset(&counters, 0, sizeof counters);
    memset(&decoder, 0, sizeof decoder);
    decoder.seed = 7;
    decoder.tunnel_max_depth = 8;
    decoder.counters = &counters;
    decoder.fragments = fragments_new(1 << 20, 30 * NS_PER_SEC, &counters);
    return decoder.fragments ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    fragments_free(decoder.fragments);
    return 0;
}

/* A copy of exactly the captured size, so that the sanitizer sees a read past it. */
static enum decode_result decode_cut(size_t caplen)
{
    static struct frame frame;
    static uint8_t *copy;

    free(copy);
    copy = malloc(caplen ? caplen : 1);
    memcpy(copy, pb.b, caplen);
    frame = (struct frame){.data = copy,
                           .caplen = (uint32_t)caplen,
                           .wirelen = (uint32_t)pb.n,
                           .ts_ns = 1000,
                           .linktype = LINKTYPE_ETHERNET};
    decode_batch(&decoder);
    return decode_frame(&decoder, &frame, &packet, &weird);
}

static enum decode_result decode(void)
{
    return decode_cut(pb.n);
}

static void outer_udp(unsigned sport, unsigned dport)
{
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 17, A, B);
    tb_udp(&tb, sport, dport);
}

static void outer_ip(unsigned proto)
{
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, proto, A, B);
}

static void inner4(void)
{
    tb_ipv4(&tb, 6, C, D);
    pb_tcp(&pb, 4000, 80, 100, 200, TCP_ACK);
    pb_fill(&pb, 'x', 5);
    tb_end(&tb);
}

static void inner6(void)
{
    tb_ipv6(&tb, 6, C, D);
    pb_tcp(&pb, 4000, 80, 100, 200, TCP_ACK);
    pb_fill(&pb, 'x', 5);
    tb_end(&tb);
}

/* The packet is the one inside, its hop tells of the outer one. */
static void assert_tunnel(enum tunnel_type type, int64_t id, unsigned dport)
{
    const struct tunnel_hop *h;

    assert_int_equal(decode(), DECODE_PACKET);
    h = packet.hops;
    assert_int_equal(packet.n_hops, 1);
    assert_int_equal(packet.key.proto, 6);
    assert_int_equal(packet.key.port[!packet.from], 80);
    assert_int_equal(packet.payload_len, 5);
    assert_int_equal(packet.payload_wire_len, 5);
    assert_int_equal(h->type, type);
    assert_int_equal(h->key.port[!h->from], dport);
    assert_int_equal(h->has_id, id >= 0);
    if (id >= 0)
        assert_int_equal(h->id, id);
    assert_int_equal(h->ip_len, pb.n - 14);
    assert_int_equal(h->hash, flow_key_hash(&h->key, 7));
    /* Cut anywhere, it is the outer packet, the inner one or nothing: never more than is there. */
    for (size_t n = 0; n < pb.n; n++) {
        decode_cut(n);
        assert_true(packet.n_hops <= 1);
        assert_true(packet.payload_len <= packet.payload_wire_len);
        assert_true(packet.payload_len <= n);
    }
}

/* It is a datagram like any other. */
static void assert_no_tunnel(unsigned dport)
{
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.n_hops, 0);
    assert_int_equal(packet.key.proto, 17);
    assert_int_equal(packet.key.port[!packet.from], dport);
    assert_int_equal(packet.payload_len, pb.n - 42);
}

static void test_ip_in_ip(void **state)
{
    (void)state;
    outer_ip(4);
    inner4();
    assert_tunnel(TUNNEL_IP, -1, 0);
    outer_ip(41);
    inner6();
    assert_tunnel(TUNNEL_IP, -1, 0);
    tb_begin(&tb, &pb, 0x86dd);
    tb_ipv6(&tb, 4, A, B);
    inner4();
    assert_tunnel(TUNNEL_IP, -1, 0);
    tb_begin(&tb, &pb, 0x86dd);
    tb_ipv6(&tb, 41, A, B);
    inner6();
    assert_tunnel(TUNNEL_IP, -1, 0);
}

static void test_gre(void **state)
{
    (void)state;
    outer_ip(47);
    tb_gre(&tb, 0, 0x0800, 0);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 0);
    outer_ip(47);
    tb_gre(&tb, 0xb000, 0x86dd, 77); /* checksum, key, sequence */
    inner6();
    assert_tunnel(TUNNEL_GRE, 77, 0);
    outer_ip(47);
    tb_gre(&tb, 0x4000, 0x0800, 0);
    pb_u32(&pb, 0x08000004); /* a source route, then the empty one that ends the list */
    pb_u32(&pb, A);
    pb_u32(&pb, 0);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 0);
    outer_ip(47);
    tb_gre(&tb, 0x2000, 0x6558, 5);
    tb_ethernet(&tb, 0x8100);
    pb_u16(&pb, 42);
    pb_u16(&pb, 0x0800);
    inner4();
    assert_tunnel(TUNNEL_GRE, 5, 0);
    outer_ip(47);
    tb_gre(&tb, 0, 0x8847, 0);
    tb_mpls(&tb, 2);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 0);
    outer_ip(47);
    tb_gre(&tb, 0, 0x883e, 0); /* WCCP version 2 */
    pb_u32(&pb, 0);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 0);
    outer_udp(50000, 4754);
    tb_gre(&tb, 0, 0x0800, 0);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 4754);
}

static void test_gre_of_pptp(void **state)
{
    (void)state;
    outer_ip(47);
    tb_gre(&tb, 0x3001, 0x880b, 0x00400033); /* payload length and call id, sequence */
    pb_u8(&pb, 0x21);                        /* PPP with everything compressed */
    inner4();
    assert_tunnel(TUNNEL_GRE, 0x33, 0);
    outer_ip(47);
    tb_gre(&tb, 0x3081, 0x880b, 9);
    pb_u32(&pb, 3); /* acknowledgement */
    pb_u32(&pb, 0xff030057);
    inner6();
    assert_tunnel(TUNNEL_GRE, 9, 0);
    outer_ip(47);
    tb_gre(&tb, 0x3001, 0x880b, 9);
    pb_u16(&pb, 0x00fd); /* compressed or encrypted: cannot be read */
    inner4();
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.n_hops, 0);
    assert_int_equal(packet.key.proto, 47);
}

static void test_erspan(void **state)
{
    (void)state;
    outer_ip(47);
    tb_gre(&tb, 0, 0x88be, 0); /* type I */
    tb_ethernet(&tb, 0x0800);
    inner4();
    assert_tunnel(TUNNEL_GRE, -1, 0);
    outer_ip(47);
    tb_gre(&tb, 0x1000, 0x88be, 0);
    pb_u32(&pb, 0x1005002a); /* version, VLAN, session */
    pb_u32(&pb, 0);
    tb_ethernet(&tb, 0x0800);
    inner4();
    assert_tunnel(TUNNEL_GRE, 42, 0);
    outer_ip(47);
    tb_gre(&tb, 0x1000, 0x22eb, 0);
    pb_u32(&pb, 0x20050007);
    pb_u32(&pb, 0);
    pb_u32(&pb, 1); /* a second part follows */
    pb_fill(&pb, 0, 8);
    tb_ethernet(&tb, 0x86dd);
    inner6();
    assert_tunnel(TUNNEL_GRE, 7, 0);
}

static void test_vxlan(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        static const uint16_t ports[] = {4789, 8472, 12345};
        outer_udp(50000, ports[i]);
        tb_vxlan(&tb, 0x123456);
        tb_ethernet(&tb, 0x0800);
        inner4();
        assert_tunnel(TUNNEL_VXLAN, 0x123456, ports[i]);
    }
    outer_udp(50000, 4790);
    pb_u32(&pb, 0x0c000001); /* generic extension, with IPv4 */
    pb_u32(&pb, 9 << 8);
    inner4();
    assert_tunnel(TUNNEL_VXLAN, 9, 4790);
}

static void test_geneve(void **state)
{
    (void)state;
    outer_udp(50000, 6081);
    tb_geneve(&tb, 3, 0x6558, 63);
    tb_ethernet(&tb, 0x86dd);
    inner6();
    assert_tunnel(TUNNEL_GENEVE, 3, 6081);
    outer_udp(50000, 777);
    tb_geneve(&tb, 3, 0x0800, 0);
    inner4();
    assert_tunnel(TUNNEL_GENEVE, 3, 777);
}

static void test_gtpu(void **state)
{
    (void)state;
    for (unsigned extensions = 0; extensions < 4; extensions++) {
        outer_udp(2152, 2152);
        tb_gtpu(&tb, 0xdeadbeef, extensions);
        inner4();
        assert_tunnel(TUNNEL_GTPV1, 0xdeadbeef, 2152);
    }
    outer_udp(700, 800);
    tb_gtpu(&tb, 1, 0);
    inner4();
    assert_tunnel(TUNNEL_GTPV1, 1, 800);
    outer_udp(2152, 2152);
    tb_gtpu(&tb, 1, 0);
    pb.b[pb.n - 7] = 1; /* an echo request */
    inner4();
    assert_no_tunnel(2152);
}

static void teredo_address(void)
{
    pb.b[pb.n - 32] = 0x20;
    pb.b[pb.n - 31] = 0x01;
    pb.b[pb.n - 30] = pb.b[pb.n - 29] = 0;
}

static void teredo(unsigned next)
{
    tb_ipv6(&tb, next, A, B);
    teredo_address();
}

static void test_teredo(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        outer_udp(i & 1 ? 3544 : 3000, i & 1 ? 3000 : 3544);
        if (i & 2) {
            pb_u32(&pb, 0x00010401); /* authentication: 4 bytes of name, 1 of value */
            pb_fill(&pb, 0x55, 5 + 9);
            pb_u32(&pb, 0x00001234); /* origin */
            pb_u32(&pb, 0x01020304);
        }
        teredo(6);
        pb_tcp(&pb, 4000, 80, 1, 2, TCP_ACK);
        pb_fill(&pb, 'x', 5);
        tb_end(&tb);
        assert_tunnel(TUNNEL_TEREDO, -1, i & 1 ? 3000 : 3544);
    }
    outer_udp(3000, 4000); /* between nodes, on ports of their own */
    teredo(6);
    pb_tcp(&pb, 4000, 80, 1, 2, TCP_ACK);
    pb_fill(&pb, 'x', 5);
    tb_end(&tb);
    assert_tunnel(TUNNEL_TEREDO, -1, 4000);
    outer_udp(3000, 4000);
    tb_ipv6(&tb, 6, A, B); /* other addresses */
    pb_tcp(&pb, 4000, 80, 1, 2, TCP_ACK);
    tb_end(&tb);
    assert_no_tunnel(4000);
}

/* A packet without anything in it holds a door open; it belongs to the tunnel and to no flow. */
static void test_bubble(void **state)
{
    (void)state;
    outer_udp(3000, 4000);
    teredo(59);
    tb_end(&tb);
    assert_int_equal(decode(), DECODE_NOT_IP);
    assert_int_equal(packet.n_hops, 1);
    assert_int_equal(weird, WEIRDS);
    outer_udp(3000, 4000);
    teredo(59);
    tb_end(&tb);
    pb_fill(&pb, 1, 8);
    tb.n = 2; /* of the IP header and UDP: it is behind the bubble */
    tb_end(&tb);
    assert_int_equal(decode(), DECODE_NOT_IP);
    assert_int_equal(packet.n_hops, 1);
    assert_int_equal(weird, WEIRD_TEREDO_BUBBLE_WITH_PAYLOAD);
}

static void test_ayiya(void **state)
{
    (void)state;
    outer_udp(50000, 5072);
    pb_u32(&pb, 0x42001129); /* 16 bytes of identity, 16 of signature; forward IPv6 */
    pb.b[pb.n - 3] = 0x40;
    pb_fill(&pb, 0, 4 + 16 + 16);
    inner6();
    assert_tunnel(TUNNEL_AYIYA, -1, 5072);
}

/* Off its port a tunnel must be right to the byte. */
static void test_strict_off_the_port(void **state)
{
    (void)state;
    outer_udp(50000, 9999);
    tb_vxlan(&tb, 1);
    tb_ethernet(&tb, 0x0800);
    inner4();
    assert_int_equal(decode(), DECODE_PACKET);
    assert_int_equal(packet.n_hops, 1);
    pb.b[42 + 7] = 1; /* a reserved byte */
    assert_no_tunnel(9999);
    pb.b[42 + 7] = 0;
    pb.b[42 + 8 + 14 + 10] ^= 1; /* the inner checksum */
    assert_no_tunnel(9999);
    outer_udp(50000, 9999);
    tb_gtpu(&tb, 1, 0);
    inner4();
    pb.b[42 + 3]--; /* a length that leaves a byte over */
    assert_no_tunnel(9999);
}

/* Queries and answers with every id, and QUIC packets with every first byte, on every port. */
static void test_other_protocols_are_no_tunnels(void **state)
{
    static const uint16_t ports[] = {53, 443, 2152, 3544, 4754, 4789, 4790, 5072, 6081, 8472};

    (void)state;
    for (unsigned port = 0; port < sizeof ports / sizeof ports[0]; port++) {
        for (unsigned id = 0; id < 65536; id += 7) {
            outer_udp(id & 1 ? 40000 : 53, ports[port]);
            pb_u16(&pb, id);
            pb_u16(&pb, id & 2 ? 0x8180 : 0x0100);
            pb_u32(&pb, 0x00010001);
            pb_u32(&pb, 0);
            pb_fill(&pb, 3, 30 + id % 90);
            tb_end(&tb);
            assert_no_tunnel(ports[port]);
        }
        for (unsigned i = 0; i < 20000; i++) {
            uint32_t noise = i * 2654435761u;

            outer_udp(443, ports[port]);
            pb_u8(&pb, 0x40 | i);
            for (unsigned k = 0; k < 80; k++)
                pb_u8(&pb, (noise = noise * 1664525 + 1013904223) >> 24);
            tb_end(&tb);
            assert_no_tunnel(ports[port]);
        }
    }
}

/* ARP is a tunnel's, of no flow inside it; what cannot be read leaves the outer packet whole. */
static void test_what_is_inside_is_no_packet(void **state)
{
    (void)state;
    outer_udp(50000, 4789);
    tb_vxlan(&tb, 1);
    tb_ethernet(&tb, 0x0806);
    pb_fill(&pb, 0, 28);
    tb_end(&tb);
    assert_int_equal(decode(), DECODE_NOT_IP);
    assert_int_equal(packet.n_hops, 1);
    assert_int_equal(packet.hops[0].key.port[!packet.hops[0].from], 4789);
    assert_int_equal(packet.ip_len, 0);

    outer_udp(50000, 4789);
    tb_vxlan(&tb, 1);
    tb_ethernet(&tb, 0x0800);
    inner4();
    pb.b[42 + 8 + 14 + 20 + 12] = 0x10; /* TCP header length */
    assert_no_tunnel(4789);
    assert_true(packet.carrier);
    assert_int_equal(weird, WEIRD_BAD_TCP_HEADER_LEN);
}

static void test_depth(void **state)
{
    (void)state;
    for (unsigned depth = 0; depth <= DECODE_DEPTH_MAX; depth++) {
        decoder.tunnel_max_depth = depth;
        tb_begin(&tb, &pb, 0x0800);
        for (unsigned i = 0; i < 9; i++) {
            tb_ipv4(&tb, 47, A + i, B);
            tb_gre(&tb, 0x2000, 0x0800, i);
        }
        inner4();
        assert_int_equal(decode(), DECODE_PACKET);
        assert_int_equal(packet.n_hops, depth < 9 ? depth : 9);
        assert_int_equal(packet.key.proto, depth < 9 ? 47 : 6);
        assert_int_equal(weird == WEIRD_EXCEEDED_TUNNEL_MAX_DEPTH, depth > 0 && depth < 9);
        for (unsigned i = 0; i < packet.n_hops; i++)
            assert_int_equal(packet.hops[i].id, i);
    }
}

/* The outer packet in two fragments, the inner whole; and the other way round. */
static void test_fragments(void **state)
{
    static uint8_t body[512];
    size_t n;

    (void)state;
    outer_ip(47);
    tb_gre(&tb, 0, 0x0800, 0);
    inner4();
    n = pb.n - 34;
    memcpy(body, pb.b + 34, n);
    for (unsigned i = 0; i < 2; i++) {
        tb_begin(&tb, &pb, 0x0800);
        tb_note(&tb, TB_IPV4);
        pb_ipv4(&pb, 47, A, B, 0, i ? 2 : 0x2000);
        memcpy(pb.b + pb.n, body + (i ? 16 : 0), i ? n - 16 : 16);
        pb.n += i ? n - 16 : 16;
        tb_end(&tb);
        assert_int_equal(decode(), i ? DECODE_PACKET : DECODE_HELD);
    }
    assert_true(packet.reassembled);
    assert_int_equal(packet.n_hops, 1);
    assert_int_equal(packet.hops[0].ip_len, 20 + 20 + n);
    assert_int_equal(packet.payload_len, 5);

    for (unsigned i = 0; i < 2; i++) {
        outer_ip(47);
        tb_gre(&tb, 0, 0x0800, 0);
        tb_note(&tb, TB_IPV4);
        pb_ipv4(&pb, 17, C, D, 0, i ? 3 : 0x2000);
        if (i == 0)
            pb_udp(&pb, 53, 54, 24);
        pb_fill(&pb, 'f', i ? 8 : 16);
        tb_end(&tb);
        assert_int_equal(decode(), i ? DECODE_PACKET : DECODE_HELD);
        assert_int_equal(packet.n_hops, 1); /* the outer packet is there either way */
    }
    assert_int_equal(packet.payload_len, 24);
}

/* Both at once, and the inside is broken: nothing is read of a buffer that holds another datagram.
 */
static void test_put_back_from_fragments(void **state)
{
    static uint8_t body[512];
    size_t n;

    (void)state;
    for (unsigned part = 0; part < 2; part++) {
        tb_begin(&tb, &pb, 0x0800);
        tb.n = 0;
        pb.n = 14;
        tb_gre(&tb, 0, 0x0800, 0);
        tb_note(&tb, TB_IPV4);
        pb_ipv4(&pb, 6, C, D, 0, part ? 1 : 0x2000);
        pb_fill(&pb, 0, 8); /* a TCP header of no length */
        if (part)
            pb_fill(&pb, 0, 8);
        tb_end(&tb);
        n = pb.n - 14;
        memcpy(body, pb.b + 14, n);
        for (unsigned i = 0; i < 2; i++) {
            tb_begin(&tb, &pb, 0x0800);
            tb_note(&tb, TB_IPV4);
            pb_ipv4(&pb, 47, A, B, 0, i ? 2 : 0x2000);
            memcpy(pb.b + pb.n, body + (i ? 16 : 0), i ? n - 16 : 16);
            pb.n += i ? n - 16 : 16;
            tb_end(&tb);
            decode();
        }
    }
    assert_int_equal(packet.result, DECODE_PACKET);
    assert_int_equal(packet.key.proto, 47);
    assert_int_equal(packet.n_hops, 0);
    assert_int_equal(packet.payload_len, 0);
    assert_true(packet.payload_cut);
    assert_int_equal(weird, WEIRD_BAD_TCP_HEADER_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_ip_in_ip),
        TEST(test_gre),
        TEST(test_gre_of_pptp),
        TEST(test_erspan),
        TEST(test_vxlan),
        TEST(test_geneve),
        TEST(test_gtpu),
        TEST(test_teredo),
        TEST(test_bubble),
        TEST(test_ayiya),
        TEST(test_strict_off_the_port),
        TEST(test_other_protocols_are_no_tunnels),
        TEST(test_what_is_inside_is_no_packet),
        TEST(test_depth),
        TEST(test_fragments),
        TEST(test_put_back_from_fragments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
