/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of processes and prefixes: what they become, and what is said of a wrong one. */
#include "common/schema/process_filter.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct options options;
static struct process_filter filter;
static char error[256];

static int parse(void)
{
    error[0] = '\0';
    return process_filter_parse(&options, &filter, error, sizeof error);
}

static int begin(void **state)
{
    (void)state;
    options_init(&options);
    return 0;
}

static void nothing_asked_for_is_everything(void **state)
{
    (void)state;
    assert_int_equal(parse(), 0);
    assert_int_equal(filter.n_pids + filter.n_ppids + filter.n_comms + filter.addresses.n, 0);
}

static void lists_are_read(void **state)
{
    static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};

    (void)state;
    strcpy(options.probe_pid, "1, 4194304");
    strcpy(options.probe_ppid, ",77 ,");
    strcpy(options.probe_comm, "nginx,Web Content ,fifteen-letters");
    strcpy(options.probe_address, "192.0.2.0/24,2001:db8::/32");
    assert_int_equal(parse(), 0);
    assert_int_equal(filter.n_pids, 2);
    assert_int_equal(filter.pids[0], 1);
    assert_int_equal(filter.pids[1], 4194304);
    assert_int_equal(filter.n_ppids, 1);
    assert_int_equal(filter.ppids[0], 77);
    assert_int_equal(filter.n_comms, 3);
    assert_string_equal(filter.comms[0], "nginx");
    assert_string_equal(filter.comms[1], "Web Content");
    assert_string_equal(filter.comms[2], "fifteen-letters");
    assert_int_equal(filter.addresses.n, 2);
    assert_int_equal(filter.addresses.net[0].bits, 96 + 24);
    assert_int_equal(filter.addresses.net[1].bits, 32);
    assert_memory_equal(filter.addresses.net[1].addr.b, v6, 16);
}

static void expect_refused(char *option, const char *list, const char *what)
{
    options_init(&options);
    strcpy(option, list);
    if (parse() != -EINVAL)
        fail_msg("taken: %s", list);
    assert_string_equal(error, what);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    expect_refused(options.probe_pid, "12,nginx",
                   "pid: 'nginx' is not the number of a process, or one too many (at most 16)");
    expect_refused(options.probe_pid, "-5",
                   "pid: '-5' is not the number of a process, or one too many (at most 16)");
    expect_refused(options.probe_pid, "4194305",
                   "pid: '4194305' is not the number of a process, or one too many (at most 16)");
    expect_refused(options.probe_ppid, "0",
                   "ppid: '0' is not the number of a process, or one too many (at most 16)");
    expect_refused(options.probe_pid, "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
                   "pid: '17' is not the number of a process, or one too many (at most 16)");
    expect_refused(options.probe_comm, "curl,sixteen-letters!",
                   "comm: 'sixteen-letters!' is longer than 15 bytes, to which the kernel cuts "
                   "names, or one too many (at most 16)");
    expect_refused(options.probe_address, "192.0.2.1",
                   "address: '192.0.2.1' is not a prefix such as 192.0.2.0/24, or one too many (at "
                   "most 64)");
}

static void a_cgroup_must_be_there(void **state)
{
    uint64_t id = 1;

    (void)state;
    assert_int_equal(process_filter_cgroup("", &id, error, sizeof error), 0);
    assert_int_equal(id, 0);
    /* A folder, but of no cgroup. */
    assert_int_equal(process_filter_cgroup("/proc", &id, error, sizeof error), -ENOENT);
    assert_string_equal(error, "cgroup: there is no cgroup /proc of version 2 in /sys/fs/cgroup");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_asked_for_is_everything, begin),
        cmocka_unit_test_setup(lists_are_read, begin),
        cmocka_unit_test(a_cgroup_must_be_there),
        cmocka_unit_test_setup(what_is_wrong_is_named, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
