/* SPDX-License-Identifier: BSD-3-Clause */
/* Which datagrams the program of mode xdp takes for tunnels, on whatever port, and sends up. */
#include "tests/unit/bpf/xdp_bench.h"

/* As decode enters them by what they begin with, on a port that is not theirs. */
enum kind {
    VXLAN,
    VXLAN_TAGGED,
    GENEVE,
    GENEVE_IP,
    GENEVE_MPLS,
    GTPU,
    GTPU_EXTENDED,
    TEREDO,
    TEREDO_FROM,
    TEREDO_SIGNED,
    KINDS
};

static struct tunnel_builder tb;

static void tunnel_begin(unsigned port)
{
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 17, CLIENT, SERVER);
    tb_udp(&tb, port, 8473);
}

static void teredo(size_t signature)
{
    if (signature > 0) { /* authentication and origin */
        pb_u16(&pb, 1);
        pb_u16(&pb, (unsigned)signature);
        pb_fill(&pb, 'x', signature + 9);
    }
    tb_ipv6(&tb, 17, 1, 2);
    memcpy(pb.b + pb.ip + 24, "\x20\1\0\0", 4);
}

static void tunnel(unsigned port, enum kind kind)
{
    tunnel_begin(port);
    switch (kind) {
    case VXLAN:
        tb_vxlan(&tb, 42);
        tb_ethernet(&tb, 0x0800);
        break;
    case VXLAN_TAGGED:
        tb_vxlan(&tb, 42);
        tb_ethernet(&tb, 0x0800);
        pb_vlan(&pb, 0x8100, 7, 0x0800);
        break;
    case GENEVE:
        tb_geneve(&tb, 42, 0x6558, 3);
        tb_ethernet(&tb, 0x0800);
        break;
    case GENEVE_IP:
        tb_geneve(&tb, 42, 0x0800, 0);
        break;
    case GENEVE_MPLS:
        tb_geneve(&tb, 42, 0x8847, 0);
        tb_mpls(&tb, 1);
        break;
    case GTPU:
    case GTPU_EXTENDED:
        tb_gtpu(&tb, 42, kind == GTPU ? 0 : 2);
        break;
    case TEREDO_FROM:
        pb_fill(&pb, 0, 8);
        /* fall through */
    case TEREDO:
        teredo(0);
        break;
    default:
        teredo(20);
    }
    if (kind < TEREDO)
        tb_ipv4(&tb, 17, 0x0a000001, 0x0a000002);
    tb_udp(&tb, 1, 2);
    pb_fill(&pb, 'x', 300);
    tb_end(&tb);
}

static void tunnels_go_up_for_ever_on_any_port(void **state)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        struct packet p;

        tunnel(port_of(state) + 1000 * kind, kind);
        counted(&p);
        assert_int_equal(p.n_hops, 1); /* decode thinks so, too */
        for (unsigned n = 0; n < 40; n++)
            assert_true(rises());
    }
}

/* By a bit that is wrong in what they begin with. */
static void what_is_nearly_a_tunnel_is_soon_only_counted(void **state)
{
    static const struct {
        enum kind kind;
        unsigned at;
    } wrong[] = {{VXLAN, 0},   {VXLAN, 3}, {VXLAN, 7},   {GENEVE, 1},     {GENEVE, 2},
                 {GENEVE, 7},  {GTPU, 1},  {GTPU, 3},    {TEREDO, 5},     {TEREDO, 24},
                 {TEREDO, 25}, {GTPU, 0},  {TEREDO, 27}, {TEREDO_FROM, 1}};

    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        unsigned up = 0;

        tunnel(port_of(state) + 1000 * i, wrong[i].kind);
        pb.b[42 + wrong[i].at] ^= 0x08;
        for (unsigned n = 0; n < 40; n++)
            up += rises();
        assert_in_range(up, 1, 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tunnels_go_up_for_ever_on_any_port),
        TEST(what_is_nearly_a_tunnel_is_soon_only_counted),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
