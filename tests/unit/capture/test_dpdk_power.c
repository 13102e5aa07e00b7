/* SPDX-License-Identifier: BSD-3-Clause */
/* When the frequency changes, and what is left behind, with DPDK's functions told here what to
 * answer and the core's files below a folder. */
#include "worker/capture/dpdk_power.h"

#include "common/base/clock.h"
#include "manager/cpufreq.h"
#include "tests/unit/file_put.h"

#include <errno.h>
#include <rte_config.h>
#include <rte_log.h>
#include <rte_power.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CORE "/sys/devices/system/cpu/cpu5/cpufreq"

static char root[32];
static int init_answer, inits, change_answer;
static char changes[16]; /* '+' and '-' */
static struct heritage h;
static struct counters counters;
static struct dpdk_power p;

int rte_log_get_level(uint32_t type)
{
    assert_int_equal(type, RTE_LOGTYPE_POWER);
    return RTE_LOG_ERR;
}

int rte_log_set_level(uint32_t type, uint32_t level)
{
    assert_int_equal(type, RTE_LOGTYPE_POWER);
    assert_true(level == RTE_LOG_ERR || level == RTE_LOG_EMERG);
    return 0;
}

int rte_power_check_env_supported(enum power_management_env env)
{
    return env == PM_ENV_PSTATE_CPUFREQ;
}

int rte_power_set_env(enum power_management_env env)
{
    assert_int_equal(env, PM_ENV_PSTATE_CPUFREQ);
    return 0;
}

int rte_power_init(unsigned int core)
{
    assert_int_equal(core, 5);
    inits++;
    return init_answer;
}

static int changed(unsigned core, const char *how)
{
    assert_int_equal(core, 5);
    assert_true(strlen(changes) + 1 < sizeof changes);
    strcat(changes, how);
    return change_answer;
}

static int up(unsigned int core)
{
    return changed(core, "+");
}

static int down(unsigned int core)
{
    return changed(core, "-");
}

rte_power_freq_change_t rte_power_freq_max = up, rte_power_freq_min = down;

static void put(const char *file, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s" CORE "/%s", root, file);
    file_put(path, text);
}

static void expect_file(const char *file, const char *text)
{
    char path[128], line[64] = "";
    FILE *f;

    snprintf(path, sizeof path, "%s" CORE "/%s", root, file);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_memory_equal(line, text, strlen(text)); /* a file here keeps what is behind it */
}

static int begin(void **state)
{
    char command[128];

    (void)state;
    strcpy(root, "/tmp/test_dpdk_power.XXXXXX");
    if (!mkdtemp(root))
        return -1;
    snprintf(command, sizeof command, "mkdir -p %s" CORE, root);
    if (system(command) != 0)
        return -1;
    put("scaling_governor", "schedutil\n");
    put("scaling_min_freq", "800000\n");
    put("scaling_max_freq", "3400000\n");
    init_answer = inits = change_answer = 0;
    memset(changes, 0, sizeof changes);
    memset(&counters, 0, sizeof counters);
    h = (struct heritage){.pin_cpu = 5, .options = {.dpdk_power = true, .resume_threshold = 8}};
    cpufreq_read(root, 5, &h.capture.dpdk.cpufreq);
    return 0;
}

static int end(void **state)
{
    char command[64];

    (void)state;
    dpdk_power_close(&p);
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static void what_was_there_is_read(void **state)
{
    struct heritage_cpufreq none;

    (void)state;
    assert_string_equal(h.capture.dpdk.cpufreq.text[0], "3400000");
    assert_string_equal(h.capture.dpdk.cpufreq.text[1], "800000");
    assert_string_equal(h.capture.dpdk.cpufreq.text[HERITAGE_CPUFREQ_GOVERNOR], "schedutil");
    cpufreq_read(root, 6, &none);
    assert_string_equal(none.text[HERITAGE_CPUFREQ_GOVERNOR], "");
}

static void follow(uint32_t frames, uint64_t now_ms)
{
    dpdk_power_follow(&p, frames, now_ms * NS_PER_MS, &counters);
}

static void low_in_quiet_and_high_with_work(void **state)
{
    (void)state;
    dpdk_power_open(&p, &h, root);
    assert_true(p.on);
    follow(64, 1000);
    follow(0, 1001);
    follow(0, 1009);
    assert_string_equal(changes, ""); /* a gap is no quiet */
    follow(0, 1010);
    follow(0, 1020);
    assert_string_equal(changes, "-");
    follow(7, 1030); /* a few frames a slow core can do */
    assert_string_equal(changes, "-");
    follow(8, 1031);
    follow(64, 1032);
    assert_string_equal(changes, "-+");
    follow(1, 1050);
    follow(0, 1055);
    follow(0, 1060);
    assert_string_equal(changes, "-+-");
    assert_int_equal(counters.loop_frequency_switches, 3);
}

static void what_was_changed_is_set_back(void **state)
{
    (void)state;
    dpdk_power_open(&p, &h, root);
    put("scaling_governor", "userspace\n");
    put("scaling_max_freq", "800000\n");
    dpdk_power_close(&p);
    expect_file("scaling_governor", "schedutil");
    expect_file("scaling_max_freq", "3400000");
    expect_file("scaling_min_freq", "800000");
}

static void expect_off(int expected_inits)
{
    dpdk_power_open(&p, &h, root);
    assert_false(p.on);
    assert_int_equal(inits, expected_inits);
    follow(64, 1000);
    follow(0, 2000);
    assert_string_equal(changes, "");
    put("scaling_governor", "performance\n");
    dpdk_power_close(&p);
    expect_file("scaling_governor", "performance"); /* not ours to touch */
}

static void not_where_it_is_not_wanted_or_cannot_be(void **state)
{
    (void)state;
    h.options.dpdk_power = false;
    expect_off(0);
    h.options.dpdk_power = true;
    h.pin_cpu = -1;
    expect_off(0);
    h.pin_cpu = RTE_MAX_LCORE;
    expect_off(0);
    h.pin_cpu = 5;
    init_answer = -1;
    expect_off(1);
    memset(&h.capture.dpdk.cpufreq, 0, sizeof h.capture.dpdk.cpufreq);
    expect_off(1);
}

static void a_change_that_fails_is_the_last(void **state)
{
    (void)state;
    dpdk_power_open(&p, &h, root);
    change_answer = -1;
    follow(0, 1000);
    follow(64, 1001);
    assert_string_equal(changes, "-");
    assert_int_equal(counters.loop_frequency_switches, 0);
    assert_false(p.on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_there_is_read, begin, end),
        cmocka_unit_test_setup_teardown(low_in_quiet_and_high_with_work, begin, end),
        cmocka_unit_test_setup_teardown(what_was_changed_is_set_back, begin, end),
        cmocka_unit_test_setup_teardown(not_where_it_is_not_wanted_or_cannot_be, begin, end),
        cmocka_unit_test_setup_teardown(a_change_that_fails_is_the_last, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
