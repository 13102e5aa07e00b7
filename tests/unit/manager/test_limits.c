/* SPDX-License-Identifier: BSD-3-Clause */
#include "manager/limits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static struct topology topology;

static void workers(unsigned n)
{
    memset(&topology, 0, sizeof topology);
    topology.n = n;
    for (unsigned i = 0; i < n; i++)
        topology.nodes[i].kind = TOPOLOGY_WORKER;
}

static rlim_t allowed(void)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
    return l.rlim_cur;
}

static void allow(rlim_t soft, rlim_t hard)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){soft, hard}), 0);
}

/* In a process of its own, which has no rights: its status is what failed. */
static void as_nobody(int (*check)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        if (getuid() == 0 && setuid(NOBODY) < 0)
            _exit(100);
        _exit(check());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void each_worker_needs_some_and_a_probe_many(void **state)
{
    uint64_t one;

    (void)state;
    workers(1);
    one = limits_files_needed(&topology);
    workers(64);
    assert_true(limits_files_needed(&topology) >= one + UINT64_C(63) * 11); /* what each takes */
    topology.nodes[0].kind = TOPOLOGY_PROBE;
    assert_true(limits_files_needed(&topology) > 4096);
}

static int raise_soft(void)
{
    char error[INI_ERROR_BYTES];

    allow(40, 4000);
    if (limits_raise_files(&topology, error) != 0)
        return 1;
    if (allowed() != limits_files_needed(&topology))
        return 2;
    return limits_files_possible() == 4000 ? 0 : 3;
}

static void asks_for_what_it_may_have(void **state)
{
    (void)state;
    workers(2);
    as_nobody(raise_soft);
}

static int refuse(void)
{
    char error[INI_ERROR_BYTES];

    allow(40, 50);
    if (limits_raise_files(&topology, error) != -EMFILE)
        return 1;
    return strncmp(error, "50 files may be open, and up to 96 are needed: ulimit -n 96 ", 60) ? 2
                                                                                              : 0;
}

static void says_what_to_do_where_it_may_not(void **state)
{
    (void)state;
    workers(2);
    as_nobody(refuse);
}

static int go_on(void)
{
    char error[INI_ERROR_BYTES];

    allow(40, 200);
    if (limits_raise_files(&topology, error) != 0)
        return 1;
    return allowed() == 200 ? 0 : 2;
}

static void a_probe_does_with_less(void **state)
{
    (void)state;
    workers(3);
    topology.nodes[0].kind = TOPOLOGY_PROBE;
    as_nobody(go_on);
}

static void more_than_needed_stays(void **state)
{
    char error[INI_ERROR_BYTES];
    rlim_t before = allowed();

    (void)state;
    workers(1);
    if (before < limits_files_needed(&topology))
        skip();
    assert_int_equal(limits_raise_files(&topology, error), 0);
    assert_int_equal(allowed(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_worker_needs_some_and_a_probe_many),
        cmocka_unit_test(asks_for_what_it_may_have),
        cmocka_unit_test(says_what_to_do_where_it_may_not),
        cmocka_unit_test(a_probe_does_with_less),
        cmocka_unit_test(more_than_needed_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
