/* SPDX-License-Identifier: BSD-3-Clause */
/* Analyzers that enclose others, and what they tell each other. Two made-up protocols write what
 * they are told into a trace. "outer" is known by a first "o"; in what it reads a sign is a
 * command:
 *
 *   ( open a child "inner"    = give the child the rest    ) close it    ! tell it the host name
 *   @ open a child "outer" and give it the rest
 *   L leave "early" of side 0 and the fact "uri" for "inner", which then takes the rest
 *
 * "inner" tells its parent the text after a "<", is done at a ".", hands over to itself at a ">",
 * and to whoever knows it at a "?". */
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

static struct rig rig;
static struct flow *flow;

struct outer {
    int child;
};

static enum probe_result outer_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)transport;
    return len > 0 && data[0] == 'o' ? PROBE_CLIENT : PROBE_NO;
}

static void outer_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
    note("outer ");
}

static void outer_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                       struct str text)
{
    (void)ctx;
    (void)state;
    note("outer<-%d:%.*s ", (int)fact, (int)text.len, text.p);
}

static void outer_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                       size_t len)
{
    struct outer *o = state;

    for (size_t i = 0; i < len; i++) {
        switch (data[i]) {
        case '(':
            o->child = analyzer_child_open(ctx, "inner");
            note("%s", o->child > 0 ? "" : "refused ");
            break;
        case ')':
            analyzer_child_close(ctx, o->child);
            o->child = 0;
            break;
        case '!':
            analyzer_tell(ctx, o->child, FACT_HOST, STR_LIT("example.org"));
            break;
        case '=':
            analyzer_child_data(ctx, o->child, side, data + i + 1, len - i - 1);
            return;
        case '_':
            analyzer_child_gap(ctx, o->child, side, 5);
            analyzer_child_end(ctx, o->child, side);
            break;
        case '@':
            o->child = analyzer_child_open(ctx, "outer");
            note("%s", o->child > 0 ? "" : "refused ");
            analyzer_child_data(ctx, o->child, side, data + i + 1, len - i - 1);
            return;
        case 'L':
            analyzer_leave(ctx, 0, (const uint8_t *)"early", 5);
            analyzer_tell(ctx, ANALYZER_SUCCESSOR, FACT_URI, STR_LIT("/chat"));
            analyzer_hand_over(ctx, "inner", side, data + i + 1, len - i - 1);
            return;
        default:
            break;
        }
    }
}

static void outer_close(struct analyzer_ctx *ctx, void *state)
{
    struct outer *o = state;

    if (o->child > 0)
        analyzer_child_close(ctx, o->child);
    note("outer! ");
}

static void inner_open(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
    note("inner ");
}

static void inner_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                       struct str text)
{
    (void)ctx;
    (void)state;
    note("inner<-%d:%.*s ", (int)fact, (int)text.len, text.p);
}

static void inner_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                       size_t len)
{
    (void)state;
    note("%u(%.*s) ", side, (int)len, (const char *)data);
    for (size_t i = 0; i < len; i++) {
        if (data[i] == '<') {
            analyzer_tell(ctx, ANALYZER_PARENT, FACT_ALPN, str_make(data + i + 1, len - i - 1));
            return;
        }
        if (data[i] == '.')
            analyzer_done(ctx);
        if (data[i] == '>' || data[i] == '?') {
            analyzer_tell(ctx, ANALYZER_SUCCESSOR, FACT_HOST, STR_LIT("again"));
            analyzer_hand_over(ctx, data[i] == '>' ? "inner" : NULL, side, data + i + 1,
                               len - i - 1);
            return;
        }
    }
}

static void inner_close(struct analyzer_ctx *ctx, void *state)
{
    (void)ctx;
    (void)state;
    note("inner! ");
}

static const struct analyzer outer = {
    .name = "outer",
    .transports = ANALYZER_TCP,
    .state_bytes = sizeof(struct outer),
    .state_max = 16,
    .probe = outer_probe,
    .open = outer_open,
    .told = outer_told,
    .data = outer_data,
    .gap = trace_gap,
    .end = trace_end,
    .close = outer_close,
};
static const struct analyzer inner = {
    .name = "inner",
    .transports = ANALYZER_TCP,
    .state_bytes = 8,
    .state_max = 1,
    .open = inner_open,
    .told = inner_told,
    .data = inner_data,
    .gap = trace_gap,
    .end = trace_end,
    .close = inner_close,
};
const struct analyzer *const analyzers[] = {&outer, &inner, NULL};

static int set_up(void **state)
{
    struct packet p = {.ts_ns = NS_PER_SEC, .tcp_flags = TCP_SYN};

    (void)state;
    rig_init(&rig);
    rig_open(&rig);
    trace_len = 0;
    p.key = (struct flow_key){.port = {30000, 20000}, .proto = IPPROTO_TCP};
    flow = flow_table_insert(&rig.w.flows, &p.key, p.key.port[0], NS_PER_SEC);
    conn_begin(flow, &p);
    rig.counters.flows_tcp++;
    rig.counters.flows_active_tcp++;
    return 0;
}

static void say(unsigned end, const char *text)
{
    trace_say(&rig, flow, end, text);
}

static void a_child_reads_what_its_parent_gives_it(void **state)
{
    (void)state;
    say(0, "o(!=one");
    say(1, "=two");
    say(1, "_");
    expect("outer inner inner<-1:example.org 0(one) 1(two) 1<5> 1$ ");
    say(0, ")");
    expect("inner! ");
    assert_int_equal(rig.w.children.used, 0);
}

static void a_child_tells_its_parent(void **state)
{
    char text[64];

    (void)state;
    say(0, "o(=<h3");
    snprintf(text, sizeof text, "outer inner 0(<h3) outer<-%d:h3 ", FACT_ALPN);
    expect(text);
}

static void a_child_that_is_done_is_closed_and_left_alone(void **state)
{
    (void)state;
    say(0, "o(=.");
    say(0, "=more");
    say(1, "_");
    expect("outer inner 0(.) inner! ");
    assert_true(host_wants(&rig.w, flow, 0)); /* its parent goes on */
    host_close(&rig.w, flow);
    expect("outer! ");
}

static void a_child_is_succeeded_in_its_place(void **state)
{
    (void)state;
    say(0, "o(=a>b");
    expect("outer inner 0(a>b) inner! inner inner<-1:again 0(b) ");
    say(1, "=c");
    expect("1(c) ");
}

static void a_child_that_nobody_succeeds_is_done(void **state)
{
    (void)state;
    say(0, "o(=a?b");
    say(1, "=c");
    expect("outer inner 0(a?b) inner! ");
}

static void what_follows_a_child_is_detected_anew(void **state)
{
    (void)state;
    say(0, "o(=a?o");
    expect("outer inner 0(a?o) inner! outer ");
    say(0, "=(");
    say(1, "==one");
    expect("inner 1(one) ");
    host_close(&rig.w, flow);
    expect("inner! outer! outer! ");
    assert_int_equal(rig.w.detections.used, 0);
}

/* "outer" is known by its client, which here is on the parent's server side. */
static void sides_of_what_is_detected_are_its_own(void **state)
{
    (void)state;
    say(0, "o(");
    say(1, "=a?o");
    say(1, "=(");
    say(1, "==one");
    say(0, "==two");
    say(0, "=_");
    expect("outer inner 1(a?o) inner! outer inner 0(one) 1(two) 1<5> 1$ ");
    host_close(&rig.w, flow);
    expect("inner! outer! outer! ");
}

static void children_are_bounded(void **state)
{
    (void)state;
    say(0, "o(");
    expect("outer inner ");
    say(0, ")");
    expect("inner! ");
    say(0, "(("); /* the second finds the only state taken; the handle of the first is forgotten */
    expect("inner refused ");
    assert_int_equal(rig.counters.children_bound, 1);
    say(0, "!=nothing happens");
    expect("");
    /* The test's own parent has lost its first child: give it back for the final count. */
    ((struct outer *)pool_at(&rig.w.analyzer_states[0], flow->state))->child = 1;
}

/* Each level is a call on the stack, so what encloses itself again and again must end somewhere. */
static void enclosing_goes_only_so_deep(void **state)
{
    (void)state;
    say(0, "o@@@@@@@@@@@@");
    expect("outer outer outer outer outer outer outer outer outer refused ");
    assert_int_equal(rig.counters.children_bound, 1);
    host_close(&rig.w, flow);
    expect("outer! outer! outer! outer! outer! outer! outer! outer! outer! ");
    assert_int_equal(rig.w.children.used, 0);
}

static void a_successor_gets_facts_and_what_was_left_before_the_rest(void **state)
{
    char text[96];

    (void)state;
    say(0, "o");
    say(1, "Lrest");
    snprintf(text, sizeof text, "outer outer! inner inner<-%d:/chat 0(early) 1(rest) ", FACT_URI);
    expect(text);
    host_close(&rig.w, flow);
    expect("inner! ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_child_reads_what_its_parent_gives_it, set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(a_child_tells_its_parent, set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_is_done_is_closed_and_left_alone, set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(a_child_is_succeeded_in_its_place, set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_nobody_succeeds_is_done, set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(what_follows_a_child_is_detected_anew, set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(sides_of_what_is_detected_are_its_own, set_up,
                                        rig_tear_down),
        cmocka_unit_test_setup_teardown(children_are_bounded, set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(enclosing_goes_only_so_deep, set_up, rig_tear_down),
        cmocka_unit_test_setup_teardown(a_successor_gets_facts_and_what_was_left_before_the_rest,
                                        set_up, rig_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
