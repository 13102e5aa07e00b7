/* SPDX-License-Identifier: BSD-3-Clause */
/* TLS that shows no plaintext. The probe's part is played here. */
#include "common/ipc/owner.h"

#include "tests/unit/worker/both_views.h"
#include "worker/host_plain.h"

#define BEGUN_MS 60000

/* The id of the question that was asked, if there was one. */
static uint64_t asked(void)
{
    struct owner_question q;

    if (rig.published_len == 0)
        return 0;
    assert_string_equal(rig.published_topic, "event/owner/worker-1/");
    assert_int_equal(owner_question_decode(rig.published, rig.published_len, &q), 0);
    assert_int_equal(q.key.port[0] ^ q.key.port[1], CLIENT_PORT ^ SERVER_PORT);
    assert_true(q.start_ns == at(BEGUN_MS));
    rig.published_len = 0;
    return q.id;
}

static void answer(uint64_t id, bool found)
{
    struct owner_answer a = {.id = id,
                             .found = found,
                             .end = 0,
                             .process = {.pid = 7, .name = STR_LIT("app")},
                             .missed = STR_LIT("/lib/x.so")};
    static uint8_t body[OWNER_ANSWER_BYTES];
    struct bus_message m = {.topic = "event/owned/worker-1/",
                            .topic_len = strlen("event/owned/worker-1/"),
                            .body = body};

    m.body_len = owner_answer_encode(body, &a);
    assert_true(host_plain_message(&rig.w, &m));
}

static void connection(void)
{
    packet(0, BEGUN_MS, TCP_SYN, "");
    packet(1, BEGUN_MS, TCP_SYN | TCP_ACK, "");
    packet(0, BEGUN_MS, TCP_ACK, "t");
    packet(1, BEGUN_MS, TCP_ACK, "t!");
    packet(0, BEGUN_MS, TCP_ACK, "data");
}

static void tls_of_a_local_process_that_shows_nothing_is_noticed(void **state)
{
    uint64_t id;

    (void)state;
    connection();
    assert_int_equal(asked(), 0);
    packet(1, BEGUN_MS + 11000, TCP_ACK, "data");
    id = asked();
    assert_true(id > 0);
    answer(id, true);
    assert_string_equal(rig_text(&rig), "notice note=Probe::Unhooked_TLS "
                                        "msg=app (7) speaks TLS that is not hooked: /lib/x.so\n");
    assert_int_equal(rig.counters.plain_unhooked, 1);
    packet(1, BEGUN_MS + 12000, TCP_ACK, "data");
    pipeline_finish(&rig.w);
    assert_int_equal(asked(), 0); /* once a flow */
    rig_text(&rig);
    answer(id, true);
    assert_string_equal(rig_text(&rig), ""); /* and each answer once */
}

static void a_flow_that_is_over_is_asked_about_too(void **state)
{
    uint64_t id;

    (void)state;
    connection();
    pipeline_finish(&rig.w);
    id = asked();
    assert_true(id > 0);
    rig_text(&rig);
    answer(id, false); /* another host's */
    assert_string_equal(rig_text(&rig), "");
    assert_int_equal(rig.counters.plain_unhooked, 0);
}

static void nobody_asks_about_flows_that_showed_plaintext(void **state)
{
    (void)state;
    connection();
    client_asks(1);
    run_items();
    packet(1, BEGUN_MS + 11000, TCP_ACK, "data");
    pipeline_finish(&rig.w);
    assert_int_equal(asked(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tls_of_a_local_process_that_shows_nothing_is_noticed),
        TEST(a_flow_that_is_over_is_asked_about_too),
        TEST(nobody_asks_about_flows_that_showed_plaintext),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
