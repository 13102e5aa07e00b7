/* SPDX-License-Identifier: BSD-3-Clause */
/* A signal brings each thread to run the function, one after the other. The list of threads is gone
 * through until there is none in it that has not: one that begins meanwhile has what the thread had
 * that made it, which may not have been asked by then. */
#include "common/base/threads.h"

#include "common/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64
#define PATIENCE_NS NS_PER_SEC

static int (*now_fn)(const void *arg);
static const void *now_arg;
static int now_result;
static _Atomic unsigned answers;

static void on_signal(int sig)
{
    int kept = errno;

    (void)sig;
    now_result = now_fn(now_arg);
    atomic_fetch_add(&answers, 1);
    errno = kept;
}

/* Has one thread run it. 0 also if it has ended. */
static int ask(pid_t tid, int sig)
{
    const struct timespec pause = {0, 50 * (long)NS_PER_US};
    uint64_t until = clock_mono_ns() + PATIENCE_NS;
    unsigned before = atomic_load(&answers);

    if (syscall(SYS_tgkill, getpid(), tid, sig) < 0)
        return errno == ESRCH ? 0 : -errno;
    while (atomic_load(&answers) == before) {
        if (syscall(SYS_tgkill, getpid(), tid, 0) < 0 && errno == ESRCH)
            return 0;
        if (clock_mono_ns() > until)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
    return now_result;
}

/* Asks the threads that are not in done[]; how many that were, or -errno. */
static int ask_new(pid_t done[THREADS_MAX], unsigned *n_done, int sig)
{
    DIR *d = opendir("/proc/self/task");
    struct dirent *e;
    int asked = 0, err = d ? 0 : -errno;

    while (d && err == 0 && (e = readdir(d))) {
        pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);
        bool known = tid <= 0 || tid == (pid_t)syscall(SYS_gettid);

        for (unsigned i = 0; i < *n_done; i++)
            known |= done[i] == tid;
        if (known)
            continue;
        err = *n_done < THREADS_MAX ? ask(tid, sig) : -E2BIG;
        if (err == 0)
            done[(*n_done)++] = tid;
        asked++;
    }
    if (d)
        closedir(d);
    return err < 0 ? err : asked;
}

int threads_each(int (*fn)(const void *arg), const void *arg)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    pid_t done[THREADS_MAX];
    unsigned n_done = 0;
    int sig = SIGRTMAX - 1, r;

    if (sigaction(sig, &ours, &before) < 0)
        return -errno;
    now_fn = fn;
    now_arg = arg;
    do
        r = ask_new(done, &n_done, sig);
    while (r > 0);
    (void)sigaction(sig, &before, NULL);
    return r < 0 ? r : fn(arg);
}
