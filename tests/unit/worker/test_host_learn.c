/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow that only another worker can tell of: a made-up protocol whose datagrams say nothing but
 * an id behind the letter P, and answers of the other worker that come in time or late. */
#include "tests/unit/packet_builder.h"
#include "tests/unit/worker/rig.h"
#include "worker/learn/connections.h"
#include "worker/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define CLIENT 0xc0000201u
#define SERVER 0xc0000202u
#define T0     (1700000000 * NS_PER_SEC)

static struct rig rig;
static struct packet_builder pb;
static char trace[512];
static size_t trace_len;

static void note(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    trace_len += (size_t)vsnprintf(trace + trace_len, sizeof trace - trace_len, format, ap);
    va_end(ap);
}

/* Fails unless this was noted since the last call. */
static void expect(const char *text)
{
    trace[trace_len] = '\0';
    trace_len = 0;
    assert_string_equal(trace, text);
}

static enum probe_result path_probe(const uint8_t *data, size_t len, uint8_t transport)
{
    (void)data;
    (void)len;
    (void)transport;
    return PROBE_NO;
}

static bool path_plausible(const uint8_t *data, size_t len)
{
    return len > CONNECTIONS_ASK_BYTES && data[0] == 'P';
}

static void path_open(struct analyzer_ctx *ctx, void *state)
{
    (void)state;
    note("open at %u ", (unsigned)((ctx->ts_ns - T0) / NS_PER_SEC));
}

static void path_told(struct analyzer_ctx *ctx, void *state, enum analyzer_fact fact,
                      struct str text)
{
    (void)ctx;
    (void)state;
    note("%s %.*s ", fact == FACT_PATH_OF ? "path of" : "learned", (int)text.len, text.p);
}

static void path_data(struct analyzer_ctx *ctx, void *state, unsigned side, const uint8_t *data,
                      size_t len)
{
    (void)ctx;
    (void)state;
    note("%u(%.9s) ", side, len > 9 ? (const char *)data + 1 : "short");
}

static void path_close(struct analyzer_ctx *ctx, void *state)
{
    (void)state;
    analyzer_service(ctx, "quic");
    note("close ");
}

static const struct analyzer path = {
    .name = "path",
    .transports = ANALYZER_UDP,
    .state_bytes = 8,
    .state_max = 8,
    .probe = path_probe,
    .plausible = path_plausible,
    .open = path_open,
    .told = path_told,
    .data = path_data,
    .close = path_close,
};
const struct analyzer *const analyzers[] = {&path, NULL};

/* The first of two workers; its bus is the rig's, which takes everything. */
static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    rig.heritage.n_workers = 2;
    rig_open(&rig);
    learn_close(rig.w.learn);
    trace_len = 0;
    return learn_open(&rig.w.learn, &rig.heritage, (struct bus *)(void *)&rig, &rig.counters);
}

static int tear_down(void **state)
{
    (void)state;
    rig_finish(&rig);
    rig_close(&rig);
    return 0;
}

static void udp(unsigned second, bool down, unsigned client_port, const char *payload)
{
    struct frame f = {.data = pb.b, .ts_ns = T0 + second * NS_PER_SEC, .linktype = 1};
    size_t n = strlen(payload);

    pb_ethernet(&pb, 0x0800);
    pb_ipv4(&pb, IPPROTO_UDP, down ? SERVER : CLIENT, down ? CLIENT : SERVER, 0, 0);
    pb_udp(&pb, down ? 443 : client_port, down ? client_port : 443, (unsigned)n);
    memcpy(pb.b + pb.n, payload, n);
    pb.n += n;
    pb_end(&pb);
    f.caplen = f.wirelen = (uint32_t)pb.n;
    rig_run(&rig, &f, 1);
}

static void datagram(unsigned second, bool down, const char *id)
{
    char payload[64];

    snprintf(payload, sizeof payload, "P%s and what is behind it", id);
    udp(second, down, 40000, payload);
}

/* Worker 2: packets with this id go to that side of its connection Cone. */
static void answer(const char *id, unsigned side)
{
    struct connections_answer told = {str_of(id), STR_LIT("Cone"), side, CATEGORY_web_quic};
    static const char topic[] = "event/connections/worker-2/";
    uint8_t body[CONNECTIONS_EVENT_BYTES];
    struct bus_message m = {.topic = topic, .topic_len = sizeof topic - 1, .body = body};

    learn_run(rig.w.learn, T0, 1);
    m.body_len = connections_event_write(body, NULL, 0, &told, 1);
    learn_message(rig.w.learn, &m);
    assert_int_equal(rig.counters.learn_events, 1);
}

static void no_record(void *arg, struct rec_alt_svc *r)
{
    (void)arg;
    (void)r;
}

static void an_answer_in_time_lets_the_rest_be_read(void **state)
{
    (void)state;
    datagram(1, false, "server-id");
    answer("server-id", 1);
    expect("");
    datagram(2, false, "server-id");
    expect("open at 2 path of Cone 0(server-id) ");
    rig_finish(&rig);
    expect("close ");
}

static void an_answer_after_the_last_datagram_is_not_late(void **state)
{
    (void)state;
    datagram(1, false, "server-id");
    datagram(2, false, "server-id");
    answer("server-id", 1);
    expect("");
    rig_finish(&rig);
    expect("open at 1 path of Cone 0(server-id) close ");
    assert_string_equal(rig_text(&rig), "conn service=quic conn_state=S0 missed_bytes=0 history=D "
                                        "category=web_quic\n");
}

static void either_end_may_have_the_id_that_is_known(void **state)
{
    (void)state;
    datagram(1, false, "no-id-but");
    datagram(2, true, "client-id");
    answer("client-id", 0);
    rig_finish(&rig);
    expect("open at 1 path of Cone 1(client-id) close ");
}

static void the_id_tells_who_is_the_client(void **state)
{
    (void)state;
    datagram(1, true, "client-id");
    answer("client-id", 0);
    rig_finish(&rig);
    expect("open at 1 path of Cone 1(client-id) close ");
    assert_non_null(strstr(rig_text(&rig), "history=^d"));
}

static void without_an_answer_it_stays_unknown(void **state)
{
    (void)state;
    datagram(1, false, "server-id");
    learn_run(rig.w.learn, T0, 1);
    rig_finish(&rig);
    expect("");
    assert_non_null(strstr(rig_text(&rig), "category=unknown"));
}

/* What is read since another flow told of it may be a path nevertheless. */
static void an_analyzer_that_reads_already_is_told(void **state)
{
    struct learn_origin from = {.host = STR_LIT("www.example.org"), .port = 80, .ts_ns = T0};

    (void)state;
    ipaddr_set_v4(&from.server, (const uint8_t[]){192, 0, 2, 2});
    assert_true(learn_alt_svc(rig.w.learn, &from, STR_LIT("h3=\":443\""), no_record, NULL));
    datagram(1, false, "server-id");
    expect("open at 1 learned h3 0(server-id) ");
    answer("server-id", 1);
    rig_finish(&rig);
    expect("path of Cone close ");
}

/* A worker that ends asks, and goes on with what needs no answer until it has one. */
static void a_flow_that_waits_for_an_answer_ends_after_the_others(void **state)
{
    (void)state;
    datagram(1, false, "server-id");
    udp(2, false, 40001, "of no connection");
    udp(3, false, 40002, "nor this");
    pipeline_finish_certain(&rig.w, 2);
    assert_int_equal(rig.w.flows.flows.used, 2);
    pipeline_finish_certain(&rig.w, 2);
    assert_int_equal(rig.w.flows.flows.used, 1);
    assert_null(strstr(rig_text(&rig), "web_quic"));
    answer("server-id", 1);
    pipeline_finish_certain(&rig.w, 2);
    assert_int_equal(rig.w.flows.flows.used, 0);
    assert_non_null(strstr(rig_text(&rig), "web_quic"));
    expect("open at 1 path of Cone 0(server-id) close ");
}

static void what_nobody_could_answer_is_not_waited_for(void **state)
{
    (void)state;
    datagram(1, false, "server-id");
    learn_run(rig.w.learn, T0, NS_PER_SEC);
    learn_run(rig.w.learn, T0, 2 * NS_PER_SEC);
    pipeline_finish_certain(&rig.w, 1);
    assert_int_equal(rig.w.flows.flows.used, 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_in_time_lets_the_rest_be_read),
        CASE(an_answer_after_the_last_datagram_is_not_late),
        CASE(either_end_may_have_the_id_that_is_known),
        CASE(the_id_tells_who_is_the_client),
        CASE(without_an_answer_it_stays_unknown),
        CASE(an_analyzer_that_reads_already_is_told),
        CASE(a_flow_that_waits_for_an_answer_ends_after_the_others),
        CASE(what_nobody_could_answer_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
