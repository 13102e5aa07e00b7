/* SPDX-License-Identifier: BSD-3-Clause */
/* Which flows are shunted, and what was counted of them joins. */
#include "tests/unit/worker/shunt_bench.h"

#include <errno.h>

/* That of the last line. */
static const char *history(const char *text)
{
    static char letters[32];
    const char *at = NULL;

    for (const char *next = text; (next = strstr(next, "history=")) != NULL; at = next)
        next += strlen("history=");
    letters[0] = '\0';
    if (at)
        sscanf(at, "%31s", letters);
    return letters;
}

static void clock_to(uint64_t ts_ns)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
    pb_udp(&pb, 1, 53, 4);
    pb_text(&pb, "tick");
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, ts_ns);
}

static void what_an_analyzer_is_done_with_is_shunted(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    assert_int_equal(shunted, 1);
    assert_int_equal(rig.counters.shunt_tls, 1);
    assert_int_equal(rig.counters.shunt_active, 1);
    tcp(T0 + 3, DOWN, TCP_ACK, PEER + 2 * BIG, ISN + 100, "x", BIG); /* was on its way */
    tcp(T0 + 4, DOWN, TCP_ACK, PEER + 3 * BIG, ISN + 100, "x", BIG);
    assert_int_equal(shunted, 1);
}

static void what_is_read_is_not(void **state)
{
    (void)state;
    rig_open(&rig);
    download("more");
    assert_int_equal(shunted, 0);
}

static void what_nobody_knows_is_shunted(void **state)
{
    (void)state;
    rig_open(&rig);
    download("unknown");
    assert_int_equal(shunted, 0); /* the other direction may still tell */
    tcp(T0 + 3, DOWN, TCP_ACK, PEER + 2 * BIG, ISN + 100, "x", BIG);
    assert_int_equal(shunted, 0); /* it did: it is read */
}

static void each_reason_can_be_switched_off(void **state)
{
    (void)state;
    rig.heritage.options.shunt_tls = false;
    rig_open(&rig);
    download("done");
    assert_int_equal(shunted, 0);
}

static void what_is_written_as_packets_comes_up(void **state)
{
    (void)state;
    rig.heritage.options.format = OUTPUT_PCAP;
    rig_open(&rig);
    download("done");
    assert_int_equal(shunted, 0);
}

static void an_elephant_is_not_read_on(void **state)
{
    (void)state;
    rig.heritage.options.shunt_elephant = true;
    rig.heritage.options.shunt_threshold = 100000;
    rig_open(&rig);
    download("more");
    assert_int_equal(shunted, 1);
    assert_int_equal(rig.counters.shunt_elephant, 1);
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + NS_PER_SEC);
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + 10000);
    assert_null(strstr(rig_text(&rig), "uri=<"));
}

static void no_room_is_counted(void **state)
{
    (void)state;
    answer = -ENOSPC;
    rig_open(&rig);
    download("done");
    assert_int_equal(rig.counters.shunt_full, 1);
    assert_int_equal(rig.counters.shunt_active, 0);
    answer = 0;
    tcp(T0 + 3, DOWN, TCP_ACK, PEER + 2 * BIG, ISN + 100, "x", BIG);
    assert_int_equal(shunted, 1); /* tried again */
}

static void the_line_tells_of_all_packets(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 1000, 1460, T0 + NS_PER_SEC);
    counted(UP, 0, 500, 0, T0 + NS_PER_SEC);
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + 1460000);
    rig_finish(&rig);
    assert_int_equal(ended, 1);
    assert_int_equal(rig.conn.resp_pkts, 3 + 1000 + 2);
    assert_int_equal(rig.conn.resp_ip_bytes, 5 * HEADERS + 2 * BIG + 1000 * (1460 + HEADERS));
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 1460000);
    assert_int_equal(rig.conn.orig_pkts, 2 + 500 + 1);
    assert_int_equal(rig.conn.orig_bytes, 100);
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_non_null(strstr(rig_text(&rig), "conn_state=SF missed_bytes=0 history=ShDdAfFa "));
    assert_int_equal(rig.counters.shunt_packets, 1500);
    assert_int_equal(rig.counters.reassembly_gaps, 0);
    assert_int_equal(rig.counters.tcp_ack_gaps, 0);
}

static void a_stream_may_be_longer_than_its_sequence_numbers(void **state)
{
    const uint64_t bytes = UINT64_C(9) << 30;

    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, bytes >> 10, 1024, T0 + NS_PER_SEC);
    unseen.payload_bytes[DOWN] += 1u << 30; /* sent again on another CPU */
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + (uint32_t)bytes);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + bytes);
    assert_int_equal(rig.conn.missed_bytes, 0);
}

/* The last segment was lost before it came here, and FIN was not. */
static void a_hole_may_be_filled_below(void **state)
{
    const char *text;

    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 9, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_ACK | TCP_FIN, PEER + 2 * BIG + 10000, ISN + 100, "", 0);
    counted(DOWN, PEER + 2 * BIG + 9000, 1, 1000, T0 + 3 * NS_PER_SEC);
    tcp(T0 + 4 * NS_PER_SEC, UP, TCP_ACK | TCP_FIN, ISN + 100, PEER + 2 * BIG + 10001, "", 0);
    rig_finish(&rig);
    text = rig_text(&rig);
    assert_string_equal(history(text), "ShDdftF");
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000);
    assert_int_equal(rig.counters.reassembly_gaps, 0);
}

/* Counted comes after what lies in the ring, although it can be asked for now. One is lost there.
 */
static void what_is_on_its_way_comes_before_what_was_counted(void **state)
{
    uint32_t seq = PEER + 2 * BIG;

    (void)state;
    since_ns = T0 + NS_PER_SEC;
    rig_open(&rig);
    download("done");
    counted(DOWN, seq + 30000, 10, 1000, T0 + 2 * NS_PER_SEC);
    for (uint32_t n = 1; n < 30; n++)
        tcp(T0 + 2 + n, DOWN, TCP_ACK, seq + n * 1000, ISN + 100, "x", 1000);
    tcp(T0 + 40, DOWN, TCP_ACK, seq, ISN + 100, "x", 1000); /* sent again */
    close_both(T0 + 3 * NS_PER_SEC, ISN + 100, seq + 40000);
    rig_finish(&rig);
    assert_string_equal(history(rig_text(&rig)), "ShDdtfFa");
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 40000);
}

/* A flow that was picked up in the middle: of its client only acknowledgements were seen. */
static void counted_bytes_may_be_the_first(void **state)
{
    (void)state;
    rig.heritage.options.conn_log_interval = 10 * NS_PER_SEC;
    rig_open(&rig);
    tcp(T0, UP, TCP_ACK, ISN, PEER, "", 0);
    tcp(T0 + 1, DOWN, TCP_ACK, PEER, ISN, "done", BIG);
    tcp(T0 + 2, DOWN, TCP_ACK, PEER + BIG, ISN, "x", BIG);
    assert_int_equal(shunted, 1);
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + 9 * NS_PER_SEC);
    clock_to(T0 + 11 * NS_PER_SEC);
    counted(UP, ISN, 1, 31, T0 + 12 * NS_PER_SEC);
    tcp(T0 + 13 * NS_PER_SEC, UP, TCP_ACK | TCP_FIN, ISN + 31, PEER + 2 * BIG + 10000, "", 0);
    rig_finish(&rig);
    assert_int_equal(rig.conn.orig_bytes, 31);
    assert_int_equal(rig.conn.missed_bytes, 0);
    assert_null(strchr(history(rig_text(&rig)), 'T'));
}

static void it_ends_without_a_fin_as_well(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + NS_PER_SEC);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000);
    assert_int_equal(rig.conn.resp_pkts, 3 + 10);
    assert_int_equal(rig.conn.duration, NS_PER_SEC);
    assert_non_null(strstr(rig_text(&rig), "conn_state=S1 missed_bytes=0 history=ShDd "));
}

/* A body of 600000 bytes of which the first 60000 and the last 1000 come up. */
static void a_body_is_skipped_up_to_its_end(void **state)
{
    uint32_t seq = PEER + BIG;

    (void)state;
    rig_open(&rig);
    spared = 540000;
    download("more"); /* its second piece was on its way */
    assert_int_equal(shunted, 1);
    assert_int_equal(rig.counters.shunt_body, 1);
    assert_true(asked.rises[DOWN] && asked.rises[UP]);
    assert_int_equal(asked.rise_seq[DOWN], seq + 540000);
    assert_int_equal(asked.rise_seq[UP], ISN + 100 + 1);
    seq += BIG;
    counted(DOWN, seq, 479, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_ACK, seq + 479000, ISN + 100, "end", 1000);
    assert_int_equal(stopped, 1);
    assert_int_equal(rig.counters.shunt_active, 0);
    assert_string_equal(rig_text(&rig), "http uri=(479000)\n");
    counted(UP, 0, 3, 0, T0 + NS_PER_SEC);
    close_both(T0 + 3 * NS_PER_SEC, ISN + 100, seq + 480000);
    rig_finish(&rig);
    assert_null(strstr(rig_text(&rig), "uri="));
    assert_int_equal(rig.conn.resp_bytes, BIG + 540000);
    assert_int_equal(rig.conn.resp_pkts, 3 + 479 + 1 + 2);
    assert_int_equal(rig.conn.orig_pkts, 2 + 3 + 1);
    assert_int_equal(rig.conn.missed_bytes, 0);
}

/* The last segment overtakes one that is counted only then. */
static void a_body_has_no_hole_at_its_end(void **state)
{
    uint32_t seq = PEER + 2 * BIG;
    const char *text;

    (void)state;
    rig_open(&rig);
    spared = 540000;
    download("more");
    counted(DOWN, seq, 478, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_ACK, seq + 479000, ISN + 100, "end", 1000);
    counted(DOWN, seq + 478000, 1, 1000, T0 + NS_PER_SEC);
    close_both(T0 + 3 * NS_PER_SEC, ISN + 100, seq + 480000);
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_bytes, BIG + 540000);
    assert_int_equal(rig.conn.resp_pkts, 3 + 479 + 1 + 2);
    assert_int_equal(rig.conn.missed_bytes, 0);
    text = rig_text(&rig);
    assert_null(strstr(text, "uri=<"));
    assert_null(strchr(history(text), 't'));
}

/* What is so far ahead is of another connection, unless more of it follows. */
static void a_stray_segment_ends_no_body(void **state)
{
    uint32_t seq = PEER + 2 * BIG, far = seq + (1u << 30);

    (void)state;
    rig_open(&rig);
    spared = 540000;
    download("more");
    counted(DOWN, seq, 100, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_ACK, far, ISN + 100, "x", 1000);
    assert_int_equal(stopped, 0);
    tcp(T0 + 2 * NS_PER_SEC, DOWN, TCP_ACK, far + 1000, ISN + 100, "x", 1000);
    assert_int_equal(stopped, 1);
}

static void what_the_client_says_meanwhile_comes_up(void **state)
{
    (void)state;
    rig_open(&rig);
    spared = 540000;
    download("more");
    counted(DOWN, PEER + 2 * BIG, 100, 1000, T0 + NS_PER_SEC);
    tcp(T0 + 2, UP, TCP_ACK, ISN + 100, PEER + 2 * BIG + 100000, "next", 50);
    assert_int_equal(stopped, 1);
    assert_string_equal(rig_text(&rig), "http uri=(100000)\n");
    spared = 540000 - BIG - 100000 - BIG;
    tcp(T0 + 3, DOWN, TCP_ACK, PEER + 2 * BIG + 100000, ISN + 150, "x", BIG);
    assert_int_equal(shunted, 2); /* it has still far to go */
}

static void small_bodies_come_up(void **state)
{
    (void)state;
    rig_open(&rig);
    spared = 100000;
    download("more");
    assert_int_equal(shunted, 0);
}

/* A packet of another flow moves the clock. */
static void what_goes_on_below_is_not_silent(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + 200 * NS_PER_SEC);
    clock_to(T0 + 310 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_active_tcp, 1);
    clock_to(T0 + 490 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_active_tcp, 1);
    clock_to(T0 + 501 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_active_tcp, 0);
    assert_int_equal(rig.conn.resp_pkts, 3 + 10);
}

static void a_full_table_keeps_what_goes_on_below(void **state)
{
    (void)state;
    rig.heritage.options.flow_table_size = 2;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + 20 * NS_PER_SEC);
    clock_to(T0 + 10 * NS_PER_SEC);
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
    pb_udp(&pb, 2, 53, 0);
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0 + 21 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_evicted, 1);
    assert_int_equal(rig.counters.flows_active_tcp, 1);
}

/* Lines come every 10 s; the first one tells of ten segments that were counted. */
static void download_with_a_line(void)
{
    rig.heritage.options.conn_log_interval = 10 * NS_PER_SEC;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + 9 * NS_PER_SEC);
    clock_to(T0 + 11 * NS_PER_SEC);
}

static void lines_in_between_tell_what_is_new_once(void **state)
{
    (void)state;
    download_with_a_line();
    assert_int_equal(rig.conn.resp_pkts, 3 + 10);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000);
    counted(DOWN, unseen.seq_end[DOWN], 5, 1000, T0 + 19 * NS_PER_SEC);
    clock_to(T0 + 21 * NS_PER_SEC);
    clock_to(T0 + 41 * NS_PER_SEC);
    assert_int_equal(rig.conn.resp_pkts, 3 + 15);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 15000);
}

/* A table in the kernel that is full forgets what was silent longest. */
static void what_the_kernel_forgot_is_counted_anew(void **state)
{
    (void)state;
    download_with_a_line();
    unseen = (struct capture_unseen){0};
    counted(DOWN, PEER + 2 * BIG + 10000, 11, 100, T0 + 19 * NS_PER_SEC);
    clock_to(T0 + 21 * NS_PER_SEC);
    assert_int_equal(rig.conn.resp_pkts, 3 + 10 + 11);
    assert_int_equal(rig.conn.resp_bytes, 2 * BIG + 10000 + 1100);
}

/* Where it counts all flows its table is the one with a size of its own. */
static void what_the_kernel_forgot_is_a_loss(void **state)
{
    (void)state;
    rig.capture.counts_all = true;
    download_with_a_line();
    clock_to(T0 + 21 * NS_PER_SEC);
    assert_int_equal(rig.counters.capture_counts_evicted, 0);
    unseen = (struct capture_unseen){0}; /* it went on */
    counted(DOWN, PEER + 2 * BIG + 10000, 9, 100, T0 + 29 * NS_PER_SEC);
    clock_to(T0 + 31 * NS_PER_SEC);
    assert_int_equal(rig.counters.capture_counts_evicted, 1);
    has_unseen = false; /* it did not */
    clock_to(T0 + 41 * NS_PER_SEC);
    assert_int_equal(rig.counters.capture_counts_evicted, 2);
    unseen = (struct capture_unseen){0}; /* later, and for longer than before */
    counted(DOWN, PEER + 2 * BIG + 10900, 50, 100, T0 + 49 * NS_PER_SEC);
    clock_to(T0 + 51 * NS_PER_SEC);
    assert_int_equal(rig.conn.resp_pkts, 3 + 10 + 9 + 50);
    assert_int_equal(rig.counters.capture_counts_evicted, 2);
    has_unseen = false;
    rig_finish(&rig);
    assert_int_equal(rig.counters.capture_counts_evicted, 3);
}

/* All of it came up: whether the kernel still knows of it is all the same. */
static void what_was_never_counted_is_no_loss(void **state)
{
    (void)state;
    rig.capture.counts_all = true;
    rig_open(&rig);
    download("more");
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG);
    rig_finish(&rig);
    assert_int_equal(rig.counters.capture_counts_evicted, 0);
}

static void history_tells_of_what_was_sent_again(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + NS_PER_SEC);
    unseen.resent[DOWN] = 12;
    unseen.zero_windows[UP] = 1;
    unseen.packets[UP] = 1;
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + 10000);
    rig_finish(&rig);
    assert_non_null(strstr(rig_text(&rig), "history=ShDdWttfFa "));
}

/* It was new to its CPU: more was counted than the stream is long. */
static void what_another_cpu_sent_again_is_told_of(void **state)
{
    (void)state;
    download_with_a_line();
    assert_string_equal(history(rig_text(&rig)), "ShDd");
    unseen.payload_bytes[DOWN] += 9000;
    unseen.packets[DOWN] += 9;
    clock_to(T0 + 21 * NS_PER_SEC);
    assert_string_equal(history(rig_text(&rig)), "ShDdt");
    for (unsigned n = 0; n < 10; n++) {
        counted(DOWN, unseen.seq_end[DOWN], 5, 1000, T0 + (29 + n * 10) * NS_PER_SEC);
        clock_to(T0 + (31 + n * 10) * NS_PER_SEC);
    }
    assert_string_equal(history(rig_text(&rig)), "ShDdt"); /* that is no more of it */
    for (unsigned n = 0; n < 9; n++) {
        unseen.payload_bytes[DOWN] += 1000;
        unseen.packets[DOWN]++;
        clock_to(T0 + (131 + n * 10) * NS_PER_SEC);
    }
    assert_string_equal(history(rig_text(&rig)), "ShDdtt");
}

static void a_capture_may_count_all_flows(void **state)
{
    (void)state;
    rig.capture.counts_all = true;
    rig_open(&rig);
    tcp(T0, UP, TCP_SYN, ISN - 1, 0, "", 0);
    tcp(T0, DOWN, TCP_SYN | TCP_ACK, PEER - 1, ISN, "", 0);
    tcp(T0, UP, TCP_ACK, ISN, PEER, "more", 100);
    counted(DOWN, PEER, 3, 1000, T0 + NS_PER_SEC);
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 3000);
    rig_finish(&rig);
    assert_int_equal(shunted, 0);
    assert_int_equal(rig.conn.resp_bytes, 3000);
    assert_int_equal(rig.conn.missed_bytes, 0);
}

/* Ends of connections that a capture counts anew are not mixed up. */
static void the_next_connection_begins_at_nothing(void **state)
{
    (void)state;
    rig_open(&rig);
    download("done");
    counted(DOWN, PEER + 2 * BIG, 10, 1000, T0 + NS_PER_SEC);
    close_both(T0 + 2 * NS_PER_SEC, ISN + 100, PEER + 2 * BIG + 10000);
    tcp(T0 + 3 * NS_PER_SEC, UP, TCP_SYN, 777777, 0, "", 0);
    assert_int_equal(ended, 1);
    assert_int_equal(rig.counters.flows_tcp, 2);
    has_unseen = false;
    rig_finish(&rig);
    assert_int_equal(rig.conn.resp_pkts, 0);
}

static void datagrams_are_counted_too(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
        pb_udp(&pb, 40000, PORT, 30000);
        pb_text(&pb, "done");
        pb_fill(&pb, 'x', 29996);
        pb_end(&pb);
        rig_run_ethernet(&rig, pb.b, pb.n, T0 + i);
    }
    assert_int_equal(shunted, 1);
    counted(DOWN, 0, 10, 1000, T0 + NS_PER_SEC);
    unseen.has_seq[DOWN] = false;
    rig_finish(&rig);
    assert_int_equal(rig.conn.orig_bytes, 90000);
    assert_int_equal(rig.conn.resp_bytes, 10000);
    assert_non_null(strstr(rig_text(&rig), "conn_state=SF missed_bytes=0 history=Dd "));
}

/* It was late: the capture has counted what follows the first datagram by then. */
static void a_flow_that_was_counted_before_it_began_ends_in_time(void **state)
{
    (void)state;
    rig.capture.counts_all = true;
    rig_open(&rig);
    counted(UP, 0, 10, 100, T0 + NS_PER_MS);
    unseen.has_seq[UP] = false;
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
    pb_udp(&pb, 40000, PORT, 5);
    pb_text(&pb, "\xc0long");
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, T0);
    assert_int_equal(rig.w.flows.wheel.armed, 1);
    rig_finish(&rig);
    assert_int_equal(rig.conn.orig_pkts, 11);
}

static void tunnels_are_not_shunted(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        pb_ethernet(&pb, 0x0800);
        pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
        pb_udp(&pb, 40000, 4789, 30000); /* not a tunnel now, but it may become one */
        pb_text(&pb, "done");
        pb_fill(&pb, 'x', 29996);
        pb_end(&pb);
        rig_run_ethernet(&rig, pb.b, pb.n, T0 + i);
    }
    assert_int_equal(shunted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_an_analyzer_is_done_with_is_shunted),
        CASE(what_is_read_is_not),
        CASE(what_nobody_knows_is_shunted),
        CASE(each_reason_can_be_switched_off),
        CASE(what_is_written_as_packets_comes_up),
        CASE(an_elephant_is_not_read_on),
        CASE(no_room_is_counted),
        CASE(the_line_tells_of_all_packets),
        CASE(a_stream_may_be_longer_than_its_sequence_numbers),
        CASE(a_hole_may_be_filled_below),
        CASE(what_is_on_its_way_comes_before_what_was_counted),
        CASE(counted_bytes_may_be_the_first),
        CASE(it_ends_without_a_fin_as_well),
        CASE(a_body_is_skipped_up_to_its_end),
        CASE(a_body_has_no_hole_at_its_end),
        CASE(a_stray_segment_ends_no_body),
        CASE(what_the_client_says_meanwhile_comes_up),
        CASE(small_bodies_come_up),
        CASE(what_goes_on_below_is_not_silent),
        CASE(a_full_table_keeps_what_goes_on_below),
        CASE(lines_in_between_tell_what_is_new_once),
        CASE(what_the_kernel_forgot_is_counted_anew),
        CASE(what_the_kernel_forgot_is_a_loss),
        CASE(what_was_never_counted_is_no_loss),
        CASE(history_tells_of_what_was_sent_again),
        CASE(what_another_cpu_sent_again_is_told_of),
        CASE(a_capture_may_count_all_flows),
        CASE(the_next_connection_begins_at_nothing),
        CASE(datagrams_are_counted_too),
        CASE(a_flow_that_was_counted_before_it_began_ends_in_time),
        CASE(tunnels_are_not_shunted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
