/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in, notices out. */
#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define T0     (1700000000 * NS_PER_SEC)
#define CLIENT UINT32_C(0xc0000201)
#define SERVER UINT32_C(0xc0000202)

static struct rig rig;
static struct packet_builder pb;

const struct analyzer *const analyzers[] = {NULL};

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.heritage.options.checksums = CHECKSUMS_IGNORE;
    return 0;
}

static void run(void)
{
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
}

static void tcp(uint32_t src, unsigned sport, uint32_t dst, unsigned dport, unsigned flags,
                uint32_t seq, const char *payload)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, src, dst, 0, 0);
    pb_tcp(&pb, sport, dport, seq, 0, flags);
    pb_text(&pb, payload);
    run();
}

/* A piece of a datagram: offset in bytes. */
static void fragment(unsigned offset, bool more, const char *payload)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, offset / 8 | (more ? 0x2000 : 0));
    pb_text(&pb, payload);
    run();
}

static void expect(const char *line)
{
    const char *text = rig_text(&rig);

    if (!strstr(text, line))
        fail_msg("no '%s' in\n%s", line, text);
}

static void refused_ports_are_a_port_scan(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned port = 1; port <= 20; port++) {
        tcp(CLIENT, 40000, SERVER, port, TCP_SYN, 1, "");
        tcp(SERVER, port, CLIENT, 40000, TCP_RST | TCP_ACK, 0, "");
    }
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_notice], 1);
    expect("notice note=Scan::Port_Scan msg=192.0.2.1 scanned at least 15 unique ports of host "
           "192.0.2.2 in 0m0s");
}

static void one_port_of_many_hosts_is_an_address_scan(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned host = 1; host <= 40; host++)
        tcp(CLIENT, 40000, SERVER + host, 22, TCP_SYN, 1, "");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_notice], 1);
    expect("notice note=Scan::Address_Scan msg=192.0.2.1 scanned at least 25 unique hosts on port "
           "22/tcp in 0m0s");
}

static void unanswered_syns_are_a_flood(void **state)
{
    (void)state;
    rig.heritage.options.screen_syn_flood = 30;
    rig_open(&rig);
    for (unsigned i = 0; i < 40; i++)
        tcp(CLIENT + 100 + i, 40000, SERVER, 80, TCP_SYN, 1, "");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_notice], 1);
    expect("notice note=Screen::SYN_Flood msg=192.0.2.2 has 30 half-open connections on port "
           "80/tcp in 0m0s");
}

static void connections_that_came_about_are_nothing(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned port = 1; port <= 40; port++) {
        tcp(CLIENT, 40000, SERVER, port, TCP_SYN, 1, "");
        tcp(SERVER, port, CLIENT, 40000, TCP_SYN | TCP_ACK, 1, "");
        tcp(CLIENT, 40000, SERVER, port, TCP_ACK, 2, "");
    }
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_notice], 0);
}

static void land(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(SERVER, 139, SERVER, 139, TCP_SYN, 1, "");
    expect("notice note=Screen::LAND");
}

/* Once for the two hosts, whatever the ports. */
static void invalid_flags(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(CLIENT, 40000, SERVER, 1, 0, 1, "");
    expect("notice note=Screen::Invalid_Flags");
    tcp(CLIENT, 40000, SERVER, 2, TCP_FIN | TCP_PSH | TCP_URG, 1, "");
    tcp(CLIENT, 40000, SERVER, 3, TCP_SYN | TCP_FIN, 1, "");
    tcp(CLIENT, 40000, SERVER, 4, TCP_SYN | TCP_RST, 1, "");
    assert_int_equal(rig.records[RECORD_notice], 1);
    assert_int_equal(rig.records[RECORD_weird], 4);
    assert_int_equal(rig.counters.notices_suppressed, 3);
}

static void segments_with_other_content(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(CLIENT, 40000, SERVER, 80, TCP_SYN, 999, "");
    tcp(CLIENT, 40000, SERVER, 80, TCP_ACK, 1004, "evil");
    tcp(CLIENT, 40000, SERVER, 80, TCP_ACK, 1004, "good");
    expect("notice note=Screen::Segment_Overlap");
    assert_int_equal(rig.records[RECORD_notice], 1);
}

static void fragments_with_other_content(void **state)
{
    static const char head[] = "0123456789012345678901234567890123456789012345678901234567890123";

    (void)state;
    rig_open(&rig);
    fragment(0, true, head);
    fragment(56, true, "56789012345678901234567890123456789012345678ABCD");
    expect("notice note=Screen::Fragment_Overlap");
}

static void tiny_fragments(void **state)
{
    (void)state;
    rig_open(&rig);
    fragment(0, true, "01234567");
    expect("notice note=Screen::Tiny_Fragments");
    fragment(8, false, "8"); /* the last one may be small */
    assert_int_equal(rig.records[RECORD_notice], 1);
}

static void nothing_is_noticed_without_a_screen(void **state)
{
    (void)state;
    rig.heritage.options.no_screen = true;
    rig_open(&rig);
    tcp(SERVER, 139, SERVER, 139, TCP_SYN, 1, "");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_notice], 0);
    assert_int_equal(rig.records[RECORD_weird], 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, rig_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refused_ports_are_a_port_scan),
        TEST(one_port_of_many_hosts_is_an_address_scan),
        TEST(unanswered_syns_are_a_flood),
        TEST(connections_that_came_about_are_nothing),
        TEST(land),
        TEST(invalid_flags),
        TEST(segments_with_other_content),
        TEST(fragments_with_other_content),
        TEST(tiny_fragments),
        TEST(nothing_is_noticed_without_a_screen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
