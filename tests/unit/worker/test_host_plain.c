/* SPDX-License-Identifier: BSD-3-Clause */
#include "worker/host_plain.h"

#include "tests/unit/worker/both_views.h"
#include "worker/host.h"

static void plaintext_is_read_as_content_of_its_flow(void **state)
{
    (void)state;
    packets_begin();
    packet(0, 5, TCP_ACK, "request");
    packet(1, 8, TCP_ACK, "response");
    client_asks(1);
    run_items();
    assert_string_equal(rig_text(&rig), HTTP_CLIENT "\n");
    assert_true(RECORD_HAS(http, &rig.http, ttfb));
    assert_int_equal(rig.http.ttfb, 5 * NS_PER_MS);
    assert_int_equal(rig.http.ttfb_packets, 3 * NS_PER_MS);
    close_session(1, 10);
    run_items();
    packets_end(11);
    finish_and_expect("tls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=SF missed_bytes=0 history=ShADdFf "
                      "category=web_tls pid=100 process_side=client\n");
    assert_true(rig.tls_plain.packets_seen);
    assert_int_equal(rig.tls_plain.orig_bytes, strlen(REQUEST));
    assert_int_equal(rig.tls_plain.resp_bytes, strlen(RESPONSE));
    assert_int_equal(rig.tls_plain.orig_encrypted_bytes, strlen("t!request"));
    assert_int_equal(rig.tls_plain.latency_max, NS_PER_MS);
    assert_int_equal(rig.tls_plain.reads, 1);
    assert_int_equal(rig.counters.plain_joined, 1);
    assert_int_equal(rig.counters.plain_sessions_active, 0);
    assert_int_equal(rig.counters.plain_latency_n, 1);
}

static void conn_tells_the_processes_at_the_ends(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 1, 1);
    close_session(1, 4);
    run_items();
    packets_end(11);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.conn.pid, 101);
    assert_true(RECORD_HAS(conn, &rig.conn, process));
    assert_true(str_equal(rig.conn.process_side, STR_LIT("server")));
    assert_false(RECORD_HAS(conn, &rig.conn, peer_pid));
}

static void both_of_them_if_both_are_known(void **state)
{
    struct flow *f;
    struct frame_process told[2] = {{.pid = 55, .name = "curl"}, {.pid = 0}};

    (void)state;
    packets_begin();
    open_session(1, 1, 1);
    run_items();
    f = flow_table_longest_idle(&rig.w.flows);
    host_plain_processes(&rig.w, f, told); /* the client's address is the smaller one */
    packets_end(11);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.conn.pid, 55);
    assert_true(str_equal(rig.conn.process_side, STR_LIT("client")));
    assert_int_equal(rig.conn.peer_pid, 101);
}

static void nothing_is_said_of_processes_that_nobody_knows(void **state)
{
    (void)state;
    packets_begin();
    packets_end(11);
    pipeline_finish(&rig.w);
    assert_false(RECORD_HAS(conn, &rig.conn, pid));
    assert_false(RECORD_HAS(conn, &rig.conn, process_side));
}

static void the_servers_process_is_at_the_servers_side(void **state)
{
    (void)state;
    packets_begin();
    packet(0, 5, TCP_ACK, "request");
    packet(1, 8, TCP_ACK, "response");
    open_session(1, 1, 1);
    reads(1, 6, REQUEST);
    writes(1, 7, RESPONSE);
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/a status_code=200 view=plaintext pid=101 process_side=server\n");
    assert_int_equal(rig.http.ttfb, NS_PER_MS);
    assert_int_equal(rig.http.ttfb_packets, 3 * NS_PER_MS);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.tls_plain.orig_bytes, strlen(REQUEST));
    assert_int_equal(rig.tls_plain.resp_bytes, strlen(RESPONSE));
}

static void both_ends_are_told_apart_and_read_once(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    open_session(2, 1, 1);
    writes(1, 4, REQUEST);
    reads(2, 5, REQUEST);
    writes(2, 6, RESPONSE);
    reads(1, 7, RESPONSE);
    close_session(1, 8);
    close_session(2, 9);
    run_items();
    assert_string_equal(rig_text(&rig), HTTP_CLIENT " peer_pid=101\n");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_http], 1);
    assert_int_equal(rig.records[RECORD_tls_plain], 2);
    assert_int_equal(rig.counters.plain_joined, 2);
}

static void plaintext_may_come_before_the_packets(void **state)
{
    uint64_t start;

    (void)state;
    client_asks(1);
    run_items();
    start = at(1);
    assert_string_equal(rig_text(&rig), HTTP_CLIENT "\n");
    assert_int_equal(rig.counters.flows_active_tcp, 0);
    packets_begin();
    assert_int_equal(rig.counters.flows_active_tcp, 1);
    packets_end(12);
    finish_and_expect("tls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=SF missed_bytes=0 history=ShADdFf "
                      "category=web_tls pid=100 process_side=client\n");
    assert_int_equal(rig.conn.ts, start); /* the uid is made of it, and was told already */
    assert_true(rig.tls_plain.packets_seen);
    assert_int_equal(rig.counters.plain_joined, 1);
}

static void plaintext_without_packets_has_its_records_but_no_conn(void **state)
{
    (void)state;
    client_asks(1);
    close_session(1, 10);
    run_items();
    assert_string_equal(rig_text(&rig),
                        HTTP_CLIENT "\ntls_plain protocol=http1 pid=100 process_side=client\n");
    assert_false(rig.tls_plain.packets_seen);
    assert_false(RECORD_HAS(tls_plain, &rig.tls_plain, orig_encrypted_bytes));
    assert_int_equal(rig.w.flows.flows.used, 0);
    assert_int_equal(rig.counters.plain_joined, 0);
}

static void without_packets_the_content_tells_who_is_the_client(void **state)
{
    (void)state;
    open_session(1, 1, 1);
    items[n_items - 1].open.local_port = 8443; /* no port that tells */
    reads(1, 5, REQUEST);
    writes(1, 6, RESPONSE);
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/a status_code=200 view=plaintext pid=101 process_side=server\n");
    assert_int_equal(rig.http.resp_p, 8443);
    assert_int_equal(rig.http.orig_p, CLIENT_PORT);
}

static void a_gap_is_told_to_the_analyzer_and_counted(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    writes(1, 4, REQUEST);
    reads(1, 5, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
    offset[1][0] += 60;
    reads(1, 6, "the last forty bytes of a hundred......");
    reads(1, 7, "!");
    run_items();
    assert_string_equal(rig_text(&rig), HTTP_CLIENT "\n");
    assert_true(rig.http.partial);
    assert_int_equal(rig.http.response_body_len, 100);
    assert_int_equal(rig.counters.plain_missed_bytes, 60);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.tls_plain.resp_missed_bytes, 60);
    assert_int_equal(rig.tls_plain.orig_missed_bytes, 0);
}

static void what_close_tells_of_and_never_came_is_missed(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    writes(1, 4, REQUEST);
    offset[1][0] += 500;
    close_session(1, 9);
    run_items();
    finish_and_expect("weird name=HTTP_gap source=http1\n"
                      "http uri=/a view=plaintext pid=100 process_side=client\n"
                      "tls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=web_tls pid=100 process_side=client\n");
    assert_int_equal(rig.tls_plain.resp_missed_bytes, 500);
}

static void a_session_that_begins_late_is_found_by_later_messages(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 5000);
    reads(1, 5000, "end of a body that nobody saw begin");
    writes(1, 5001, REQUEST);
    reads(1, 5002, RESPONSE);
    run_items();
    finish_and_expect("weird name=bad_HTTP_reply source=http1\n" HTTP_CLIENT
                      "\ntls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=web_tls pid=100 process_side=client\n");
}

static void what_is_readable_by_itself_is_not_read_twice(void **state)
{
    (void)state;
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 0, TCP_ACK, REQUEST);
    packet(1, 0, TCP_ACK, RESPONSE);
    assert_string_equal(rig_text(&rig), "http uri=/a status_code=200 view=packet\n");
    client_asks(1);
    run_items();
    assert_string_equal(rig_text(&rig), "");
}

static void an_item_that_came_twice_counts_once(void **state)
{
    (void)state;
    packets_begin();
    client_asks(1);
    items[n_items++] = items[1];
    items[n_items++] = items[0]; /* announced again */
    run_items();
    assert_string_equal(rig_text(&rig), HTTP_CLIENT "\n");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.tls_plain.orig_bytes, strlen(REQUEST));
    assert_int_equal(rig.counters.plain_sessions, 1);
}

static void what_was_never_announced_is_counted(void **state)
{
    (void)state;
    reads(5, 1, "x");
    close_session(5, 2);
    run_items();
    assert_int_equal(rig.counters.plain_stray, 1);
    assert_int_equal(rig.w.flows.flows.used, 0);
}

static void a_newer_session_of_a_process_displaces_the_older(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    writes(1, 4, "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n");
    reads(1, 5, "HTTP/1.1 200 OK\r\n\r\n");
    open_session(2, 0, 6);
    writes(2, 7, REQUEST);
    writes(1, 8, "ciphertext");
    reads(2, 9, RESPONSE);
    close_session(2, 10);
    close_session(1, 11);
    run_items();
    finish_and_expect("tunnel tunnel_type=Tunnel::HTTP\n"
                      "http uri=example.org:443 status_code=200 view=plaintext pid=100 "
                      "process_side=client\n"
                      "tls_plain protocol=http1 pid=100 process_side=client\n" HTTP_CLIENT
                      "\ntls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=web_tls pid=100 process_side=client\n");
    assert_int_equal(rig.counters.plain_sessions_active, 0);
}

static void a_session_goes_on_with_the_next_flow(void **state)
{
    (void)state;
    packets_begin();
    client_asks(1);
    run_items();
    pipeline_finish(&rig.w);
    rig_text(&rig);
    assert_int_equal(rig.counters.plain_sessions_active, 1);
    writes(1, 600000, REQUEST);
    reads(1, 600001, RESPONSE);
    close_session(1, 600002);
    run_items();
    assert_string_equal(rig_text(&rig),
                        HTTP_CLIENT "\ntls_plain protocol=http1 pid=100 process_side=client\n");
    assert_int_equal(rig.tls_plain.orig_bytes, strlen(REQUEST));
    assert_int_equal(rig.counters.plain_sessions_active, 0);
}

/* The probe closes what was silent for long if it needs the room, and tells of it anew. */
static void a_session_may_be_told_of_again_after_its_end(void **state)
{
    (void)state;
    packets_begin();
    client_asks(1);
    close_session(1, 10);
    open_session(1, 0, 5000);
    writes(1, 5001, REQUEST);
    reads(1, 5002, RESPONSE);
    close_session(1, 5003);
    run_items();
    finish_and_expect(HTTP_CLIENT
                      "\ntls_plain protocol=http1 pid=100 process_side=client\n" HTTP_CLIENT
                      "\ntls_plain protocol=http1 pid=100 process_side=client\n"
                      "conn service=ssl,http conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=web_tls pid=100 process_side=client\n");
    assert_int_equal(rig.counters.plain_missed_bytes, 0);
    assert_int_equal(rig.counters.plain_sessions_active, 0);
}

/* The same five-tuple on another host's loopback has nothing to do with our packets. */
static void foreign_sessions_are_kept_from_our_packets(void **state)
{
    (void)state;
    packets_begin();
    client_asks(1);
    items[0].open.foreign = 7;
    close_session(1, 10);
    run_items();
    assert_string_equal(rig_text(&rig),
                        HTTP_CLIENT "\ntls_plain protocol=http1 pid=100 process_side=client\n");
    assert_false(rig.tls_plain.packets_seen);
    finish_and_expect("conn service=ssl conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=other_tls\n");
}

/* Nor have those of two such networks with each other. */
static void sessions_of_two_loopbacks_are_kept_apart(void **state)
{
    (void)state;
    open_session(1, 0, 1)->foreign = 7;
    open_session(2, 1, 1)->foreign = 8;
    writes(1, 4, REQUEST);
    reads(2, 5, "GET /b HTTP/1.1\r\nHost: example.org\r\n\r\n");
    writes(2, 6, RESPONSE);
    reads(1, 9, RESPONSE);
    run_items();
    assert_string_equal(
        rig_text(&rig),
        "http uri=/b status_code=200 view=plaintext pid=101 process_side=server\n" HTTP_CLIENT
        "\n");
    assert_false(RECORD_HAS(http, &rig.http, peer_pid));
}

static void tunnels_inside_are_detected_anew(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    writes(1, 4, "CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n");
    reads(1, 5, "HTTP/1.1 200 OK\r\n\r\n");
    writes(1, 6, REQUEST);
    reads(1, 7, RESPONSE);
    run_items();
    assert_string_equal(
        rig_text(&rig),
        "tunnel tunnel_type=Tunnel::HTTP\n"
        "http uri=x:1 status_code=200 view=plaintext pid=100 process_side=client\n" HTTP_CLIENT
        "\n");
}

static void a_websocket_inside_has_its_processes(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 1, 1);
    open_session(2, 0, 1);
    reads(1, 4,
          "GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    writes(1, 5,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"); /* RFC 6455 section 1.3 */
    writes(1, 6, "\x81\x02hi");
    run_items();
    finish_and_expect(
        "http uri=/chat status_code=101 view=plaintext pid=101 process_side=server "
        "peer_pid=100\n"
        "websocket uri=/chat view=plaintext pid=101 process_side=server peer_pid=100\n"
        "tls_plain protocol=websocket pid=100 process_side=client\n"
        "tls_plain protocol=websocket pid=101 process_side=server\n"
        "conn service=ssl,http,websocket conn_state=S1 missed_bytes=0 history=ShADd "
        "category=websocket pid=100 process_side=client peer_pid=101\n");
}

/* Frames of HTTP/2 with headers of the static table (RFC 7541 appendix A). */
static void http2_inside_is_found_also_in_small_pieces(void **state)
{
    static const char settings[] = "\0\0\0\4\0\0\0\0";
    static const char request[] = "\0\0\3\1\5\0\0\0\1\x82\x84\x87"; /* GET / https */
    static const char response[] = "\0\0\1\1\5\0\0\0\1\x88";        /* 200 */

    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    item(PLAINTEXT_ALPN, 1, 2)->alpn = STR_LIT("h2");
    writes(1, 4, PREFACE);
    data(1, true, 4, str_make(settings, 9));
    data(1, true, 4, str_make(request, 12));
    data(1, false, 5, str_make(settings, 9));
    data(1, false, 6, str_make(response, 9));
    data(1, false, 6, str_make(response + 9, 1));
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/ status_code=200 view=plaintext pid=100 process_side=client\n");
    pipeline_finish(&rig.w);
    assert_int_equal(rig.tls_plain.alpn.len, 2);
}

/* Each gives its peer's bytes back to detection, which finds what it found before. */
static const char half_a_request[] = "G";
static const char http2_response[] = "\0\0\1\1\5\0\0\0\1\x88";

static void sides_that_do_not_fit_end_somewhere(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 0, 1);
    writes(1, 4, half_a_request);
    data(1, false, 5, str_make(http2_response, sizeof http2_response - 1));
    run_items();
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_tls_plain], 1);
}

static void sides_of_packets_that_do_not_fit_end_somewhere(void **state)
{
    struct flow *f;

    (void)state;
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 0, TCP_ACK, half_a_request);
    f = flow_table_longest_idle(&rig.w.flows);
    host_data(&rig.w, f, !f->orig, at(1), (const uint8_t *)http2_response,
              sizeof http2_response - 1);
    pipeline_finish(&rig.w);
    assert_int_equal(rig.records[RECORD_conn], 1);
}

static void too_many_sessions_are_counted(void **state)
{
    (void)state;
    rig_finish(&rig);
    rig_close(&rig);
    rig_init(&rig);
    rig.heritage.plaintext = true;
    rig.heritage.options.plaintext_sessions = 1;
    rig_open(&rig);
    client_asks(1);
    open_session(2, 1, 6)->local_port = 444;
    reads(2, 7, REQUEST);
    run_items();
    assert_string_equal(rig_text(&rig), HTTP_CLIENT "\n");
    assert_int_equal(rig.counters.plain_bound, 1);
    assert_int_equal(rig.counters.plain_stray, 1);
    assert_int_equal(rig.w.flows.flows.used, 1); /* none without a session */
}

/* HTTP/2 of which a process is watched that has had its connection for long. */
static void late_frames(void)
{
    static const char acknowledged[] = "\0\0\0\4\1\0\0\0";
    static const char request[] = "\0\0\3\1\5\0\0\0\3\x82\x84\x87"; /* GET / https */
    static const char response[] = "\0\0\1\1\5\0\0\0\3\x88";        /* 200 */

    data(1, true, 4, str_make(acknowledged, 9));
    data(1, true, 4, str_make(request, 12));
    data(1, false, 6, str_make(response, 10));
}

static void http2_without_packets_may_have_begun_long_ago(void **state)
{
    (void)state;
    open_session(1, 0, 1);
    late_frames();
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/ status_code=200 view=plaintext pid=100 process_side=client\n");
}

/* The flow's packets are seen, its handshake was not. */
static void http2_without_handshake_may_have_begun_long_ago(void **state)
{
    (void)state;
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 0, TCP_ACK, "");
    packet(0, 1, TCP_ACK, "no handshake");
    open_session(1, 0, 1);
    late_frames();
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/ status_code=200 view=plaintext pid=100 process_side=client\n");
}

/* A server may say its settings before the client has said anything (TLS 1.3, half a round trip).
 */
static void http2_without_packets_is_whole_if_it_begins(void **state)
{
    static const char settings[] = "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\x64";
    static const char request[] = "\0\0\3\1\5\0\0\0\1\x82\x84\x87";
    static const char response[] = "\0\0\5\1\5\0\0\0\1\x48\3"
                                   "200"; /* :status, which the table takes in */

    (void)state;
    open_session(1, 1, 1);
    data(1, true, 4, str_make(settings, 15));
    reads(1, 5, PREFACE);
    data(1, false, 5, str_make(request, 12));
    data(1, true, 6, str_make(response, 14));
    run_items();
    assert_string_equal(rig_text(&rig),
                        "http uri=/ status_code=200 view=plaintext pid=101 process_side=server\n");
    assert_false(RECORD_HAS(http, &rig.http, partial) && rig.http.partial);
}

/* A server that takes the connection, shakes hands, and leaves the rest to a child. */
static void a_connection_may_go_on_in_another_process(void **state)
{
    (void)state;
    packets_begin();
    open_session(1, 1, 1);
    open_session(2, 1, 3)->process.pid = 102;
    reads(2, 4, REQUEST);
    close_session(1, 5);
    writes(2, 6, RESPONSE);
    close_session(2, 10);
    run_items();
    finish_and_expect("tls_plain pid=101 process_side=server\n"
                      "http uri=/a status_code=200 view=plaintext pid=102 process_side=server\n"
                      "tls_plain protocol=http1 pid=102 process_side=server\n"
                      "conn service=ssl,http conn_state=S1 missed_bytes=0 history=ShADd "
                      "category=web_tls pid=102 process_side=server\n");
    assert_int_equal(rig.counters.plain_stray, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plaintext_is_read_as_content_of_its_flow),
        TEST(conn_tells_the_processes_at_the_ends),
        TEST(both_of_them_if_both_are_known),
        TEST(nothing_is_said_of_processes_that_nobody_knows),
        TEST(the_servers_process_is_at_the_servers_side),
        TEST(both_ends_are_told_apart_and_read_once),
        TEST(plaintext_may_come_before_the_packets),
        TEST(plaintext_without_packets_has_its_records_but_no_conn),
        TEST(without_packets_the_content_tells_who_is_the_client),
        TEST(a_gap_is_told_to_the_analyzer_and_counted),
        TEST(what_close_tells_of_and_never_came_is_missed),
        TEST(a_session_that_begins_late_is_found_by_later_messages),
        TEST(what_is_readable_by_itself_is_not_read_twice),
        TEST(an_item_that_came_twice_counts_once),
        TEST(what_was_never_announced_is_counted),
        TEST(a_newer_session_of_a_process_displaces_the_older),
        TEST(a_session_goes_on_with_the_next_flow),
        TEST(a_session_may_be_told_of_again_after_its_end),
        TEST(foreign_sessions_are_kept_from_our_packets),
        TEST(sessions_of_two_loopbacks_are_kept_apart),
        TEST(tunnels_inside_are_detected_anew),
        TEST(a_websocket_inside_has_its_processes),
        TEST(http2_inside_is_found_also_in_small_pieces),
        TEST(http2_without_packets_may_have_begun_long_ago),
        TEST(http2_without_handshake_may_have_begun_long_ago),
        TEST(http2_without_packets_is_whole_if_it_begins),
        TEST(a_connection_may_go_on_in_another_process),
        TEST(sides_that_do_not_fit_end_somewhere),
        TEST(sides_of_packets_that_do_not_fit_end_somewhere),
        TEST(too_many_sessions_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
