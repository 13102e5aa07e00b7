/* SPDX-License-Identifier: BSD-3-Clause */
/* The fanout program must choose by the very hash that decode computes. Each frame is run through
 * the program in the kernel (BPF_PROG_TEST_RUN) with a table that maps every bucket to itself. */
#include "bpf/shared.h"
#include "common/base/flow_key.h"
#include "tests/unit/bpf/program.h"
#include "worker/decode/fragments.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* what bpftool writes casts const away */
#include "fanout.skel.h"
#pragma GCC diagnostic pop

#define A 0xc0000201u
#define B 0x0a010203u

static struct fanout_bpf *bpf;
static struct counters counters;
static struct decoder decoder = {.seed = SEED, .tunnel_max_depth = 8, .counters = &counters};

static int load(void **state)
{
    (void)state;
    libbpf_set_print(NULL);
    decoder.fragments = fragments_new(1 << 20, NS_PER_SEC, &counters);
    bpf = fanout_bpf__open();
    if (!bpf || !decoder.fragments)
        return -1;
    bpf->rodata->fanout_seed = SEED;
    LOAD_OR_DESTROY(fanout, bpf);
    if (!bpf)
        return 0;
    for (uint32_t i = 0; i < FLOW_BUCKETS; i++)
        bpf_map_update_elem(bpf_map__fd(bpf->maps.fanout_member), &i, &i, BPF_ANY);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    fanout_bpf__destroy(bpf);
    fragments_free(decoder.fragments);
    return 0;
}

/* The bucket that the program chooses for the frame in pb. */
static uint32_t chosen(void)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pb.b, .data_size_in = (uint32_t)pb.n);

    assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.fanout), &opts), 0);
    return opts.retval;
}

static void check(void)
{
    struct frame f = built_frame();
    struct packet p;
    enum weird weird;

    decode_batch(&decoder);
    assert_int_equal(decode_frame(&decoder, &f, &p, &weird), DECODE_PACKET);
    assert_int_equal(chosen(), p.hash % FLOW_BUCKETS);
}

static void transport(unsigned proto, unsigned i)
{
    if (proto == 6)
        pb_tcp(&pb, 1024 + i, 443, 1, 2, 16);
    else if (proto == 17)
        pb_udp(&pb, 53, 1024 + i * 7, 0);
    else
        pb_fill(&pb, i, 24);
    pb_end(&pb);
}

static void test_ipv4(void **state)
{
    static const unsigned protos[] = {6, 17, 132};

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 60; i++) {
        pb_ethernet(&pb, 0x0800);
        for (unsigned tags = 0; tags < i % 4; tags++)
            pb_vlan(&pb, tags ? 0x8100 : 0x88a8, 0x2000 | i, 0x0800);
        pb_ipv4(&pb, protos[i % 3], A + i, B - i, i % 11, 0x4000);
        transport(protos[i % 3], i);
        check();
    }
}

static void test_ipv6(void **state)
{
    static const unsigned extensions[] = {0, 60, 43, 51, 44};

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 60; i++) {
        unsigned n = i % (FLOW_IPV6_EXTENSIONS + 3), proto = i % 2 ? 6 : 17;
        unsigned next = n > 0 ? extensions[i % 5] : proto;

        pb_ethernet(&pb, 0x86dd);
        if (i & 4)
            pb_vlan(&pb, 0x8100, i, 0x86dd);
        pb_ipv6(&pb, next, A + i, B);
        for (unsigned k = 1; k <= n; k++) /* a fragment header without offset is no fragment */
            pb_extension(&pb, k < n ? extensions[(i + k) % 5] : proto, 0);
        transport(proto, i);
        check();
    }
}

static void test_icmp(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned type = 0; type < 256; type++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 1, A, B, 0, 0);
        pb_icmp(&pb, type, 3);
        pb_end(&pb);
        check();
        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 58, A, B);
        pb_icmp(&pb, type, 3);
        pb_end(&pb);
        check();
    }
}

static void test_mapped_addresses(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x86dd);
    pb_ipv6(&pb, 17, A, B);
    memset(pb.b + pb.ip + 8, 0, 10);
    memset(pb.b + pb.ip + 18, 0xff, 2);
    transport(17, 1);
    check();
}

/* All fragments of a datagram go to one socket, whatever they carry of it. */
static void test_fragments(void **state)
{
    struct flow_key key;
    struct ipaddr src, dst;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned offset = 0; offset < 3; offset++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 17, A, B, 0, offset | (offset < 2 ? 0x2000 : 0));
        pb_fill(&pb, offset, 8);
        pb_end(&pb);
        ipaddr_set_v4(&src, pb.b + pb.ip + 12);
        ipaddr_set_v4(&dst, pb.b + pb.ip + 16);
        flow_key_set(&key, &src, 0, &dst, 0, 17);
        assert_int_equal(chosen(), flow_key_hash(&key, SEED) % FLOW_BUCKETS);

        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 60, A, B);
        pb_extension(&pb, 44, 0);
        pb_extension(&pb, offset ? 17 : 60, offset * 8 | (offset < 2));
        pb_fill(&pb, offset, 8);
        pb_end(&pb);
        memcpy(src.b, pb.b + pb.ip + 8, 16);
        memcpy(dst.b, pb.b + pb.ip + 24, 16);
        flow_key_set(&key, &src, 0, &dst, 0, 44);
        assert_int_equal(chosen(), flow_key_hash(&key, SEED) % FLOW_BUCKETS);
    }
}

/* The packet inside, of TCP over IPv4 or IPv6. */
static void inside(struct tunnel_builder *t, unsigned i)
{
    if (i & 1)
        tb_ipv6(t, 6, A + i, B - i);
    else
        tb_ipv4(t, 6, A + i, B - i);
    pb_tcp(t->pb, 1024 + i, 443, 1, 2, 16);
    tb_end(t);
}

static unsigned inside_type(unsigned i)
{
    return i & 1 ? 0x86dd : 0x0800;
}

/* Frames of which only the link layer is deep. */
static void test_link_layers(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 16; i++) {
        tb_begin(&t, &pb, 0x8847);
        tb_mpls(&t, 1 + i % FLOW_MPLS_LABELS);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x8847); /* a pseudowire */
        tb_mpls(&t, 2);
        pb_u32(&pb, i);
        tb_ethernet(&t, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x8864);
        pb_vlan(&pb, 0x88a8, 7, 0x8100);
        pb_u16(&pb, i);
        pb_u16(&pb, 0x8864);
        tb_pppoe(&t, i & 1 ? 0x0057 : 0x0021);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x88e7); /* backbone */
        pb_u32(&pb, 0x00123456);
        tb_ethernet(&t, 0x8100);
        pb_u16(&pb, i);
        pb_u16(&pb, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 46); /* a length, LLC and SNAP */
        pb_u32(&pb, 0xaaaa0300);
        pb_u16(&pb, 0);
        pb_u16(&pb, inside_type(i));
        inside(&t, i);
        check();
    }
}

static void test_tunnels_over_ip(void **state)
{
    static const unsigned flags[] = {0, 0x8000, 0x2000, 0x1000, 0xb000};
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 20; i++) {
        tb_begin(&t, &pb, 0x0800); /* IP in IP */
        tb_ipv4(&t, i & 1 ? 41 : 4, A, B);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x86dd);
        tb_ipv6(&t, i & 1 ? 41 : 4, A, B);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 47, A, B);
        tb_gre(&t, flags[i % 5], inside_type(i), i);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 47, A, B);
        tb_gre(&t, flags[i % 5], 0x6558, i);
        tb_ethernet(&t, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800); /* ERSPAN, type I and II */
        tb_ipv4(&t, 47, A, B);
        tb_gre(&t, i & 2 ? 0x1000 : 0, 0x88be, 0);
        if (i & 2)
            pb_fill(&pb, 0x10, 8);
        tb_ethernet(&t, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800); /* PPTP */
        tb_ipv4(&t, 47, A, B);
        tb_gre(&t, 0x3001, 0x880b, i);
        pb_u32(&pb, i & 1 ? 0xff030057 : 0xff030021);
        inside(&t, i);
        check();
    }
}

static void test_tunnels_over_udp(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 20; i++) {
        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 17, A, B);
        tb_udp(&t, 40000 + i, i & 2 ? 4789 : 8472);
        tb_vxlan(&t, i);
        tb_ethernet(&t, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x86dd);
        tb_ipv6(&t, 17, A, B);
        tb_udp(&t, 40000 + i, 6081);
        tb_geneve(&t, i, i & 2 ? inside_type(i) : 0x6558, i % 4);
        if (!(i & 2))
            tb_ethernet(&t, inside_type(i));
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 17, A, B);
        tb_udp(&t, i & 2 ? 2152 : 50000, i & 2 ? 50000 : 2152);
        tb_gtpu(&t, i, i % 4);
        inside(&t, i);
        check();

        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 17, A, B);
        tb_udp(&t, 40000 + i, 4754);
        tb_gre(&t, 0, inside_type(i), 0);
        inside(&t, i);
        check();
    }
}

/* With authentication and origin, from a node and to it. */
static void test_teredo(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 8; i++) {
        tb_begin(&t, &pb, 0x0800);
        tb_ipv4(&t, 17, A, B);
        tb_udp(&t, i & 1 ? 3544 : 3000, i & 1 ? 3000 : 3544);
        if (i & 2) {
            pb_u32(&pb, 0x00010203);
            pb_fill(&pb, 9, 2 + 3 + 9);
        }
        if (i & 4) {
            pb_u32(&pb, 0x00001234);
            pb_u32(&pb, 0x01020304);
        }
        tb_ipv6(&t, 6, A, B);
        pb.b[pb.n - 32] = 0x20;
        pb.b[pb.n - 31] = 0x01;
        pb.b[pb.n - 30] = pb.b[pb.n - 29] = 0;
        pb_tcp(&pb, 1000 + i, 80, 1, 2, 16);
        tb_end(&t);
        check();
    }
}

/* Tunnels in tunnels to the bound; what is deeper goes by the innermost that was reached. */
static void test_nesting(void **state)
{
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned depth = 1; depth <= WALK_TUNNELS + 1; depth++) {
        tb_begin(&t, &pb, 0x0800);
        for (unsigned i = 0; i < depth; i++) {
            tb_ipv4(&t, 17, A + i, B);
            tb_udp(&t, 1000, 4789);
            tb_vxlan(&t, i);
            tb_ethernet(&t, 0x0800);
        }
        inside(&t, 0);
        decoder.tunnel_max_depth = WALK_TUNNELS;
        check();
        decoder.tunnel_max_depth = 8;
    }
}

/* What looks like a tunnel by its port and is none goes by its own ports. */
static void test_no_tunnel(void **state)
{
    static const unsigned ports[] = {2152, 3544, 4754, 4789, 4790, 6081, 8472};
    struct tunnel_builder t;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        for (unsigned fill = 0; fill < 256; fill++) {
            tb_begin(&t, &pb, 0x0800);
            tb_ipv4(&t, 17, A, B);
            tb_udp(&t, 1000, ports[i]);
            pb_fill(&pb, fill, 60);
            tb_end(&t);
            check();
        }
    }
}

/* Broken and cut headers: what decode makes a packet of all the same is its flow's owner's. */
static void test_damaged_packets(void **state)
{
    unsigned packets = 0;
    uint32_t random = 1;

    (void)state;
    SKIP_WITHOUT_BPF();
    for (unsigned i = 0; i < 4000; i++) {
        struct frame f;
        struct packet p;
        enum weird weird;

        pb_ethernet(&pb, i & 8 ? 0x86dd : 0x0800);
        if (i & 8)
            pb_ipv6(&pb, i & 4 ? 6 : 17, A + i, B - i);
        else
            pb_ipv4(&pb, i & 4 ? 6 : 17, A + i, B - i, i & 16 ? 0 : i % 11, 0);
        transport(i & 4 ? 6 : 17, i);
        pb_fill(&pb, i, i % 60);
        for (unsigned n = i % 4; n > 0; n--) {
            random = random * 1664525u + 1013904223u;
            pb.b[14 + (random >> 8) % (pb.n - 14)] = (uint8_t)(random >> 24);
        }
        if (i % 16 == 15) /* but for what a test run asks for */
            pb.n = 14 + (random >> 16) % (pb.n - 14);
        f = built_frame();
        decode_batch(&decoder);
        if (decode_frame(&decoder, &f, &p, &weird) != DECODE_PACKET || p.n_hops > 0)
            continue;
        assert_int_equal(chosen(), p.hash % FLOW_BUCKETS);
        packets++;
    }
    assert_in_range(packets, 500, 3999);
}

static void test_not_ip_goes_to_the_first(void **state)
{
    (void)state;
    SKIP_WITHOUT_BPF();
    pb_ethernet(&pb, 0x0806);
    pb_fill(&pb, 1, 46);
    assert_int_equal(chosen(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_mapped_addresses),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_link_layers),
        cmocka_unit_test(test_tunnels_over_ip),
        cmocka_unit_test(test_tunnels_over_udp),
        cmocka_unit_test(test_teredo),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_no_tunnel),
        cmocka_unit_test(test_damaged_packets),
        cmocka_unit_test(test_not_ip_goes_to_the_first),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
