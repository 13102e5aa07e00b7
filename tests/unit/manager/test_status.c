/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of the nodes, a probe among them: from counters alone. */
#include "manager/status.h"

#include "common/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LOGGER, WORKER, PROBE, NODES };

static struct manager_plan plan;
static struct node nodes[NODES];
static struct counters pages[NODES];
static struct manager manager = {.plan = &plan, .nodes = nodes, .n_nodes = NODES};
static struct text out;

static int begin(void **state)
{
    static const enum node_kind kinds[NODES] = {NODE_LOGGER, NODE_WORKER, NODE_PROBE};
    char error[INI_ERROR_BYTES];

    (void)state;
    if (topology_of_run(&plan.topology, 1, "eth0", MODE_AUTO, "", true, error) < 0)
        return -1;
    memset(nodes, 0, sizeof nodes);
    memset(pages, 0, sizeof pages);
    for (int i = 0; i < NODES; i++) {
        nodes[i].def = &plan.topology.nodes[i + 1];
        nodes[i].kind = kinds[i];
        nodes[i].state = NODE_ALIVE;
        nodes[i].counters = &pages[i];
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    text_free(&out);
    return 0;
}

static void expect(const char *what)
{
    if (!out.p || !strstr(out.p, what))
        fail_msg("'%s' is not in:\n%s", what, out.p ? out.p : "");
}

static void a_probe_starts_until_it_has_looked(void **state)
{
    (void)state;
    assert_string_equal(status_word(&nodes[PROBE]), "starting");
    assert_false(status_is_up(&nodes[PROBE]));
    pages[PROBE].probe_images = 1;
    assert_string_equal(status_word(&nodes[PROBE]), "running");
    assert_true(status_is_up(&nodes[PROBE]));
    nodes[PROBE].state = NODE_STOPPED;
    pages[PROBE].probe_images = 0;
    assert_true(status_is_up(&nodes[PROBE])); /* nothing is to be waited for */
    assert_false(status_all_running(&manager));
}

/* Until then packets pass that nobody takes. */
static void a_worker_starts_until_its_loop_has_turned(void **state)
{
    (void)state;
    pages[PROBE].probe_images = 1;
    assert_string_equal(status_word(&nodes[WORKER]), "starting");
    assert_false(status_all_running(&manager));
    pages[WORKER].loop_sleeps = 1;
    assert_string_equal(status_word(&nodes[WORKER]), "running");
    assert_true(status_all_running(&manager));
}

static void an_interface_that_is_gone_is_not_running(void **state)
{
    (void)state;
    pages[WORKER].loop_sleeps = pages[PROBE].probe_images = 1;
    assert_true(status_all_running(&manager));
    nodes[WORKER].absent = true; /* also where the worker goes on */
    assert_string_equal(status_word(&nodes[WORKER]), "absent");
    assert_false(status_all_running(&manager));
    nodes[WORKER].state = NODE_STOPPED;
    assert_string_equal(status_word(&nodes[WORKER]), "absent");
}

static void the_table_says_what_the_probe_does(void **state)
{
    (void)state;
    pages[PROBE].probe_images = 90;
    pages[PROBE].probe_hooked = 3;
    pages[PROBE].probe_processes = 7;
    pages[PROBE].probe_sessions = 41;
    pages[PROBE].probe_sessions_active = 2;
    status_table(&manager, &out);
    expect("\nprobe        probe   localhost        running");
    expect(
        "\nprobe: 3 files hooked in 7 processes; 41 TLS sessions, 2 of them open; lost: nothing\n");
    text_free(&out);
    pages[PROBE].probe_ring_bytes = 5;
    pages[PROBE].probe_missed = 1;
    status_table(&manager, &out);
    expect("lost: probe.missed 1, probe.ring_bytes 5\n");
}

static void every_process_has_its_own_counters(void **state)
{
    (void)state;
    pages[WORKER].plain_missed_bytes = 10;
    pages[PROBE].probe_queue_bytes = 20;
    pages[LOGGER].probe_queue_bytes = 40; /* not its own: never read */
    status_losses(&manager, &out);
    assert_string_equal(out.p, "plain.missed_bytes 10, probe.queue_bytes 20");
    text_free(&out);
    status_json(&manager, &out);
    expect("\"name\":\"probe\",\"type\":\"probe\"");
    expect("\"probe.queue_bytes\":20");
    text_free(&out);
    status_counters(&manager, &out);
    expect("probe.queue_bytes                            20\n");
}

static void latencies_are_printed_in_their_units(void **state)
{
    (void)state;
    status_latency(&manager, &out);
    expect("\nworker-1                      0\n");
    text_free(&out);
    pages[WORKER].plain_latency_n = 12;
    pages[WORKER].plain_latency_min_ns = 1500;
    pages[WORKER].plain_latency_mean_ns = 999 * NS_PER_US;
    pages[WORKER].plain_latency_p50_ns = NS_PER_MS;
    pages[WORKER].plain_latency_p99_ns = 250 * NS_PER_MS;
    pages[WORKER].plain_latency_max_ns = 2 * NS_PER_SEC;
    status_latency(&manager, &out);
    expect("\nworker-1                     12      1.5us    999.0us     1.00ms   250.00ms      "
           "2.00s\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_probe_starts_until_it_has_looked, begin, end),
        cmocka_unit_test_setup_teardown(a_worker_starts_until_its_loop_has_turned, begin, end),
        cmocka_unit_test_setup_teardown(an_interface_that_is_gone_is_not_running, begin, end),
        cmocka_unit_test_setup_teardown(the_table_says_what_the_probe_does, begin, end),
        cmocka_unit_test_setup_teardown(every_process_has_its_own_counters, begin, end),
        cmocka_unit_test_setup_teardown(latencies_are_printed_in_their_units, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
