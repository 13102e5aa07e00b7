/* SPDX-License-Identifier: BSD-3-Clause */
/* Which flows a worker claims, and when. The probe's part is played here. */
#include "common/ipc/claim.h"

#include "tests/unit/worker/both_views.h"
#include "worker/host_plain.h"

static unsigned n_claimed; /* flows of the last message */

static int set_up_claims(void **state)
{
    (void)set_up(state);
    rig.heritage.claims = true;
    rig.published_len = 0;
    return 0;
}

static void take(void *arg, const struct flow_key *key)
{
    (void)arg;
    assert_int_equal(key->port[0] ^ key->port[1], CLIENT_PORT ^ SERVER_PORT);
    assert_int_equal(key->proto, IPPROTO_TCP);
    n_claimed++;
}

/* Flows that were claimed since it was asked last. */
static unsigned claimed(void)
{
    n_claimed = 0;
    if (rig.published_len == 0)
        return 0;
    assert_string_equal(rig.published_topic, "event/claim/worker-1/");
    assert_int_equal(claim_read(rig.published, rig.published_len, take, NULL), 0);
    rig.published_len = 0;
    return n_claimed;
}

static void a_flow_is_claimed_once_when_it_is_tls(void **state)
{
    (void)state;
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 0, TCP_ACK, "");
    run_items();
    assert_int_equal(claimed(), 0);
    packet(0, 1, TCP_ACK, "t");
    assert_int_equal(claimed(), 0); /* it goes with all others of this round */
    run_items();
    assert_int_equal(claimed(), 1);
    packet(1, 2, TCP_ACK, "t!");
    packet(0, 3, TCP_ACK, "data");
    packets_end(4);
    run_items();
    assert_int_equal(claimed(), 0);
    assert_int_equal(rig.counters.plain_claims, 1);
}

static void other_flows_are_not(void **state)
{
    (void)state;
    packet(0, 0, TCP_SYN, "");
    packet(1, 0, TCP_SYN | TCP_ACK, "");
    packet(0, 1, TCP_ACK, REQUEST);
    run_items();
    assert_int_equal(claimed(), 0);
}

static void where_the_hash_decides_nothing_is_claimed(void **state)
{
    (void)state;
    rig.heritage.claims = false;
    packets_begin();
    run_items();
    assert_int_equal(claimed(), 0);
}

static void subscribe(const char *topic)
{
    struct bus_message m = {.topic = topic, .topic_len = strlen(topic), .kind = BUS_SUBSCRIBED};

    host_claim_asked(&rig.w, &m);
}

static void a_new_probe_is_told_of_all(void **state)
{
    (void)state;
    packets_begin();
    run_items();
    assert_int_equal(claimed(), 1);
    subscribe("event/alt_svc/");
    subscribe("event/claim/worker-2/");
    assert_int_equal(claimed(), 0);
    subscribe("event/claim/");
    assert_int_equal(claimed(), 1);
    packets_end(10);
    pipeline_finish(&rig.w);
    subscribe("event/claim/");
    assert_int_equal(claimed(), 0);
}

static void a_full_message_goes_at_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLAIM_FLOWS_MAX; i++) {
        packet(0, i, TCP_ACK, "t");
        pipeline_finish(&rig.w);
    }
    assert_int_equal(claimed(), 0);
    packet(0, CLAIM_FLOWS_MAX, TCP_ACK, "t");
    assert_int_equal(claimed(), CLAIM_FLOWS_MAX);
    run_items();
    assert_int_equal(claimed(), 1);
    assert_int_equal(rig.counters.plain_claims, CLAIM_FLOWS_MAX + 1);
}

#undef TEST
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up_claims, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_flow_is_claimed_once_when_it_is_tls),
        TEST(other_flows_are_not),
        TEST(where_the_hash_decides_nothing_is_claimed),
        TEST(a_new_probe_is_told_of_all),
        TEST(a_full_message_goes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
