/* SPDX-License-Identifier: BSD-3-Clause */
/* Two made-up protocols write what they are told into a trace. "talk" is known by "ASK" of a client
 * and "ANS" of a server, "echo" by a first "e" of either. In what they read, a sign is a command:
 *
 *   > hand over to echo by name    ? hand over to whoever knows it    . done
 *   # a record                     * an oddity
 *   < leave what follows for echo, as bytes that were kept
 */
#include "worker/host.h"

#include "tests/unit/worker/trace.h"
#include "worker/flow/conn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define TALKS_MAX 2u

static struct rig rig;

static enum probe_result probe_talk(const uint8_t *data, size_t len, uint8_t transport)
{
    size_t n = len < 3 ? len : 3;

    (void)transport;
    if (memcmp(data, "ASK", n) != 0 && memcmp(data, "ANS", n) != 0)
        return PROBE_NO;
    return len < 3 ? PROBE_MORE : data[1] == 'S' ? PROBE_CLIENT : PROBE_SERVER;
}

static enum probe_result probe_echo(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len > 0 && data[0] == 'e' ? PROBE_EITHER : PROBE_NO;
}

static void talk_open(struct analyzer_ctx *ctx, void *state)
{
    *(const char **)state = "talk";
    note("talk%s ", ctx->midstream ? "~" : "");
    analyzer_service(ctx, "http");
    analyzer_category(ctx, CATEGORY_web_plain);
}

static void echo_open(struct analyzer_ctx *ctx, void *state)
{
    *(const char **)state = "echo";
    note("echo ");
    analyzer_service(ctx, "dns");
    analyzer_category(ctx, CATEGORY_dns);
}

static void emit_http(struct analyzer_ctx *ctx)
{
    struct rec_http r = {0};

    RECORD_SET(http, &r, ts, ctx->ts_ns);
    RECORD_SET(http, &r, uri, str_of("/"));
    analyzer_record(ctx, RECORD_http, &r);
}

static void on_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                    size_t len)
{
    size_t n = 0;

    (void)state;
    while (n < len && !memchr(">?.#*<", data[n], 6))
        n++;
    note("%u(%.*s) ", side, (int)n, (const char *)data);
    if (n == len)
        return;
    if (data[n] == '#')
        emit_http(ctx);
    else if (data[n] == '*')
        analyzer_weird(ctx, WEIRD_HTTP_CONTENT_GAP, "odd");
    else if (data[n] == '.')
        analyzer_done(ctx);
    else if (data[n] == '<') {
        analyzer_leave(ctx, side, data + n + 1, len - n - 1);
        analyzer_hand_over(ctx, "echo", side, NULL, 0);
    } else
        analyzer_hand_over(ctx, data[n] == '>' ? "echo" : NULL, side, data + n + 1, len - n - 1);
}

static void on_close(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    note("%s! ", *(const char **)state);
}

static const struct analyzer talk = {
    .name = "talk",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(char *),
    .state_max = TALKS_MAX,
    .probe = probe_talk,
    .open = talk_open,
    .data = on_data,
    .gap = trace_gap,
    .end = trace_end,
    .close = on_close,
};
static const struct analyzer echo = {
    .name = "echo",
    .transports = ANALYZER_TCP | ANALYZER_UDP,
    .state_bytes = sizeof(char *),
    .state_max = 16,
    .probe = probe_echo,
    .open = echo_open,
    .data = on_data,
    .gap = trace_gap,
    .end = trace_end,
    .close = on_close,
};
const struct analyzer *const analyzers[] = {&talk, &echo, NULL};

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig_open(&rig);
    trace_len = 0;
    return 0;
}

/* A flow that end 0 began, or (flags without SYN) was seen in the middle. */
static struct flow *flow_make(uint8_t proto, uint8_t flags)
{
    static uint16_t port = 30000;
    struct packet p = {.ts_ns = NS_PER_SEC, .tcp_flags = flags};
    struct flow *f;

    p.key = (struct flow_key){.port = {port++, 20000}, .proto = proto};
    f = flow_table_insert(&rig.w.flows, &p.key, p.key.port[0], NS_PER_SEC);
    assert_non_null(f);
    conn_begin(f, &p);
    if (proto == IPPROTO_TCP) {
        rig.counters.flows_tcp++;
        rig.counters.flows_active_tcp++;
    } else {
        rig.counters.flows_udp++;
        rig.counters.flows_active_udp++;
    }
    return f;
}

static struct flow *tcp(void)
{
    return flow_make(IPPROTO_TCP, TCP_SYN);
}

static struct flow *midstream(void)
{
    return flow_make(IPPROTO_TCP, TCP_ACK);
}

static void say(struct flow *f, unsigned end, const char *text)
{
    trace_say(&rig, f, end, text);
}

static void the_first_bytes_find_the_analyzer(void **state)
{
    struct flow *f = tcp();

    (void)state;
    assert_true(host_wants(&rig.w, f, 0));
    say(f, 0, "ASK me");
    say(f, 1, "whatever");
    expect("talk 0(ASK me) 1(whatever) ");
    assert_string_equal(host_name(&rig.w, f->services[0]), "http");
    assert_int_equal(f->category, CATEGORY_web_plain);
    host_end(&rig.w, f, 1, 0);
    host_gap(&rig.w, f, 0, 0, 7);
    host_close(&rig.w, f);
    expect("1$ 0<7> talk! ");
    assert_false(host_wants(&rig.w, f, 0));
}

static void held_bytes_of_both_ends_come_first(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "A");
    say(f, 1, "A");
    say(f, 1, "N");
    expect("");
    say(f, 1, "Swer");
    expect("talk 0(A) 1(ANSwer) ");
    assert_int_equal(rig.w.bufs.used_bytes, 0);
    assert_int_equal(rig.w.detections.used, 0);
    say(f, 0, "SK");
    expect("0(SK) ");
}

static void refused_bytes_of_the_other_end_are_a_gap(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "hello");
    assert_false(host_wants(&rig.w, f, 0));
    assert_true(host_wants(&rig.w, f, 1));
    say(f, 1, "ANS");
    expect("talk 0<5> 1(ANS) ");
}

static void datagrams_have_no_gaps(void **state)
{
    struct flow *f = flow_make(IPPROTO_UDP, 0);

    (void)state;
    say(f, 0, "hello");
    say(f, 1, "e");
    expect("echo 1(e) ");
}

static void content_may_turn_a_flow_seen_in_the_middle(void **state)
{
    struct flow *f = midstream();

    (void)state;
    assert_int_equal(f->orig, 0);
    say(f, 0, "ANS");
    assert_int_equal(f->orig, 1);
    say(f, 1, "more");
    expect("talk~ 1(ANS) 0(more) ");
}

static void a_handshake_tells_who_connected_and_content_who_asks(void **state)
{
    struct flow *f = tcp();

    (void)state;
    host_gap(&rig.w, f, 0, 0, 10);
    say(f, 0, "ANS");
    say(f, 1, "ASK");
    assert_int_equal(f->orig, 0);
    expect("talk~ 1(ANS) 0(ASK) ");
}

static void held_bytes_end_at_a_gap(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "AS");
    host_gap(&rig.w, f, 0, 0, 10);
    say(f, 0, "K");
    say(f, 1, "ANS");
    expect("talk~ 0<13> 1(ANS) ");
}

static void nobody_knows_either_end(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "hello");
    say(f, 1, "hello");
    assert_int_equal(f->content, CONTENT_UNKNOWN);
    assert_int_equal(rig.counters.detect_unknown, 1);
    assert_int_equal(rig.w.detections.used, 0);
}

static void what_detection_holds_is_freed_with_the_flow(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "A");
    say(f, 1, "AN");
    host_close(&rig.w, f);
    assert_int_equal(rig.w.bufs.used_bytes, 0);
    assert_int_equal(rig.w.detections.used, 0);
}

static void an_analyzer_hands_over_by_name(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "ASK>rest");
    say(f, 1, "more");
    expect("talk 0(ASK) talk! echo 0(rest) 1(more) ");
    assert_int_equal(rig.w.analyzer_states[0].used, 0);
    assert_string_equal(host_name(&rig.w, f->services[1]), "dns");
}

static void an_analyzer_hands_over_to_detection(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "ASK?");
    expect("talk 0(ASK) talk! ");
    say(f, 0, "A");
    say(f, 0, "SK again");
    expect("talk 0(ASK again) ");
}

/* The rest lies in what the first detection holds, and is held by the second. */
static void bytes_held_survive_a_hand_over(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "AS");
    say(f, 0, "K?AS");
    expect("talk 0(ASK) talk! ");
    say(f, 0, "K?e1");
    expect("talk 0(ASK) talk! echo 0(e1) ");
}

/* The other end's held bytes hand the flow over; the recognised end's go to the successor. */
static void a_hand_over_may_come_before_the_bytes_that_decided(void **state)
{
    struct flow *f = midstream();

    (void)state;
    say(f, 0, "A");
    host_gap(&rig.w, f, 0, 0, 1);
    say(f, 1, "ANS?e");
    expect("talk~ 0<2> 1(ANS) talk! echo 1(e) ");
}

static void tunnels_in_tunnels_have_an_end(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "e>>>>>>>>>>>>rest");
    expect("echo 0(e) echo! echo 0() echo! echo 0() echo! echo 0() echo! echo 0() echo! "
           "echo 0() echo! echo 0() echo! echo 0() echo! echo 0() echo! echo 0<7> ");
    say(f, 0, "on");
    expect("0(on) ");
}

/* What is kept goes the same way, and is missed the same way where that ends. */
static void bytes_that_were_left_end_in_a_gap_too(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "e<<<<<<<<<<<<rest");
    trace[trace_len] = '\0';
    assert_non_null(strstr(trace, "0<7> "));
    assert_null(strstr(trace, "rest"));
    trace_len = 0;
}

static void done_means_a_close_and_no_more_bytes(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "ASK.");
    expect("talk 0(ASK) talk! ");
    assert_int_equal(rig.w.analyzer_states[0].used, 0);
    assert_false(host_wants(&rig.w, f, 0));
    assert_false(host_wants(&rig.w, f, 1));
    say(f, 0, "ASK");
    host_gap(&rig.w, f, 0, 0, 7);
    host_end(&rig.w, f, 0, 0);
    host_close(&rig.w, f);
    expect("");
}

static void a_full_pool_leaves_the_flow_unread_and_says_so(void **state)
{
    struct flow *f[TALKS_MAX + 1];

    (void)state;
    for (unsigned i = 0; i <= TALKS_MAX; i++) {
        f[i] = tcp();
        say(f[i], 1, "A"); /* held, to be given back */
        say(f[i], 0, "ASK");
    }
    expect("talk 1(A) 0(ASK) talk 1(A) 0(ASK) ");
    assert_int_equal(rig.counters.analyzer_bound, 1);
    assert_string_equal(rig_text(&rig), "weird name=analyzer_bound source=detect\n");
    assert_false(host_wants(&rig.w, f[TALKS_MAX], 0));
    say(f[TALKS_MAX], 0, "more");
    host_close(&rig.w, f[0]);
    f[0] = tcp();
    say(f[0], 0, "ASK");
    expect("talk! talk 0(ASK) ");
}

static void a_successor_without_room_leaves_the_flow_unread(void **state)
{
    struct flow *f = tcp();

    (void)state;
    while (pool_get(&rig.w.analyzer_states[1]) != POOL_NONE)
        continue;
    say(f, 0, "ASK>rest");
    expect("talk 0(ASK) talk! ");
    assert_int_equal(f->content, CONTENT_UNKNOWN);
    for (uint32_t i = rig.w.analyzer_states[1].used; i-- > 0;)
        pool_put(&rig.w.analyzer_states[1], i);
}

static void oddities_are_told_once_a_flow(void **state)
{
    struct flow *f = tcp();

    (void)state;
    say(f, 0, "ASK*");
    say(f, 0, "*");
    host_weird(&rig.w, f, WEIRD_SYN_INSIDE, NULL, "flow");
    assert_string_equal(rig_text(&rig), "weird name=HTTP_gap addl=odd source=talk\n"
                                        "weird name=SYN_inside_connection source=flow\n");
    assert_int_equal(rig.counters.weirds, 3);
    assert_int_equal(rig.counters.weirds_suppressed, 1);
    say(tcp(), 0, "ASK*");
    assert_int_equal(rig.records[RECORD_weird], 3);
}

static void oddities_of_packets_are_told_ever_more_seldom(void **state)
{
    struct packet p = {.ts_ns = 1};

    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        host_weird_packet(&rig.w, &p, WEIRD_TRUNCATED_IP);
    assert_int_equal(rig.records[RECORD_weird], 25 + 3);
    host_weird_packet(&rig.w, &p, WEIRD_TRUNCATED_HEADER);
    assert_int_equal(rig.records[RECORD_weird], 29);
    assert_int_equal(rig.counters.weirds, 3001);
    assert_int_equal(rig.counters.weirds_suppressed, 3000 - 28);
}

static void only_records_of_wanted_categories_are_emitted(void **state)
{
    struct packet p = {.ts_ns = 1};

    (void)state;
    rig.w.categories = 1u << CATEGORY_unknown | 1u << CATEGORY_web_plain;
    say(tcp(), 0, "ASK#");
    say(tcp(), 0, "e#");
    say(tcp(), 0, "what");
    host_weird_packet(&rig.w, &p, WEIRD_TRUNCATED_IP);
    assert_string_equal(rig_text(&rig), "http uri=/\n");
    rig_finish(&rig);
    assert_int_equal(rig.records[RECORD_conn], 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_bytes_find_the_analyzer),
        CASE(held_bytes_of_both_ends_come_first),
        CASE(refused_bytes_of_the_other_end_are_a_gap),
        CASE(datagrams_have_no_gaps),
        CASE(content_may_turn_a_flow_seen_in_the_middle),
        CASE(a_handshake_tells_who_connected_and_content_who_asks),
        CASE(held_bytes_end_at_a_gap),
        CASE(nobody_knows_either_end),
        CASE(what_detection_holds_is_freed_with_the_flow),
        CASE(an_analyzer_hands_over_by_name),
        CASE(an_analyzer_hands_over_to_detection),
        CASE(bytes_held_survive_a_hand_over),
        CASE(a_hand_over_may_come_before_the_bytes_that_decided),
        CASE(tunnels_in_tunnels_have_an_end),
        CASE(bytes_that_were_left_end_in_a_gap_too),
        CASE(done_means_a_close_and_no_more_bytes),
        CASE(a_full_pool_leaves_the_flow_unread_and_says_so),
        CASE(a_successor_without_room_leaves_the_flow_unread),
        CASE(oddities_are_told_once_a_flow),
        CASE(oddities_of_packets_are_told_ever_more_seldom),
        CASE(only_records_of_wanted_categories_are_emitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
