/* SPDX-License-Identifier: BSD-3-Clause */
/* Three workers and a logger, none of which runs: what is asked, set and refused. */
#include "manager/rx_mode.h"

#include "manager/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORKERS 3
#define NODES   (WORKERS + 1)

static struct manager_plan plan;
static struct node nodes[NODES];
static struct manager manager = {.plan = &plan, .nodes = nodes, .n_nodes = NODES};
static struct text out;

static int begin(void **state)
{
    char error[INI_ERROR_BYTES];

    (void)state;
    if (topology_of_run(&plan.topology, WORKERS, "eth0", MODE_KERNEL, "", false, error) < 0)
        return -1;
    memset(nodes, 0, sizeof nodes);
    for (unsigned i = 0; i < NODES; i++) {
        nodes[i].def = &plan.topology.nodes[i + 1];
        nodes[i].kind = nodes[i].def->kind == TOPOLOGY_WORKER ? NODE_WORKER : NODE_LOGGER;
        nodes[i].counters = calloc(1, COUNTERS_PAGE_BYTES);
        if (!nodes[i].counters)
            return -1;
        nodes[i].counters->loop_rx_mode = RX_MODE_ADAPTIVE;
        settings_set_rx_mode(settings_of(nodes[i].counters), RX_MODE_ADAPTIVE);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++)
        free(nodes[i].counters);
    text_free(&out);
    return 0;
}

static struct node *find(const char *name)
{
    for (unsigned i = 0; i < NODES; i++)
        if (strcmp(nodes[i].def->name, name) == 0)
            return &nodes[i];
    fail_msg("no %s", name);
    return NULL;
}

static enum rx_mode mode_of(const char *name)
{
    return settings_rx_mode(settings_of(find(name)->counters));
}

static int ask(const char *words, bool json)
{
    text_free(&out);
    return rx_mode_answer(&manager, words, json, &out);
}

static void expect(const char *what)
{
    if (!out.p || !strstr(out.p, what))
        fail_msg("'%s' is not in:\n%s", what, out.p ? out.p : "");
}

static void shows_without_changing(void **state)
{
    (void)state;
    find("worker-2")->pid = 77;
    assert_int_equal(ask("", false), 0);
    expect("Name         Type    Host             Interface    Mode    Rx-mode   In-effect\n");
    expect("\nworker-1     worker  localhost        eth0         kernel  adaptive  -\n");
    expect("\nworker-2     worker  localhost        eth0         kernel  adaptive  adaptive\n");
    assert_null(strstr(out.p, "logger"));
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(settings_rx_mode(settings_of(nodes[i].counters)), RX_MODE_ADAPTIVE);
}

static void sets_all_workers(void **state)
{
    (void)state;
    assert_int_equal(ask(" polling", false), 0);
    assert_int_equal(mode_of("worker-1"), RX_MODE_POLLING);
    assert_int_equal(mode_of("worker-3"), RX_MODE_POLLING);
    assert_int_equal(mode_of("logger-1"), RX_MODE_ADAPTIVE);
}

static void sets_those_named(void **state)
{
    (void)state;
    find("worker-3")->pid = 78;
    assert_int_equal(ask(" worker-3  worker-1 interrupt", true), 0);
    assert_int_equal(mode_of("worker-1"), RX_MODE_INTERRUPT);
    assert_int_equal(mode_of("worker-2"), RX_MODE_ADAPTIVE);
    assert_int_equal(mode_of("worker-3"), RX_MODE_INTERRUPT);
    assert_string_equal(
        out.p, "{\"nodes\":[{\"name\":\"worker-1\",\"type\":\"worker\",\"host\":\"localhost\","
               "\"interface\":\"eth0\",\"mode\":\"kernel\",\"rx_mode\":\"interrupt\","
               "\"in_effect\":null},{\"name\":\"worker-3\",\"type\":\"worker\",\"host\":"
               "\"localhost\",\"interface\":\"eth0\",\"mode\":\"kernel\","
               "\"rx_mode\":\"interrupt\",\"in_effect\":\"adaptive\"}]}\n");
}

static void refuses_and_changes_nothing(void **state)
{
    static const struct {
        const char *words, *error;
    } cases[] = {
        {" worker-1 poling",
         "error: there is no worker and no mode 'poling'; did you mean polling? (modes: polling, "
         "interrupt, adaptive)\n"},
        {" logger-1 polling", "error: there is no worker and no mode 'logger-1'"},
        {" worker-1 worker-9x polling", "error: there is no worker and no mode 'worker-9x'; did"},
        {" polling worker-1", "error: rx-mode: the mode comes last, 'worker-1' is behind it\n"},
        {" polling interrupt", "error: rx-mode: the mode comes last, 'interrupt' is behind it\n"},
        {" a-name-that-is-longer-than-any-node-has-ever-been",
         "error: there is no worker and no mode 'a-name-that-is-longer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ask(cases[i].words, false), CONTROL_USAGE);
        expect(cases[i].error);
        for (unsigned n = 0; n < NODES; n++)
            assert_int_equal(settings_rx_mode(settings_of(nodes[n].counters)), RX_MODE_ADAPTIVE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(shows_without_changing, begin, end),
        cmocka_unit_test_setup_teardown(sets_all_workers, begin, end),
        cmocka_unit_test_setup_teardown(sets_those_named, begin, end),
        cmocka_unit_test_setup_teardown(refuses_and_changes_nothing, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
