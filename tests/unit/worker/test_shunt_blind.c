/* SPDX-License-Identifier: BSD-3-Clause */
/* Shunting by a source that is blind: it tells packets and bytes, and nothing of streams. */
#include "tests/unit/worker/shunt_bench.h"

#include <errno.h>

/* A card has counted packets of an end, of so many bytes of payload each. */
static void counted_blindly(unsigned end, uint64_t packets, uint32_t bytes, uint64_t last_ns)
{
    has_unseen = true;
    unseen.packets[end] += packets;
    unseen.ip_bytes[end] += packets * (bytes + HEADERS);
    unseen.last_ns = last_ns;
}

static void open_blind(const char *flow)
{
    rig.capture.blind = true;
    rig_open(&rig);
    download(flow);
}

static void a_fin_tells_where_a_blind_stream_is(void **state)
{
    (void)state;
    open_blind("done");
    assert_int_equal(shunted, 1);
    assert_int_equal(asked.link_bytes, 14);
    counted_blindly(DOWN, 1000, 1460, T0 + NS_PER_SEC);
    counted_blindly(UP, 500, 0, T0 + NS_PER_SEC);
    /* Some of it was sent again. */
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + 1460000 - 14600);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_pkts, 3 + 1000 + 2);
    assert_int_equal(rig.conn.resp_ip_bytes, 5 * HEADERS + 2 * BIG + 1000 * (1460 + HEADERS));
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 1460000 - 14600);
    assert_int_equal(rig.conn.orig_pkts, 2 + 500 + 1);
    assert_int_equal(rig.conn.orig_bytes, 100);
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_non_null(strstr(rig_text(&rig), "conn_state=SF missed_bytes=0 history=ShDdAfFa "));
    assert_int_equal(rig.counters.reassembly_gaps, 0);
    assert_int_equal(rig.counters.tcp_ack_gaps, 0);
}

static void a_long_blind_stream(void **state)
{
    const uint64_t packets = UINT64_C(9) << 20;

    (void)state;
    open_blind("done");
    counted_blindly(DOWN, packets, 1024, T0 + NS_PER_SEC);
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + (uint32_t)(packets << 10));
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + (packets << 10));
}

/* The card may tell late: what the client acknowledges was sent, and no gap. */
static void an_acknowledgement_tells_it_too(void **state)
{
    (void)state;
    open_blind("done");
    tcp(T0 + 3, UP, TCP_ACK | TCP_FIN, ISN + 100, PEER + 2 * BIG + 14600, "", 0);
    counted_blindly(DOWN, 10, 1460, T0 + NS_PER_SEC);
    tcp(T0 + 4, DOWN, TCP_ACK | TCP_FIN, PEER + 2 * BIG + 14600, ISN + 101, "", 0);
    tcp(T0 + 5, UP, TCP_ACK, ISN + 101, PEER + 2 * BIG + 14601, "", 0);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 14600);
    assert_int_equal(rig.conn.resp_pkts, 3 + 10 + 1);
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_int_equal(rig.counters.tcp_ack_gaps, 0);
}

static void without_a_fin_it_is_reckoned(void **state)
{
    (void)state;
    open_blind("done");
    counted_blindly(DOWN, 10, 1000, T0 + NS_PER_SEC);
    counted_blindly(UP, 5, 0, T0 + NS_PER_SEC);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000);
    assert_int_equal(rig.conn.orig_bytes, 100);
    assert_int_equal(rig.conn.missed_bytes, 0);
}

static void a_reset_from_nowhere_is_not_believed(void **state)
{
    (void)state;
    open_blind("done");
    counted_blindly(DOWN, 10, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_RST, PEER + 2 * BIG + (1u << 30), 0, "", 0);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000);
}

static void a_blind_source_shunts_no_bodies(void **state)
{
    (void)state;
    spared = 540000;
    open_blind("more");
    assert_int_equal(shunted, 0);
}

static void what_was_refused_later_is_noticed(void **state)
{
    (void)state;
    open_blind("done");
    assert_int_equal(rig.counters.shunt_active, 1);
    answer = -ENOSPC;
    tcp(T0 + 3, DOWN, TCP_ACK, PEER + 2 * BIG, ISN + 100, "x", BIG);
    tcp(T0 + 4, DOWN, TCP_ACK, PEER + 3 * BIG, ISN + 100, "x", BIG);
    assert_int_equal(rig.counters.shunt_active, 0);
    answer = 0;
    tcp(T0 + 5, DOWN, TCP_ACK, PEER + 4 * BIG, ISN + 100, "x", BIG);
    tcp(T0 + 6, DOWN, TCP_ACK, PEER + 5 * BIG, ISN + 100, "x", BIG);
    assert_int_equal(rig.counters.shunt_active, 1);
}

static void what_a_source_cannot_is_no_lack_of_room(void **state)
{
    (void)state;
    answer = -EPROTONOSUPPORT;
    open_blind("done");
    assert_int_equal(rig.counters.shunt_full, 0);
    assert_int_equal(rig.counters.shunt_active, 0);
    assert_true(shunt_is_due(&rig.w, 2 * SHUNT_STEP_BYTES, BIG));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_fin_tells_where_a_blind_stream_is),  CASE(a_long_blind_stream),
        CASE(an_acknowledgement_tells_it_too),      CASE(without_a_fin_it_is_reckoned),
        CASE(a_reset_from_nowhere_is_not_believed), CASE(a_blind_source_shunts_no_bodies),
        CASE(what_was_refused_later_is_noticed),    CASE(what_a_source_cannot_is_no_lack_of_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
