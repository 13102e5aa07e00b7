/* SPDX-License-Identifier: BSD-3-Clause */
/* Each case is a script of packets, one word each: the side (> originator, < responder, by
 * address), flags S A F R P U, payload bytes as a number, and @ with the sequence number if it is
 * not the next one; then the conn_state and history that Zeek's users expect of it. */
#include "worker/flow/conn.h"

#include "common/schema/category.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct script {
    struct flow flow;
    uint32_t seq[2]; /* next sequence number of > and < */
    unsigned n;
    unsigned events;
};

static void packet_make(struct packet *p, const struct script *s, const char *word, uint8_t proto)
{
    static const uint8_t client[4] = {192, 0, 2, 9}, server[4] = {192, 0, 2, 1};
    bool up = word[0] == '>';
    struct ipaddr a, b;
    char *end;

    memset(p, 0, sizeof *p);
    ipaddr_set_v4(&a, client);
    ipaddr_set_v4(&b, server);
    p->from = (uint8_t)(up ? flow_key_set(&p->key, &a, 40000, &b, 40001, proto)
                           : flow_key_set(&p->key, &b, 40001, &a, 40000, proto));
    for (word++; *word && !strchr("0123456789@", *word); word++)
        p->tcp_flags |= (uint8_t)(*word == 'S'   ? TCP_SYN
                                  : *word == 'A' ? TCP_ACK
                                  : *word == 'F' ? TCP_FIN
                                  : *word == 'P' ? TCP_PSH
                                  : *word == 'U' ? TCP_URG
                                                 : TCP_RST);
    p->payload_len = p->payload_wire_len = (uint32_t)strtoul(word, &end, 10);
    p->ip_len = 40 + p->payload_len;
    p->tcp_window = 1000;
    p->ts_ns = 1000 + s->n;
    p->tcp_ack = s->seq[up];
    p->tcp_seq = *end == '@' ? (uint32_t)strtoul(end + 1, NULL, 10) : s->seq[!up];
}

/* What reassembly notes of a stream, as far as states depend on it. */
static void stream_follow(struct stream *t, const struct packet *p)
{
    if (!t->started && ((p->tcp_flags & TCP_SYN) || p->payload_len > 0)) {
        t->started = true;
        t->base_seq = p->tcp_seq + !!(p->tcp_flags & TCP_SYN);
    }
    t->top += p->payload_len;
}

static void run(struct script *s, const char *text, uint8_t proto)
{
    char words[256], *save = NULL;

    memset(s, 0, sizeof *s);
    strcpy(words, text);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save), s->n++) {
        struct packet p;

        packet_make(&p, s, w, proto);
        if (s->n == 0) {
            s->flow.key = p.key;
            conn_begin(&s->flow, &p);
        }
        s->events |= conn_packet(&s->flow, &p, p.from ^ s->flow.orig);
        s->seq[w[0] != '>'] +=
            p.payload_len + !!(p.tcp_flags & TCP_SYN) + !!(p.tcp_flags & TCP_FIN);
        if (proto == IPPROTO_TCP)
            stream_follow(&s->flow.end[p.from].stream, &p);
    }
}

static void expect(const char *text, uint8_t proto, const char *state, const char *history)
{
    struct script s;
    char got[FLOW_HISTORY_MAX + 1] = {0};

    run(&s, text, proto);
    memcpy(got, s.flow.history, s.flow.history_len);
    if (strcmp(conn_state_name(&s.flow), state) != 0 || strcmp(got, history) != 0)
        fail_msg("'%s': %s %s, not %s %s", text, conn_state_name(&s.flow), got, state, history);
}

static void tcp_states_and_histories(void **state)
{
    static const struct {
        const char *packets, *state, *history;
    } cases[] = {
        {">S", "S0", "S"},
        {">S >S", "S0", "SS"},
        {">S <RA", "REJ", "Sr"},
        {">S <SA", "S1", "Sh"},
        {">S <SA >A", "S1", "ShA"},
        {">S <SA >A >A100 <A <A500 >A >FA <FA >A", "SF", "ShADadFf"},
        {">S <SA >A >A100 <A500 >R", "RSTO", "ShADdR"},
        {">S <SA >A >A100 <R", "RSTR", "ShADr"},
        {">S <SA >A >FA", "S2", "ShAF"},
        {">S <SA >A <FA", "S3", "ShAf"},
        {">S >R", "RSTOS0", "SR"},
        {">S >FA", "SH", "SF"},
        {"<SA >R", "RSTO", "^hR"},
        {"<SA <R", "RSTRH", "^hr"},
        {"<SA <FA", "SHR", "^hf"},
        {">A100 <A200", "OTH", "Dd"},
        {">S <SA >A >FA <FA >A <R", "SF", "ShAFfr"},
        {">S <SA >A <FA >A <R", "RSTR", "ShAfr"},
        {">S <SA >A >FA <A >R", "RSTO", "ShAFaR"},
        {">S <SA >A >FA <A >R <FA", "SF", "ShAFaRf"},
        {">R", "OTH", "R"},
        {">S <A <A", "S0", "Sa"},
        {">S <SA >A >FA10 >FA@11 <FA", "SF", "ShAFf"}, /* the FIN again, without its payload */
        {">S5 <SA >A", "S1", "ShA"},
        {">SF <A >FR", "RSTOS0", "QaI"},
        {">S <SA >A >SR", "RSTO", "ShAQ"},
        {">S <SA >A >FA >R@2 >FA@1", "RSTO", "ShAFR"},
        {"> >P", "OTH", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i].packets, IPPROTO_TCP, cases[i].state, cases[i].history);
}

static void udp_and_icmp_states(void **state)
{
    (void)state;
    expect(">10", IPPROTO_UDP, "S0", "D");
    expect(">10 <20", IPPROTO_UDP, "SF", "Dd");
    expect(">10 <20", IPPROTO_ICMP, "OTH", "");
}

static void a_syn_ack_first_means_that_the_other_side_began(void **state)
{
    struct script s;

    (void)state;
    run(&s, "<SA", IPPROTO_TCP);
    assert_int_equal(flow_port(&s.flow, FLOW_ORIG), 40000);
    assert_false(s.flow.midstream);
    run(&s, "<A10", IPPROTO_TCP);
    assert_int_equal(flow_port(&s.flow, FLOW_ORIG), 40001);
    assert_true(s.flow.midstream);
    conn_flip(&s.flow);
    assert_int_equal(flow_port(&s.flow, FLOW_ORIG), 40000);
    assert_memory_equal(s.flow.history, "^d", 2);
    conn_flip(&s.flow);
    assert_int_equal(s.flow.history_len, 1);
    assert_int_equal(s.flow.history[0], 'D');
    conn_flip(&s.flow);
    assert_int_equal(flow_side(&s.flow, FLOW_RESP)->packets, 1);
}

static void counts_are_by_direction(void **state)
{
    struct script s;

    (void)state;
    run(&s, ">S <SA >A >A100 <A500", IPPROTO_TCP);
    assert_int_equal(flow_side(&s.flow, FLOW_ORIG)->packets, 3);
    assert_int_equal(flow_side(&s.flow, FLOW_ORIG)->ip_bytes, 3 * 40 + 100);
    assert_int_equal(flow_side(&s.flow, FLOW_RESP)->packets, 2);
    assert_int_equal(flow_side(&s.flow, FLOW_RESP)->ip_bytes, 2 * 40 + 500);
}

static void a_new_syn_after_the_end_is_a_new_connection(void **state)
{
    struct script s;
    struct packet p;

    (void)state;
    run(&s, ">S <SA >A >FA <FA", IPPROTO_TCP);
    s.flow.end[0].stream.started = s.flow.end[1].stream.started = true;
    s.flow.end[0].stream.base_seq = s.flow.end[1].stream.base_seq = 1;
    packet_make(&p, &s, ">S", IPPROTO_TCP);
    assert_true(conn_is_reused(&s.flow, &p));
    p.tcp_seq = 0; /* the old SYN again */
    assert_false(conn_is_reused(&s.flow, &p));
    packet_make(&p, &s, ">A", IPPROTO_TCP);
    assert_false(conn_is_reused(&s.flow, &p));
    run(&s, ">S <SA >A", IPPROTO_TCP);
    packet_make(&p, &s, ">S", IPPROTO_TCP);
    assert_false(conn_is_reused(&s.flow, &p));
}

static void timeouts_follow_the_state(void **state)
{
    struct options o = {.tcp_timeout = 300,
                        .tcp_attempt_timeout = 5,
                        .tcp_close_timeout = 6,
                        .udp_timeout = 60,
                        .dns_timeout = 10,
                        .icmp_timeout = 61,
                        .tunnel_timeout = 62};
    struct script s;

    (void)state;
    run(&s, ">S", IPPROTO_TCP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 5);
    assert_int_equal(conn_timeout_min_ns(&o), 5);
    run(&s, ">S <SA >A", IPPROTO_TCP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 300);
    run(&s, ">S <SA >A >FA", IPPROTO_TCP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 300);
    run(&s, ">S <SA >A >FA <FA", IPPROTO_TCP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 6);
    run(&s, ">S <RA", IPPROTO_TCP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 6);
    run(&s, ">FA", IPPROTO_TCP); /* the other direction goes another way */
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 6);
    run(&s, ">1", IPPROTO_UDP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 60);
    s.flow.category = CATEGORY_dns;
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 10);
    run(&s, ">1", IPPROTO_ICMP);
    assert_int_equal(conn_timeout_ns(&s.flow, &o), 61);
}

static void frequent_events_show_at_powers_of_ten(void **state)
{
    struct script s;

    (void)state;
    run(&s, ">S", IPPROTO_TCP);
    for (int i = 0; i < 12; i++)
        conn_history_scaled(&s.flow, FLOW_RESP, CONN_RETRANSMIT);
    assert_int_equal(s.flow.history_len, 3);
    assert_memory_equal(s.flow.history, "Stt", 3);
}

static bool has(const struct script *s, enum weird name)
{
    for (unsigned odd = s->events >> CONN_ODDITIES; odd; odd &= odd - 1)
        if (conn_oddity((unsigned)__builtin_ctz(odd)) == name)
            return true;
    return false;
}

static void oddities_are_told(void **state)
{
    static const struct {
        const char *packets;
        enum weird name; /* WEIRDS: none at all */
    } cases[] = {
        {">S <SA >A >A10 <A10 >FA <FA >A", WEIRDS},
        {">S <SA >A >A10 >R", WEIRDS},
        {">S >S@0", WEIRDS},
        {">S <R", WEIRDS},
        {">A10 <A10 >FA <FA", WEIRDS},
        {">S <SA >A >R >A10", WEIRD_DATA_AFTER_RESET},
        {">SR", WEIRD_TCP_CHRISTMAS},
        {">SU", WEIRD_BAROQUE_SYN},
        {">", WEIRD_TCP_INVALID_FLAGS},
        {">FPU", WEIRD_TCP_INVALID_FLAGS},
        {">SF", WEIRD_TCP_INVALID_FLAGS},
        {">S5", WEIRD_SYN_WITH_DATA},
        {">S >S@77", WEIRD_SYN_SEQ_JUMP},
        {">S <SA >A >A10 >S@77", WEIRD_SYN_INSIDE},
        {">S <SA >A >FA >S@0", WEIRD_SYN_AFTER_CLOSE},
        {">S <R <SA", WEIRD_SYN_AFTER_RESET},
        {"<SA", WEIRD_ORIGINATOR_SYN_ACK},
        {">S >A10", WEIRD_DATA_BEFORE_ESTABLISHED},
        {">S <A10", WEIRD_DATA_BEFORE_ESTABLISHED},
        {">S >A", WEIRD_SPLIT_ROUTING},
        {">S >FA", WEIRD_INAPPROPRIATE_FIN},
        {">S <SA >A >A10 >R@99999999", WEIRD_RST_OUT_OF_WINDOW},
    };
    struct script s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&s, cases[i].packets, IPPROTO_TCP);
        if (cases[i].name == WEIRDS ? s.events >> CONN_ODDITIES != 0 : !has(&s, cases[i].name))
            fail_msg("'%s': events %#x", cases[i].packets, s.events);
    }
}

static void a_syn_ack_for_another_syn_is_told(void **state)
{
    struct script s;
    struct packet p;

    (void)state;
    run(&s, ">S", IPPROTO_TCP);
    packet_make(&p, &s, "<SA", IPPROTO_TCP);
    p.tcp_ack = 1;
    assert_int_equal(conn_packet(&s.flow, &p, FLOW_RESP) >> CONN_ODDITIES, 0);
    run(&s, ">S", IPPROTO_TCP);
    p.tcp_ack = 2;
    s.events = conn_packet(&s.flow, &p, FLOW_RESP);
    assert_true(has(&s, WEIRD_BAD_SYN_ACK));
}

static void a_payload_that_is_cut_is_told(void **state)
{
    struct script s;
    struct packet p;

    (void)state;
    run(&s, ">S <SA >A", IPPROTO_TCP);
    packet_make(&p, &s, ">A10", IPPROTO_TCP);
    p.payload_cut = true;
    s.events = conn_packet(&s.flow, &p, FLOW_ORIG);
    assert_true(has(&s, WEIRD_TCP_PAYLOAD_CUT));
}

static void a_reset_that_nobody_believes_changes_nothing(void **state)
{
    (void)state;
    expect(">S <SA >A >A10 >R@99999999", IPPROTO_TCP, "S1", "ShAD");
    expect(">S <SA >A >A10 >R", IPPROTO_TCP, "RSTO", "ShADR");
    expect(">S <SA >A >A10 >R@1", IPPROTO_TCP, "RSTO", "ShADR"); /* the answer to an old ACK */
    expect(">S <R@99999999", IPPROTO_TCP, "REJ", "Sr");
}

/* A server that still has an older connection acknowledges that, and gets a reset for it. */
static void a_reset_answers_the_ack_of_an_older_connection(void **state)
{
    struct script s;
    struct packet p;

    (void)state;
    run(&s, ">S <A", IPPROTO_TCP);
    s.flow.end[s.flow.orig].stream.far_seq = 99999999; /* what the ACK had */
    packet_make(&p, &s, ">R@99999999", IPPROTO_TCP);
    assert_int_equal(conn_packet(&s.flow, &p, FLOW_ORIG) & CONN_RST_IGNORED, 0);
    assert_string_equal(conn_state_name(&s.flow), "RSTOS0");
    packet_make(&p, &s, ">S", IPPROTO_TCP);
    assert_true(conn_is_reused(&s.flow, &p));
}

static void datagrams_from_a_servers_port_are_answers(void **state)
{
    static const struct {
        uint16_t from, to;
        bool server;
    } cases[] = {{443, 50123, true}, {50123, 443, false}, {67, 68, true},     {68, 67, false},
                 {137, 137, false},  {53, 123, false},    {5353, 5353, false}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script s = {0};
        struct packet p;

        packet_make(&p, &s, ">10", IPPROTO_UDP);
        p.key.port[p.from] = cases[i].from;
        p.key.port[!p.from] = cases[i].to;
        s.flow.key = p.key;
        conn_begin(&s.flow, &p);
        assert_int_equal(s.flow.orig != p.from, cases[i].server);
    }
}

static void land_is_told_but_not_on_loopback(void **state)
{
    static const uint8_t addr[2][4] = {{192, 0, 2, 1}, {127, 0, 0, 1}};
    struct script s;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct packet p;
        struct ipaddr a;

        memset(&s, 0, sizeof s);
        packet_make(&p, &s, ">S", IPPROTO_TCP);
        ipaddr_set_v4(&a, addr[i]);
        p.from = (uint8_t)flow_key_set(&p.key, &a, 139, &a, 139, IPPROTO_TCP);
        s.flow.key = p.key;
        conn_begin(&s.flow, &p);
        s.events = conn_packet(&s.flow, &p, FLOW_ORIG);
        assert_int_equal(has(&s, WEIRD_LAND), i == 0);
    }
}

static void attempts_are_told_from_connections(void **state)
{
    static const struct {
        const char *packets;
        enum conn_attempt attempt;
    } cases[] = {
        {">S", CONN_ATTEMPT_HALF_OPEN},
        {">S <SA", CONN_ATTEMPT_HALF_OPEN},
        {">S <SA >R", CONN_ATTEMPT_HALF_OPEN}, /* a scanner found the port open */
        {">S >R", CONN_ATTEMPT_HALF_OPEN},
        {">S <R", CONN_ATTEMPT_REJECTED},
        {">S <SA >A", CONN_ATTEMPT_NONE},
        {">S >A >A10", CONN_ATTEMPT_NONE}, /* only one direction is captured */
        {"<SA", CONN_ATTEMPT_NONE},
        {">A10 <R", CONN_ATTEMPT_NONE},
    };
    struct script s;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&s, cases[i].packets, IPPROTO_TCP);
        if (conn_attempt(&s.flow) != cases[i].attempt)
            fail_msg("'%s' is attempt %d", cases[i].packets, (int)conn_attempt(&s.flow));
    }
    run(&s, ">1", IPPROTO_UDP);
    assert_int_equal(conn_attempt(&s.flow), CONN_ATTEMPT_NONE);
}

static void a_flip_at_the_first_packet_stands_first(void **state)
{
    struct script s;

    (void)state;
    run(&s, ">1", IPPROTO_UDP);
    conn_flip(&s.flow);
    assert_int_equal(s.flow.history_len, 2);
    assert_memory_equal(s.flow.history, "^d", 2);
    run(&s, ">1 <1", IPPROTO_UDP);
    conn_flip(&s.flow);
    assert_memory_equal(s.flow.history, "dD^", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_states_and_histories),
        cmocka_unit_test(udp_and_icmp_states),
        cmocka_unit_test(a_syn_ack_first_means_that_the_other_side_began),
        cmocka_unit_test(counts_are_by_direction),
        cmocka_unit_test(a_new_syn_after_the_end_is_a_new_connection),
        cmocka_unit_test(timeouts_follow_the_state),
        cmocka_unit_test(frequent_events_show_at_powers_of_ten),
        cmocka_unit_test(oddities_are_told),
        cmocka_unit_test(a_syn_ack_for_another_syn_is_told),
        cmocka_unit_test(a_payload_that_is_cut_is_told),
        cmocka_unit_test(a_reset_that_nobody_believes_changes_nothing),
        cmocka_unit_test(a_reset_answers_the_ack_of_an_older_connection),
        cmocka_unit_test(datagrams_from_a_servers_port_are_answers),
        cmocka_unit_test(land_is_told_but_not_on_loopback),
        cmocka_unit_test(attempts_are_told_from_connections),
        cmocka_unit_test(a_flip_at_the_first_packet_stands_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
