/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/base/threads.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 3

static pthread_t threads[THREADS];
static pthread_barrier_t begun;
static int hold[2];

/* Waits until the other end is closed. */
static void *wait_thread(void *arg)
{
    char c;

    if (arg) {
        sigset_t all;

        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, NULL);
    }
    pthread_barrier_wait(&begun);
    while (read(hold[0], &c, 1) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void start(unsigned n, void *arg)
{
    assert_int_equal(pipe(hold), 0);
    pthread_barrier_init(&begun, NULL, n + 1);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_thread, arg), 0);
    pthread_barrier_wait(&begun);
}

static void end(unsigned n)
{
    close(hold[1]);
    for (unsigned i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    close(hold[0]);
    pthread_barrier_destroy(&begun);
}

static pid_t seen[8];
static unsigned n_seen;

static int note(const void *arg)
{
    (void)arg;
    seen[n_seen++ % 8] = (pid_t)syscall(SYS_gettid);
    return 0;
}

static int refuse(const void *arg)
{
    return -*(const int *)arg;
}

static void test_alone(void **state)
{
    (void)state;
    n_seen = 0;
    assert_int_equal(threads_each(note, NULL), 0);
    assert_int_equal(n_seen, 1);
    assert_int_equal(seen[0], getpid());
}

static void test_each_runs_it_once(void **state)
{
    (void)state;
    start(THREADS, NULL);
    n_seen = 0;
    assert_int_equal(threads_each(note, NULL), 0);
    end(THREADS);
    assert_int_equal(n_seen, THREADS + 1);
    assert_int_equal(seen[THREADS], getpid());
    for (unsigned i = 0; i < n_seen; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(seen[i], seen[k]);
}

static void test_an_error_is_told(void **state)
{
    const int error = EPERM;

    (void)state;
    start(1, NULL);
    assert_int_equal(threads_each(refuse, &error), -EPERM);
    end(1);
}

static void test_a_deaf_thread(void **state)
{
    (void)state;
    start(1, &state);
    assert_int_equal(threads_each(note, NULL), -ETIMEDOUT);
    end(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_each_runs_it_once),
        cmocka_unit_test(test_an_error_is_told),
        cmocka_unit_test(test_a_deaf_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
