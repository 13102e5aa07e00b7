/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/tunnel.h"

#include "tests/unit/tunnel_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define T0     (1700000000 * NS_PER_SEC)
#define HOUR   (3600 * NS_PER_SEC)
#define NEAR   UINT32_C(0xcb007101)
#define FAR    UINT32_C(0xcb007102)
#define CLIENT UINT32_C(0xc0000201)
#define SERVER UINT32_C(0xc0000202)

const struct analyzer *const analyzers[] = {NULL};

static struct rig rig;
static struct packet_builder pb;
static struct tunnel_builder tb;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    return 0;
}

static void run(uint64_t ts_ns)
{
    tb_end(&tb);
    rig_run_ethernet(&rig, pb.b, pb.n, ts_ns);
}

static void inner(bool down, unsigned port)
{
    tb_ipv4(&tb, 17, down ? SERVER : CLIENT, down ? CLIENT : SERVER);
    tb_udp(&tb, down ? 53 : port, down ? port : 53);
    pb_fill(&pb, 'x', 10);
}

static void gre(uint64_t ts_ns, bool down, unsigned port)
{
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 47, down ? FAR : NEAR, down ? NEAR : FAR);
    tb_gre(&tb, 0x2000, 0x0800, 7);
    inner(down, port);
    run(ts_ns);
}

/* Each direction from a port of its own, as switches do it. */
static void vxlan(uint64_t ts_ns, bool down, unsigned port)
{
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 17, down ? FAR : NEAR, down ? NEAR : FAR);
    tb_udp(&tb, down ? 60000 : 50000, 4789);
    tb_vxlan(&tb, 9);
    tb_ethernet(&tb, 0x0800);
    inner(down, port);
    run(ts_ns);
}

static void a_tunnel_over_ip_is_in_its_own_log_only(void **state)
{
    (void)state;
    rig_open(&rig);
    gre(T0, false, 1000);
    assert_string_equal(rig_text(&rig), "tunnel tunnel_type=Tunnel::GRE tunnel_id=7\n");
    gre(T0 + 1, true, 1000);
    gre(T0 + 2, false, 1001);
    assert_int_equal(rig.counters.tunnels_active, 1);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_conn], 2);
    assert_int_equal(rig.records[RECORD_tunnel], 2);
    assert_int_equal(rig.counters.tunnels, 1);
    /* 38 bytes of IP in each of the three */
    assert_non_null(
        strstr(rig_text(&rig), "tunnel tunnel_type=Tunnel::GRE tunnel_id=7 packets=3 bytes=114\n"));
}

static void a_tunnel_over_udp_is_a_flow_with_a_service(void **state)
{
    const char *text;

    (void)state;
    rig_open(&rig);
    vxlan(T0, false, 1000);
    vxlan(T0 + 1, true, 1000);
    pipeline_finish(&rig.w);
    text = rig_text(&rig);
    assert_int_equal(rig.records[RECORD_conn], 3);
    assert_int_equal(rig.records[RECORD_tunnel], 4);
    assert_non_null(strstr(text, "service=vxlan conn_state=S0"));
    assert_non_null(strstr(text, "conn_state=SF missed_bytes=0 history=Dd tunnel_parents=2"));
}

static void an_answer_from_the_port_is_the_responders(void **state)
{
    (void)state;
    rig_open(&rig);
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 17, FAR, NEAR);
    tb_udp(&tb, 3544, 3000);
    tb_ipv6(&tb, 59, 1, 2);
    pb.b[pb.n - 32] = 0xfe;
    pb.b[pb.n - 31] = 0x80;
    run(T0);
    pipeline_finish(&rig.w);
    assert_non_null(strstr(rig_text(&rig), "conn_state=SHR missed_bytes=0 history=^d"));
}

static void a_tunnel_over_ip_outlives_silence_for_a_day(void **state)
{
    (void)state;
    rig_open(&rig);
    gre(T0, false, 1000);
    gre(T0 + 23 * HOUR, false, 1000);
    assert_int_equal(rig.counters.tunnels, 1);
    gre(T0 + 48 * HOUR, false, 1000);
    assert_int_equal(rig.counters.tunnels, 2);
    assert_int_equal(rig.records[RECORD_tunnel], 3);
    assert_int_equal(rig.records[RECORD_conn], 2); /* what is inside has ended in between */
}

static void a_broken_inside_is_a_plain_flow(void **state)
{
    (void)state;
    rig_open(&rig);
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 17, NEAR, FAR);
    tb_udp(&tb, 50000, 4789);
    tb_vxlan(&tb, 9);
    tb_ethernet(&tb, 0x0800);
    tb_ipv4(&tb, 6, CLIENT, SERVER);
    pb_fill(&pb, 0, 20);
    run(T0);
    pipeline_finish(&rig.w);
    assert_string_equal(rig_text(&rig), "weird name=bad_TCP_header_len source=decode\n"
                                        "conn conn_state=S0 missed_bytes=0 history=D "
                                        "category=unknown\n");
}

static void a_fragment_inside_counts_for_the_tunnel(void **state)
{
    (void)state;
    rig_open(&rig);
    tb_begin(&tb, &pb, 0x0800);
    tb_ipv4(&tb, 47, NEAR, FAR);
    tb_gre(&tb, 0, 0x0800, 0);
    tb_note(&tb, TB_IPV4);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0x2000);
    pb_fill(&pb, 0, 64);
    run(T0);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_conn], 0);
    assert_non_null(strstr(rig_text(&rig), "packets=1 bytes=84\n"));
}

/* Of two workers each logs what it owns; both follow the tunnel, so that they agree on its uid. */
static void another_workers_tunnel_is_followed_and_not_logged(void **state)
{
    (void)state;
    rig.heritage.n_workers = 2;
    rig_open(&rig);
    for (unsigned i = 0; i < FLOW_BUCKETS; i++)
        rig.heritage.bucket_owner[i] = 1;
    vxlan(T0, false, 1000);
    assert_int_equal(rig.w.flows.flows.used, 1); /* the outer one */
    assert_int_equal(rig.counters.capture_not_mine, 1);
    assert_int_equal(rig.counters.flows_udp, 0);
    pipeline_finish(&rig.w);
    assert_string_equal(rig_text(&rig), "");
}

static void parents_have_a_bound(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < TUNNEL_PARENTS_MAX + 2; i++) {
        tb_begin(&tb, &pb, 0x0800);
        tb_ipv4(&tb, 47, NEAR + i, FAR);
        tb_gre(&tb, 0, 0x0800, 0);
        inner(false, 1000);
        run(T0 + i);
    }
    assert_int_equal(rig.counters.tunnels_bound, 2);
    pipeline_finish(&rig.w);
    assert_non_null(strstr(rig_text(&rig), "tunnel_parents=8"));
}

/* A damaged packet shows in the history of its flow, and nowhere else. */
static void a_bad_checksum_is_told_and_not_believed(void **state)
{
    (void)state;
    rig.heritage.options.checksums = CHECKSUMS_CHECK;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        tb_begin(&tb, &pb, 0x0800);
        tb_ipv4(&tb, 17, CLIENT, SERVER);
        tb_udp(&tb, 1000, 53);
        pb.b[pb.n - 1] = i == 1 ? 0 : 1; /* 0: none was computed */
        run(T0 + i);
    }
    pipeline_finish(&rig.w);
    assert_string_equal(rig_text(&rig), "weird name=bad_UDP_checksum source=decode\n"
                                        "conn conn_state=S0 missed_bytes=0 history=CD "
                                        "category=unknown\n");
    assert_int_equal(rig.counters.decode_bad_checksums, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)
        TEST(a_tunnel_over_ip_is_in_its_own_log_only),
        TEST(a_tunnel_over_udp_is_a_flow_with_a_service),
        TEST(an_answer_from_the_port_is_the_responders),
        TEST(a_tunnel_over_ip_outlives_silence_for_a_day),
        TEST(a_broken_inside_is_a_plain_flow),
        TEST(a_fragment_inside_counts_for_the_tunnel),
        TEST(another_workers_tunnel_is_followed_and_not_logged),
        TEST(parents_have_a_bound),
        TEST(a_bad_checksum_is_told_and_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
