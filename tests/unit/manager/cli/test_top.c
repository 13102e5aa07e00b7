/* SPDX-License-Identifier: BSD-3-Clause */
/* What top makes of two answers of a manager and two looks at /proc, here below a folder. */
#include "manager/cli/top_view.h"

#include "common/base/clock.h"
#include "tests/unit/file_put.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct top_sample before, now;
static struct text out;

static int begin(void **state)
{
    (void)state;
    memset(&before, 0, sizeof before);
    memset(&now, 0, sizeof now);
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

static const char *const answer = "manager type manager\n"
                                  "manager pid 10\n"
                                  "worker-1 type worker\n"
                                  "worker-1 host localhost\n"
                                  "worker-1 interface eth0\n"
                                  "worker-1 mode af_xdp\n"
                                  "worker-1 rx_mode polling\n"
                                  "worker-1 pid 11\n"
                                  "worker-1 capture.packets 1000\n"
                                  "worker-1 capture.wire_bytes 125000\n"
                                  "worker-1 of.another.build 7\n";

static void an_answer_is_read(void **state)
{
    const struct top_node *w;

    (void)state;
    top_sample_read(&now, answer);
    assert_int_equal(now.n, 2);
    w = top_sample_find(&now, "worker-1");
    assert_non_null(w);
    assert_string_equal(w->mode, "af_xdp");
    assert_string_equal(w->rx_mode, "polling");
    assert_string_equal(w->interface, "eth0");
    assert_int_equal(w->pid, 11);
    assert_int_equal(w->counters.capture_packets, 1000);
    assert_null(top_sample_find(&now, "worker-2"));
}

static void nonsense_is_passed_over(void **state)
{
    (void)state;
    top_sample_read(&now, "\n\nworker-1\nworker-1 pid\n\nworker-1 type worker");
    assert_int_equal(now.n, 1);
    assert_string_equal(now.nodes[0].type, "worker");
    top_sample_read(&now, "");
    assert_int_equal(now.n, 0);
}

static void more_nodes_than_there_are_do_not_fit(void **state)
{
    struct text many = {0};

    (void)state;
    for (int i = 0; i < TOPOLOGY_NODES_MAX + 10; i++)
        text_printf(&many, "node-%d type worker\n", i);
    top_sample_read(&now, many.p);
    text_free(&many);
    assert_int_equal(now.n, TOPOLOGY_NODES_MAX);
}

/* Two samples, two seconds apart, of a worker that took a million packets in half a second, and
 * lost 12. */
static void two_samples(void)
{
    top_sample_read(&before, answer);
    top_sample_read(&now, answer);
    before.at_ns = 5 * NS_PER_SEC;
    now.at_ns = 7 * NS_PER_SEC;
    for (unsigned i = 0; i < 2; i++) {
        struct top_node *w = i ? &now.nodes[1] : &before.nodes[1];

        snprintf(w->command, sizeof w->command, "spliff-worker");
        w->vsize_bytes = UINT64_C(3) << 30;
        w->rss_bytes = UINT64_C(512) << 20;
        w->cpu_ticks = i * (uint64_t)sysconf(_SC_CLK_TCK);
    }
    now.nodes[1].counters.capture_packets += 1000000;
    now.nodes[1].counters.capture_wire_bytes += 250000000;
    now.nodes[1].counters.capture_kernel_drops = 12;
    now.nodes[1].counters.loop_busy_ns += NS_PER_SEC / 2;
    now.nodes[1].counters.loop_mode_switches += 3000;
}

static void rates_are_of_the_interval(void **state)
{
    (void)state;
    two_samples();
    top_view_table(&before, &now, &out);
    expect(
        "worker-1     worker  localhost  11          3G   512M   50%    500.0K      6    1.0G    "
        "     0   25%        "
        "0       1.5K     - af_xdp  polling   spliff-worker  capture.kernel_drops 12\n");
    text_free(&out);
    top_view_json(&before, &now, &out);
    expect("{\"interval\":2.000,\"nodes\":[{\"name\":\"manager\"");
    expect("\"mode\":\"af_xdp\",\"rx_mode\":\"polling\",\"pid\":11");
    expect("\"busy\":25.0,");
    expect("\"mode_switches_per_second\":1500.0,");
    expect("\"packets_per_second\":500000.0,\"lost_per_second\":6.0,"
           "\"bits_per_second\":1000000000.0");
    expect("\"vsize\":3221225472,\"rss\":536870912,");
    expect("\"lost\":{\"capture.kernel_drops\":12}}]}\n");
}

/* Milliseconds and bytes are no packets, and what is lost is never nothing. */
static void a_loss_is_never_shown_as_none(void **state)
{
    (void)state;
    two_samples();
    now.nodes[1].counters.capture_kernel_drops = 1;
    top_view_table(&before, &now, &out);
    expect("500.0K     <1    1.0G");
    text_free(&out);
    now.nodes[1].counters.capture_gap_ms = 3600000;
    now.nodes[1].counters.reassembly_gap_bytes = 10000000;
    top_view_table(&before, &now, &out);
    expect("500.0K      2    1.0G");
    expect("capture.gap_ms 3600000");
    text_free(&out);
}

static void what_nobody_knows_is_no_number(void **state)
{
    (void)state;
    two_samples();
    now.nodes[1].pid = 12; /* another process: its CPU time is none of the former's */
    top_view_json(&before, &now, &out);
    expect("\"cpu\":null,\"packets_per_second\":500000.0");
    expect("\"pid\":10,\"vsize\":null");
    text_free(&out);
    before.n = 0; /* the first look */
    top_view_json(&before, &now, &out);
    expect("\"packets_per_second\":null,\"lost_per_second\":null");
    expect("\"lost\":{}");
    text_free(&out);
    now.nodes[1].pid = 0;
    top_view_table(&before, &now, &out);
    expect("worker-1     worker  localhost  <not running> -\n");
}

static void put(const char *root, const char *dir, const char *file, const char *text)
{
    char path[256], command[300];

    snprintf(command, sizeof command, "mkdir -p %s%s", root, dir);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s%s/%s", root, dir, file);
    file_put(path, text);
}

static void processes_are_measured(void **state)
{
    char root[] = "/tmp/test_top.XXXXXX", command[64];
    const struct top_node *w = &now.nodes[1];

    (void)state;
    assert_non_null(mkdtemp(root));
    put(root, "/proc/11", "stat",
        "11 (a ) (b) S 1 1 1 0 -1 4194560 5 0 0 0 70 30 0 0 20 0 1 0 100 8192000 25 "
        "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 3 0 0 0 0 0\n");
    put(root, "/sys/devices/system/cpu/cpu3/cpufreq", "scaling_cur_freq", "2400000\n");
    top_sample_read(&now, answer);
    top_sample_measure(&now, root);
    assert_string_equal(w->command, "a ) (b");
    assert_int_equal(w->cpu_ticks, 100);
    assert_int_equal(w->vsize_bytes, 8192000);
    assert_int_equal(w->rss_bytes, 25 * sysconf(_SC_PAGESIZE));
    assert_int_equal(w->frequency_khz, 2400000);
    assert_string_equal(now.nodes[0].command, ""); /* 10 has gone */
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_is_read, begin, end),
        cmocka_unit_test_setup_teardown(nonsense_is_passed_over, begin, end),
        cmocka_unit_test_setup_teardown(more_nodes_than_there_are_do_not_fit, begin, end),
        cmocka_unit_test_setup_teardown(rates_are_of_the_interval, begin, end),
        cmocka_unit_test_setup_teardown(a_loss_is_never_shown_as_none, begin, end),
        cmocka_unit_test_setup_teardown(what_nobody_knows_is_no_number, begin, end),
        cmocka_unit_test_setup_teardown(processes_are_measured, begin, end),
    };

    return cmocka_run_group_tests_name("manager/cli/top", tests, NULL, NULL);
}
