/* SPDX-License-Identifier: BSD-3-Clause */
/* Each program runs in a child, whose exit status is what it says. */
#include "common/ipc/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#define RAN 42 /* all was as it should be */

static struct heritage heritage;

static int set_up(void **state)
{
    (void)state;
    heritage = (struct heritage){.node = "worker-7", .uid = getuid(), .gid = getgid()};
    return 0;
}

/* The exit status of the program that the child is; with what a manager leaves for it, or not. */
static int status_of(const struct child *c, bool has_heritage)
{
    int fd = heritage_write(&heritage), status;
    pid_t pid;

    assert_true(fd >= 0);
    pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(1);
        if (has_heritage)
            dup2(fd, HERITAGE_FD);
        else
            close(HERITAGE_FD);
        _exit(child_main(c));
    }
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool has_rights(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
}

static bool was_prepared;

static int prepare(const struct heritage *h)
{
    (void)h;
    was_prepared = has_rights();
    return 0;
}

static int run(const struct heritage *h)
{
    return was_prepared && !has_rights() && strcmp(h->node, "worker-7") == 0 && !child_stop ? RAN
                                                                                            : 1;
}

static void prepares_with_rights_and_runs_without(void **state)
{
    const struct child c = {.prepare = prepare, .run = run};

    (void)state;
    assert_int_equal(status_of(&c, true), RAN);
}

static int fail_to_prepare(const struct heritage *h)
{
    (void)h;
    return -1;
}

static int be_stopped(const struct heritage *h)
{
    (void)h;
    raise(SIGTERM);
    return -1;
}

static void what_fails_before_does_not_run(void **state)
{
    const struct child failing = {.prepare = fail_to_prepare, .run = run};
    const struct child stopped = {.prepare = be_stopped, .run = run};

    (void)state;
    assert_int_equal(status_of(&failing, true), EX_OSERR);
    assert_int_equal(status_of(&stopped, true), EX_OK); /* it was wanted */
}

static void by_hand_it_does_not_run(void **state)
{
    const struct child c = {.run = run};

    (void)state;
    assert_int_equal(status_of(&c, false), EX_USAGE);
}

static int hear(int sig)
{
    raise(SIGPIPE);
    if (child_stop)
        return 1;
    raise(sig);
    return child_stop ? RAN : RAN + 1;
}

static int hear_int(const struct heritage *h)
{
    (void)h;
    return hear(SIGINT);
}

static int hear_term(const struct heritage *h)
{
    (void)h;
    return hear(SIGTERM);
}

static void signals_stop_it_or_are_the_managers(void **state)
{
    (void)state;
    for (enum child_sigint i = CHILD_SIGINT_STOPS; i <= CHILD_SIGINT_IGNORED; i++) {
        const struct child interrupted = {.sigint = i, .run = hear_int};
        const struct child ended = {.sigint = i, .run = hear_term};

        assert_int_equal(status_of(&interrupted, true), i == CHILD_SIGINT_STOPS ? RAN : RAN + 1);
        assert_int_equal(status_of(&ended, true), RAN);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup(fn, set_up)
    const struct CMUnitTest tests[] = {
        TEST(prepares_with_rights_and_runs_without),
        TEST(what_fails_before_does_not_run),
        TEST(by_hand_it_does_not_run),
        TEST(signals_stop_it_or_are_the_managers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
