/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames in, records out: a made-up protocol that takes any content logs each piece of it as the
 * uri of an http record, a gap as <n>, an end as $. */
#include "common/base/linktype.h"
#include "worker/pipeline.h"

#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/any.h"
#include "tests/unit/worker/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define T0     (1700000000 * NS_PER_SEC)
#define CLIENT UINT32_C(0xc0000201)
#define SERVER UINT32_C(0xc0000202)
#define PORT   80u

static struct rig rig;
static struct packet_builder pb;
static uint64_t bytes_seen;

static void emit(struct analyzer_ctx *ctx, struct str uri)
{
    struct rec_http r = {0};

    RECORD_SET(http, &r, ts, ctx->ts_ns);
    RECORD_SET(http, &r, uri, uri);
    analyzer_record(ctx, RECORD_http, &r);
}

static enum probe_result any_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)data;
    (void)len;
    (void)transport;
    return PROBE_EITHER;
}

static void any_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                     size_t len)
{
    (void)state;
    (void)side;
    bytes_seen += len;
    emit(ctx, str_make(data, len < 16 ? len : 16));
}

static void any_gap(struct analyzer_ctx *ctx, void *state, unsigned side, uint64_t len)
{
    char text[24];

    (void)state;
    (void)side;
    snprintf(text, sizeof text, "<%llu>", (unsigned long long)len);
    emit(ctx, str_of(text));
}

static void any_end(struct analyzer_ctx *ctx, void *state, unsigned side)
{
    (void)state;
    (void)side;
    emit(ctx, STR_LIT("$"));
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    bytes_seen = 0;
    return 0;
}

static void run(uint64_t ts_ns)
{
    pb_end(&pb);
    rig_run_ethernet(&rig, pb.b, pb.n, ts_ns);
}

static void build_udp(unsigned port, const char *payload)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 17, CLIENT, SERVER, 0, 0);
    pb_udp(&pb, port, 53, (unsigned)strlen(payload));
    pb_text(&pb, payload);
}

static void udp(uint64_t ts_ns, unsigned port, const char *payload)
{
    build_udp(port, payload);
    run(ts_ns);
}

/* A segment of the one TCP flow of a case. */
static void tcp(uint64_t ts_ns, bool down, unsigned flags, uint32_t seq, uint32_t ack,
                const char *payload)
{
    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, 6, down ? SERVER : CLIENT, down ? CLIENT : SERVER, 0, 0);
    pb_tcp(&pb, down ? PORT : 40000, down ? 40000 : PORT, seq, ack, flags);
    pb_text(&pb, payload);
    run(ts_ns);
}

static void an_unanswered_syn_ends_in_its_own_time(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    udp(T0 + 4 * NS_PER_SEC, 1, "a");
    assert_int_equal(rig.records[RECORD_conn], 0);
    udp(T0 + 6 * NS_PER_SEC, 1, "b");
    assert_non_null(strstr(rig_text(&rig), "conn conn_state=S0"));
}

static void an_answered_one_goes_on(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, true, TCP_SYN | TCP_ACK, 5000, 1001, "");
    udp(T0 + 200 * NS_PER_SEC, 1, "a");
    assert_int_equal(rig.counters.flows_active_tcp, 1);
    udp(T0 + 301 * NS_PER_SEC, 1, "a");
    assert_int_equal(rig.counters.flows_active_tcp, 0);
}

/* A SYN that does not live long enough to arrive must not hide what follows. */
static void the_syn_that_is_answered_is_the_beginning(void **state)
{
    static const uint32_t syns[][2] = {{1000, 900000}, {900000, 1000}, {1000, 1000}};

    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned real = 0; real < 2; real++) {
            uint32_t seq = syns[i][real];

            rig_text(&rig);
            tcp(T0, false, TCP_SYN, syns[i][0], 0, "");
            tcp(T0, false, TCP_SYN, syns[i][1], 0, "");
            tcp(T0, true, TCP_SYN | TCP_ACK, 5000, seq + 1, "");
            tcp(T0, false, TCP_SYN, 77777, 0, ""); /* too late */
            tcp(T0, false, TCP_ACK, seq + 1, 5001, "hello");
            pipeline_finish(&rig.w);
            assert_non_null(strstr(rig_text(&rig), "http uri=hello\n"));
            assert_null(strstr(rig.text, "uri=<"));
            assert_non_null(strstr(rig.text, "missed_bytes=0"));
        }
    }
}

static void of_syns_without_answer_the_last_counts(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 900000, 0, "");
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, false, TCP_ACK, 1001, 5001, "hello");
    assert_non_null(strstr(rig_text(&rig), "http uri=hello\n"));
}

static void a_fin_behind_a_hole_ends_the_stream_with_the_flow(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, true, TCP_SYN | TCP_ACK, 5000, 1001, "");
    tcp(T0, false, TCP_ACK, 1001, 5001, "one");
    tcp(T0, false, TCP_ACK | TCP_FIN, 1007, 5001, "three");
    assert_string_equal(rig_text(&rig), "http uri=one\n");
    rig_finish(&rig);
    assert_string_equal(strtok(rig.text, "c"), "http uri=<3>\nhttp uri=three\nhttp uri=$\n");
}

static void a_reset_connection_may_begin_again(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, true, TCP_RST | TCP_ACK, 0, 1001, "");
    tcp(T0, false, TCP_SYN, 2000, 0, "");
    tcp(T0, true, TCP_SYN | TCP_ACK, 5000, 2001, "");
    assert_int_equal(rig.counters.flows_tcp, 2);
    assert_non_null(strstr(rig_text(&rig), "conn_state=REJ"));
}

/* Of the first one nothing more was seen; ISNs are anywhere. */
static void a_connection_in_the_place_of_one_is_another(void **state)
{
    static const uint32_t isns[] = {0x30000000, 0xd0000000, 3000};

    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < sizeof isns / sizeof *isns; i++) {
        uint32_t isn = isns[i];

        rig_tear_down(NULL);
        set_up(NULL);
        rig_open(&rig);
        tcp(T0, false, TCP_SYN, 1000, 0, "");
        tcp(T0, true, TCP_SYN | TCP_ACK, 5000, 1001, "");
        tcp(T0, false, TCP_ACK, 1001, 5001, "one");
        tcp(T0 + 30 * NS_PER_SEC, false, TCP_SYN, isn, 0, "");
        tcp(T0 + 31 * NS_PER_SEC, false, TCP_SYN, isn, 0, "");
        assert_int_equal(rig.counters.flows_tcp, 1);
        tcp(T0 + 31 * NS_PER_SEC, true, TCP_SYN | TCP_ACK, 77777, isn + 1, "");
        assert_int_equal(rig.counters.flows_tcp, 2);
        assert_int_equal(rig.conn.orig_pkts, 2);
        assert_int_equal(rig.conn.orig_ip_bytes, 40 + 43);
        assert_int_equal(rig.conn.missed_bytes, 0);
        tcp(T0 + 31 * NS_PER_SEC, false, TCP_ACK, isn + 1, 77778, "two");
        assert_non_null(strstr(rig_text(&rig), "http uri=two\n"));
        pipeline_finish(&rig.w);
        assert_int_equal(rig.conn.ts, T0 + 30 * NS_PER_SEC);
        assert_int_equal(rig.conn.orig_pkts, 3);
        assert_int_equal(rig.conn.resp_pkts, 1);
        assert_int_equal(rig.conn.missed_bytes, 0);
        assert_non_null(strstr(rig_text(&rig), "conn_state=S1"));
    }
}

/* The server answers with an ACK of the connection that there is. */
static void a_stray_syn_does_not_end_a_connection(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, true, TCP_SYN | TCP_ACK, 5000, 1001, "");
    tcp(T0, false, TCP_ACK, 1001, 5001, "one");
    tcp(T0, false, TCP_SYN, 900000, 0, "");
    tcp(T0, true, TCP_ACK, 5001, 1004, "");
    tcp(T0, true, TCP_SYN | TCP_ACK, 6000, 900002, ""); /* of no SYN that was seen */
    tcp(T0, false, TCP_ACK, 1004, 5001, "two");
    assert_int_equal(rig.counters.flows_tcp, 1);
    assert_non_null(strstr(rig_text(&rig), "http uri=two\n"));
}

/* The server has an older connection still, and the client does not. */
static void a_reset_for_an_older_connection_is_believed(void **state)
{
    (void)state;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1000, 0, "");
    tcp(T0, true, TCP_ACK, 5000, 900000000, "");
    tcp(T0, false, TCP_RST, 900000000, 0, "");
    tcp(T0 + 3 * NS_PER_SEC, false, TCP_SYN, 1000, 0, "");
    tcp(T0 + 3 * NS_PER_SEC, true, TCP_SYN | TCP_ACK, 7000, 1001, "");
    assert_int_equal(rig.counters.flows_tcp, 2);
    assert_non_null(strstr(rig_text(&rig), "conn_state=RSTOS0"));
    assert_null(strstr(rig.text, "window"));
}

static void flows_at_one_time_stamp_have_starts_of_their_own(void **state)
{
    uint64_t ts[3];

    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++) {
        tcp(T0, false, TCP_SYN, 1000 * i, 0, "");
        tcp(T0, true, TCP_RST | TCP_ACK, 0, 1000 * i + 1, "");
        if (i > 0)
            ts[i - 1] = rig.conn.ts;
    }
    pipeline_finish(&rig.w);
    ts[2] = rig.conn.ts;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ts[i], T0 + i);
}

static void silence_ends_a_flow_also_before_its_timer_is_seen(void **state)
{
    (void)state;
    rig_open(&rig);
    udp(T0, 1, "a");
    udp(T0 + 59 * NS_PER_SEC, 1, "b");
    assert_int_equal(rig.counters.flows_udp, 1);
    udp(T0 + 120 * NS_PER_SEC, 1, "c");
    assert_int_equal(rig.counters.flows_udp, 2);
}

static void a_full_table_ends_the_flow_that_was_silent_longest(void **state)
{
    (void)state;
    rig.heritage.options.flow_table_size = 3;
    rig_open(&rig);
    for (unsigned i = 0; i < 3; i++)
        udp(T0 + i * NS_PER_SEC, 100 + i, "a");
    udp(T0 + 4 * NS_PER_SEC, 100, "b");
    udp(T0 + 5 * NS_PER_SEC, 200, "c");
    assert_int_equal(rig.counters.flows_evicted, 1);
    udp(T0 + 6 * NS_PER_SEC, 100, "d"); /* still there */
    assert_int_equal(rig.counters.flows_udp, 4);
    udp(T0 + 7 * NS_PER_SEC, 101, "e"); /* gone */
    assert_int_equal(rig.counters.flows_udp, 5);
}

static void begin_a_hundred(bool live, uint64_t table_size)
{
    rig.heritage.live = live;
    rig.heritage.options.checksums = CHECKSUMS_IGNORE; /* there are none */
    rig.heritage.options.flow_table_size = table_size;
    rig_open(&rig);
    for (unsigned i = 0; i < 100; i++)
        udp(T0, 1000 + i, "a");
}

/* To end many flows takes longer than the smallest rings hold what comes. */
static void flows_that_are_due_do_not_keep_packets_waiting(void **state)
{
    unsigned left;

    (void)state;
    begin_a_hundred(true, 200);
    udp(T0 + 100 * NS_PER_SEC, 1, "b");
    left = (unsigned)rig.counters.flows_active_udp;
    assert_in_range(left, 80, 100);
    assert_true(rig.w.flows_due);
    udp(T0 + 100 * NS_PER_SEC, 1, "b");
    assert_in_range(rig.counters.flows_active_udp, 80, left - 1);
    for (unsigned i = 0; rig.w.flows_due && i < 100; i++)
        pipeline_expire(&rig.w, 16);
    assert_int_equal(rig.counters.flows_active_udp, 1);
    assert_int_equal(rig.records[RECORD_conn], 100);
}

static void a_file_waits_for_flows_that_are_due(void **state)
{
    (void)state;
    begin_a_hundred(false, 200);
    udp(T0 + 100 * NS_PER_SEC, 1, "b");
    assert_in_range(rig.counters.flows_active_udp, 1, 40);
    udp(T0 + 100 * NS_PER_SEC, 1, "b");
    assert_int_equal(rig.counters.flows_active_udp, 1);
}

/* Or they would pile up. */
static void as_many_flows_end_as_begin(void **state)
{
    enum { BEGIN = 40, BYTES = 64 };
    static uint8_t data[BEGIN][BYTES];
    struct frame frames[BEGIN];

    (void)state;
    begin_a_hundred(true, 200);
    for (unsigned i = 0; i < BEGIN; i++) {
        build_udp(2000 + i, "b");
        pb_end(&pb);
        assert_true(pb.n <= BYTES);
        memcpy(data[i], pb.b, pb.n);
        frames[i] = (struct frame){.data = data[i],
                                   .caplen = (uint32_t)pb.n,
                                   .wirelen = (uint32_t)pb.n,
                                   .ts_ns = T0 + 100 * NS_PER_SEC,
                                   .linktype = LINKTYPE_ETHERNET};
    }
    rig_run(&rig, frames, BEGIN);
    assert_in_range(rig.records[RECORD_conn], BEGIN + 1, BEGIN + 20);
}

static void flows_that_are_due_give_way_without_loss(void **state)
{
    (void)state;
    begin_a_hundred(true, 100);
    for (unsigned i = 0; i < 100; i++)
        udp(T0 + 100 * NS_PER_SEC, 2000 + i, "b");
    assert_int_equal(rig.counters.flows_evicted, 0);
    assert_int_equal(rig.records[RECORD_conn], 100);
    udp(T0 + 101 * NS_PER_SEC, 1, "c");
    assert_int_equal(rig.counters.flows_evicted, 1);
}

/* One frame with a wild time ends what it finds, but the flows after it are whole. */
static void time_that_was_far_ahead_comes_back(void **state)
{
    (void)state;
    rig_open(&rig);
    udp(T0, 1, "a");
    udp(T0 + UINT64_C(1000000000) * NS_PER_SEC, 2, "ahead");
    assert_int_equal(rig.counters.flows_active_udp, 1);
    for (unsigned i = 0; i < 1000; i++)
        udp(T0 + i * NS_PER_SEC / 10, 1, "b");
    assert_true(rig.w.now_ns < T0 + 100 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_active_udp, 1);
    udp(T0 + 200 * NS_PER_SEC, 3, "c");
    assert_int_equal(rig.counters.flows_active_udp, 1);
}

static void late_packets_do_not_set_the_clock_back(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned i = 0; i < 2000; i++)
        udp(T0 + (i % 2 ? 0 : 3600) * NS_PER_SEC, i % 2, "two interfaces, an hour apart");
    assert_int_equal(rig.counters.flows_udp, 2);
    assert_int_equal(rig.w.now_ns, T0 + 3600 * NS_PER_SEC);
}

static void living_flows_are_logged_at_intervals(void **state)
{
    (void)state;
    rig.heritage.options.conn_log_interval = 10 * NS_PER_SEC;
    rig_open(&rig);
    for (unsigned i = 0; i <= 60; i++)
        udp(T0 + i * NS_PER_SEC, 1, "a");
    assert_in_range(rig.records[RECORD_conn], 5, 6);
}

/* Seconds since 1970 times a thousand are more than 32 bits. */
static void short_intervals_and_wild_times_end(void **state)
{
    (void)state;
    rig.heritage.options.conn_log_interval = NS_PER_MS;
    rig_open(&rig);
    udp(T0, 1, "a");
    udp(1, 2, "in 1970");
    udp(T0 + NS_PER_SEC, 1, "a");
    assert_in_range(rig.records[RECORD_conn], 1, 4);
}

static void a_frame_of_64_kib_is_one_piece(void **state)
{
    (void)state;
    rig_open(&rig);
    pb_ethernet(&pb, 0x0800);
    pb_vlan(&pb, 0x8100, 7, 0x0800);
    pb_ipv4(&pb, 6, CLIENT, SERVER, 0, 0);
    pb_tcp(&pb, 40000, PORT, 0xffff8000, 0, TCP_ACK);
    pb_fill(&pb, 'x', 65535 - 40);
    run(T0);
    tcp(T0, false, TCP_ACK, 0xffff8000 + 65535 - 40, 0, "rest");
    assert_int_equal(bytes_seen, 65535 - 40 + 4);
    assert_int_equal(rig.records[RECORD_http], 2);
}

static void fragments_of_ipv6_are_one_datagram(void **state)
{
    (void)state;
    rig_open(&rig);
    for (unsigned part = 2; part-- > 0;) { /* the last one first */
        pb_ethernet(&pb, 0x86dd);
        pb_ipv6(&pb, 44, 1, 2);
        pb_extension(&pb, 17, part ? 16 : 1);
        if (part == 0)
            pb_udp(&pb, 1, 53, 8 + 4);
        pb_text(&pb, part ? "tail" : "fragment");
        run(T0);
    }
    assert_string_equal(rig_text(&rig), "http uri=fragmenttail\n");
    assert_int_equal(rig.counters.flows_udp, 1);
}

static uint64_t input_now_ns;

static uint64_t input_ns(const struct capture *c)
{
    (void)c;
    return input_now_ns;
}

static int nothing_now(struct capture *c, struct frame *out, uint32_t max)
{
    (void)c;
    (void)out;
    (void)max;
    return 0;
}

/* Other workers get the packets that would tell this one how late it is. */
static void the_time_of_the_input_ends_flows_too(void **state)
{
    (void)state;
    rig.capture.input_ns = input_ns;
    input_now_ns = 0;
    rig_open(&rig);
    tcp(T0, false, TCP_SYN, 1, 0, "");
    assert_int_equal(rig.records[RECORD_conn], 0);
    rig.capture.recv = nothing_now;
    input_now_ns = T0 + 3600 * NS_PER_SEC;
    rig_run(&rig, NULL, 0);
    assert_int_equal(rig.records[RECORD_conn], 1);
    input_now_ns = T0; /* it never goes back for that */
    rig_run(&rig, NULL, 0);
    assert_int_equal(rig.w.now_ns, T0 + 3600 * NS_PER_SEC);
}

/* A wild time that the input has come to is followed once, as one of a packet is. */
static void and_a_wild_time_of_it_is_over_once(void **state)
{
    const uint64_t wild = T0 + UINT64_C(1000000000) * NS_PER_SEC;

    (void)state;
    rig.capture.input_ns = input_ns;
    input_now_ns = 0;
    rig_open(&rig);
    udp(wild, 1, "ahead");
    input_now_ns = wild;
    for (unsigned i = 0; i < 1000; i++)
        udp(T0 + i * NS_PER_SEC / 10, 2, "b");
    assert_true(rig.w.now_ns < T0 + 100 * NS_PER_SEC);
    assert_int_equal(rig.counters.flows_udp, 2 + 1); /* "b" begins while the time is wild */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_unanswered_syn_ends_in_its_own_time),
        CASE(an_answered_one_goes_on),
        CASE(the_syn_that_is_answered_is_the_beginning),
        CASE(of_syns_without_answer_the_last_counts),
        CASE(a_fin_behind_a_hole_ends_the_stream_with_the_flow),
        CASE(a_reset_connection_may_begin_again),
        CASE(a_connection_in_the_place_of_one_is_another),
        CASE(a_stray_syn_does_not_end_a_connection),
        CASE(a_reset_for_an_older_connection_is_believed),
        CASE(flows_at_one_time_stamp_have_starts_of_their_own),
        CASE(silence_ends_a_flow_also_before_its_timer_is_seen),
        CASE(a_full_table_ends_the_flow_that_was_silent_longest),
        CASE(flows_that_are_due_do_not_keep_packets_waiting),
        CASE(a_file_waits_for_flows_that_are_due),
        CASE(as_many_flows_end_as_begin),
        CASE(flows_that_are_due_give_way_without_loss),
        CASE(time_that_was_far_ahead_comes_back),
        CASE(late_packets_do_not_set_the_clock_back),
        CASE(living_flows_are_logged_at_intervals),
        CASE(short_intervals_and_wild_times_end),
        CASE(the_time_of_the_input_ends_flows_too),
        CASE(and_a_wild_time_of_it_is_over_once),
        CASE(a_frame_of_64_kib_is_one_piece),
        CASE(fragments_of_ipv6_are_one_datagram),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
